//! Where a query's words stand in a text, and a piece of the text around the first of them.

use std::ops::Range;

use super::ast::{Query, Scope, Test};
use super::tokens::FieldTokens;

/// A piece of a text with the places that matched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// The piece; begins or ends with `…` where something was cut.
    pub text: String,
    /// Byte ranges of `text`, ascending, at character boundaries.
    pub ranges: Vec<Range<usize>>,
}

/// Byte ranges of a post's body that a positive word, phrase or prefix matched: ascending, not
/// overlapping, at character boundaries. Leaves under `NOT` and on the title mark nothing.
#[must_use]
pub fn highlight(query: &Query, text: &str) -> Vec<Range<usize>> {
    marked(query, text, Scope::Text)
}

/// The same for a post's title.
#[must_use]
pub fn highlight_title(query: &Query, title: &str) -> Vec<Range<usize>> {
    marked(query, title, Scope::Title)
}

fn marked(query: &Query, text: &str, scope: Scope) -> Vec<Range<usize>> {
    let tokens = FieldTokens::new(text);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (leaf, positive) in query.leaves() {
        if let Test::Text(test) = &leaf.test
            && positive
            && (test.scope == scope || test.scope == Scope::Anywhere)
        {
            ranges.extend(tokens.find(&test.pattern));
        }
    }
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Cuts at most `max_chars` characters (and a `…` at each end that was cut) out of `text`, around
/// the first of `ranges`, at white space where there is some near; moves the ranges along.
#[must_use]
pub fn snippet(text: &str, ranges: &[Range<usize>], max_chars: usize) -> Snippet {
    let first = ranges.first().map_or(0, |range| range.start);
    let window = window(text, first, max_chars);
    let mut out = String::with_capacity(window.len() + 6);
    if window.start > 0 {
        out.push('…');
    }
    let shift = out.len();
    out.push_str(&text[window.clone()]);
    if window.end < text.len() {
        out.push('…');
    }
    let ranges = ranges
        .iter()
        .filter(|range| range.start < window.end && range.end > window.start)
        .map(|range| {
            let start = range.start.max(window.start) - window.start + shift;
            let end = range.end.min(window.end) - window.start + shift;
            start..end
        })
        .collect();
    Snippet { text: out, ranges }
}

/// The bytes to show: a quarter of the room goes before the first match.
fn window(text: &str, first: usize, max_chars: usize) -> Range<usize> {
    let mut start = 0;
    let after = |from: usize, chars: usize| {
        text[from..]
            .char_indices()
            .nth(chars)
            .map_or(text.len(), |(at, _)| from + at)
    };
    if after(0, max_chars) < text.len() {
        let lead = text[..first]
            .char_indices()
            .rev()
            .take(max_chars / 4)
            .last();
        start = lead.map_or(first, |(at, _)| at);
        if !text[..start].ends_with(char::is_whitespace) && start > 0 {
            // Begin with a whole word.
            let lead = &text[start..first];
            start += lead.find(char::is_whitespace).unwrap_or(0);
        }
        start += text[start..first].len() - text[start..first].trim_start().len();
    }
    let mut end = after(start, max_chars);
    if end < text.len() {
        let piece = &text[start..end];
        // A cut word is worse than a shorter piece, unless little would stay.
        if let Some(space) = piece.rfind(char::is_whitespace)
            && space > piece.len() / 2
            && start + space > first
        {
            end = start + piece[..space].trim_end().len();
        }
    }
    start..end
}
