//! Pure types that every other module speaks: no IO, no clock, no tokio.
//!
//! Everything here can be built in a test with literals. Nothing here knows how a post was fetched,
//! stored or shown.

pub mod analysis;
pub mod correction;
pub mod customer;
pub mod event;
mod hex;
pub mod http;
pub mod id;
pub mod monitor;
pub mod post;
pub mod raw;
pub mod record;
pub mod rhythm;
pub mod source;
pub mod websub;

pub use analysis::{Analysis, EmotionScores, IntentScores, Sentiment, SentimentLabel};
pub use customer::{Customer, Identity, Link, LinkOrigin, LinkState};
pub use event::{Event, EventKind, Subject};
pub use hex::hex;
pub use http::{HttpKey, HttpState, Moved};
pub use id::{
    AuthorId, CustomerId, DigestId, EndpointId, EventId, InvalidId, MentionId, ModelId, MonitorId,
    PostId, SourceId,
};
pub use monitor::{BrandRole, MonitorSummary};
pub use post::{Author, Engagement, Fingerprint, Language, Post, PostKey, PostKind, Rating};
pub use raw::{Body, RawPost};
pub use record::PostRecord;
pub use rhythm::Rhythm;
pub use source::{Batch, Coverage, Cursor, Reject, SourceState, SourceStatus};
pub use websub::{Hub, HubNews, Push, Pushed, Subscription};
