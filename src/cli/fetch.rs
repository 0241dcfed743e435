//! `overheard fetch explain`: what the poller would do with a URL, and why.

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::args::ExplainArgs;
use super::output::Output;
use crate::app;
use crate::config::{Config, SourceConfig, SourceKind};
use crate::domain::HttpState;
use crate::fetch::explain::{ExplainedHop, Explanation};
use crate::fetch::{Fetcher, Url};
use crate::runtime::Clock;

/// What `--json` prints.
#[derive(Serialize)]
struct Explained {
    url: String,
    /// Nobody was asked.
    offline: bool,
    /// Why nobody was asked although that was wanted.
    held: Option<String>,
    #[serde(flatten)]
    explanation: Explanation,
    /// What is stored of the URL, for each credential.
    stored: Vec<StoredState>,
    /// Configured sources on the URL.
    sources: Vec<SourceOnIt>,
    /// No request goes out before this time, whoever asks.
    earliest_next_request: Timestamp,
}

#[derive(Serialize)]
struct StoredState {
    credential: String,
    etag: Option<String>,
    last_modified: Option<String>,
    not_before: Option<Timestamp>,
    moved_to: Option<String>,
    /// Polls in a row that were led there; from 3 on it is asked directly.
    moved_seen: u32,
}

#[derive(Serialize)]
struct SourceOnIt {
    id: String,
    state: String,
    next_poll_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
    pace_secs: u64,
    warning: Option<String>,
}

/// Explains one URL. Returns the exit status.
///
/// # Errors
/// A text that is no URL, or a store that cannot be read.
pub async fn explain(config: &Config, args: &ExplainArgs, output: &Output) -> anyhow::Result<i32> {
    let url = Url::parse(&args.url).with_context(|| {
        format!(
            "\"{}\" is not a URL: write it like https://example.com/feed.xml",
            args.url
        )
    })?;
    let clock = Clock::system();
    let now = clock.now();
    let fetcher = Fetcher::new(&config.fetch, clock)?;
    let on_it: Vec<&SourceConfig> = config
        .sources
        .iter()
        .filter(|source| is_on(source, &url))
        .collect();
    let obey_robots = !on_it.iter().any(|source| ignores_robots(source));
    let (stored, sources) = stored(config, &url, &on_it, &fetcher).await?;

    let offline = fetcher.explain_offline(&url, obey_robots);
    let held_until = offline.hops.first().and_then(|hop| hop.limits.held_until);
    let demands = stored.iter().map(|state| state.not_before);
    let demands = demands.chain(sources.iter().map(|source| source.not_before));
    let demand = demands.chain([held_until]).flatten().max();
    let demand = demand.filter(|at| *at > now);
    let held = demand.filter(|_| !args.offline);
    let explanation = if args.offline || held.is_some() {
        offline
    } else {
        fetcher.explain(&url, obey_robots).await
    };
    let learned = explanation
        .hops
        .iter()
        .filter_map(|hop| hop.limits.held_until)
        .max();
    let explained = Explained {
        url: args.url.clone(),
        offline: args.offline || held.is_some(),
        held: held.map(|at| format!("nobody was asked: the server wants no request before {at}")),
        earliest_next_request: demand.max(learned).unwrap_or(now).max(now),
        explanation,
        stored,
        sources,
    };
    let is_fine = if explained.offline {
        explained
            .explanation
            .hops
            .iter()
            .all(|hop| hop.guard.allowed)
    } else {
        explained.explanation.answered
    };
    if args.json {
        output.json(&explained)?;
    } else {
        output.print(&text(&explained))?;
    }
    Ok(i32::from(!is_fine))
}

/// What the store knows of the URL and of the sources on it; nothing where there is no store yet.
async fn stored(
    config: &Config,
    url: &Url,
    on_it: &[&SourceConfig],
    fetcher: &Fetcher,
) -> anyhow::Result<(Vec<StoredState>, Vec<SourceOnIt>)> {
    // Who only looks at a URL needs no data directory.
    let Ok(store) = app::open_store_read_only(config).await else {
        return Ok((Vec::new(), Vec::new()));
    };
    fetcher.restore_holds(store.holds().await?);
    let mut plain = url.clone();
    plain.set_fragment(None);
    let states = store.http_states(plain.as_str()).await?;
    let mut sources = Vec::new();
    for source in on_it {
        let status = store.source_status(&source.id).await?;
        sources.push(SourceOnIt {
            id: source.id.to_string(),
            state: status
                .as_ref()
                .map_or("waiting", |status| status.state.as_str())
                .to_owned(),
            next_poll_at: status.as_ref().and_then(|status| status.next_poll_at),
            not_before: status.as_ref().and_then(|status| status.not_before),
            pace_secs: status.as_ref().map_or(0, |status| status.pace_secs),
            warning: status.and_then(|status| status.warning),
        });
    }
    Ok((states.into_iter().map(StoredState::from).collect(), sources))
}

