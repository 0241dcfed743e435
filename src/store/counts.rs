//! How much of everything there is.

use rusqlite::Connection;

use super::Store;
use super::columns::uncount;
use super::error::{Sql, StoreError};

/// How much of everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Posts stored.
    pub posts: u64,
    /// Posts that at least one monitor matches.
    pub mentions: u64,
    /// Authors met.
    pub authors: u64,
    /// Customers known.
    pub customers: u64,
    /// Authors that are linked to a customer.
    pub linked: u64,
    /// Events that happened.
    pub events: u64,
    /// Deliveries that wait.
    pub pending: u64,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries given up.
    pub dead: u64,
}

impl Store {
    /// How many deliveries were given up and not tried again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn dead_count(&self) -> Result<u64, StoreError> {
        self.read(|connection| count(connection, DEAD)).await
    }

    /// Counts everything. Takes time in proportion to the store (about 10 ms a million posts when the
    /// indexes are in memory), so callers keep the answer for some seconds.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.read(|connection| {
            let posts = count(connection, "SELECT count(*) FROM posts")?;
            let unmatched = count(connection, UNMATCHED)?;
            Ok(Counts {
                posts,
                mentions: posts.saturating_sub(unmatched),
                authors: count(connection, "SELECT count(*) FROM authors")?,
                customers: count(connection, "SELECT count(*) FROM customers")?,
                linked: count(
                    connection,
                    "SELECT count(DISTINCT author) FROM links WHERE state = 'linked'",
                )?,
                events: count(connection, "SELECT count(*) FROM events")?,
                pending: count(connection, PENDING)?,
                delivered: count(
                    connection,
                    "SELECT count(*) FROM deliveries WHERE state = 'delivered'",
                )?,
                dead: count(connection, DEAD)?,
            })
        })
        .await
    }
}

const UNMATCHED: &str = "SELECT count(*) FROM posts WHERE matched = 0";
const PENDING: &str = "SELECT count(*) FROM deliveries WHERE state = 'pending'";
const DEAD: &str = "SELECT count(*) FROM deliveries WHERE state = 'dead'";

fn count(connection: &Connection, sql: &str) -> Sql<u64> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(uncount(statement.query_row([], |row| row.get(0))?))
}
