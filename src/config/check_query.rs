//! Checks of queries: monitors and the endpoints' filters must be understood before anything starts.

use std::ops::Range;

use super::layers::{Findings, Texts};
use super::read::Section;
use super::{EndpointConfig, MonitorConfig};
use crate::query::{Query, QueryError, check_monitor};

pub(super) fn monitors(
    monitors: &[Section<'_, MonitorConfig>],
    texts: &Texts,
    findings: &mut Findings,
) {
    for monitor in monitors {
        let what = format!("the query of monitor \"{}\"", monitor.value.id);
        check(
            &what,
            &monitor.value.query,
            monitor.span("query"),
            texts,
            findings,
        );
    }
}

pub(super) fn filters(
    endpoints: &[Section<'_, EndpointConfig>],
    texts: &Texts,
    findings: &mut Findings,
) {
    for endpoint in endpoints {
        if let Some(filter) = &endpoint.value.filter {
            let what = format!("the filter of endpoint \"{}\"", endpoint.value.id);
            check(&what, filter, endpoint.span("filter"), texts, findings);
        }
    }
}

fn check(what: &str, query: &str, span: Range<usize>, texts: &Texts, findings: &mut Findings) {
    let checked = Query::parse(query).and_then(|query| check_monitor(&query));
    if let Err(error) = checked {
        findings.note(
            place_of(&error, query, &span, texts),
            format!("{what}: {}", error.message()),
            error.expected().map(str::to_owned),
        );
    }
}

/// The place within the quotes, when the query stands there letter by letter; else the whole value.
fn place_of(error: &QueryError, query: &str, span: &Range<usize>, texts: &Texts) -> Range<usize> {
    let inner = error.span();
    for quote in ["'''\n", "\"\"\"\n", "'''", "\"\"\"", "'", "\""] {
        let start = span.start.saturating_add(quote.len());
        let written = texts.slice(&(span.start..start.saturating_add(query.len())));
        if written == Some(format!("{quote}{query}").as_str()) {
            return start + inner.start..start + inner.end;
        }
    }
    span.clone()
}
