//! Searches that the team keeps by name. They are kept as they were asked, and read elsewhere.

use jiff::Timestamp;

use super::Store;
use super::columns::micros;
use super::error::{Fault, StoreError};

/// The most searches that are kept: what a person can still tell apart beside the navigation.
const MOST: i64 = 100;

/// A search with a name; the fields are those of the inbox's address, empty where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SavedSearch {
    /// What people call it; unique.
    pub name: String,
    /// What is searched for.
    pub query: String,
    /// `24h`, `7d`, `30d`, or empty for any time.
    pub range: String,
    /// `all` for posts that no monitor matches as well, or empty for mentions.
    pub scope: String,
    /// The order, or empty for the newest first.
    pub sort: String,
}

impl Store {
    /// All saved searches, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn saved_searches(&self) -> Result<Vec<SavedSearch>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, query, range, scope, sort FROM saved_searches ORDER BY name",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(SavedSearch {
                    name: row.get(0)?,
                    query: row.get(1)?,
                    range: row.get(2)?,
                    scope: row.get(3)?,
                    sort: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps a search, or changes the one of this name; whether it is new.
    ///
    /// # Errors
    /// When there are too many.
    pub async fn save_search(
        &self,
        search: SavedSearch,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let count = || {
                let sql = "SELECT count(*) FROM saved_searches";
                connection.query_row(sql, [], |row| row.get::<_, i64>(0))
            };
            let before = count()?;
            connection
                .prepare_cached(
                    "INSERT INTO saved_searches (name, query, range, scope, sort, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (name) DO UPDATE
                     SET query = excluded.query, range = excluded.range, scope = excluded.scope,
                         sort = excluded.sort, updated_at = excluded.updated_at",
                )?
                .execute((
                    &search.name,
                    &search.query,
                    &search.range,
                    &search.scope,
                    &search.sort,
                    micros(now),
                ))?;
            let after = count()?;
            if after > MOST {
                // Refused within the transaction: nothing is kept.
                let what = format!("there are {MOST} saved searches already; remove one first");
                return Err(Fault::Refused(what));
            }
            Ok(after > before)
        })
        .await
    }

    /// Forgets a search. False when there is none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove_search(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM saved_searches WHERE name = ?1")?
                .execute([name])?;
            Ok(removed == 1)
        })
        .await
    }
}
