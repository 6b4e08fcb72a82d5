//! A lane: one append-only row of segments, with a lock and a thread that syncs of its own.

use super::recent::Recent;
use super::segment::{Batch, create, encode, read, segments};
use super::sync::Sync;
use crate::wire::event::{Entry, NewCustomer, UsageEvent};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A segment that has grown beyond this is followed by another.
const SEGMENT: u64 = 64 << 20;
/// Events that wait in memory for a disk that takes nothing; calls in flight when it filled up.
const BACKLOG: usize = 100_000;

/// An append-only file of entries.
pub struct Lane {
    path: PathBuf,
    writer: Mutex<Writer>,
    sync: Arc<Sync>,
}

struct Writer {
    file: Arc<File>,
    segment: u64,
    position: u64,
    /// A failed write could not be taken back: nothing may follow it in this segment.
    broken: bool,
    /// Events that could not be written yet, in order.
    backlog: VecDeque<Vec<u8>>,
    recent: Recent,
}

/// A place in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    pub segment: u64,
    pub position: u64,
}

impl Lane {
    /// Opens the lane at `path` for appending to a new segment, numbered after all that exist
    /// and after `drained`, the last that the database knows.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn open(path: &Path, drained: u64) -> io::Result<Self> {
        let last = segments(path)?.last().copied().unwrap_or(0).max(drained);
        let segment = last + 1;
        let file = Arc::new(create(path, segment)?);
        let sync = Arc::new(Sync::default());
        let shared = Arc::clone(&sync);
        std::thread::Builder::new().name("journal-sync".to_owned()).spawn(move || shared.run())?;
        Ok(Self {
            path: path.to_owned(),
            writer: Mutex::new(Writer {
                file,
                segment,
                position: 0,
                broken: false,
                backlog: VecDeque::new(),
                recent: Recent::default(),
            }),
            sync,
        })
    }

    /// Appends a usage event. When this returns, the event survives the process; on a full disk it
    /// waits in memory, and the call's hold, which is on the disk, stands for it.
    ///
    /// # Errors
    /// When it could neither be written nor kept; it is in the log then.
    pub fn append(&self, event: UsageEvent) -> io::Result<()> {
        let entry = Entry::Usage(Box::new(event));
        let bytes = encode(&entry).inspect_err(|error| keep_in_log(&entry, error))?;
        let mut writer = self.writer.lock();
        if let Err(error) = self.write_backlog(&mut writer).and_then(|()| self.write_one(&mut writer, &bytes)) {
            if writer.backlog.len() >= BACKLOG {
                keep_in_log(&entry, &error);
                return Err(error);
            }
            tracing::error!(%error, "a usage event could not be written to the journal; it waits in memory");
            writer.backlog.push_back(bytes);
        } else {
            writer.keep(entry, bytes.len());
        }
        Ok(())
    }

    /// Appends the hold of a call that is about to go out: the event that stands if nothing else
    /// is heard of it.
    ///
    /// # Errors
    /// When it could not be written whole, a full disk for example; nothing of it stays then, and
    /// the call must not go out.
    pub fn append_hold(&self, event: UsageEvent) -> io::Result<()> {
        self.append_whole(Entry::Hold(Box::new(event)))
    }

    /// Appends a customer that is about to be made.
    ///
    /// # Errors
    /// When it could not be written whole; nothing of it stays then.
    pub fn append_customer(&self, customer: NewCustomer) -> io::Result<()> {
        self.append_whole(Entry::Customer(Box::new(customer)))
    }

    fn append_whole(&self, entry: Entry) -> io::Result<()> {
        let bytes = encode(&entry)?;
        let mut writer = self.writer.lock();
        self.write_backlog(&mut writer)?;
        self.write_one(&mut writer, &bytes)?;
        writer.keep(entry, bytes.len());
        Ok(())
    }

    /// Up to `most` entries from a place on, from memory where they are still there.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn entries(&self, from: End, until: Option<u64>, most: usize) -> io::Result<Batch> {
        if let Some(batch) = self.writer.lock().recent.take(from, most) {
            return Ok(batch);
        }
        read(&self.path, from.segment, from.position, until, most)
    }

    /// Writes what waited in memory, if the disk takes it now. Says whether nothing waits any more.
    pub fn retry(&self) -> bool {
        self.write_backlog(&mut self.writer.lock()).is_ok()
    }

    /// Begins a new segment, so that those before it can be drained and removed.
    ///
    /// # Errors
    /// When the file can't be made, or something waits for a full disk.
    pub fn rotate(&self) -> io::Result<()> {
        let mut writer = self.writer.lock();
        self.write_backlog(&mut writer)?;
        self.next_segment(&mut writer)
    }

    fn next_segment(&self, writer: &mut Writer) -> io::Result<()> {
        let segment = writer.segment + 1;
        writer.file = Arc::new(create(&self.path, segment)?);
        (writer.segment, writer.position, writer.broken) = (segment, 0, false);
        Ok(())
    }

    fn write_backlog(&self, writer: &mut Writer) -> io::Result<()> {
        while let Some(entry) = writer.backlog.pop_front() {
            if let Err(error) = self.write_one(writer, &entry) {
                writer.backlog.push_front(entry);
                return Err(error);
            }
        }
        Ok(())
    }

    fn write_one(&self, writer: &mut Writer, entry: &[u8]) -> io::Result<()> {
        if writer.broken || writer.position >= SEGMENT {
            self.next_segment(writer)?;
        }
        if let Err(error) = (&*writer.file).write_all(entry) {
            writer.broken = writer.file.set_len(writer.position).is_err();
            return Err(error);
        }
        writer.position += entry.len() as u64;
        self.sync.mark(&writer.file);
        Ok(())
    }

    /// Where writing is now.
    pub fn end(&self) -> End {
        let writer = self.writer.lock();
        End { segment: writer.segment, position: writer.position }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs what was written.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        let file = Arc::clone(&self.writer.lock().file);
        file.sync_data()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.sync.stop();
    }
}

