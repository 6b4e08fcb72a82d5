//! Model references: `fc:<provider>/<model>` and `slot:<alias>`.

use crate::adapter::Provider;
use crate::near::nearest;

/// What a request's `model` names.
#[derive(Clone, Copy)]
pub enum Reference<'a> {
    /// A provider's model, by the provider's own id of it (which may hold `/` and `:`).
    Direct { provider: &'static Provider, model: &'a str },
    /// An alias that the operator points somewhere.
    Slot(&'a str),
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("{}", not_a_reference(given, meant.as_deref()))]
    Invalid { given: String, meant: Option<String> },
    #[error("{}", unknown_provider(provider, meant.as_deref()))]
    UnknownProvider { provider: String, meant: Option<String> },
}

/// Longer texts are no model's id and aren't repeated whole in a message.
const LONGEST: usize = 256;

/// Reads a reference.
///
/// # Errors
/// [`ReferenceError`], with the reference that was probably meant.
pub fn parse<'a>(text: &'a str, providers: &[&'static Provider]) -> Result<Reference<'a>, ReferenceError> {
    let invalid = || ReferenceError::Invalid { given: shorten(text), meant: guess(text, providers) };
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(ReferenceError::Invalid { given: shorten(text), meant: None });
    }
    if let Some(alias) = text.strip_prefix("slot:") {
        return if alias.is_empty() { Err(invalid()) } else { Ok(Reference::Slot(alias)) };
    }
    let (provider, model) = text.strip_prefix("fc:").and_then(|rest| rest.split_once('/')).ok_or_else(invalid)?;
    if model.is_empty() || provider.is_empty() {
        return Err(invalid());
    }
    match providers.iter().find(|candidate| candidate.id == provider) {
        Some(provider) => Ok(Reference::Direct { provider, model }),
        None => Err(ReferenceError::UnknownProvider { provider: provider.to_owned(), meant: guess(text, providers) }),
    }
}

/// The reference that was probably meant.
fn guess(text: &str, providers: &[&'static Provider]) -> Option<String> {
    let bare = text.strip_prefix("fc:").unwrap_or(text).trim();
    let lower = bare.to_lowercase();
    if let Some((head, model)) = lower.split_once(['/', ':']) {
        let known = providers.iter().map(|provider| provider.id);
        let provider = providers
            .iter()
            .find(|provider| provider.id == head)
            .or_else(|| nearest(head, known).and_then(|id| providers.iter().find(|provider| provider.id == id)));
        if let Some(provider) = provider {
            let listed = provider.models.iter().map(|listed| listed.id);
            let model = provider
                .models
                .iter()
                .find(|listed| listed.id == model)
                .map(|listed| listed.id)
                .or_else(|| nearest(model, listed))
                .unwrap_or(model);
            return (!model.is_empty()).then(|| format!("fc:{}/{model}", provider.id));
        }
    }
    // Many serve the same models: whoever needs the least set up is the likelier one.
    let mut providers = providers.to_vec();
    providers.sort_by_key(|provider| provider.credentials.iter().filter(|one| one.required()).count());
    let models =
        || providers.iter().flat_map(|provider| provider.models.iter().map(move |model| (provider.id, model.id)));
    let exact = models().find(|(_, model)| *model == lower);
    // `llama-3.3-70b` for `meta-llama/llama-3.3-70b`: the last segment counts too.
    let segment = || models().find(|(_, model)| model.rsplit('/').next() == Some(&lower));
    let near = || {
        let name = nearest(&lower, models().map(|(_, model)| model))?;
        models().find(|(_, model)| *model == name)
    };
    exact.or_else(segment).or_else(near).map(|(provider, model)| format!("fc:{provider}/{model}"))
}

fn shorten(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    if clean.len() < text.len() { format!("{clean}…") } else { clean }
}

fn not_a_reference(given: &str, meant: Option<&str>) -> String {
    let meant = meant.map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
    format!(
        "`{given}` is not a model reference: write `fc:<provider>/<model>` or `slot:<alias>`.{meant} GET /v1/models lists what can be called."
    )
}

fn unknown_provider(provider: &str, meant: Option<&str>) -> String {
    let meant = meant.map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
    format!("There is no provider `{provider}`.{meant} GET /v1/models?all=true lists every provider and model.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::generated::ALL;

    fn meant(text: &str) -> Option<String> {
        match parse(text, ALL) {
            Ok(_) => panic!("{text} is a reference"),
            Err(ReferenceError::Invalid { meant, .. } | ReferenceError::UnknownProvider { meant, .. }) => meant,
        }
    }

    #[test]
    fn references_are_read() {
        assert!(
            matches!(parse("fc:openai/gpt-4o", ALL), Ok(Reference::Direct { provider, model: "gpt-4o" }) if provider.id == "openai")
        );
        assert!(matches!(
            parse("fc:groq/openai/gpt-oss-20b:x", ALL),
            Ok(Reference::Direct { model: "openai/gpt-oss-20b:x", .. })
        ));
        assert!(matches!(parse("slot:chat-fast", ALL), Ok(Reference::Slot("chat-fast"))));
    }

    #[test]
    fn what_was_meant_is_guessed() {
        assert_eq!(meant("gpt-4o").as_deref(), Some("fc:openai/gpt-4o"));
        assert_eq!(meant("openai/gpt-4o").as_deref(), Some("fc:openai/gpt-4o"));
        assert_eq!(meant("openai:gpt-4o").as_deref(), Some("fc:openai/gpt-4o"));
        assert_eq!(meant("fc:gpt-4o-mini").as_deref(), Some("fc:openai/gpt-4o-mini"));
        assert_eq!(meant("fc:opnai/gpt-4o").as_deref(), Some("fc:openai/gpt-4o"));
        assert_eq!(meant("GPT-4o").as_deref(), Some("fc:openai/gpt-4o"));
        assert_eq!(meant("gpt-oss-20b").as_deref(), Some("fc:groq/openai/gpt-oss-20b"));
        assert_eq!(meant("gpt4o").as_deref(), Some("fc:openai/gpt-4o"));
        assert_eq!(meant("zzzzzzzzzzzz"), None);
        for bad in ["", "fc:", "fc:/", "fc:openai/", "fc:openai", "slot:", "FC:"] {
            meant(bad);
        }
        assert_eq!(meant(&"x".repeat(100_000)), None);
    }
}
