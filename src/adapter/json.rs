//! A JSON writer over one buffer: no tree in between.
//!
//! Generated `encode` functions call it with keys known at build time. A nested object or list
//! that nothing was written into is taken back when it is closed, its key included: an absent
//! optional leaves no trace.

use serde_json::value::RawValue;
use std::borrow::Cow;

/// Writes one JSON value.
#[derive(Default)]
pub struct Json {
    buffer: Vec<u8>,
}

/// Where a nested object or list began.
#[derive(Clone, Copy)]
pub struct Mark {
    /// Before its comma and key.
    start: usize,
    /// After its bracket.
    inside: usize,
}

impl Json {
    /// A writer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buffer: Vec::with_capacity(capacity) }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// What has been written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Opens the outermost object.
    #[inline]
    pub fn open(&mut self, bracket: u8) {
        self.buffer.push(bracket);
    }

    /// Closes the outermost object, which may be empty.
    #[inline]
    pub fn close_root(&mut self, bracket: u8) {
        self.buffer.push(bracket);
    }

    /// Opens an object or list that is a member.
    #[inline]
    pub fn open_member(&mut self, key: &'static str, bracket: u8) -> Mark {
        let start = self.buffer.len();
        self.key(key);
        self.buffer.push(bracket);
        Mark { start, inside: self.buffer.len() }
    }

    /// Opens an object or list that is an item of a list.
    #[inline]
    pub fn open_item(&mut self, bracket: u8) -> Mark {
        let start = self.buffer.len();
        self.comma();
        self.buffer.push(bracket);
        Mark { start, inside: self.buffer.len() }
    }

    /// Closes what `mark` opened; takes it back where it stayed empty.
    #[inline]
    pub fn close(&mut self, mark: Mark, bracket: u8) {
        if self.buffer.len() == mark.inside {
            self.buffer.truncate(mark.start);
        } else {
            self.buffer.push(bracket);
        }
    }

    /// A key that needs no escapes, as all keys of specs do.
    #[inline]
    pub fn key(&mut self, key: &'static str) {
        self.comma();
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    /// A key of the caller's.
    #[inline]
    pub fn text_key(&mut self, key: &str) {
        self.comma();
        write_text(&mut self.buffer, key);
        self.buffer.push(b':');
    }

    /// Makes room for an item of a list.
    #[inline]
    pub fn item(&mut self) {
        self.comma();
    }

    /// A value that is JSON text already.
    #[inline]
    pub fn literal(&mut self, json: &str) {
        self.buffer.extend_from_slice(json.as_bytes());
    }

    /// Any value a source can have.
    #[inline]
    pub fn value<T: ToJson + ?Sized>(&mut self, value: &T) {
        value.write(&mut self.buffer);
    }

    #[inline]
    fn comma(&mut self) {
        // A key or item follows a bracket, or a value. A value never ends in an open bracket.
        if !matches!(self.buffer.last(), None | Some(b'{' | b'[')) {
            self.buffer.push(b',');
        }
    }
}

/// What a source may hold.
pub trait ToJson {
    /// Appends the value as JSON.
    fn write(&self, out: &mut Vec<u8>);
}

impl ToJson for str {
    fn write(&self, out: &mut Vec<u8>) {
        write_text(out, self);
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl ToJson for Vec<Cow<'_, str>> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, text) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_text(out, text);
        }
        out.push(b']');
    }
}

impl ToJson for RawValue {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.get().as_bytes());
    }
}

impl ToJson for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl ToJson for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
    }
}

impl ToJson for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
    }
}

impl ToJson for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        // A whole number stays one: `1`, not `1.0`. JSON has no infinities; a source never holds one.
        if self.fract() == 0.0 && self.abs() < 1e15 {
            (*self as i64).write(out);
        } else if self.is_finite() {
            out.extend_from_slice(self.to_string().as_bytes());
        } else {
            out.extend_from_slice(b"null");
        }
    }
}

/// For each byte: 0 where it stands for itself in a JSON string.
const ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table
};

/// Appends a JSON string the way OpenAI writes one: raw UTF-8, the fewest escapes.
#[inline]
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// The inside of a JSON string.
pub fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if !ESCAPED[byte as usize] {
            continue;
        }
        out.extend_from_slice(&bytes[plain..index]);
        plain = index + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_stays_empty_leaves_no_trace() {
        let mut w = Json::default();
        w.open(b'{');
        w.key("model");
        w.value("m");
        let outer = w.open_member("outer", b'{');
        let inner = w.open_member("inner", b'[');
        w.close(inner, b']');
        w.close(outer, b'}');
        let list = w.open_member("list", b'[');
        w.item();
        w.value(&1_u64);
        let item = w.open_item(b'{');
        w.close(item, b'}');
        w.item();
        w.value(&2.5_f64);
        w.close(list, b']');
        w.close_root(b'}');
        assert_eq!(String::from_utf8_lossy(w.as_bytes()), r#"{"model":"m","list":[1,2.5]}"#);
    }

    proptest! {
        #[test]
        fn texts_read_back_as_they_were(text in any::<String>()) {
            let mut out = Vec::new();
            write_text(&mut out, &text);
            let back: String = serde_json::from_slice(&out).expect("valid JSON");
            prop_assert_eq!(back, text);
        }

        #[test]
        fn numbers_read_back_as_they_were(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            let mut out = Vec::new();
            number.write(&mut out);
            let back: f64 = serde_json::from_slice(&out).expect("valid JSON");
            prop_assert!((back - number).abs() <= f64::EPSILON * number.abs());
        }
    }
}
