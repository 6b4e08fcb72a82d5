//! What fuzzing found: what passes as it is must be JSON for everybody.

use super::{Identity, LogprobPart, Reply};
use crate::wire::usage::Usage;
use serde_json::Value;

fn answered(feed: impl FnOnce(&mut Reply)) -> Value {
    let identity = Identity { id: "c".to_owned(), created: 1, model: "m".to_owned(), reasoning_format: "" };
    let mut reply = Reply::completion(identity);
    reply.text("Hi");
    feed(&mut reply);
    serde_json::from_slice(&reply.into_completion(&Usage::default())).expect("JSON")
}

#[test]
fn half_a_surrogate_pair_in_a_detail_is_left_out_with_it() {
    let details =
        r#"[{"type":"reasoning.text","text":"n\ud800umbers"},{"type":"reasoning.text","text":"\ud83d\ude00"}]"#;
    let message = answered(|reply| reply.details(details))["choices"][0]["message"].clone();
    assert_eq!(message["reasoning_details"].as_array().expect("details").len(), 1);
}

#[test]
fn numbers_that_nothing_holds_are_no_log_probabilities() {
    let object = r#"{"content":[{"token":"Hi","logprob":-1e9990,"bytes":null,"top_logprobs":[]}]}"#;
    assert_eq!(answered(|reply| reply.logprobs(object))["choices"][0]["logprobs"], Value::Null);
    let part = LogprobPart { text: "Hi", of: "[-0.251e9990]" };
    assert_eq!(answered(|reply| reply.logprob(part))["choices"][0]["logprobs"], Value::Null);
}
