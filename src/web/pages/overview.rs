//! Overview: a period in numbers, each number a door to the mentions behind it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::chart::{Chart, chart};
use super::facets::asking;
use super::inbox_view::{self as view, Choice, Fault};
use super::score_view::sign;
use super::{Chrome, Place, Stated, chrome, error_page, format, html, links};
use crate::domain::{BrandRole, SentimentLabel};
use crate::insight::overview::{Compared, LabelCountDto};
use crate::insight::{OverviewDto, Period};
use crate::web::auth::guard::PageReader;
use crate::web::{Problem, SharedSite, api};

/// The whole state of the page.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::web) struct Parameter {
    #[serde(default)]
    q: String,
    #[serde(default)]
    period: Period,
}

impl Parameter {
    fn href(&self, period: Period) -> String {
        let period = if period == Period::default() {
            ""
        } else {
            period.as_str()
        };
        links::with_query("/overview", &[("q", &self.q), ("period", period)])
    }

    /// The inbox with the query narrowed to the period and to `leaf`.
    fn inbox(&self, leaf: &str) -> String {
        let since = format!("since:{}", self.period.as_str());
        links::search(&narrowed(&narrowed(&self.q, leaf), &since))
    }
}

/// Both queries; OR beside AND is an error without brackets.
pub(super) fn narrowed(query: &str, leaf: &str) -> String {
    let bracketed = |part: &str| match part.contains(" OR ") {
        true => format!("({part})"),
        false => part.to_owned(),
    };
    match (query.trim(), leaf) {
        ("", leaf) => leaf.to_owned(),
        (query, "") => query.to_owned(),
        (query, leaf) => format!("{} {}", bracketed(query), bracketed(leaf)),
    }
}

#[derive(Template)]
#[template(path = "web/overview.html")]
struct OverviewPage {
    chrome: Chrome,
    query: String,
    fault: Option<Fault>,
    periods: Vec<Choice>,
    period: &'static str,
    total: Figure,
    sentiments: Vec<Figure>,
    chart: Option<Chart>,
    panels: Vec<Panel>,
}

/// A number, how it changed, and the search behind it.
#[derive(Default)]
struct Figure {
    name: String,
    sign: &'static str,
    class: &'static str,
    count: String,
    change: String,
    href: String,
}

/// A ranked list with bars.
struct Panel {
    title: &'static str,
    empty: &'static str,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    strong: bool,
    count: String,
    change: String,
    /// Of 1000.
    width: u64,
    href: String,
}

pub(in crate::web) async fn overview(
    State(site): State<SharedSite>,
    reader: PageReader,
    Stated(state): Stated<Parameter>,
) -> Response {
    match page(&site, &reader, state).await {
        Ok((status, page)) => html(status, &page),
        Err(problem) => error_page(&site, &problem),
    }
}

async fn page(
    site: &SharedSite,
    reader: &PageReader,
    mut state: Parameter,
) -> Result<(StatusCode, OverviewPage), Problem> {
    state.q = state.q.trim().to_owned();
    let mut page = OverviewPage {
        chrome: chrome(site, Place::Overview, reader).await?,
        query: state.q.clone(),
        fault: None,
        periods: Period::ALL
            .into_iter()
            .map(|period| Choice {
                name: period_name(period),
                href: state.href(period),
                current: period == state.period,
            })
            .collect(),
        period: period_words(state.period),
        total: Figure::default(),
        sentiments: Vec::new(),
        chart: None,
        panels: Vec::new(),
    };
    let found = match api::search::parse(&state.q) {
        Ok(query) => {
            let declared = site.web.declared.borrow().clone();
            let mentions = api::search::scoped(query, "", &declared.monitors)?;
            api::overview::of(site, &mentions, state.period).await
        }
        Err(problem) => Err(problem),
    };
    let found = match found {
        Ok(found) => found,
        Err(problem) if problem.status().is_client_error() => {
            page.fault = Some(view::fault(&problem));
            return Ok((problem.status(), page));
        }
        Err(problem) => return Err(problem),
    };
    page.fill(&state, &found, site);
    Ok((StatusCode::OK, page))
}

