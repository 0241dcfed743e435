//! Sources: how each fares, when it is polled next, and what is wrong in words.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::format::{self, ShownTime};
use super::mention_view::Moment;
use super::{Chrome, Place, chrome, error_page, html, links};
use crate::insight::SourceDto;
use crate::web::auth::guard::PageReader;
use crate::web::{Problem, SharedSite, api};

#[derive(Template)]
#[template(path = "web/sources.html")]
struct SourcesPage {
    chrome: Chrome,
    summary: String,
    sources: Vec<Line>,
}

struct Line {
    name: String,
    kind: String,
    href: String,
    state: &'static str,
    glyph: &'static str,
    class: &'static str,
    posts: String,
    rejects: String,
    requests: String,
    heard: Option<ShownTime>,
    next: Option<ShownTime>,
    fault: Option<String>,
    notes: Option<String>,
}

pub(in crate::web) async fn sources(
    State(site): State<SharedSite>,
    reader: PageReader,
) -> Response {
    match page(&site, &reader).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

async fn page(site: &SharedSite, reader: &PageReader) -> Result<SourcesPage, Problem> {
    let sources = api::status::all_sources(site).await?;
    let moment = Moment {
        now: site.web.clock.now(),
        zone: &site.web.zone,
    };
    Ok(SourcesPage {
        chrome: chrome(site, Place::Sources, reader).await?,
        summary: summary(&sources),
        sources: sources.iter().map(|source| line(source, moment)).collect(),
    })
}

fn summary(sources: &[SourceDto]) -> String {
    let posts = sources.iter().map(|source| source.posts).sum();
    let healthy = sources
        .iter()
        .filter(|source| source.state == "healthy")
        .count() as u64;
    let count = sources.len() as u64;
    format!(
        "{} {}, {} healthy, {} {} so far",
        format::number(count),
        format::plural(count, "source", "sources"),
        format::number(healthy),
        format::number(posts),
        format::plural(posts, "post", "posts"),
    )
}

fn line(source: &SourceDto, moment: Moment<'_>) -> Line {
    let (state, glyph, class) = match source.state.as_str() {
        "healthy" => ("healthy", "●", "fine"),
        "failing" => ("failing", "▲", "negative"),
        "paused" => ("paused", "■", "negative"),
        "disabled" => ("disabled", "–", "neutral"),
        "removed" => ("not configured any more", "–", "neutral"),
        _ => ("waiting for its first poll", "○", "neutral"),
    };
    let active = !matches!(source.state.as_str(), "disabled" | "removed" | "paused");
    Line {
        name: source.id.clone(),
        kind: source.kind.clone(),
        href: links::search(&format!("source:{}", source.id)),
        state,
        glyph,
        class,
        posts: format::number(source.posts),
        rejects: format::number(source.rejects),
        requests: format::number(source.requests),
        heard: source.succeeded_at.map(|at| moment.time(at)),
        next: source
            .next_poll_at
            .filter(|_| active)
            .map(|at| moment.time(at)),
        fault: fault(source, moment),
        notes: notes(source, moment),
    }
}

/// What is odd, and what may have been missed.
fn notes(source: &SourceDto, moment: Moment<'_>) -> Option<String> {
    let mut notes: Vec<String> = source
        .warning
        .iter()
        .map(|text| format::sentence(text))
        .collect();
    let coverage = &source.coverage;
    if let Some(at) = coverage.gap_at {
        let noun = format::plural(coverage.gaps, "gap", "gaps");
        let number = format::number(coverage.gaps);
        let exact = moment.time(at).exact;
        notes.push(format!(
            "{number} {noun} so far, in which posts may have been missed; the last ended {exact}"
        ));
    }
    if let Some(until) = coverage.pushed_until {
        notes.push(match coverage.pushed_at {
            Some(at) => format!("A hub sends its news, the last {}", moment.time(at).exact),
            None => format!("A hub sends its news until {}", moment.time(until).exact),
        });
    }
    if coverage.caps > 0 {
        let noun = format::plural(coverage.caps, "poll", "polls");
        let number = format::number(coverage.caps);
        notes.push(format!("{number} {noun} ended at a bound of ours"));
    }
    if coverage.errors > 0 {
        let noun = format::plural(coverage.errors, "poll", "polls");
        notes.push(format!(
            "{} {noun} failed so far",
            format::number(coverage.errors)
        ));
    }
    (!notes.is_empty()).then(|| format!("{}.", notes.join(". ")))
}

/// What is wrong, since when, and what happens next.
fn fault(source: &SourceDto, moment: Moment<'_>) -> Option<String> {
    let error = source.error.as_ref()?;
    let mut text = format::sentence(error);
    match source.state.as_str() {
        "paused" => text.push_str(". It stays paused until the configuration changes"),
        "failing" => {
            let noun = format::plural(u64::from(source.failures), "poll", "polls");
            text.push_str(&format!(". {} failed {noun} in a row", source.failures));
        }
        _ => return None,
    }
    match source.succeeded_at {
        Some(at) => text.push_str(&format!("; it last worked {}.", moment.time(at).exact)),
        None => text.push_str("; it has never worked."),
    }
    Some(text)
}
