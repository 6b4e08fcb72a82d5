//! Parts of a message's content.

use crate::adapter::parse::{Object, Text as ParsedText};
use crate::adapter::view::{Audio, Document, ImageData, ImageUrl, Part, Text};
use crate::wire::members::string;
use crate::wire::request_error::RequestError;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize, Default)]
struct RawPart<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: ParsedText<'a>,
    #[serde(borrow, default)]
    text: ParsedText<'a>,
    #[serde(borrow, default)]
    refusal: ParsedText<'a>,
    #[serde(borrow, default)]
    image_url: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input_audio: Object<RawAudio<'a>>,
    #[serde(borrow, default)]
    file: Object<RawFile<'a>>,
    #[serde(borrow, default)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct RawImage<'a> {
    #[serde(borrow, default)]
    url: ParsedText<'a>,
    #[serde(borrow, default)]
    detail: ParsedText<'a>,
}

#[derive(Deserialize, Default)]
struct RawAudio<'a> {
    #[serde(borrow, default)]
    data: ParsedText<'a>,
    #[serde(borrow, default)]
    format: ParsedText<'a>,
}

#[derive(Deserialize, Default)]
struct RawFile<'a> {
    #[serde(borrow, default)]
    file_data: ParsedText<'a>,
    #[serde(borrow, default)]
    filename: ParsedText<'a>,
}

/// The parts of a message's `content`; empty texts are no parts.
///
/// # Errors
/// [`RequestError`] naming the part.
pub(super) fn parts<'a>(
    content: Option<&'a RawValue>,
    mark: Option<&'a RawValue>,
    at: &str,
) -> Result<Vec<Part<'a>>, RequestError> {
    let Some(content) = content else {
        return Ok(Vec::new());
    };
    if let Some(text) = string(content) {
        let part = Part::Text(Text { text, seal: None, cache_control: mark });
        return Ok(if matches!(&part, Part::Text(text) if text.text.is_empty()) { Vec::new() } else { vec![part] });
    }
    let wrong = || RequestError::of_type(format!("{at}.content"), "a string or an array of parts", content.get());
    let list: Vec<&'a RawValue> = serde_json::from_str(content.get()).map_err(|_| wrong())?;
    let mut parts = Vec::with_capacity(list.len());
    for (index, raw) in list.into_iter().enumerate() {
        let part = part(raw, &format!("{at}.content[{index}]"))?;
        if !matches!(&part, Part::Text(text) if text.text.is_empty()) {
            parts.push(part);
        }
    }
    Ok(parts)
}

fn part<'a>(raw: &'a RawValue, at: &str) -> Result<Part<'a>, RequestError> {
    let wrong = || RequestError::of_type(at, "an object", raw.get());
    let part: Object<RawPart<'a>> = serde_json::from_str(raw.get()).map_err(|_| wrong())?;
    if !part.is_present() {
        return Err(wrong());
    }
    let part = part.into_inner();
    let cache_control = part.cache_control.filter(|mark| mark.get() != "null");
    match part.kind.get() {
        Some("text") => {
            let text = part.text.into_inner().ok_or_else(|| RequestError::missing(format!("{at}.text")))?;
            Ok(Part::Text(Text { text, seal: None, cache_control }))
        }
        Some("refusal") => {
            let text = part.refusal.into_inner().ok_or_else(|| RequestError::missing(format!("{at}.refusal")))?;
            Ok(Part::Text(Text { text, seal: None, cache_control }))
        }
        Some("image_url") => image(part.image_url, cache_control, at),
        Some("input_audio") => {
            let audio = part.input_audio.into_inner();
            Ok(Part::Audio(Audio {
                format: audio
                    .format
                    .into_inner()
                    .ok_or_else(|| RequestError::missing(format!("{at}.input_audio.format")))?,
                base64: audio
                    .data
                    .into_inner()
                    .ok_or_else(|| RequestError::missing(format!("{at}.input_audio.data")))?,
            }))
        }
        Some("file") => {
            let file = part.file.into_inner();
            let data = file.file_data.into_inner().ok_or_else(|| {
                RequestError::member(
                    format!("{at}.file.file_data"),
                    "Send the file itself as 'file_data': a file's id is not known to this model's provider.",
                )
            })?;
            let (media_type, base64) = match data_uri(&data, &format!("{at}.file.file_data"))? {
                Some(pair) => pair,
                None => ("application/pdf".to_owned(), data.into_owned()),
            };
            let filename = file.filename.into_inner();
            Ok(Part::Document(Document {
                format: document_format(&media_type, filename.as_deref()),
                title: document_title(filename.as_deref(), at),
                media_type: media_type.into(),
                base64: base64.into(),
                filename,
            }))
        }
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            let message = format!(
                "Invalid value: '{other}'. Supported values are: 'text', 'image_url', 'input_audio', 'file' and 'refusal'."
            );
            Err(RequestError::member(format!("{at}.type"), message))
        }
        None => Err(RequestError::missing(format!("{at}.type"))),
    }
}

