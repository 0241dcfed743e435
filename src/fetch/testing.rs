//! A server on loopback for tests: whatever bytes a test wants, and a log of what arrived.
//!
//! Speaks just enough HTTP/1.1 to read a request; answers are raw, so that they can be wrong. Every
//! connection is closed after one answer. Ends when it is dropped.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    /// Method, path and query: `GET /feed?x=1`.
    pub(crate) line: String,
    /// Header lines as they arrived.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    /// The first header of a name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What a server does with a request.
pub(crate) enum Answer {
    /// Sends bytes and closes.
    Bytes(Vec<u8>),
    /// Sends bytes and then one chunk again and again until the other side is gone or it was sent
    /// so many times, with a pause before each.
    Repeat {
        head: Vec<u8>,
        chunk: Vec<u8>,
        times: usize,
        pause: Duration,
    },
    /// Keeps the connection open and says nothing.
    Hang,
}

/// An answer with a length: status line, header lines, body.
pub(crate) fn answer(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut bytes = head(status, headers);
    bytes.truncate(bytes.len() - 2);
    bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(body);
    Answer::Bytes(bytes)
}

/// A head without a length: the body ends with the connection.
pub(crate) fn head(status: &str, headers: &[&str]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The server.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

struct Shared {
    log: Mutex<Vec<Arrived>>,
    sent: Mutex<u64>,
    respond: Box<dyn Fn(&Arrived) -> Answer + Send + Sync>,
}

impl TestServer {
    pub(crate) async fn start(
        respond: impl Fn(&Arrived) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            log: Mutex::default(),
            sent: Mutex::default(),
            respond: Box::new(respond),
        });
        let mut task = JoinSet::new();
        let serving = Arc::clone(&shared);
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self {
            address,
            shared,
            _task: task,
        }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    /// What arrived so far.
    pub(crate) fn log(&self) -> Vec<Arrived> {
        self.shared.log.lock().unwrap().clone()
    }

    /// The request lines that arrived so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.log().into_iter().map(|arrived| arrived.line).collect()
    }

    /// Bytes handed to the network so far.
    pub(crate) fn sent(&self) -> u64 {
        *self.shared.sent.lock().unwrap()
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(arrived) = read_request(&mut stream).await else {
        return;
    };
    shared.log.lock().unwrap().push(arrived.clone());
    match (shared.respond)(&arrived) {
        Answer::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Answer::Repeat {
            head,
            chunk,
            times,
            pause,
        } => {
            let mut going = stream.write_all(&head).await.is_ok();
            for _ in 0..times {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                going = going && stream.write_all(&chunk).await.is_ok();
                if !going {
                    break;
                }
                *shared.sent.lock().unwrap() += chunk.len() as u64;
            }
            let _ = stream.shutdown().await;
        }
        Answer::Hang => std::future::pending().await,
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Arrived> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n").map(str::to_owned);
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let mut arrived = Arrived {
        line,
        headers: lines.collect(),
        body: bytes.split_off(end + 4),
    };
    let length = arrived
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while arrived.body.len() < length {
        if stream.read_buf(&mut arrived.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(arrived)
}
