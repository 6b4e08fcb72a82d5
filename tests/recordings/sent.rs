//! What Ringside would send for a recording's request, encoded by the library itself.

use crate::request::said_in_openais_words;
use crate::support::recording::Recording;
use ringside::adapter::generated::ALL;
use ringside::adapter::json::Json;
use ringside::adapter::normalise::{self, Target};
use ringside::adapter::view::{Input, Plain};
use ringside::wire::chat::ChatRequest;
use ringside::wire::plain::PlainRequest;
use serde_json::Value;

/// The provider's request; the model is the recorded one.
pub fn encoded(recording: &Recording) -> Value {
    let provider = ALL.iter().find(|provider| provider.id == recording.provider).expect("in the table");
    let (path, mut body) = said_in_openais_words(recording);
    let recorded = recording.request["model"].as_str().or_else(|| {
        if let Some(rest) = recording.path.strip_prefix("model/") {
            return rest.split('/').next();
        }
        let name = recording.path.rsplit_once('/').map_or("", |(_, name)| name);
        name.split(':').next()
    });
    let model = recorded.unwrap_or_default().to_owned();
    body.insert("model".to_owned(), format!("fc:{}/{model}", provider.id).into());
    body.insert("stream".to_owned(), recording.streamed().into());
    let body = Value::Object(body).to_string();
    let mut json = Json::default();
    if path == "/v1/embeddings" {
        let request = PlainRequest::embeddings(body.as_bytes(), 128).expect("a good request");
        let inputs = request.texts().expect("texts").into_iter().map(|text| Input { text }).collect();
        let view = Plain { raw: &request.members, model: &model, inputs, dimensions: request.dimensions() };
        (provider.embeddings.as_ref().expect("it embeds").encode)(&view, &mut json).expect("nothing is refused");
    } else {
        let operation = provider.chat.as_ref().expect("it chats");
        let request = ChatRequest::parse(body.as_bytes(), 128).expect("a good request");
        let target = Target::of(operation, &request, &model, 8192);
        let view = normalise::chat(&request, target).unwrap_or_else(|error| panic!("{}: {error:?}", recording.case));
        (operation.encode)(&view, &mut json).unwrap_or_else(|refused| panic!("{}: {refused:?}", recording.case));
    }
    serde_json::from_slice(json.as_bytes()).expect("JSON")
}
