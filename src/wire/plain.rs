//! `POST /v1/embeddings` and `POST /v1/moderations`: requests without streams or conversation.

use super::members::{Member, Members, find};
use super::request_error::RequestError;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A request that is little more than an input.
#[derive(Debug)]
pub struct PlainRequest<'a> {
    /// All top-level members in their order.
    pub members: Vec<Member<'a>>,
    /// The reference; a moderation may leave it out.
    pub model: Option<Cow<'a, str>>,
    /// The end customer, by the caller's own id.
    pub user: Option<Cow<'a, str>>,
    /// Texts or tokens, checked for their shape.
    pub input: &'a RawValue,
    /// How many there are, each of which is read by itself.
    pub inputs: u64,
    /// Bytes of the body, from which the input is bounded.
    pub bytes: usize,
}

impl<'a> PlainRequest<'a> {
    /// An embeddings request: a model, and texts or tokens.
    ///
    /// # Errors
    /// [`RequestError`], naming the member.
    pub fn embeddings(body: &'a [u8], depth: usize) -> Result<Self, RequestError> {
        let request = Self::parse(body, depth)?;
        if request.model.is_none() {
            return Err(RequestError::missing("model"));
        }
        if let Some(format) = find(&request.members, "encoding_format").map(RawValue::get)
            && !matches!(format, "\"float\"" | "\"base64\"" | "null")
        {
            return Err(RequestError::member(
                "encoding_format",
                "Invalid value for 'encoding_format': expected 'float' or 'base64'.",
            ));
        }
        if let Some(dimensions) = find(&request.members, "dimensions").map(RawValue::get)
            && dimensions != "null"
            && dimensions.parse::<u32>().ok().is_none_or(|number| number == 0)
        {
            return Err(RequestError::of_type("dimensions", "an integer of at least 1", dimensions));
        }
        let shape = input_shape(request.input.get());
        if shape == Shape::Other {
            return Err(RequestError::of_type(
                "input",
                "a string, an array of strings, or an array of tokens",
                request.input.get(),
            ));
        }
        if shape == Shape::Empty {
            return Err(RequestError::member("input", "Invalid 'input': it must not be empty."));
        }
        Ok(request)
    }

    /// A moderation request: texts, or parts with texts and images.
    ///
    /// # Errors
    /// [`RequestError`], naming the member.
    pub fn moderations(body: &'a [u8], depth: usize) -> Result<Self, RequestError> {
        let request = Self::parse(body, depth)?;
        if !matches!(request.input.get().as_bytes().first(), Some(b'"' | b'[')) {
            return Err(RequestError::of_type(
                "input",
                "a string, an array of strings, or an array of parts",
                request.input.get(),
            ));
        }
        Ok(request)
    }

    /// The texts of an embeddings request, for a provider that takes no tokens: those are numbers
    /// of one provider's vocabulary.
    ///
    /// # Errors
    /// [`RequestError`], where the input is tokens.
    pub fn texts(&self) -> Result<Vec<Cow<'a, str>>, RequestError> {
        let raw: &'a str = self.input.get();
        if let Ok(text) = serde_json::from_str::<Text<'a>>(raw) {
            return Ok(vec![text.0]);
        }
        let texts: Result<Vec<Text<'a>>, _> = serde_json::from_str(raw);
        texts.map(|texts| texts.into_iter().map(|text| text.0).collect()).map_err(|_| {
            RequestError::member(
                "input",
                "Invalid 'input': this model's provider takes texts, not tokens. Send a string or an array of strings.",
            )
        })
    }

    /// Whether vectors are asked for as base64, and not as numbers.
    pub fn wants_base64(&self) -> bool {
        find(&self.members, "encoding_format").is_some_and(|format| format.get() == "\"base64\"")
    }

    /// Numbers of each vector, where the caller said how many.
    pub fn dimensions(&self) -> Option<u64> {
        find(&self.members, "dimensions").and_then(|number| number.get().parse().ok())
    }

    fn parse(body: &'a [u8], depth: usize) -> Result<Self, RequestError> {
        let Members(members) = super::body::members(body, depth)?;
        let input = find(&members, "input").filter(|raw| raw.get() != "null");
        let input = input.ok_or_else(|| RequestError::missing("input"))?;
        let (model, user) = (text(&members, "model")?, text(&members, "user")?);
        // The end customer is nobody's business upstream.
        let members = members.into_iter().filter(|(name, _)| name != "user").collect();
        Ok(Self { model, user, members, input, inputs: inputs(input.get()), bytes: body.len() })
    }
}

/// A string, borrowed where it holds no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn text<'a>(members: &[Member<'a>], name: &str) -> Result<Option<Cow<'a, str>>, RequestError> {
    let Some(raw) = find(members, name).filter(|raw| raw.get() != "null") else {
        return Ok(None);
    };
    serde_json::from_str::<Cow<'a, str>>(raw.get())
        .map(Some)
        .map_err(|_| RequestError::of_type(name, "a string", raw.get()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Good,
    Empty,
    Other,
}

/// How many inputs there are: the items of a list, but for one of tokens, which is one input.
fn inputs(raw: &str) -> u64 {
    match serde_json::from_str::<Vec<&RawValue>>(raw) {
        Ok(items) if items.first().is_some_and(|item| !item.get().starts_with(|c: char| c.is_ascii_digit())) => {
            items.len() as u64
        }
        _ => 1,
    }
}

/// Strings, integers, or lists of integers; one kind throughout.
fn input_shape(raw: &str) -> Shape {
    if raw.starts_with('"') {
        return if raw == "\"\"" { Shape::Empty } else { Shape::Good };
    }
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
        return Shape::Other;
    };
    let Some(first) = items.first() else {
        return Shape::Empty;
    };
    let kind = |raw: &RawValue| match raw.get().as_bytes().first() {
        Some(b'"') => 's',
        Some(b'0'..=b'9') => 'n',
        Some(b'[') => 'l',
        _ => '?',
    };
    let first = kind(first);
    if first == '?' || items.iter().any(|item| kind(item) != first) { Shape::Other } else { Shape::Good }
}

#[cfg(test)]
mod tests {
    use super::inputs;

    #[test]
    fn a_list_of_tokens_is_one_input() {
        for (raw, count) in [
            ("\"one\"", 1),
            ("[\"one\",\"two\"]", 2),
            ("[1,2,3]", 1),
            ("[[1,2],[3]]", 2),
            ("[{\"type\":\"text\"}]", 1),
            ("[]", 1),
        ] {
            assert_eq!(inputs(raw), count, "{raw}");
        }
    }
}
