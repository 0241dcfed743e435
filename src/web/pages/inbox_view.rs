//! What the inbox says besides its rows: counts, choices, faults, and what an empty list means.

use jiff::Timestamp;

use super::format;
use super::inbox::Parameter;
use super::mention_view::Moment;
use super::score_view::sign;
use crate::domain::SentimentLabel;
use crate::insight::SourceDto;
use crate::web::Problem;
use crate::web::api::search::RANGES;

/// A hidden field of the search form.
#[derive(Debug)]
pub(in crate::web) struct Field {
    pub name: &'static str,
    pub value: String,
}

/// A link that changes one part of the state.
#[derive(Debug)]
pub(in crate::web) struct Choice {
    pub name: &'static str,
    pub href: String,
    pub current: bool,
}

/// A share of the matches, a part of a bar that is 1000 wide, and a door to its query.
#[derive(Debug)]
pub(in crate::web) struct Tally {
    pub class: &'static str,
    pub sign: &'static str,
    pub count: String,
    pub percent: String,
    pub href: String,
    pub x: u64,
    pub width: u64,
}

/// Why there are no rows.
#[derive(Debug, Default)]
pub(in crate::web) struct Empty {
    pub title: String,
    pub lines: Vec<String>,
    pub links: Vec<Choice>,
}

/// What is wrong with the query.
#[derive(Debug)]
pub(in crate::web) struct Fault {
    pub title: &'static str,
    pub rendering: Option<String>,
    pub detail: String,
    pub advice: &'static str,
}

/// What is searched.
const SCOPES: [(&str, &str); 2] = [("mentions", ""), ("posts", "all")];

/// The orders that one click offers.
pub(in crate::web) const ORDERS: [(&str, &str); 2] = [("newest", ""), ("relevant", "relevance")];

pub(in crate::web) fn scopes(state: &Parameter) -> Vec<Choice> {
    choices(
        &SCOPES,
        |value| state.fresh(|state| value.clone_into(&mut state.scope)),
        &state.scope,
    )
}

pub(in crate::web) fn ranges(state: &Parameter) -> Vec<Choice> {
    choices(
        &RANGES,
        |value| state.fresh(|state| value.clone_into(&mut state.range)),
        &state.range,
    )
}

pub(in crate::web) fn orders(state: &Parameter) -> Vec<Choice> {
    choices(
        &ORDERS,
        |value| state.fresh(|state| value.clone_into(&mut state.sort)),
        &state.sort,
    )
}

fn choices(
    all: &[(&'static str, &'static str)],
    href: impl Fn(&str) -> String,
    current: &str,
) -> Vec<Choice> {
    all.iter()
        .map(|(name, value)| Choice {
            name,
            href: href(value),
            current: *value == current,
        })
        .collect()
}

/// The sentiments among the matches that were scored; none when there are none.
pub(in crate::web) fn tallies(counts: [u64; 3], state: &Parameter) -> Vec<Tally> {
    let sum: u64 = counts.iter().sum();
    if sum == 0 {
        return Vec::new();
    }
    let mut end = 0;
    let mut tallies = Vec::with_capacity(counts.len());
    for (label, count) in SentimentLabel::ALL.into_iter().zip(counts) {
        let x = end * 1000 / sum;
        end += count;
        tallies.push(Tally {
            class: label.as_str(),
            sign: sign(label),
            count: format::number(count),
            percent: format::percent(count as f64 / sum as f64),
            href: state.fresh(|state| state.q = with_sentiment(&state.q, label)),
            x,
            width: end * 1000 / sum - x,
        });
    }
    tallies
}

/// The counts in a sentence, for those who do not see the bar.
pub(in crate::web) fn tallies_label(tallies: &[Tally]) -> String {
    let parts: Vec<_> = tallies
        .iter()
        .map(|tally| format!("{} {}", tally.count, tally.class))
        .collect();
    parts.join(", ")
}

/// The query with the label; one that is there already is replaced.
fn with_sentiment(query: &str, label: SentimentLabel) -> String {
    let mut rest = query.to_owned();
    for other in SentimentLabel::ALL {
        let leaf = format!(" sentiment:{}", other.as_str());
        if let Some(shorter) = rest.strip_suffix(&leaf) {
            rest = shorter.to_owned();
        } else if rest == leaf.trim_start() {
            rest.clear();
        }
    }
    let leaf = format!("sentiment:{}", label.as_str());
    match rest.trim() {
        "" => leaf,
        // OR beside AND is an error without brackets.
        rest if rest.contains(" OR ") && !is_bracketed(rest) => format!("({rest}) {leaf}"),
        rest => format!("{rest} {leaf}"),
    }
}

