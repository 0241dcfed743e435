//! `overheard sources`: how they fare.

use jiff::{SpanRound, Timestamp, Unit};

use super::access;
use super::args::{Global, SourcesCommand};
use super::daemon::{self, Writer};
use super::output::{DIM, Output};
use super::{load, source, sources_add};
use crate::app;
use crate::domain::{SourceState, SourceStatus};
use crate::insight::SourceDto;
use crate::runtime::Clock;

/// Lists sources, adds one, or resumes one.
///
/// # Errors
/// When there is nothing to read yet, or no such source.
pub async fn run(global: &Global, command: SourcesCommand, output: &Output) -> anyhow::Result<i32> {
    let config = &load(global)?;
    match command {
        SourcesCommand::Add(args) => return sources_add::run(global, config, args, output).await,
        SourcesCommand::List { json } => {
            let statuses = app::open_store_read_only(config)
                .await?
                .source_statuses()
                .await?;
            if json {
                let list: Vec<_> = statuses.iter().map(SourceDto::from).collect();
                output.json(&list)?;
            } else {
                table(&statuses, Clock::system().now(), output)?;
            }
        }
        SourcesCommand::Show { id, json } => source::show(config, &id, json, output).await?,
        SourcesCommand::Refresh { id } => source::refresh(config, &id, output).await?,
        SourcesCommand::Resume { id } => {
            match daemon::heard(config).and_then(|()| daemon::writer(config))? {
                Writer::Daemon(client) => {
                    let answer = client
                        .post(
                            &format!("/api/v1/sources/{id}/resume"),
                            "application/json",
                            Vec::new(),
                        )
                        .await?;
                    daemon::accepted(&answer)?;
                    output.print(&format!("Source \"{id}\" is polled again."))?;
                }
                Writer::Files(_lock) => {
                    let now = Clock::system().now();
                    let store = app::open_store(config, now).await?;
                    let resumed = store.resume_source(&id, now).await?;
                    access::note(&store, "sources resume", id.as_str()).await?;
                    store.close().await;
                    anyhow::ensure!(
                        resumed,
                        "there is no source \"{id}\": `overheard sources list` shows their names"
                    );
                    output.print(&format!(
                        "Source \"{id}\" is polled again at the next start."
                    ))?;
                }
            }
        }
    }
    Ok(0)
}

fn table(statuses: &[SourceStatus], now: Timestamp, output: &Output) -> anyhow::Result<()> {
    if statuses.is_empty() {
        return output.print("No source was polled yet. Start the daemon with `overheard run`.");
    }
    let mut table = output.table(&[
        "source",
        "kind",
        "state",
        "posts",
        "rejects",
        "heard",
        "next poll",
        "errors",
        "gaps",
        "caps",
        "",
    ]);
    for status in statuses {
        table.add_row([
            status.id.to_string(),
            status.kind.clone(),
            status.state.as_str().to_owned(),
            status.posts.to_string(),
            status.rejects.to_string(),
            status
                .succeeded_at
                .map_or("never".to_owned(), |at| format!("{} ago", span(at, now))),
            match status.next_poll_at {
                Some(at) if at > now => format!("in {}", span(now, at)),
                Some(_) => "now".to_owned(),
                None if status.state == SourceState::Paused => "when resumed".to_owned(),
                None => "soon".to_owned(),
            },
            status.coverage.errors.to_string(),
            status.coverage.gaps.to_string(),
            status.coverage.caps.to_string(),
            output.paint(DIM, words(status)),
        ]);
    }
    output.print(&table.to_string())
}

/// What is wrong, else what is odd.
fn words(status: &SourceStatus) -> &str {
    let error = status.error.as_deref();
    error.or(status.warning.as_deref()).unwrap_or("")
}

/// The time from `from` to `to` in its largest two units: `2h 5m`.
#[must_use]
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let span = to.since(from).and_then(|span| {
        span.round(SpanRound::new().largest(Unit::Hour).smallest(
            if to.duration_since(from).as_secs() > 3600 {
                Unit::Minute
            } else {
                Unit::Second
            },
        ))
    });
    span.map_or("a long time".to_owned(), |span| format!("{span:#}"))
}
