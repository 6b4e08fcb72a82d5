//! The most input tokens that a request may have, known from its bytes before anything is sent.
//!
//! A token is at least a byte, so the bytes of a request bound its texts. What is behind an address
//! is not in them, and what is compressed in them may be larger than they are: a picture is bounded by
//! the dearest that is known, whatever its bytes (providers bill its size in pixels, so it makes no
//! difference whether Ringside fetches it or the provider does), a document or a film by the model's
//! context window alone.

use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What a provider adds to every request by itself.
const OVERHEAD: u64 = 128;
/// What it adds to explain tools.
const TOOLS: u64 = 1000;
/// A picture or a sound: the dearest picture known counts 48,169 tokens.
const MEDIA: u64 = 50_000;

/// What is looked for, made ready once: to make it ready takes longer than to search a short request.
struct Needles {
    image_url: Finder<'static>,
    input_audio: Finder<'static>,
    video_url: Finder<'static>,
    kind: Finder<'static>,
    tools: Finder<'static>,
    escape: Finder<'static>,
}

static NEEDLES: LazyLock<Needles> = LazyLock::new(|| Needles {
    image_url: Finder::new("\"image_url\""),
    input_audio: Finder::new("\"input_audio\""),
    video_url: Finder::new("\"video_url\""),
    kind: Finder::new("\"type\""),
    tools: Finder::new("\"tools\""),
    escape: Finder::new("\\u00"),
});

/// Input tokens of a request with `inputs` inputs, at most; each of them is no larger than the
/// model's context window (0: unknown).
pub(super) fn most_input(body: &[u8], context_window: u64, inputs: u64) -> u64 {
    let window = context_window.saturating_mul(inputs.max(1));
    let found = Found::of(&without_escapes(body));
    let tools = if found.has_tools { TOOLS } else { 0 };
    let most = body.len() as u64 + OVERHEAD + tools + found.media * MEDIA;
    match (window, found.may_fill_the_window) {
        (0, _) => most,
        (_, true) => window,
        (_, false) => most.min(window),
    }
}

/// What a request holds whose bytes don't tell its tokens.
struct Found {
    media: u64,
    may_fill_the_window: bool,
    has_tools: bool,
}

impl Found {
    fn of(body: &[u8]) -> Self {
        fn members<'b>(body: &'b [u8], name: &'static Finder<'static>) -> impl Iterator<Item = &'b [u8]> {
            name.find_iter(body).filter_map(|at| value_at(body, at + name.needle().len()))
        }
        let needles = &*NEEDLES;
        let mut media =
            (members(body, &needles.image_url).count() + members(body, &needles.input_audio).count()) as u64;
        let mut may_fill_the_window = members(body, &needles.video_url).next().is_some();
        // Quotes within texts are escaped, so these are members and no talk of them.
        for value in members(body, &needles.kind) {
            let word = value.strip_prefix(b"\"").and_then(|rest| rest.split(|byte| *byte == b'"').next());
            match word {
                Some(b"file" | b"input_file" | b"document" | b"video" | b"input_video") => may_fill_the_window = true,
                Some(b"image" | b"input_image" | b"audio_url") => media += 1,
                _ => {}
            }
        }
        Self { media, may_fill_the_window, has_tools: members(body, &needles.tools).next().is_some() }
    }
}

/// The value of a member whose name ends at `end`; `None`: it was no member's name.
fn value_at(body: &[u8], end: usize) -> Option<&[u8]> {
    body.get(end..)?.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start)
}

/// The request with names as they are meant: `"\u0069mage_url"` is a name like any. Nobody's
/// serialiser escapes letters, so this costs those who want to hide something.
fn without_escapes(body: &[u8]) -> Cow<'_, [u8]> {
    let is_letter = |at: usize| {
        let code = body.get(at + 4..at + 6).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        code.is_some_and(|code| code == b'_' || code.is_ascii_lowercase())
    };
    if !NEEDLES.escape.find_iter(body).any(is_letter) {
        return Cow::Borrowed(body);
    }
    let parsed = serde_json::from_slice::<serde_json::Value>(body).ok();
    parsed.and_then(|value| serde_json::to_vec(&value).ok()).map_or(Cow::Borrowed(body), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_behind_a_short_address_is_bounded_too() {
        let image = br#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x.test/i.png"}}]}]}"#;
        assert_eq!(most_input(image, 0, 1), image.len() as u64 + OVERHEAD + MEDIA);
        assert_eq!(most_input(image, 8000, 1), 8000);
        let text = br#"{"messages":[{"role":"user","content":"hi"}]}"#;
        assert_eq!(most_input(text, 8000, 1), text.len() as u64 + OVERHEAD);
        assert_eq!(most_input(br#"{"tools":[]}"#, 0, 1), 12 + OVERHEAD + TOOLS);
    }

    #[test]
    fn no_way_of_writing_hides_an_image() {
        for image in [
            &br#"{"image_url":1}"#[..],
            b"{\"image_url\" \n\t :1}",
            br#"{"\u0069mage_url":1}"#,
            br#"{"image\u005furl":1}"#,
            br#"{"image\u005Furl":1}"#,
            br#"{"type": "input_image"}"#,
        ] {
            let most = image.len() as u64 + OVERHEAD + MEDIA;
            assert_eq!(most_input(image, 1_000_000, 1), most, "{}", String::from_utf8_lossy(image));
        }
        for text in [
            &br#"{"content":"the \"image_url\": member"}"#[..],
            br#"{"content":"image_url"}"#,
            br#"{"enum":["file","image_url"]}"#,
            br#"{"properties":{"file":{"type":"string"},"type":{"type":"string"}}}"#,
            br#"{"content":"\u00e9\u0022type\u0022:\u0022file\u0022"}"#,
        ] {
            let most = text.len() as u64 + OVERHEAD;
            assert_eq!(most_input(text, 1_000_000, 1), most, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_compressed_may_fill_the_window() {
        let file = br#"{"messages":[{"content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0="}}]}]}"#;
        assert_eq!(most_input(file, 200_000, 1), 200_000);
        let film = br#"{"messages":[{"content":[{"type":"video_url","video_url":{"url":"https://x.test/f.mp4"}}]}]}"#;
        assert_eq!(most_input(film, 200_000, 1), 200_000);
        assert_eq!(most_input(file, 0, 1), file.len() as u64 + OVERHEAD, "of a window that nobody knows");
    }

    #[test]
    fn each_input_of_a_batch_may_fill_the_window() {
        let batch = format!(r#"{{"input":["{}","{}"]}}"#, "x ".repeat(700), "y ".repeat(700));
        assert_eq!(most_input(batch.as_bytes(), 1000, 1), 1000);
        assert_eq!(most_input(batch.as_bytes(), 1000, 2), 2000);
        assert_eq!(most_input(batch.as_bytes(), 10_000, 2), batch.len() as u64 + OVERHEAD);
        assert_eq!(most_input(batch.as_bytes(), u64::MAX, 2), batch.len() as u64 + OVERHEAD);
    }
}