impl OverviewPage {
    fn fill(&mut self, state: &Parameter, found: &OverviewDto, site: &SharedSite) {
        self.total = figure("mentions", "", "", found.total, state.inbox(""));
        let sentiments = [found.negative, found.neutral, found.positive];
        self.sentiments = SentimentLabel::ALL
            .into_iter()
            .zip(sentiments)
            .map(|(label, compared)| {
                let href = state.inbox(&format!("sentiment:{}", label.as_str()));
                figure(label.as_str(), sign(label), label.as_str(), compared, href)
            })
            .collect();
        if found.total.count > 0 {
            self.chart = Some(chart(found, &site.web.zone, |range| {
                links::search(&narrowed(&state.q, range))
            }));
        }
        let brands = found.brands.iter().map(|brand| Line {
            name: brand.brand.clone(),
            strong: brand.role == BrandRole::Own,
            href: state.inbox(&brand.query),
            ..line(brand.count, Some(brand.before))
        });
        self.panels = vec![
            panel(
                "Share of voice",
                "No monitor names a brand: write brand = \"..\" in its [[monitors]] block.",
                brands.collect(),
            ),
            labels(
                "Intents",
                "No intents were found.",
                "intent",
                &found.intents,
                state,
            ),
            labels(
                "Emotions",
                "No emotions were found.",
                "emotion",
                &found.emotions,
                state,
            ),
            labels(
                "Authors",
                "Nobody wrote anything.",
                "author",
                &found.authors,
                state,
            ),
            labels(
                "Networks",
                "No network brought anything.",
                "network",
                &found.networks,
                state,
            ),
        ];
    }
}

fn figure(
    name: &str,
    sign: &'static str,
    class: &'static str,
    compared: Compared,
    href: String,
) -> Figure {
    Figure {
        name: name.to_owned(),
        sign,
        class,
        count: format::number(compared.count),
        change: change(compared.count, compared.before),
        href,
    }
}

fn labels(
    title: &'static str,
    empty: &'static str,
    field: &str,
    counts: &[LabelCountDto],
    state: &Parameter,
) -> Panel {
    let lines = counts.iter().filter_map(|counted| {
        let query = asking(field, &counted.value)?;
        Some(Line {
            name: match field {
                "network" => format::network(&counted.value),
                "author" => counted.value.clone(),
                _ => counted.value.replace('_', " "),
            },
            href: state.inbox(&query.to_string()),
            ..line(counted.count, counted.before)
        })
    });
    panel(title, empty, lines.collect())
}

/// A line without its name and address.
fn line(count: u64, before: Option<u64>) -> Line {
    Line {
        name: String::new(),
        strong: false,
        count: format::number(count),
        change: before.map_or(String::new(), |before| change(count, before)),
        width: count,
        href: String::new(),
    }
}

/// Lines whose widths are counts get them in parts of the largest.
fn panel(title: &'static str, empty: &'static str, mut lines: Vec<Line>) -> Panel {
    let most = lines
        .iter()
        .map(|line| line.width)
        .max()
        .unwrap_or(0)
        .max(1);
    for line in &mut lines {
        line.width = line.width * 1000 / most;
    }
    Panel {
        title,
        empty,
        lines,
    }
}

/// `+38 %`, `−5 %`, `as before`, `new`; nothing where there is nothing to compare.
fn change(count: u64, before: u64) -> String {
    match (count, before) {
        (0, 0) => String::new(),
        (_, 0) => "new".to_owned(),
        (count, before) if count == before => "as before".to_owned(),
        (count, before) => {
            let share = (count as f64 - before as f64) / before as f64;
            let sign = if share < 0.0 { "−" } else { "+" };
            match (share.abs() * 100.0).round() {
                percent if percent < 1.0 => "as before".to_owned(),
                percent if percent > 999.0 => "+999 %".to_owned(),
                percent => format!("{sign}{percent} %"),
            }
        }
    }
}

fn period_name(period: Period) -> &'static str {
    match period {
        Period::Day => "24 h",
        Period::Week => "7 d",
        Period::Month => "30 d",
        Period::Quarter => "90 d",
    }
}

fn period_words(period: Period) -> &'static str {
    match period {
        Period::Day => "24 hours",
        Period::Week => "7 days",
        Period::Month => "30 days",
        Period::Quarter => "90 days",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_said_as_people_say_it() {
        for (count, before, expected) in [
            (0, 0, ""),
            (5, 0, "new"),
            (0, 5, "−100 %"),
            (7, 7, "as before"),
            (138, 100, "+38 %"),
            (95, 100, "−5 %"),
            (10_001, 10_000, "as before"),
            (50_000, 100, "+999 %"),
        ] {
            assert_eq!(change(count, before), expected, "{count} after {before}");
        }
    }

    #[test]
    fn a_narrowed_query_still_parses() {
        for (query, leaf, expected) in [
            ("", "intent:complaint", "intent:complaint"),
            ("a OR b", "since:7d", "(a OR b) since:7d"),
            ("a", "monitor:x OR monitor:y", "a (monitor:x OR monitor:y)"),
        ] {
            assert_eq!(narrowed(query, leaf), expected);
            assert!(crate::query::Query::parse(expected).is_ok());
        }
    }
}
