//! The built-in simulator: a provider inside the process, for trying things and for customers' own
//! tests. Deterministic, no network. It answers with bytes in OpenAI's dialect, which take the
//! same way through framing, adapter and metering as any provider's. `docs/simulator.md` says what
//! each model does.

mod answers;
mod chat;
mod sample;
mod script;

pub use script::Script;

use super::classification::classify;
use super::deadline::Watch;
use super::error::UpstreamError;
use super::send::{Call, Content, Limits, Operation};
use super::stream::{EventStream, Source};
use crate::adapter::provider::Framing;
use crate::clock::Clock;
use serde_json::Value;

/// Answers a call.
pub(super) fn answer(call: &Call, clock: &Clock, limits: &Limits) -> Result<Content, UpstreamError> {
    let request: Value = serde_json::from_slice(&call.body).map_err(|_| UpstreamError::unreadable())?;
    if let Some((status, body)) = answers::failure(&call.model) {
        let mut error = classify(call.provider, status, body.as_bytes(), &[]);
        // What always fails is not tried again.
        error.again = false;
        return Err(error);
    }
    let created = clock.now().unix_seconds();
    match call.operation {
        Operation::Embeddings => Ok(Content::Body(answers::embeddings(&request, &call.model).into())),
        Operation::Moderations => Ok(Content::Body(answers::moderation(&request, &call.model).into())),
        Operation::Chat { stream } => {
            let reply = chat::reply(&request, &call.model);
            if stream {
                let script = chat::stream(&reply, &request, &call.model, created);
                let watch = Watch::new(limits.idle, call.deadline);
                Ok(Content::stream(EventStream::new(
                    Source::Script(Box::new(script)),
                    Framing::Sse,
                    limits.event,
                    watch,
                )))
            } else if call.model == "fail-midstream" {
                // Without a stream there is no middle: it fails as a whole.
                Err(UpstreamError { again: false, ..classify(call.provider, 503, answers::MIDSTREAM.as_bytes(), &[]) })
            } else {
                Ok(Content::Body(chat::completion(&reply, &call.model, created).into()))
            }
        }
    }
}
