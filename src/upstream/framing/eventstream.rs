//! AWS's event stream: binary frames with checksums.
//!
//! A frame is its length and that of its headers, a checksum of both, the headers, the payload and
//! a checksum of all before it; numbers are big-endian, checksums CRC-32. Source: "Event stream
//! encoding" in AWS's documentation of streaming operations.
//!
//! An event's name is its `:event-type`. A frame of another kind (`:message-type` is `exception`
//! or `error`) says that the answer failed; it becomes the event `exception`, whose data is
//! `{"type": …, "payload": …}`: what happened, and what the provider says about it.

use super::{Event, FramingError, is_whole};
use crate::adapter::json::write_text;
use std::ops::Range;

/// Two lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const CHECKSUM: usize = 4;

/// Cuts bytes into frames.
pub struct EventStream {
    buffer: Vec<u8>,
    /// Where the frame that is looked for begins.
    frame: usize,
    /// The data of an exception.
    made: Vec<u8>,
    limit: usize,
}

impl EventStream {
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::with_capacity(8192), frame: 0, made: Vec::new(), limit }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.frame);
        self.frame = 0;
        self.buffer.extend_from_slice(bytes);
    }

    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, FramingError> {
        loop {
            let Some(frame) = self.next_frame()? else {
                return Ok(None);
            };
            let read = Headers::read(&self.buffer, frame.headers).ok_or(FramingError::Broken)?;
            let text = |range: &Range<usize>| std::str::from_utf8(&self.buffer[range.clone()]).unwrap_or("");
            match text(&read.message_type) {
                // A frame without a kind is an event, as are those of older services.
                "event" | "" => {
                    return Ok(Some(Event {
                        name: std::str::from_utf8(&self.buffer[read.event_type]).unwrap_or(""),
                        data: &self.buffer[frame.payload],
                    }));
                }
                "exception" => {
                    let payload = &self.buffer[frame.payload];
                    self.made = failure(text(&read.exception_type), payload);
                }
                "error" => {
                    let mut message = b"{\"message\":".to_vec();
                    write_text(&mut message, text(&read.error_message));
                    message.push(b'}');
                    self.made = failure(text(&read.error_code), &message);
                }
                // Kinds that are not known yet are no events.
                _ => continue,
            }
            return Ok(Some(Event { name: "exception", data: &self.made }));
        }
    }

    /// The next whole frame, its checksums checked.
    fn next_frame(&mut self) -> Result<Option<Frame>, FramingError> {
        let bytes = &self.buffer[self.frame..];
        if bytes.len() < PRELUDE {
            return Ok(None);
        }
        let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (total, headers) = (number(0) as usize, number(4) as usize);
        // The lengths are believed only when their own checksum is right.
        if crc32fast::hash(&bytes[..8]) != number(8) {
            return Err(FramingError::Broken);
        }
        if total > self.limit {
            return Err(FramingError::TooLarge);
        }
        if total < PRELUDE + CHECKSUM || headers > total - PRELUDE - CHECKSUM {
            return Err(FramingError::Broken);
        }
        if bytes.len() < total {
            return Ok(None);
        }
        if crc32fast::hash(&bytes[..total - CHECKSUM]) != number(total - CHECKSUM) {
            return Err(FramingError::Broken);
        }
        let begin = self.frame + PRELUDE;
        let frame = Frame { headers: begin..begin + headers, payload: begin + headers..self.frame + total - CHECKSUM };
        self.frame += total;
        Ok(Some(frame))
    }
}

/// Where the parts of a frame lie in the buffer.
struct Frame {
    headers: Range<usize>,
    payload: Range<usize>,
}

/// Where the values of the headers that matter lie in the buffer; empty where there is none.
#[derive(Default)]
struct Headers {
    message_type: Range<usize>,
    event_type: Range<usize>,
    exception_type: Range<usize>,
    error_code: Range<usize>,
    error_message: Range<usize>,
}

