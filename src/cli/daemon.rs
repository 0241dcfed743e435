//! Who may write: the daemon when there is one, else this command, under the data lock.

use std::path::PathBuf;

use anyhow::Context;

use crate::app;
use crate::config::Config;
use crate::fetch::local::{LocalAnswer, LocalClient};
use crate::runtime::lock::DataLock;

/// The way to the store for a command that writes.
pub enum Writer {
    /// A daemon holds the lock: ask it.
    Daemon(LocalClient),
    /// Nobody does: the files are ours until this is dropped.
    Files(DataLock),
}

/// Finds out who writes. A data directory that is not there is made: customers and tokens may come first.
///
/// # Errors
/// When the data directory can't be used, or a daemon holds it but does not answer.
pub fn writer(config: &Config) -> anyhow::Result<Writer> {
    app::create_data_dir(&config.data_dir)?;
    let socket = app::socket_path(config);
    match DataLock::acquire(&config.data_dir) {
        Ok(lock) => Ok(Writer::Files(lock)),
        Err(held) if socket.exists() => {
            tracing::debug!(error = %held, "asking the running daemon");
            Ok(Writer::Daemon(LocalClient::new(&socket)?))
        }
        Err(error) => Err(error.into()),
    }
}

/// Refuses a data directory that is not there, for commands that only mend what was heard.
///
/// # Errors
/// With what to do next.
pub fn heard(config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(config.data_dir.is_dir(), app::nothing_yet(config));
    Ok(())
}

/// The daemon's client, for what only a running daemon can do.
///
/// # Errors
/// When no daemon runs on this data directory.
pub fn running(config: &Config) -> anyhow::Result<LocalClient> {
    let socket: PathBuf = app::socket_path(config);
    // A daemon that was killed leaves its socket behind, but never its lock.
    anyhow::ensure!(
        socket.exists() && DataLock::acquire(&config.data_dir).is_err(),
        "no daemon is running on {}: start one with `overheard run`, or name its directory with --data",
        config.data_dir.display()
    );
    Ok(LocalClient::new(&socket)?)
}

/// The answer's body when it went well, else the problem's words.
///
/// # Errors
/// With the `detail` of a problem+json answer.
pub fn accepted(answer: &LocalAnswer) -> anyhow::Result<serde_json::Value> {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if (200..300).contains(&answer.status) {
        return Ok(body);
    }
    let detail = body
        .get("detail")
        .and_then(|detail| detail.as_str())
        .unwrap_or("no reason given");
    Err(anyhow::anyhow!("{detail}"))
        .with_context(|| format!("the daemon answered {}", answer.status))
}
