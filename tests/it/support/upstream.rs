//! A real HTTP upstream that answers what it is told, byte for byte: also what no good server would.

use parking_lot::Mutex;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is written in answer to a request, in order.
#[derive(Clone, Debug)]
pub enum Step {
    /// These bytes, in one write.
    Write(Vec<u8>),
    Pause(Duration),
    /// Nothing more, with the connection open.
    Hang,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON request")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A listening upstream.
pub struct Upstream {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    hung_up: Arc<AtomicUsize>,
}

impl Upstream {
    /// Answers the n-th request with the n-th script, and all further ones with the last.
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let hung_up = Arc::new(AtomicUsize::new(0));
        let (requests, hangs) = (Arc::clone(&received), Arc::clone(&hung_up));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (scripts, requests, hangs) = (scripts.clone(), Arc::clone(&requests), Arc::clone(&hangs));
                tokio::spawn(async move { serve(stream, &scripts, &requests, &hangs).await });
            }
        });
        Self { address, received, hung_up }
    }

    /// Answers every request with `script`.
    pub async fn always(script: Vec<Step>) -> Self {
        Self::start(vec![script]).await
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    /// Connections whose client left before the script had ended.
    pub fn hung_up(&self) -> usize {
        self.hung_up.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, scripts: &[Vec<Step>], received: &Mutex<Vec<Received>>, hung_up: &AtomicUsize) {
    let _ = stream.set_nodelay(true);
    let Some(request) = read_request(&mut stream).await else { return };
    let number = {
        let mut received = received.lock();
        received.push(request);
        received.len() - 1
    };
    let script = scripts.get(number).or(scripts.last()).expect("a script");
    for step in script {
        let mut buffer = [0; 1];
        match step {
            Step::Write(bytes) => {
                if stream.write_all(bytes).await.is_err() {
                    hung_up.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
            Step::Pause(time) => {
                tokio::select! {
                    () = tokio::time::sleep(*time) => {}
                    read = stream.read(&mut buffer) => if !matches!(read, Ok(1)) {
                        hung_up.fetch_add(1, Ordering::SeqCst);
                        return;
                    },
                }
            }
            Step::Hang => {
                let _ = stream.read(&mut buffer).await;
                hung_up.fetch_add(1, Ordering::SeqCst);
                return;
            }
        }
    }
    // A client that reads sees the end only after it has seen the rest.
    let _ = stream.shutdown().await;
}

async fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.split("\r\n");
            let path = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect();
            let length: usize = headers
                .iter()
                .find(|(name, _)| name == "content-length")
                .and_then(|(_, value)| value.parse().ok())
                .unwrap_or(0);
            while bytes.len() < end + 4 + length {
                let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
                bytes.extend_from_slice(&buffer[..read]);
            }
            return Some(Received { path, headers, body: bytes[end + 4..].to_vec() });
        }
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
    }
}

/// A whole answer with its length.
pub fn answer(status: &str, kind: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    answer_with(status, &[("content-type", kind)], body)
}

/// The same with other headers.
pub fn answer_with(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    vec![Step::Write(bytes)]
}

/// A JSON answer.
pub fn json(status: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    answer(status, "application/json", body)
}

/// The head of a stream that ends with the connection.
pub fn stream_head() -> Step {
    Step::Write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec())
}

/// A stream of these bytes, in one write.
pub fn stream(bytes: impl Into<Vec<u8>>) -> Vec<Step> {
    vec![stream_head(), Step::Write(bytes.into())]
}
