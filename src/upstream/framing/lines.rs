//! One JSON value a line.

use super::{Event, FramingError, is_whole};

/// Cuts bytes into lines; empty ones are skipped.
pub struct Lines {
    buffer: Vec<u8>,
    line: usize,
    searched: usize,
    ended: bool,
    limit: usize,
}

impl Lines {
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), line: 0, searched: 0, ended: false, limit }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.line);
        self.searched -= self.line;
        self.line = 0;
        self.buffer.extend_from_slice(bytes);
    }

    pub fn finish(&mut self) {
        self.ended = true;
    }

    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, FramingError> {
        let range = loop {
            let Some(found) = memchr::memchr(b'\n', &self.buffer[self.searched..]) else {
                self.searched = self.buffer.len();
                if self.buffer.len() - self.line > self.limit {
                    return Err(FramingError::TooLarge);
                }
                if self.ended && is_whole(self.buffer[self.line..].trim_ascii()) {
                    self.feed(b"\n");
                    continue;
                }
                return Ok(None);
            };
            let range = self.line..self.searched + found;
            if range.len() > self.limit {
                return Err(FramingError::TooLarge);
            }
            self.line = range.end + 1;
            self.searched = self.line;
            if !self.buffer[range.clone()].trim_ascii().is_empty() {
                break range;
            }
        };
        Ok(Some(Event { name: "", data: self.buffer[range].trim_ascii() }))
    }
}
