//! What a query can't ask for where posts are judged one by one as they arrive. Says so with the place.

use super::ast::{LabelField, Query, Test};
use super::error::QueryError;
use super::lexer::{Kind, lex};

const WHEN_IT_ARRIVES: &str = "remove it; a monitor judges each post when it arrives";

/// Refuses what has no meaning in a monitor, which judges each post once, when it arrives.
///
/// # Errors
/// When the query asks for a time or for another monitor.
pub fn check_monitor(query: &Query) -> Result<(), QueryError> {
    for (leaf, _) in query.leaves() {
        let (what, instead) = match &leaf.test {
            Test::Time { edge, .. } => (edge.as_str(), WHEN_IT_ARRIVES),
            Test::Date { .. } => ("date", WHEN_IT_ARRIVES),
            Test::Label {
                field: LabelField::Monitor,
                ..
            } => (
                "monitor",
                "write that monitor's query in its place, in brackets",
            ),
            _ => continue,
        };
        let message = format!("{what}: has no meaning in a monitor");
        return Err(QueryError::new(query.source(), leaf.span.clone(), message).expecting(instead));
    }
    for (there, name) in [
        (query.sort().is_some(), "sort"),
        (query.similar().is_some(), "similar"),
    ] {
        if there {
            let message = format!("{name}: has no meaning in a monitor");
            return Err(at_directive(query, name, message).expecting("remove it"));
        }
    }
    Ok(())
}

/// Refuses what only an index can answer, where posts are judged one by one.
///
/// # Errors
/// When the query has a `similar:`.
pub fn check_matchable(query: &Query) -> Result<(), QueryError> {
    if query.similar().is_some() {
        let message = "similar: asks for the nearest of all posts, and here each is judged alone";
        return Err(at_directive(query, "similar", message).expecting("remove it, or use search"));
    }
    Ok(())
}

/// An error that points at a directive of the query, and not at a phrase that looks like one.
fn at_directive(query: &Query, name: &str, message: impl Into<String>) -> QueryError {
    let source = query.source();
    let lexemes = lex(source).unwrap_or_default();
    let found = lexemes.windows(2).find_map(|pair| match &pair[0].kind {
        Kind::Field(field) if field == name => Some(pair[0].span.start..pair[1].span.end),
        _ => None,
    });
    QueryError::new(source, found.unwrap_or(0..0), message)
}
