//! A webhook receiver on loopback that remembers what it got and answers as told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::deliver::sign::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP};

/// What it does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Answers with a status and one more header.
    Status(u16, Option<(&'static str, String)>),
    /// Takes the request and answers 204 once somebody opens the gate; or never.
    Wait(Arc<Semaphore>),
}

impl Reply {
    /// Takes the request and never answers.
    pub fn hang() -> Self {
        Self::Wait(Arc::new(Semaphore::new(0)))
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.header(HEADER_ID)
    }

    pub fn timestamp(&self) -> i64 {
        self.header(HEADER_TIMESTAMP).parse().unwrap()
    }

    pub fn signature(&self) -> &str {
        self.header(HEADER_SIGNATURE)
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug, Clone)]
struct Shared {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    received: watch::Sender<Vec<Received>>,
}

/// A running receiver; answers 204 unless told otherwise.
#[derive(Debug)]
pub struct Receiver {
    pub url: String,
    shared: Shared,
}

impl Receiver {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test's server has no supervisor"
    )]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Shared {
            replies: Arc::default(),
            received: watch::Sender::new(Vec::new()),
        };
        let app = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    /// Answers the next requests like this.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.replies.lock().unwrap().extend(replies);
    }

    /// Answers the next request with this status.
    pub fn reply_status(&self, status: u16) {
        self.reply([Reply::Status(status, None)]);
    }

    /// Answers 204 again.
    pub fn recover(&self) {
        self.shared.replies.lock().unwrap().clear();
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.borrow().clone()
    }

    /// Waits until this many requests came.
    pub async fn wait_for(&self, count: usize) {
        let mut received = self.shared.received.subscribe();
        received.wait_for(|all| all.len() >= count).await.unwrap();
    }
}

async fn receive(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reply = shared.replies.lock().unwrap().pop_front();
    shared.received.send_modify(|all| {
        all.push(Received {
            path: uri.path().to_owned(),
            headers,
            body,
        });
    });
    match reply.unwrap_or(Reply::Status(204, None)) {
        Reply::Wait(gate) => {
            gate.acquire().await.unwrap().forget();
            StatusCode::NO_CONTENT.into_response()
        }
        Reply::Status(status, header) => {
            let mut response = StatusCode::from_u16(status).unwrap().into_response();
            if let Some((name, value)) = header {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    }
}
