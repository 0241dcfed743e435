//! Daily digests: what was said on one local day, monitor by monitor, as Markdown, HTML and JSON.
//!
//! A digest has one IANA zone and one locale; its words stand in one catalogue. A run is keyed by digest
//! and local date, so that neither a restart nor a clock that jumps writes or announces a day twice.
//! Files are written atomically. Nothing here sends anything: `digest.ready` goes through the outbox.

mod build;
mod catalogue;
mod html;
mod json;
mod markdown;
mod plan;
mod run;
mod window;

#[cfg(test)]
mod tests;

pub use build::{Author, Counts, Digest, Section, TopPost, build};
pub use catalogue::{Catalogue, Locale};
pub use html::to_html;
pub use json::to_json;
pub use markdown::to_markdown;
pub use plan::{DigestPlan, PlanError, due_date};
pub use run::{DigestError, Written, collect, write, write_due};
pub use window::day;
