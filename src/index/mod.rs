//! The search index: a projection of the store in tantivy, which can always be built anew.
//!
//! **The payload of each commit says which store it belongs to and up to which sequence number.**
//! What is not sure (no payload, another store, another version, damage) is renamed aside and built
//! again; nothing is ever renamed because of a lock or a permission. **A query finds a post here if
//! and only if `query::matches` says true of it**; a property test holds the two together. Texts are
//! indexed, not kept: the store has them.

mod compile;
mod document;
mod error;
mod facets;
mod guarded;
#[cfg(test)]
mod hostile;
mod near;
pub mod nearest;
mod open;
#[cfg(test)]
mod parity;
mod reader;
mod schema;
mod survey;
#[cfg(test)]
mod tests;
mod tokenizer;
mod writer;

pub use error::IndexError;
pub use open::{Index, Opened};
pub use reader::{Facet, Hit, IndexReader, MAX_VALUES, Nearest, SearchOptions, SearchResult};
pub use schema::facet_column;
pub use survey::{FACETS, NoPosition, Position, SLOT_SECS};
pub use writer::{IndexChange, IndexWriter};