fn is_on(source: &SourceConfig, url: &Url) -> bool {
    let own = source.kind.url().and_then(|own| Url::parse(own).ok());
    own.is_some_and(|mut own| {
        let mut url = url.clone();
        own.set_fragment(None);
        url.set_fragment(None);
        own == url
    })
}

fn ignores_robots(source: &SourceConfig) -> bool {
    matches!(&source.kind, SourceKind::Feed(feed) if !feed.obey_robots)
}

fn text(explained: &Explained) -> String {
    let mut lines = Vec::new();
    for hop in &explained.explanation.hops {
        tell_hop(hop, &mut lines);
    }
    if let Some(held) = &explained.held {
        lines.push(held.clone());
    }
    if let Some(outcome) = &explained.explanation.outcome {
        lines.push(format!("outcome        {outcome}"));
    }
    for state in &explained.stored {
        let whose = match state.credential.as_str() {
            "" => String::new(),
            name => format!(" (with {name})"),
        };
        let validator = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        lines.push(format!(
            "stored{whose}         ETag {}, Last-Modified {}",
            validator(&state.etag),
            validator(&state.last_modified)
        ));
        if let Some(to) = &state.moved_to {
            lines.push(format!(
                "redirect       to {to}, {} polls in a row (settled from 3 on)",
                state.moved_seen
            ));
        }
    }
    if explained.stored.is_empty() {
        lines.push("stored         nothing".to_owned());
    }
    for source in &explained.sources {
        let next = source
            .next_poll_at
            .map_or("not planned".to_owned(), |at| at.to_string());
        lines.push(format!(
            "source         {}: {}, next poll {next}",
            source.id, source.state
        ));
    }
    lines.push(format!(
        "next request   not before {}",
        explained.earliest_next_request
    ));
    lines.join("\n")
}

fn tell_hop(hop: &ExplainedHop, lines: &mut Vec<String>) {
    let status = hop
        .status
        .map_or(String::new(), |status| format!("  {status}"));
    lines.push(format!("{}{status}", hop.url));
    let guard = match (&hop.guard.reason, hop.guard.addresses.as_slice()) {
        (Some(reason), _) => format!("refused: {reason}"),
        (None, []) => "allowed; the name was not looked up".to_owned(),
        (None, addresses) => {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!("allowed: {}", addresses.join(", "))
        }
    };
    lines.push(format!("  address guard  {guard}"));
    let robots = match &hop.robots {
        None if hop.guard.allowed => "not obeyed, by the configuration".to_owned(),
        None => "not asked".to_owned(),
        Some(robots) => {
            let verdict = match robots.allowed {
                Some(true) => "allowed",
                Some(false) => "disallowed",
                None => "unknown",
            };
            let why = robots.rule.as_ref().or(robots.reason.as_ref());
            let why = why.map_or("no rule matches", String::as_str);
            let delay = robots.crawl_delay_secs;
            let delay = delay.map_or(String::new(), |delay| format!("; Crawl-delay {delay} s"));
            format!("{verdict}: {why}{delay}")
        }
    };
    lines.push(format!("  robots.txt     {robots}"));
    let limits = &hop.limits;
    let held = limits.held_until;
    let held = held.map_or(String::new(), |at| format!("; no request before {at}"));
    lines.push(format!(
        "  host           {}: one request at a time, {} ms apart{held}",
        limits.group, limits.spacing_ms
    ));
}

impl From<HttpState> for StoredState {
    fn from(state: HttpState) -> Self {
        let moved = state.moved;
        Self {
            credential: state.key.credential,
            etag: state.etag,
            last_modified: state.last_modified,
            not_before: state.not_before,
            moved_seen: moved.as_ref().map_or(0, |moved| moved.seen),
            moved_to: moved.map(|moved| moved.to),
        }
    }
}
