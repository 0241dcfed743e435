//! Insight: search and what is shown of posts, the same for the command line, the API and the page.
//!
//! It joins the index (which posts, in which order) with the store (what is known of them). It never
//! writes to either, and it knows neither HTTP nor HTML.

mod access_dto;
pub mod admin_dto;
pub mod dto;
pub mod export;
pub mod histogram;
pub mod marks;
pub mod overview;
pub mod search;
pub mod similar;
pub mod status_dto;

pub use access_dto::{AuditDto, UserDto};
pub use admin_dto::{DeadLetterDto, ImportDto, TokenDto};
pub use dto::{CountDto, CustomerDto, CustomerSummaryDto, FacetDto, HitDto, MentionDto, SearchDto};
pub use histogram::{Bucket, Histogram};
pub use marks::Segment;
pub use overview::{OverviewDto, OverviewRequest, Period};
pub use search::{Answer, Hit, Request, SearchError, Searcher};
pub use status_dto::{CoverageDto, MonitorDto, SourceDto};
