//! A real HTTP upstream that answers what it is told to, cut where it is told to.
//!
//! A request says which answer it wants by a mark in its text, `[replay:KEY]`: the one thing that
//! passes every adapter unchanged. Answers are written with chunked transfer encoding, one chunk a
//! piece; an HTTP client hands out data chunk by chunk, so pieces reach the reader as they are here.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a body travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In one chunk.
    Whole,
    /// In two chunks, the first of this length.
    SplitAt(usize),
    /// One byte a chunk.
    ByteByByte,
    /// This much, then a proper end of the body, as a proxy in between might make it.
    EndedAt(usize),
    /// This much, then the connection is gone.
    BrokenAt(usize),
}

/// What to answer.
#[derive(Clone)]
pub struct Script {
    pub status: u16,
    pub content_type: String,
    /// More headers.
    pub headers: Vec<(String, String)>,
    pub body: Arc<Vec<u8>>,
    pub delivery: Delivery,
}

/// The mark that asks for the answer `key`.
pub fn mark(key: &str) -> String {
    format!("[replay:{key}] ")
}

/// The server. It ends with the test's runtime.
pub struct Replay {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    scripts: Mutex<HashMap<String, VecDeque<Script>>>,
}

impl Replay {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let served = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let state = Arc::clone(&served);
                tokio::spawn(async move {
                    // A client that leaves is no failure of ours.
                    let _ = serve(connection, &state).await;
                });
            }
        });
        Self { address, state }
    }

    /// From now on `key` is answered so.
    pub fn set(&self, key: &str, script: Script) {
        self.set_all(key, [script]);
    }

    /// From now on `key` is answered so, one after the other; the last is repeated.
    pub fn set_all(&self, key: &str, scripts: impl IntoIterator<Item = Script>) {
        self.state.scripts.lock().expect("no panic before").insert(key.to_owned(), scripts.into_iter().collect());
    }
}

async fn serve(mut connection: TcpStream, state: &State) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut read = Vec::new();
    loop {
        let Some((path, body)) = read_request(&mut connection, &mut read).await? else { return Ok(()) };
        // What has no body says it in its path.
        let key = path.split_once("?replay=").map_or_else(|| key_of(&body), |(_, key)| key.to_owned());
        let script = {
            let mut scripts = state.scripts.lock().expect("no panic before");
            scripts
                .get_mut(&key)
                .and_then(|of_key| if of_key.len() > 1 { of_key.pop_front() } else { of_key.front().cloned() })
        };
        let Some(script) = script else {
            let body = format!("{{\"error\":{{\"message\":\"nothing to replay for '{key}'\"}}}}");
            let head = format!("HTTP/1.1 418 No Script\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            connection.write_all(head.as_bytes()).await?;
            continue;
        };
        if !answer(&mut connection, &script).await? {
            return Ok(());
        }
    }
}

/// The next request's path and body. `None` where the client has left between two requests.
async fn read_request(connection: &mut TcpStream, read: &mut Vec<u8>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let head_end = loop {
        if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if connection.read_buf(read).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&read[..head_end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let end = head_end + length.unwrap_or(0);
    while read.len() < end {
        if connection.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
    let body = read[head_end..end].to_vec();
    read.drain(..end);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(Some((path, body)))
}

fn key_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let after = text.split_once("[replay:").map_or("", |(_, after)| after);
    after.split(']').next().unwrap_or_default().to_owned()
}

/// Says whether the connection can serve another request.
async fn answer(connection: &mut TcpStream, script: &Script) -> std::io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} Recorded\r\nContent-Type: {}\r\n", script.status, script.content_type);
    for (name, value) in &script.headers {
        head.push_str(&[name, ": ", value, "\r\n"].concat());
    }
    head.push_str("Transfer-Encoding: chunked\r\n\r\n");
    let body = script.body.as_slice();
    let mut out = head.into_bytes();
    match script.delivery {
        Delivery::Whole => chunk(&mut out, body),
        Delivery::SplitAt(at) => {
            chunk(&mut out, &body[..at]);
            chunk(&mut out, &body[at..]);
        }
        Delivery::ByteByByte => body.chunks(1).for_each(|byte| chunk(&mut out, byte)),
        Delivery::EndedAt(at) | Delivery::BrokenAt(at) => chunk(&mut out, &body[..at]),
    }
    let whole = !matches!(script.delivery, Delivery::BrokenAt(_));
    if whole {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    connection.write_all(&out).await?;
    connection.flush().await?;
    Ok(whole)
}

/// An empty chunk would end the body.
fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    if !data.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}
