//! How bytes of a stream are cut into events: whole events only, of bounded size, whatever way
//! the network cut the bytes.

mod eventstream;
mod lines;
mod sse;

use crate::adapter::provider::Framing;
use eventstream::EventStream;
use lines::Lines;
use sse::Sse;

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Empty where the framing has no names or the event has none.
    pub name: &'a str,
    pub data: &'a [u8],
}

/// Why no more events can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// An event is larger than the bound.
    TooLarge,
    /// The bytes are not what they should be: a checksum is wrong, or a length.
    Broken,
}

/// Cuts bytes into events.
pub enum Framer {
    Sse(Sse),
    Lines(Lines),
    EventStream(EventStream),
}

impl Framer {
    /// One for `framing` whose events are at most `limit` bytes.
    pub fn new(framing: Framing, limit: usize) -> Self {
        match framing {
            Framing::Sse => Framer::Sse(Sse::new(limit)),
            Framing::Ndjson => Framer::Lines(Lines::new(limit)),
            Framing::EventStream => Framer::EventStream(EventStream::new(limit)),
        }
    }

    /// Takes bytes; the events in them come out of [`Framer::next_event`].
    pub fn feed(&mut self, bytes: &[u8]) {
        match self {
            Framer::Sse(sse) => sse.feed(bytes),
            Framer::Lines(lines) => lines.feed(bytes),
            Framer::EventStream(frames) => frames.feed(bytes),
        }
    }

    /// The stream has ended: an event that lacks only its end is taken for whole if it is JSON or
    /// the marker `[DONE]`; one that was cut is dropped.
    pub fn finish(&mut self) {
        match self {
            Framer::Sse(sse) => sse.finish(),
            Framer::Lines(lines) => lines.finish(),
            // A frame that was cut is dropped: its length says that it is not whole.
            Framer::EventStream(_) => {}
        }
    }

    /// The next whole event.
    ///
    /// # Errors
    /// [`FramingError`]; nothing more comes then.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, FramingError> {
        match self {
            Framer::Sse(sse) => sse.next_event(),
            Framer::Lines(lines) => lines.next_event(),
            Framer::EventStream(frames) => frames.next_event(),
        }
    }
}

/// Whether what was left at the end of a stream is whole.
fn is_whole(data: &[u8]) -> bool {
    data == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok()
}

#[cfg(test)]
mod tests {
    use super::FramingError::TooLarge;
    use super::*;
    use proptest::prelude::*;

    fn events(framing: Framing, pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut framer = Framer::new(framing, 1 << 16);
        let mut events = Vec::new();
        for piece in pieces {
            framer.feed(piece);
            drain(&mut framer, &mut events);
        }
        framer.finish();
        drain(&mut framer, &mut events);
        events
    }

    fn drain(framer: &mut Framer, events: &mut Vec<(String, String)>) {
        while let Ok(Some(event)) = framer.next_event() {
            events.push((event.name.to_owned(), String::from_utf8_lossy(event.data).into_owned()));
        }
    }

    const STREAM: &str = "\u{feff}: hello\nevent: a\ndata: {\"x\":1}\n\ndata:two\r\ndata: lines\r\nid: 7\r\n\r\n\
                          event: none\n\nretry: 1\rdata: ü\r\rdata\n\ndata: [DONE]\n\n";

    #[test]
    fn events_are_read_as_the_standard_has_them() {
        let expected = [("a", "{\"x\":1}"), ("", "two\nlines"), ("", "ü"), ("", ""), ("", "[DONE]")];
        let found = events(Framing::Sse, &[STREAM.as_bytes()]);
        let found: Vec<(&str, &str)> = found.iter().map(|(name, data)| (name.as_str(), data.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn wherever_the_bytes_are_cut_the_events_are_the_same() {
        let whole = events(Framing::Sse, &[STREAM.as_bytes()]);
        let bytes = STREAM.as_bytes();
        for at in 0..=bytes.len() {
            assert_eq!(events(Framing::Sse, &[&bytes[..at], &bytes[at..]]), whole, "cut at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(events(Framing::Sse, &single), whole);
    }

    #[test]
    fn an_end_without_its_blank_line_is_whole_and_a_cut_one_is_dropped() {
        assert_eq!(events(Framing::Sse, &[b"data: {\"a\":1}"]).len(), 1);
        assert_eq!(events(Framing::Sse, &[b"data: [DONE]"]).len(), 1);
        assert_eq!(events(Framing::Sse, &[b"data: {\"a\":"]).len(), 0);
        assert_eq!(events(Framing::Ndjson, &[b"{\"a\":1}\n{\"b\":2}"]).len(), 2);
        assert_eq!(events(Framing::Ndjson, &[b"{\"a\":1}\n{\"b\":"]).len(), 1);
        assert_eq!(events(Framing::Ndjson, &[b"\r\n{\"a\":1}\r\n\n"]).len(), 1);
    }

    #[test]
    fn an_event_without_end_is_too_large() {
        for framing in [Framing::Sse, Framing::Ndjson] {
            let mut framer = Framer::new(framing, 100);
            for _ in 0..20 {
                framer.feed(b"data: xxx");
            }
            assert_eq!(framer.next_event(), Err(TooLarge));
        }
        let mut framer = Framer::new(Framing::Sse, 100);
        for _ in 0..20 {
            framer.feed(b"data: xxxxxxxxxx\n");
        }
        assert_eq!(framer.next_event(), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_cut_anywhere_give_the_same_events(bytes in "[ade:t\\r\\n\\[\\]\"{}]{0,80}", cuts in proptest::collection::vec(0_usize..80, 0..5)) {
            for framing in [Framing::Sse, Framing::Ndjson] {
                let whole = events(framing, &[bytes.as_bytes()]);
                let mut cuts: Vec<usize> = cuts.iter().map(|cut| (*cut).min(bytes.len())).collect();
                cuts.sort_unstable();
                let mut pieces = Vec::new();
                let mut from = 0;
                for cut in cuts {
                    pieces.push(&bytes.as_bytes()[from..cut]);
                    from = cut;
                }
                pieces.push(&bytes.as_bytes()[from..]);
                prop_assert_eq!(&events(framing, &pieces), &whole);
            }
        }
    }
}
