//! The way from a command to the daemon on the same machine: HTTP over a Unix socket.
//!
//! Neither limits nor the address guard apply: it reaches nothing but the one socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::error::FetchSetupError;

/// The longest that a command waits for the daemon; a rebuild of a large index takes minutes.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Speaks to one socket.
#[derive(Debug, Clone)]
pub struct LocalClient {
    client: reqwest::Client,
    socket: PathBuf,
}

/// The daemon's answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// The daemon does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the daemon does not answer on {}: it is starting, stopping or hanging; try again, or look at its log", socket.display())]
pub struct LocalError {
    socket: PathBuf,
    source: reqwest::Error,
}

impl LocalClient {
    /// A client for the daemon that listens on `socket`.
    ///
    /// # Errors
    /// When no client can be built on this system.
    pub fn new(socket: &Path) -> Result<Self, FetchSetupError> {
        let client = super::client::local_client(socket, TIMEOUT)?;
        Ok(Self {
            client,
            socket: socket.to_owned(),
        })
    }

    /// Gets a path such as `/readyz`.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn get(&self, path: &str) -> Result<LocalAnswer, LocalError> {
        self.send(self.client.get(url(path))).await
    }

    /// Posts a body to a path such as `/api/v1/reload`.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<LocalAnswer, LocalError> {
        let request = self
            .client
            .post(url(path))
            .header("content-type", content_type)
            .body(body);
        self.send(request).await
    }

    /// Puts JSON to a path.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn put(&self, path: &str, json: Vec<u8>) -> Result<LocalAnswer, LocalError> {
        let request = self.client.put(url(path));
        let request = request.header("content-type", "application/json");
        self.send(request.body(json)).await
    }

    /// Deletes what a path names.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub async fn delete(&self, path: &str) -> Result<LocalAnswer, LocalError> {
        self.send(self.client.delete(url(path))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<LocalAnswer, LocalError> {
        let error = |source| LocalError {
            socket: self.socket.clone(),
            source,
        };
        let answer = request.send().await.map_err(error)?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(error)?;
        Ok(LocalAnswer { status, body })
    }
}

/// The host has no meaning on a socket, but HTTP wants one.
fn url(path: &str) -> String {
    format!("http://localhost{path}")
}
