//! Framings: no bytes make them panic, no cut changes what comes out, and no event is larger than
//! the bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringside::adapter::provider::Framing;
use ringside::upstream::framing::Framer;

const LIMIT: usize = 4096;

type Events = (Vec<(String, Vec<u8>)>, bool);

/// The events of these pieces, and whether it went wrong.
fn read(framing: Framing, pieces: &[&[u8]]) -> Events {
    let (mut framer, mut events) = (Framer::new(framing, LIMIT), Vec::new());
    for piece in pieces {
        framer.feed(piece);
        if drain(&mut framer, &mut events) {
            return (events, true);
        }
    }
    framer.finish();
    let failed = drain(&mut framer, &mut events);
    (events, failed)
}

fn drain(framer: &mut Framer, events: &mut Vec<(String, Vec<u8>)>) -> bool {
    loop {
        match framer.next_event() {
            Ok(Some(event)) => events.push((event.name.to_owned(), event.data.to_vec())),
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

// A slice takes what is left as it stands, so that a seed is the bytes of a stream and not a code for them.
fuzz_target!(|input: (u8, u16, &[u8])| {
    let (kind, cut, bytes) = input;
    let mut bytes = bytes.to_vec();
    let framing = match kind % 3 {
        0 => Framing::Sse,
        1 => Framing::Ndjson,
        _ => Framing::EventStream,
    };
    if framing == Framing::EventStream {
        // Checksums are not found by chance.
        bytes = framed(&bytes);
    }
    let whole = read(framing, &[&bytes]);
    let at = usize::from(cut).min(bytes.len());
    let cut = read(framing, &[&bytes[..at], &bytes[at..]]);
    // What is too large may be seen to be so earlier or later; what is whole is the same.
    if !whole.1 && !cut.1 {
        assert_eq!(whole.0, cut.0);
    }
});

/// Frames whose checksums are right, of lengths and contents that may be anything.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in bytes.chunks(64) {
        let Some((&headers, rest)) = piece.split_first() else { continue };
        let headers = usize::from(headers) % (rest.len() + 3);
        let mut frame = ((16 + rest.len()) as u32).to_be_bytes().to_vec();
        frame.extend_from_slice(&(headers as u32).to_be_bytes());
        frame.extend_from_slice(&crc(&frame).to_be_bytes());
        frame.extend_from_slice(rest);
        frame.extend_from_slice(&crc(&frame).to_be_bytes());
        out.extend_from_slice(&frame);
    }
    out
}

/// CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
