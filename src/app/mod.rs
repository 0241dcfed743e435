//! The one place that knows every implementation: builds all parts, starts them, stops them in order.

mod build;
mod chores;
mod endpoints;
mod files;
mod heads;
mod monitors;
mod once;
mod pollers;
mod reload;
mod rescoring;
mod run;
mod status;

pub use build::{App, AppOptions, check};
pub use endpoints::{endpoint, endpoint_names};
pub use files::{
    create_data_dir, nothing_yet, open_searcher, open_store, open_store_read_only, rebuild_index,
    socket_path, zone,
};
pub use heads::{keep_heads, read_heads, take_back_heads};
pub use monitors::monitors;
pub use once::OnceSummary;
pub use rescoring::todays_models;
pub use run::Running;