impl Writer {
    /// Keeps the entry of `length` bytes that was written last.
    fn keep(&mut self, entry: Entry, length: usize) {
        let end = End { segment: self.segment, position: self.position };
        self.recent.keep(entry, End { position: end.position - length as u64, ..end }, end);
    }
}

/// The log is the last place left for an event that can't be written.
fn keep_in_log(entry: &Entry, error: &io::Error) {
    if let Entry::Usage(event) = entry {
        let event = serde_json::to_string(event).unwrap_or_default();
        tracing::error!(%error, event, "a usage event could not be written to the journal");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::journal::file_of;
    use crate::money::NanoUsd;
    use crate::wire::usage::Usage;

    fn event(number: u64) -> UsageEvent {
        UsageEvent {
            id: format!("use_{number:04}").into(),
            account_id: "acct_1".into(),
            token_id: "tok_1".into(),
            request_id: "req_1".into(),
            response_id: None,
            created: 0,
            customer: Some("cus \"ü\"\n".into()),
            customer_id: Some("cus_1".into()),
            endpoint: "/v1/chat/completions".into(),
            reference: "fc:sim/echo".into(),
            provider: "sim".into(),
            model: "echo".into(),
            usage: Usage::default(),
            raw_usage: Some("{}".to_owned()),
            estimated: false,
            cost: NanoUsd(number as i64),
            list_cost: NanoUsd(1),
            billable: None,
            held: NanoUsd(7),
            customer_debit: None,
            account_debit: None,
            price_version: "".into(),
            tags: vec!["a".to_owned()],
            session_id: None,
            properties: [("k".to_owned(), "v".to_owned())].into(),
            status: "ok".into(),
            error_code: None,
            attempts: 1,
            streamed: false,
            latency_ms: 1,
            first_token_ms: None,
        }
    }

    fn usage(number: u64) -> Entry {
        Entry::Usage(Box::new(event(number)))
    }

    #[test]
    fn every_kind_of_entry_reads_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let lane = Lane::open(&path, 0).unwrap();
        let customer = NewCustomer {
            id: "cus_1".to_owned(),
            account_id: "acct_1".to_owned(),
            external_id: "kunde \"ü\"".to_owned(),
            name: None,
            monthly_budget: Some(NanoUsd(5)),
            rate_limit_rpm: Some(1),
            rate_limit_tpm: None,
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            created: 3,
        };
        lane.append_customer(customer.clone()).unwrap();
        lane.append_hold(event(1)).unwrap();
        lane.rotate().unwrap();
        lane.append(event(1)).unwrap();
        let first = read(&path, 1, 0, None, 10).unwrap();
        assert_eq!(first.entries, [Entry::Customer(Box::new(customer)), Entry::Hold(Box::new(event(1)))]);
        assert_eq!(read(&path, 2, 0, None, 10).unwrap().entries, [usage(1)]);
    }

    #[test]
    fn an_event_reads_back_with_all_that_it_can_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let lane = Lane::open(&path, 0).unwrap();
        let full = UsageEvent {
            response_id: Some("chatcmpl-\u{1F94A}".into()),
            usage: Usage { prompt_tokens: u64::MAX, searches: 3, ..Usage::default() },
            estimated: true,
            cost: NanoUsd(i64::MIN),
            billable: Some(NanoUsd(-1)),
            customer_debit: Some(NanoUsd(i64::MAX)),
            account_debit: Some(NanoUsd(0)),
            session_id: Some("s".into()),
            error_code: Some("rate_limited".into()),
            first_token_ms: Some(0),
            ..event(1)
        };
        let bare = UsageEvent { customer: None, raw_usage: None, tags: vec![], properties: [].into(), ..event(2) };
        for event in [&full, &bare] {
            lane.append(event.clone()).unwrap();
        }
        let read = read(&path, 1, 0, None, 10).unwrap();
        assert_eq!(read.entries, [full, bare].map(|event| Entry::Usage(Box::new(event))));
    }

    /// A payload as it stands in a file.
    fn framed(payload: &[u8]) -> Vec<u8> {
        let checksum = crc32fast::hash(payload);
        [&(payload.len() as u32).to_le_bytes(), &checksum.to_le_bytes(), payload].concat()
    }

    /// Before events were MessagePack they were JSON, under small letters.
    #[test]
    fn what_an_earlier_version_left_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let json = r#"{"id":"use_0001","account_id":"acct_1","token_id":"tok_1","request_id":"req_1","created":0,"customer":"cus \"ü\"\n","customer_id":"cus_1","endpoint":"/v1/chat/completions","reference":"fc:sim/echo","provider":"sim","model":"echo","usage":{"prompt_tokens":0,"completion_tokens":0},"raw_usage":"{}","estimated":false,"cost":1,"list_cost":1,"held":7,"price_version":"","tags":["a"],"properties":{"k":"v"},"status":"ok","attempts":1,"streamed":false,"latency_ms":1}"#;
        let entries = ["h", "u"].map(|letter| framed(format!("{letter}{json}").as_bytes()));
        std::fs::write(file_of(&path, 1), entries.concat()).unwrap();
        let batch = read(&path, 1, 0, None, 10).unwrap();
        assert_eq!(batch.entries, [Entry::Hold(Box::new(event(1))), usage(1)]);
    }

    /// What is read by later versions as well must not change by accident.
    #[test]
    fn an_event_is_written_as_ever() {
        let bytes = encode(&usage(1)).unwrap();
        insta::assert_snapshot!(bytes.escape_ascii());
    }

    #[test]
    fn a_whole_entry_that_is_not_understood_stops_the_reading() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        for strange in [&b"X{}"[..], b"U\xC1", b"u{\"id\":1}"] {
            std::fs::write(file_of(&path, 1), framed(strange)).unwrap();
            let error = read(&path, 1, 0, None, 10).err().expect("it can't be read");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
        // Zeros are what a power cut leaves, and their checksum is right.
        std::fs::write(file_of(&path, 1), [0; 64]).unwrap();
        assert!(read(&path, 1, 0, None, 10).unwrap().torn);
    }

    #[test]
    fn what_was_appended_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let lane = Lane::open(&path, 6).unwrap();
        for number in 0..10 {
            lane.append(event(number)).unwrap();
        }
        let batch = read(&path, 7, 0, None, 4).unwrap();
        assert_eq!(batch.entries, (0..4).map(usage).collect::<Vec<_>>());
        let rest = read(&path, 7, batch.position, Some(lane.end().position), 100).unwrap();
        assert_eq!(rest.entries, (4..10).map(usage).collect::<Vec<_>>());
        assert!(!rest.torn && rest.position == lane.end().position);
        drop(lane);
        assert_eq!(Lane::open(&path, 0).unwrap().end().segment, 8);
        assert_eq!(segments(&path).unwrap(), [7, 8]);
    }

    #[test]
    fn wherever_a_crash_cut_the_file_every_whole_event_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let lane = Lane::open(&path, 0).unwrap();
        let mut ends = vec![0];
        for number in 0..3 {
            lane.append(event(number)).unwrap();
            ends.push(lane.end().position);
        }
        let whole = std::fs::read(file_of(&path, 1)).unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(file_of(&path, 9), &whole[..cut]).unwrap();
            let batch = read(&path, 9, 0, None, 100).unwrap();
            let expected = ends.iter().filter(|end| **end > 0 && **end <= cut as u64).count();
            assert_eq!(batch.entries.len(), expected, "cut at {cut}");
            assert_eq!(batch.torn, !ends.contains(&(cut as u64)), "cut at {cut}");
        }
        // And rubbish behind sound events costs none of them.
        let mut rubbish = whole.clone();
        rubbish.extend_from_slice(&[0xFF; 64]);
        std::fs::write(file_of(&path, 9), &rubbish).unwrap();
        let batch = read(&path, 9, 0, None, 100).unwrap();
        assert_eq!((batch.entries.len(), batch.torn), (3, true));
    }
}
