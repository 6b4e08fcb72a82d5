//! Streams cut in two at every byte, without reading all of a stream again for each cut.
//!
//! The law behind it: **a framer keeps nothing of an event that it has given out.** So a cut can
//! change only the event it falls in, and what the framer holds when the next one begins. For a cut
//! at byte k it is enough to feed the event round k, the one before and the one after, in two pieces,
//! to a new framer, and to compare what comes out with those same events of the uncut stream. That
//! is work in the order of bytes times the size of an event, not bytes squared.
//!
//! The reader behind the framer is handed events and never bytes: where the events are the same, so
//! is its work. What a cut can still change for it is which events come together, in one batch; a
//! few whole runs, byte by byte among them, see to that.

use crate::alike;
use crate::support::recording::Recording;
use ringside::adapter::generated::ALL;
use ringside::adapter::provider::Framing;
use ringside::upstream::framing::Framer;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Events are at most so large.
const LIMIT: usize = 1 << 20;

/// An event of the uncut stream, and where the bytes end that make it.
#[derive(Debug)]
struct Known {
    name: String,
    data: Vec<u8>,
    end: usize,
}

/// What is wrong with each of these streams, wherever it is cut in two; work is shared by all cores.
pub fn complaints(recordings: &[&Recording]) -> Vec<Vec<String>> {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut found: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(recording) = recordings.get(at) else { return mine };
                mine.push((at, of_stream(framing(recording), &recording.body)));
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker that ends")).collect()
    });
    found.sort_unstable_by_key(|(at, _)| *at);
    assert_eq!(found.len(), recordings.len());
    found.into_iter().map(|(_, complaints)| complaints).collect()
}

/// How the provider that is called for a recording frames its streams.
fn framing(recording: &Recording) -> Framing {
    let called = alike::called(recording);
    let provider = ALL.iter().find(|provider| provider.id == called).expect("a provider of the table");
    provider.chat.as_ref().expect("a provider that chats").framing
}

fn of_stream(framing: Framing, bytes: &[u8]) -> Vec<String> {
    let known = match uncut(framing, bytes) {
        Ok(known) => known,
        Err(complaint) => return vec![complaint],
    };
    let mut complaints = Vec::new();
    for at in 0..=bytes.len() {
        let here = known.partition_point(|event| event.end <= at);
        let (first, last) = (here.saturating_sub(1), (here + 2).min(known.len()));
        let start = first.checked_sub(1).map_or(0, |before| known[before].end);
        let end = if last == known.len() { bytes.len() } else { known[last - 1].end };
        let pieces = [&bytes[start..at], &bytes[at..end]];
        if let Err(complaint) = same(framing, pieces, end == bytes.len(), &known[first..last]) {
            complaints.push(format!("cut at {at}: {complaint}"));
        }
    }
    complaints
}

/// The events of the whole stream, read byte by byte to know where each ends; in one piece they are
/// the same.
fn uncut(framing: Framing, bytes: &[u8]) -> Result<Vec<Known>, String> {
    let (mut framer, mut known) = (Framer::new(framing, LIMIT), Vec::new());
    for end in 0..=bytes.len() {
        match bytes.get(end) {
            Some(byte) => framer.feed(std::slice::from_ref(byte)),
            None => framer.finish(),
        }
        while let Some(event) = framer.next_event().map_err(|error| format!("unreadable at {end}: {error:?}"))? {
            let end = bytes.len().min(end + 1);
            known.push(Known { name: event.name.to_owned(), data: event.data.to_vec(), end });
        }
    }
    if known.is_empty() {
        return Err("no event comes out".to_owned());
    }
    same(framing, [bytes, &[]], true, &known).map_err(|complaint| format!("in one piece: {complaint}"))?;
    Ok(known)
}

/// Whether these pieces make those events, and no others.
fn same(framing: Framing, pieces: [&[u8]; 2], is_end: bool, known: &[Known]) -> Result<(), String> {
    let (mut framer, mut known) = (Framer::new(framing, LIMIT), known.iter());
    for (number, piece) in pieces.into_iter().enumerate() {
        framer.feed(piece);
        if is_end && number == 1 {
            framer.finish();
        }
        while let Some(event) = framer.next_event().map_err(|error| format!("{error:?}"))? {
            let Some(wanted) = known.next() else { return Err(format!("one more comes: {event:?}")) };
            if event.name != wanted.name || event.data != wanted.data {
                let data = String::from_utf8_lossy(event.data);
                let wanted = (&wanted.name, String::from_utf8_lossy(&wanted.data));
                return Err(format!("{:?} comes and not {wanted:?}", (event.name, data)));
            }
        }
    }
    match known.next() {
        Some(missing) => Err(format!("one is missing: {missing:?}")),
        None => Ok(()),
    }
}