fn image<'a>(
    raw: Option<&'a RawValue>,
    cache_control: Option<&'a RawValue>,
    at: &str,
) -> Result<Part<'a>, RequestError> {
    let at = format!("{at}.image_url");
    let raw = raw.ok_or_else(|| RequestError::missing(at.clone()))?;
    // Some clients send the URL alone.
    let (url, detail) = match string(raw) {
        Some(url) => (Some(url), None),
        None => {
            let image: Object<RawImage<'a>> = serde_json::from_str(raw.get()).unwrap_or_default();
            let image = image.into_inner();
            (image.url.into_inner(), image.detail.into_inner())
        }
    };
    let url = url.ok_or_else(|| RequestError::missing(format!("{at}.url")))?;
    if let Some((media_type, base64)) = data_uri(&url, &format!("{at}.url"))? {
        // Browsers and people write it so; the type has but one name.
        let media_type = if media_type == "image/jpg" { "image/jpeg".to_owned() } else { media_type };
        let format = media_type.strip_prefix("image/").map(str::to_owned).ok_or_else(|| {
            RequestError::member(
                format!("{at}.url"),
                format!("Invalid image: a data URI of type '{media_type}' is none."),
            )
        })?;
        return Ok(Part::ImageData(ImageData {
            media_type: media_type.into(),
            format: format.into(),
            base64: base64.into(),
            cache_control,
        }));
    }
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Part::ImageUrl(ImageUrl { at, url, detail, cache_control }));
    }
    Err(RequestError::member(
        format!("{at}.url"),
        "Invalid image: expected an http or https URL, or a data URI such as data:image/png;base64,…",
    ))
}

/// The usual ending of a document's type; of its name, where the type says nothing.
fn document_format(media_type: &str, filename: Option<&str>) -> &'static str {
    const FORMATS: &[(&str, &str)] = &[
        ("application/pdf", "pdf"),
        ("text/csv", "csv"),
        ("text/html", "html"),
        ("text/markdown", "md"),
        ("application/msword", "doc"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("application/vnd.ms-excel", "xls"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ];
    let ending = filename.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    let by_type = FORMATS.iter().find(|(known, _)| *known == media_type);
    let by_name = || FORMATS.iter().find(|(_, format)| ending.as_deref() == Some(*format));
    by_type.or_else(by_name).map_or("txt", |(_, format)| format)
}

/// A document's name without its ending, in letters that every provider takes. Its place stands
/// behind, since names that are the same are refused too.
fn document_title(filename: Option<&str>, at: &str) -> String {
    let name = filename.unwrap_or("document");
    let name = name.rsplit_once('.').map_or(name, |(name, _)| name);
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')') { c } else { ' ' };
    let name: String = name.chars().map(plain).take(100).collect();
    let place: String = at.chars().map(plain).filter(|c| !c.is_alphabetic()).collect();
    name.split_whitespace().chain(place.split_whitespace()).collect::<Vec<_>>().join(" ")
}

/// Media type and base64 of a data URI; `None` where the text is none.
fn data_uri(text: &str, at: &str) -> Result<Option<(String, String)>, RequestError> {
    let Some(rest) = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and_then(|_| text.get(5..))
    else {
        return Ok(None);
    };
    let bad = || RequestError::member(at, "Invalid data URI: expected data:<media type>;base64,<data>.");
    let (head, data) = rest.split_once(',').ok_or_else(bad)?;
    let media_type = head.strip_suffix(";base64").ok_or_else(bad)?;
    let media_type = media_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if data.is_empty() || !data.bytes().all(alphabet) || !media_type.contains('/') {
        return Err(bad());
    }
    Ok(Some((media_type, data.to_owned())))
}