/// Whether the first bracket closes at the very end.
fn is_bracketed(text: &str) -> bool {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return text.starts_with('(') && at + 1 == text.len();
        }
    }
    false
}

pub(in crate::web) fn fault(problem: &Problem) -> Fault {
    let rendering = problem.rendering().map(ToOwned::to_owned);
    let (title, advice) = if rendering.is_some() {
        (
            "This query cannot be read",
            "Correct it above and search again. Words side by side must all occur; \"quotes\" keep them together; OR, NOT and ( ) combine.",
        )
    } else if problem.status().is_server_error() {
        (
            "The search failed",
            "Try again in a moment; the daemon's log has the cause.",
        )
    } else {
        (
            "That does not work",
            "Change it above or start again at the inbox.",
        )
    };
    Fault {
        title,
        rendering,
        detail: problem.detail().to_owned(),
        advice,
    }
}

/// What an empty list means, and what comes next.
pub(in crate::web) fn empty(state: &Parameter, sources: &[SourceDto], moment: Moment<'_>) -> Empty {
    let mut empty = Empty::default();
    if !state.q.is_empty() || !state.range.is_empty() {
        "Nothing matches".clone_into(&mut empty.title);
        let range = RANGES.iter().find(|(_, value)| *value == state.range);
        empty.lines.push(match range {
            Some((name, value)) if !value.is_empty() => {
                format!("No mention of the last {name} matches this query.")
            }
            _ => "No mention matches this query.".to_owned(),
        });
        if state.scope.is_empty() {
            let href = state.fresh(|state| "all".clone_into(&mut state.scope));
            let name = "Search posts that no monitor matches, too";
            empty.links.push(Choice {
                name,
                href,
                current: false,
            });
        }
        if !state.range.is_empty() {
            let href = state.fresh(|state| state.range.clear());
            empty.links.push(Choice {
                name: "Search any time",
                href,
                current: false,
            });
        }
        empty.links.push(Choice {
            name: "Back to the inbox",
            href: "/".to_owned(),
            current: false,
        });
        return empty;
    }
    "No mentions yet".clone_into(&mut empty.title);
    empty.lines.push(next_poll(sources, moment));
    empty
}

fn next_poll(sources: &[SourceDto], moment: Moment<'_>) -> String {
    let active: Vec<_> = sources
        .iter()
        .filter(|source| matches!(source.state.as_str(), "healthy" | "failing" | "waiting"))
        .collect();
    let count = active.len() as u64;
    if count == 0 {
        return "No source is polled. Add one to overheard.toml, then run \"overheard reload\"."
            .to_owned();
    }
    let next: Option<Timestamp> = active.iter().filter_map(|source| source.next_poll_at).min();
    let of = format!(
        "{} {}",
        format::number(count),
        format::plural(count, "source", "sources")
    );
    match next.map(|at| moment.time(at).relative) {
        Some(when) if when.starts_with("in ") => format!("The next poll of {of} is {when}."),
        _ => format!("The first poll of {of} is under way."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentiment_joins_the_query_or_replaces_its_like() {
        let check = |query, expected| {
            assert_eq!(with_sentiment(query, SentimentLabel::Negative), expected);
        };
        check("", "sentiment:negative");
        check("sentiment:positive", "sentiment:negative");
        check("battery", "battery sentiment:negative");
        check("battery sentiment:neutral", "battery sentiment:negative");
        check("a OR b", "(a OR b) sentiment:negative");
        check("(a OR b)", "(a OR b) sentiment:negative");
        check("(a OR b) OR (c)", "((a OR b) OR (c)) sentiment:negative");
    }

    #[test]
    fn the_bar_is_full_and_each_part_a_door() {
        let tallies = tallies([2, 1, 0], &Parameter::default());
        assert_eq!(tallies.iter().map(|tally| tally.width).sum::<u64>(), 1000);
        assert_eq!(tallies[0].percent, "67 %");
        assert_eq!(tallies[0].href, "/?q=sentiment%3Anegative");
        assert_eq!(tallies_label(&tallies), "2 negative, 1 neutral, 0 positive");
    }
}
