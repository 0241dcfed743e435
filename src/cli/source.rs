//! `overheard sources show` and `refresh`: one source.

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::access;
use super::daemon::{self, Writer};
use super::output::Output;
use super::sources::span;
use crate::app;
use crate::config::Config;
use crate::domain::{SourceId, SourceStatus};
use crate::insight::SourceDto;
use crate::runtime::Clock;
use crate::store::{Refreshed, StoredReject};

/// Rejects that are shown, the newest first.
const REJECTS: usize = 10;

/// What `--json` prints.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    source: SourceDto,
    /// The newest items that could not be understood.
    newest_rejects: Vec<ShownReject>,
}

#[derive(Serialize)]
struct ShownReject {
    native_id: Option<String>,
    reason: String,
    last_at: Timestamp,
}

/// Shows how one source fares.
///
/// # Errors
/// When there is nothing to read yet, or it was never polled.
pub async fn show(
    config: &Config,
    id: &SourceId,
    json: bool,
    output: &Output,
) -> anyhow::Result<()> {
    let store = app::open_store_read_only(config).await?;
    let status = store.source_status(id).await?;
    let status = status.with_context(|| {
        format!("source \"{id}\" was never polled: `overheard sources list` shows those that were")
    })?;
    let rejects = store.rejects(id, REJECTS).await?;
    if json {
        let shown = Shown {
            source: SourceDto::from(&status),
            newest_rejects: rejects.into_iter().map(ShownReject::from).collect(),
        };
        return output.json(&shown);
    }
    output.print(&text(&status, &rejects, Clock::system().now()))
}

/// Brings a source's next poll forward.
///
/// # Errors
/// When there is no such source, it is paused, or the daemon does not answer.
pub async fn refresh(config: &Config, id: &SourceId, output: &Output) -> anyhow::Result<()> {
    match daemon::heard(config).and_then(|()| daemon::writer(config))? {
        Writer::Daemon(client) => {
            let path = format!("/api/v1/sources/{id}/refresh");
            let answer = client.post(&path, "application/json", Vec::new()).await?;
            let body = daemon::accepted(&answer)?;
            let message = body.get("message").and_then(|message| message.as_str());
            output.print(&sentence(message.unwrap_or("it is polled now")))
        }
        Writer::Files(_lock) => {
            let now = Clock::system().now();
            let store = app::open_store(config, now).await?;
            let refreshed = store.refresh_source(id, now).await;
            access::note(&store, "sources refresh", id.as_str()).await?;
            store.close().await;
            match refreshed? {
                Refreshed::At(at) if at > now => output.print(&format!(
                    "The server wants no request before {at}; source \"{id}\" is polled then, if a daemon runs."
                )),
                Refreshed::At(_) => output.print(&format!(
                    "No daemon is running. Source \"{id}\" is polled at the next start."
                )),
                Refreshed::Paused => {
                    anyhow::bail!("source \"{id}\" is paused: run `overheard sources resume {id}`")
                }
                Refreshed::Unknown => anyhow::bail!(
                    "source \"{id}\" was never polled: `overheard sources list` shows those that were"
                ),
            }
        }
    }
}

fn text(status: &SourceStatus, rejects: &[StoredReject], now: Timestamp) -> String {
    let ago = |at: Option<Timestamp>| {
        at.map_or("never".to_owned(), |at| {
            format!("{at} ({} ago)", span(at, now))
        })
    };
    let coming = |at: Option<Timestamp>| match at {
        Some(at) if at > now => format!("{at} (in {})", span(now, at)),
        Some(_) => "now".to_owned(),
        None => "not planned".to_owned(),
    };
    let coverage = &status.coverage;
    let mut lines = vec![
        format!("{} ({}): {}", status.id, status.kind, status.state.as_str()),
        format!("last heard    {}", ago(status.succeeded_at)),
        format!("last poll     {}", ago(status.polled_at)),
        format!("last news     {}", ago(coverage.news_at)),
        format!("next poll     {}", coming(status.next_poll_at)),
    ];
    if let Some(at) = status.not_before.filter(|at| *at > now) {
        lines.push(format!("not before    {at}: the server wants it so"));
    }
    lines.push(format!("pace          every {} s", status.pace_secs));
    lines.push(format!(
        "so far        {} posts, {} rejects, {} requests, {} failed polls",
        status.posts, status.rejects, status.requests, coverage.errors
    ));
    lines.push(format!(
        "missed        {} gaps (the last: {}), {} polls ended at a bound of ours",
        coverage.gaps,
        ago(coverage.gap_at),
        coverage.caps
    ));
    if coverage.pushed_at.is_some() || coverage.pushed_until.is_some() {
        let until = coverage.pushed_until;
        let until = until.map_or("not relied on".to_owned(), |at| format!("until {at}"));
        let last = ago(coverage.pushed_at);
        lines.push(format!("pushed        {until}, the last: {last}"));
    }
    if let Some(to) = &status.moved_to {
        lines.push(format!("moved to      {to}"));
    }
    if let Some(warning) = &status.warning {
        lines.push(format!("warning       {warning}"));
    }
    if let Some(error) = &status.error {
        let since = ago(coverage.failing_since);
        lines.push(format!(
            "error         {error}; {} polls in a row, since {since}",
            status.failures
        ));
    }
    for stored in rejects {
        lines.push(format!(
            "rejected      {}: {}",
            stored.last_at, stored.reject.reason
        ));
    }
    lines.join("\n")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}.", first.to_uppercase(), letters.as_str())
    })
}

impl From<StoredReject> for ShownReject {
    fn from(stored: StoredReject) -> Self {
        Self {
            native_id: stored.reject.native_id,
            reason: stored.reject.reason,
            last_at: stored.last_at,
        }
    }
}