impl Headers {
    /// `None` where they are not what their lengths say.
    fn read(buffer: &[u8], mut rest: Range<usize>) -> Option<Self> {
        let mut headers = Self::default();
        while !rest.is_empty() {
            let name = take(&mut rest, 1).map(|at| usize::from(buffer[at.start]))?;
            let name = take(&mut rest, name)?;
            let kind = take(&mut rest, 1).map(|at| buffer[at.start])?;
            let length = match kind {
                0 | 1 => 0,
                2 => 1,
                3 => 2,
                4 => 4,
                5 | 8 => 8,
                6 | 7 => take(&mut rest, 2)
                    .map(|at| usize::from(buffer[at.start]) << 8 | usize::from(buffer[at.start + 1]))?,
                9 => 16,
                _ => return None,
            };
            let value = take(&mut rest, length)?;
            if kind == 7 {
                match &buffer[name] {
                    b":message-type" => headers.message_type = value,
                    b":event-type" => headers.event_type = value,
                    b":exception-type" => headers.exception_type = value,
                    b":error-code" => headers.error_code = value,
                    b":error-message" => headers.error_message = value,
                    // Content types and the like.
                    _ => {}
                }
            }
        }
        Some(headers)
    }
}

/// The next `length` bytes of `rest`.
fn take(rest: &mut Range<usize>, length: usize) -> Option<Range<usize>> {
    let end = rest.start.checked_add(length).filter(|end| *end <= rest.end)?;
    let taken = rest.start..end;
    rest.start = end;
    Some(taken)
}

