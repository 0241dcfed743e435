//! The query language: one for search, monitors, alerts, webhook filters and digests.
//!
//! A text is cut (`lexer`), understood (`parser`, with the table in `fields`) into one tree (`ast`),
//! printed back in canonical form (`print`) and judged against one post in memory (`matcher`). The
//! index compiles the same tree; a property test there keeps both equal. Pure: no IO, no clock.

pub(crate) mod address;
pub mod ast;
pub mod candidates;
mod check;
pub mod error;
pub mod explain;
mod fields;
pub mod highlight;
mod leaf;
mod lexer;
pub mod matcher;
mod near;
mod parser;
mod print;
pub(crate) mod spans;
pub mod time;
pub mod tokens;
pub mod wildcard;

pub use ast::{
    AddressField, Expr, Flag, LabelField, Leaf, NumberField, Pattern, Query, Scope, Sort, Test,
    TextTest, Word,
};
pub use candidates::Candidates;
pub use check::{check_matchable, check_monitor};
pub use error::QueryError;
pub use fields::vocabulary;
pub use highlight::{Snippet, highlight, highlight_title, snippet};
pub use matcher::{Candidate, Known, Truth, matches, matches_tokens};
pub use time::MatchContext;
pub use tokens::PostTokens;
pub use wildcard::Wildcard;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
