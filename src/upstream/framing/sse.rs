//! Server-sent events, as the HTML standard has them.

use super::{Event, FramingError, is_whole};
use std::ops::Range;

/// Cuts bytes into server-sent events.
pub struct Sse {
    buffer: Vec<u8>,
    /// Where the line that is looked for begins.
    line: usize,
    /// How far its end has been looked for.
    searched: usize,
    /// Where the event that is being read begins; what lies before it may go.
    event: usize,
    name: Range<usize>,
    /// The event's data, where it is one line.
    data: Option<Range<usize>>,
    /// Where it is several.
    joined: Vec<u8>,
    is_joined: bool,
    /// The last line ended with a carriage return: a line feed right behind it belongs to it.
    after_return: bool,
    started: bool,
    ended: bool,
    limit: usize,
}

impl Sse {
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            line: 0,
            searched: 0,
            event: 0,
            name: 0..0,
            data: None,
            joined: Vec::new(),
            is_joined: false,
            after_return: false,
            started: false,
            ended: false,
            limit,
        }
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        if self.event > 0 {
            self.buffer.drain(..self.event);
            self.line -= self.event;
            self.searched -= self.event;
            self.name = self.name.start.saturating_sub(self.event)..self.name.end.saturating_sub(self.event);
            if let Some(data) = &mut self.data {
                *data = data.start - self.event..data.end - self.event;
            }
            self.event = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    pub fn finish(&mut self) {
        self.ended = true;
    }

    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, FramingError> {
        let found = loop {
            if let Some(event) = self.line()? {
                break event;
            }
            if self.ended && self.line < self.buffer.len() {
                // A last line without its end.
                self.feed(b"\n");
                continue;
            }
            if self.ended && (self.data.is_some() || self.is_joined) {
                // A last event without its blank line.
                let data = if self.is_joined {
                    &self.joined[..]
                } else {
                    self.data.clone().map_or(&[][..], |data| &self.buffer[data])
                };
                if !is_whole(data) {
                    self.forget();
                    return Ok(None);
                }
                self.feed(b"\n");
                continue;
            }
            return Ok(None);
        };
        let data = match found.1 {
            Some(data) => &self.buffer[data],
            None => &self.joined[..],
        };
        // A name that is no UTF-8 names nothing that a spec knows.
        Ok(Some(Event { name: std::str::from_utf8(&self.buffer[found.0]).unwrap_or(""), data }))
    }

    /// Reads lines up to the end of an event. `Ok(None)`: more bytes are needed.
    #[expect(clippy::type_complexity, reason = "ranges of the name and of the data, read out at once")]
    fn line(&mut self) -> Result<Option<(Range<usize>, Option<Range<usize>>)>, FramingError> {
        if !self.started {
            let mark = b"\xEF\xBB\xBF";
            if self.buffer.len() < mark.len() && mark.starts_with(&self.buffer) && !self.ended {
                return Ok(None);
            }
            if self.buffer.starts_with(mark) {
                self.line = mark.len();
                self.searched = mark.len();
            }
            self.started = true;
        }
        loop {
            if self.after_return && self.line < self.buffer.len() {
                self.after_return = false;
                if self.buffer[self.line] == b'\n' {
                    self.line += 1;
                    self.searched = self.searched.max(self.line);
                    if !self.in_event() {
                        self.event = self.line;
                    }
                }
            }
            let Some(found) = memchr::memchr2(b'\n', b'\r', &self.buffer[self.searched..]) else {
                self.searched = self.buffer.len();
                return if self.buffer.len() - self.event > self.limit {
                    Err(FramingError::TooLarge)
                } else {
                    Ok(None)
                };
            };
            let end = self.searched + found;
            if end - self.event > self.limit {
                return Err(FramingError::TooLarge);
            }
            let line = self.line..end;
            self.after_return = self.buffer[end] == b'\r';
            self.line = end + 1;
            self.searched = self.line;
            if line.is_empty() {
                let (name, data, joined) = (self.name.clone(), self.data.take(), self.is_joined);
                self.forget();
                if joined || data.is_some() {
                    return Ok(Some((name, data.filter(|_| !joined))));
                }
            } else {
                self.field(line);
            }
        }
    }

    fn in_event(&self) -> bool {
        self.data.is_some() || self.is_joined || !self.name.is_empty()
    }

    fn forget(&mut self) {
        self.name = 0..0;
        self.data = None;
        self.is_joined = false;
        self.event = self.line;
    }

    fn field(&mut self, line: Range<usize>) {
        let bytes = &self.buffer[line.clone()];
        let colon = memchr::memchr(b':', bytes).unwrap_or(bytes.len());
        let mut value = (line.start + colon + 1).min(line.end);
        if self.buffer[value..line.end].first() == Some(&b' ') {
            value += 1;
        }
        let value = value..line.end;
        match &bytes[..colon] {
            b"data" if self.is_joined => {
                self.joined.push(b'\n');
                self.joined.extend_from_slice(&self.buffer[value]);
            }
            b"data" => match self.data.take() {
                None => self.data = Some(value),
                Some(first) => {
                    self.joined.clear();
                    self.joined.extend_from_slice(&self.buffer[first]);
                    self.joined.push(b'\n');
                    self.joined.extend_from_slice(&self.buffer[value]);
                    self.is_joined = true;
                }
            },
            b"event" => self.name = value,
            // Comments, ids and times to reconnect mean nothing here.
            _ => {}
        }
    }
}
