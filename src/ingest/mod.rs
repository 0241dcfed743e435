//! From a source's answer to a committed mention: poll, normalise, deduplicate, score, link, match, commit.
//!
//! **A cursor moves only in the transaction that stores what was read** (`Pipeline::process`), so a
//! crash anywhere before it repeats the poll and a crash after it repeats nothing.
//! Nothing here speaks HTTP or SQL, and nothing here sends anything to the outside.

mod fault;
mod indexer;
mod monitors;
mod normalize;
mod pipeline;
mod poller;
mod rescore;
mod rota;
mod schedule;
pub mod websub;

#[cfg(test)]
mod tests;

pub use indexer::{Indexer, IndexerError, IndexerStep, follow};
pub use monitors::{Monitors, Verdict};
pub use normalize::{normalize, scored_text};
pub use pipeline::{IngestError, Pipeline};
pub use poller::{PollOutcome, Poller, PollerParts};
pub use rescore::{RescoreError, Rescored, rescore};
pub use rota::{Rota, RotaHandle};
pub use schedule::{PollSchedule, backoff};
