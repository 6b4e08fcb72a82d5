//! Whole answers and errors of every provider: whatever they hold, what comes out is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringside::adapter::generated::ALL;
use ringside::adapter::reply::{Identity, Reply};
use ringside::upstream::classify;
use ringside::wire::usage::Usage;

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (provider, status, body) = input;
    let provider = ALL[usize::from(provider) % ALL.len()];
    let error = classify(provider, 400 + status % 200, body, &["sk-secret-key"]);
    assert!(!error.message.contains("sk-secret-key") && error.message.len() < 4096);
    if let Some(chat) = &provider.chat {
        let identity = Identity {
            id: "chatcmpl-1".to_owned(),
            created: 1,
            model: "m".to_owned(),
            reasoning_format: chat.reasoning_format,
        };
        let mut reply = Reply::completion(identity);
        let read = (chat.decode)(body, &mut reply);
        let completion = reply.into_completion(&Usage::default());
        // What was read well is told well.
        if read.is_ok() {
            serde_json::from_slice::<serde_json::Value>(&completion).expect("JSON");
        }
    }
    for operation in [&provider.embeddings, &provider.moderations].into_iter().flatten() {
        let _ = (operation.decode)(body, &mut Reply::tap());
    }
});
