//! What generated code does with the caller's own members: `$pass`, `$refuse`, `$limit`.

pub use super::glob::matches as fits;
use super::json::{Json, ToJson};
use super::view::{Chat, Refused};
use crate::wire::members::{Member, Members, find};
use serde_json::value::RawValue;

/// A member of the request, unless it is absent or `null`.
pub fn member<'a>(raw: &[Member<'a>], name: &str) -> Option<&'a RawValue> {
    find(raw, name).filter(|value| value.get() != "null")
}

/// `$raw.name ?? constant`: JSON of the caller's, or of the spec's.
pub fn or_else<'a>(raw: Option<&'a RawValue>, constant: &'static str) -> Written<'a> {
    Written(raw.map_or(constant, RawValue::get))
}

/// JSON text.
pub struct Written<'a>(&'a str);

impl ToJson for Written<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
}

/// `$refuse`: a member that asks for something is a 400; one that asks for nothing passes.
///
/// # Errors
/// [`Refused`], naming the member.
pub fn refuse(raw: &[Member<'_>], name: &'static str) -> Result<(), Refused> {
    match member(raw, name) {
        Some(value) if !neutral(name, value.get()) => Err(Refused { param: name.to_owned(), what: name }),
        _ => Ok(()),
    }
}

/// Whether a value asks for nothing beyond what happens without it.
fn neutral(name: &str, value: &str) -> bool {
    match name {
        "n" => value == "1",
        "modalities" => value.split_whitespace().collect::<String>() == r#"["text"]"#,
        "function_call" => value == "\"auto\"" || value == "\"none\"",
        _ => matches!(value, "false" | "0" | "[]" | "{}" | "\"\""),
    }
}

/// `$limit`: writes the output limit under the name the caller used, or the first the provider has.
pub fn write_limit(chat: &Chat<'_>, names: &[&'static str], first: &'static str, w: &mut Json) {
    if let Some(limit) = chat.output_limit {
        let name = names.iter().find(|name| member(chat.raw, name).is_some()).copied();
        w.key(name.unwrap_or(first));
        w.value(&limit);
    }
}

/// `$pass: all` of a message: its members, less those skipped, which its content's parts lose too.
pub fn pass_message(members: &[Member<'_>], skipped: &[&str], w: &mut Json) {
    for (name, raw) in members {
        if skipped.contains(&&**name) {
            continue;
        }
        w.text_key(name);
        let parts = (name == "content").then(|| parts_to_cut(raw, skipped)).flatten();
        match parts {
            None => w.value(*raw),
            Some(parts) => {
                w.open(b'[');
                for part in &parts {
                    match Members::parse(part.get()) {
                        None => {
                            w.item();
                            w.value(*part);
                        }
                        Some(members) => {
                            let mark = w.open_item(b'{');
                            pass_members(&members.0, skipped, w);
                            w.close(mark, b'}');
                        }
                    }
                }
                w.close_root(b']');
            }
        }
    }
}

/// The parts of a content list, where one of them may hold a member to skip.
fn parts_to_cut<'a>(raw: &'a RawValue, skipped: &[&str]) -> Option<Vec<&'a RawValue>> {
    let text = raw.get().as_bytes();
    let may_hold = |name: &&str| memchr::memmem::find(text, name.as_bytes()).is_some();
    (text.first() == Some(&b'[') && skipped.iter().any(may_hold))
        .then(|| serde_json::from_str(raw.get()).ok())
        .flatten()
}

/// The members of an object, less those skipped.
fn pass_members(members: &[Member<'_>], skipped: &[&str], w: &mut Json) {
    for (name, raw) in members {
        if !skipped.contains(&&**name) {
            w.text_key(name);
            w.value(*raw);
        }
    }
}

/// `$pass: NAME`: the members of the object that the caller sent as `name`, less those skipped.
pub fn pass_object(raw: &[Member<'_>], name: &str, skipped: &[&str], w: &mut Json) {
    if let Some(members) = member(raw, name).and_then(|object| Members::parse(object.get())) {
        pass_members(&members.0, skipped, w);
    }
}