/// An exception as JSON; a payload that is none is a text.
fn failure(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut data = b"{\"type\":".to_vec();
    write_text(&mut data, kind);
    data.extend_from_slice(b",\"payload\":");
    if is_whole(payload) && payload != b"[DONE]" {
        data.extend_from_slice(payload);
    } else {
        write_text(&mut data, &String::from_utf8_lossy(payload));
    }
    data.push(b'}');
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame with these headers (all texts).
    fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut head = Vec::new();
        for (name, value) in headers {
            head.push(name.len() as u8);
            head.extend_from_slice(name.as_bytes());
            head.push(7);
            head.extend_from_slice(&(value.len() as u16).to_be_bytes());
            head.extend_from_slice(value.as_bytes());
        }
        sealed(&head, payload)
    }

    /// A frame round headers that are bytes already.
    fn sealed(head: &[u8], payload: &[u8]) -> Vec<u8> {
        let total = PRELUDE + head.len() + payload.len() + CHECKSUM;
        let mut frame = (total as u32).to_be_bytes().to_vec();
        frame.extend_from_slice(&(head.len() as u32).to_be_bytes());
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame.extend_from_slice(head);
        frame.extend_from_slice(payload);
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame
    }

    fn event(name: &str, payload: &str) -> Vec<u8> {
        let headers = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
        frame(&headers, payload.as_bytes())
    }

    /// Everything that comes out, and how it ended.
    fn read(pieces: &[&[u8]]) -> (Vec<(String, String)>, Option<FramingError>) {
        let (mut framer, mut events) = (EventStream::new(1 << 16), Vec::new());
        for piece in pieces {
            framer.feed(piece);
            loop {
                match framer.next_event() {
                    Ok(Some(event)) => {
                        events.push((event.name.to_owned(), String::from_utf8_lossy(event.data).into_owned()));
                    }
                    Ok(None) => break,
                    Err(error) => return (events, Some(error)),
                }
            }
        }
        (events, None)
    }

    fn pair(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn a_frame_is_an_event_with_a_name() {
        let stream = [event("contentBlockDelta", r#"{"delta":{"text":"ü"}}"#), event("messageStop", "{}")].concat();
        let expected = vec![pair("contentBlockDelta", r#"{"delta":{"text":"ü"}}"#), pair("messageStop", "{}")];
        assert_eq!(read(&[&stream]), (expected, None));
    }

    #[test]
    fn what_is_no_event_says_what_failed() {
        let headers = [(":exception-type", "throttlingException"), (":message-type", "exception")];
        let thrown = frame(&headers, br#"{"message":"Slow \"down\""}"#);
        let text = frame(&headers, b"no JSON");
        let headers =
            [(":message-type", "error"), (":error-code", "InternalError"), (":error-message", "It \"broke\".")];
        let error = frame(&headers, b"");
        let (events, _) = read(&[&thrown, &text, &error]);
        assert_eq!(
            events,
            [
                pair("exception", r#"{"type":"throttlingException","payload":{"message":"Slow \"down\""}}"#),
                pair("exception", r#"{"type":"throttlingException","payload":"no JSON"}"#),
                pair("exception", r#"{"type":"InternalError","payload":{"message":"It \"broke\"."}}"#),
            ]
        );
    }

    #[test]
    fn headers_of_every_type_are_stepped_over() {
        let mut head = Vec::new();
        for (kind, length) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)] {
            head.extend_from_slice(&[1, b'x', kind]);
            head.extend(std::iter::repeat_n(0, length));
        }
        head.extend_from_slice(&[1, b'b', 6, 0, 2, 1, 2]);
        head.extend_from_slice(b"\x0b:event-type\x07\x00\x01e");
        assert_eq!(read(&[&sealed(&head, b"1")]), (vec![pair("e", "1")], None));
        for odd in [&b"\x05ab"[..], b"\x01a\x07\x00\x09b", b"\x01a\x0a", b"\x01a\x07\x00"] {
            assert_eq!(read(&[&sealed(odd, b"")]).1, Some(FramingError::Broken), "{odd:?}");
        }
    }

    #[test]
    fn every_bit_is_under_a_checksum() {
        let (first, second) = (event("a", r#"{"x":1}"#), event("b", "{}"));
        for at in 0..second.len() * 8 {
            let mut stream = [first.clone(), second.clone()].concat();
            stream[first.len() + at / 8] ^= 1 << (at % 8);
            let (events, error) = read(&[&stream]);
            assert_eq!(events, [pair("a", r#"{"x":1}"#)], "bit {at}");
            assert_eq!(error, Some(FramingError::Broken), "bit {at}");
        }
    }

    #[test]
    fn lengths_that_cant_be_are_broken_or_too_large() {
        let prelude = |total: u32, headers: u32| {
            let mut bytes = total.to_be_bytes().to_vec();
            bytes.extend_from_slice(&headers.to_be_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
            bytes
        };
        for (total, headers, error) in [
            (0, 0, FramingError::Broken),
            (15, 0, FramingError::Broken),
            (16, 1, FramingError::Broken),
            (100, u32::MAX, FramingError::Broken),
            (u32::MAX, 0, FramingError::TooLarge),
            (1 << 17, 0, FramingError::TooLarge),
        ] {
            assert_eq!(read(&[&prelude(total, headers)]).1, Some(error), "{total} {headers}");
        }
    }

    #[test]
    fn wherever_frames_are_cut_the_events_are_the_same() {
        let stream = [event("a", r#"{"x":1}"#), event("b", ""), event("c", "[1,2]")].concat();
        let whole = read(&[&stream]);
        assert_eq!(whole.0.len(), 3);
        for at in 0..=stream.len() {
            assert_eq!(read(&[&stream[..at], &stream[at..]]), whole, "cut at {at}");
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(&single), whole);
    }

    proptest! {
        #[test]
        fn any_frames_cut_anywhere_give_the_same_events(
            frames in proptest::collection::vec(("[a-z]{0,12}", proptest::collection::vec(any::<u8>(), 0..60)), 0..6),
            noise in proptest::collection::vec(any::<u8>(), 0..20),
            cuts in proptest::collection::vec(0_usize..400, 0..6),
        ) {
            let mut stream: Vec<u8> = frames
                .iter()
                .flat_map(|(name, payload)| frame(&[(":event-type", name), (":message-type", "event")], payload))
                .collect();
            stream.extend_from_slice(&noise);
            let whole = read(&[&stream]);
            prop_assert!(whole.0.len() >= frames.len());
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| (*cut).min(stream.len())).collect();
            cuts.sort_unstable();
            let (mut pieces, mut from) = (Vec::new(), 0);
            for cut in cuts {
                pieces.push(&stream[from..cut]);
                from = cut;
            }
            pieces.push(&stream[from..]);
            prop_assert_eq!(read(&pieces), whole);
        }
    }
}
