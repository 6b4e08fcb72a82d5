//! The files: numbered segments of entries, written whole and read back.

use crate::wire::event::{Entry, UsageEvent};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Length and checksum.
const HEADER: usize = 8;
/// No entry is larger; a length beyond it is rubbish.
const MOST: u32 = 16 << 20;
/// An entry of ordinary size fits without growing.
const USUAL: usize = 1536;

/// Entries read from a segment, and where reading stopped.
pub struct Batch {
    pub entries: Vec<Entry>,
    /// Bytes of the segment read so far, whole entries only.
    pub position: u64,
    /// Whether what follows is no entry: the end that a crash left.
    pub torn: bool,
}

/// The file of a segment.
pub fn file_of(path: &Path, segment: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{segment:06}"));
    name.into()
}

/// Numbers of the segments that exist, in order.
///
/// # Errors
/// When the folder can't be read.
pub fn segments(path: &Path) -> io::Result<Vec<u64>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Ok(Vec::new());
    };
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?.file_name();
        let number: Option<u64> =
            entry.to_str().and_then(|entry| entry.strip_prefix(name)?.strip_prefix('.')?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes a segment's file.
pub(super) fn create(path: &Path, segment: u64) -> io::Result<File> {
    let file = File::options().create_new(true).append(true).open(file_of(path, segment))?;
    // The name itself must survive a power cut too.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
        && let Ok(folder) = File::open(folder)
    {
        folder.sync_all()?;
    }
    Ok(file)
}

/// An entry as it stands in a segment.
pub(super) fn encode(entry: &Entry) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL);
    bytes.resize(HEADER, 0);
    match entry {
        Entry::Usage(event) => packed(b'U', event, &mut bytes)?,
        Entry::Hold(event) => packed(b'H', event, &mut bytes)?,
        Entry::Customer(customer) => {
            bytes.push(b'c');
            serde_json::to_writer(&mut bytes, customer)?;
        }
    }
    let length = u32::try_from(bytes.len() - HEADER).ok().filter(|length| *length <= MOST);
    let length = length.ok_or_else(|| io::Error::other("an entry of the journal is too large"))?;
    let checksum = crc32fast::hash(&bytes[HEADER..]);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[4..HEADER].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

/// Every call writes two events; as JSON, whose strings are looked through byte by byte, they were a fourteenth of all
/// that a call executes.
fn packed(kind: u8, event: &UsageEvent, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.push(kind);
    rmp_serde::encode::write_named(bytes, event).map_err(io::Error::other)
}

/// Reads up to `most` entries of a segment from `position` on, not beyond `end`.
///
/// # Errors
/// When the file can't be read, or a whole entry of it not be understood. A torn end is no error.
pub fn read(path: &Path, segment: u64, position: u64, end: Option<u64>, most: usize) -> io::Result<Batch> {
    let mut file = File::open(file_of(path, segment))?;
    let length = file.metadata()?.len().min(end.unwrap_or(u64::MAX));
    file.seek(SeekFrom::Start(position))?;
    let mut reader = io::BufReader::with_capacity(256 * 1024, file.take(length.saturating_sub(position)));
    let mut batch = Batch { entries: Vec::new(), position, torn: false };
    while batch.entries.len() < most && batch.position < length {
        let entry = read_entry(&mut reader).map_err(|error| {
            let file = file_of(path, segment);
            io::Error::new(error.kind(), format!("{}, byte {}: {error}", file.display(), batch.position))
        })?;
        match entry {
            Some((entry, bytes)) => {
                batch.entries.push(entry);
                batch.position += bytes;
            }
            None => {
                batch.torn = true;
                break;
            }
        }
    }
    Ok(batch)
}

/// One entry; `None` where there is no whole, sound one.
fn read_entry(reader: &mut impl io::Read) -> io::Result<Option<(Entry, u64)>> {
    let mut header = [0; HEADER];
    if !fill(reader, &mut header)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let checksum = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    // Zeros that a power cut left would be an entry of no length with the right checksum.
    if length == 0 || length > MOST {
        return Ok(None);
    }
    let mut payload = vec![0; length as usize];
    if !fill(reader, &mut payload)? || crc32fast::hash(&payload) != checksum {
        return Ok(None);
    }
    let entry = decode(&payload).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "this version of Ringside does not understand the entry: start the version that wrote it, and stop it when its journal is drained",
        )
    })?;
    Ok(Some((entry, u64::from(length) + HEADER as u64)))
}

fn decode(payload: &[u8]) -> Option<Entry> {
    let (kind, entry) = payload.split_first()?;
    match kind {
        b'U' => rmp_serde::from_slice(entry).ok().map(Entry::Usage),
        b'H' => rmp_serde::from_slice(entry).ok().map(Entry::Hold),
        b'c' => serde_json::from_slice(entry).ok().map(Entry::Customer),
        // Events as JSON: what an earlier version left.
        b'u' => serde_json::from_slice(entry).ok().map(Entry::Usage),
        b'h' => serde_json::from_slice(entry).ok().map(Entry::Hold),
        _ => None,
    }
}

fn fill(reader: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
