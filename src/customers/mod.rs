//! Customers of the CRM: how they are read, how what they own is compared, and when an author is one.
//!
//! Pure: no IO but the reader that is handed in, no clock, no store. Never decides silently between
//! two customers.

pub mod identity;
pub mod import;
pub mod link;

pub use identity::{email_identity, handle_identity, identities_of, url_identity};
pub use import::{DuplicateRow, Import, ImportError, ImportFormat, ImportReject, read_customers};
pub use link::{decide, linked_event};
