//! The API's tokens, as SHA-256 hashes. The token itself is never stored, logged or compared here.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use super::Store;
use super::columns::{micros, micros_opt, time, time_opt};
use super::error::{Fault, Sql, StoreError};

/// `last_used_at` is exact to this many microseconds: a minute, so that requests do not each write.
const LAST_USED_STEP: i64 = 60_000_000;

/// A token to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What people call it; unique.
    pub name: String,
    /// What it may do; the API gives the meaning.
    pub role: String,
    /// When it ends, if ever.
    pub expires_at: Option<Timestamp>,
}

/// A token that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl StoredToken {
    /// Whether it opens anything at this time.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Store {
    /// Keeps a token.
    ///
    /// # Errors
    /// When a token has this name or hash already, revoked ones included.
    pub async fn create_token(&self, token: NewToken, now: Timestamp) -> Result<(), StoreError> {
        self.write_access(move |connection| {
            let added = connection
                .prepare_cached(
                    "INSERT INTO api_tokens (hash, name, role, created_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                )?
                .execute((
                    token.hash,
                    &token.name,
                    &token.role,
                    micros(now),
                    micros_opt(token.expires_at),
                ))?;
            if added == 0 {
                let what = format!("there is a token named \"{}\" already", token.name);
                return Err(Fault::Refused(what));
            }
            Ok(())
        })
        .await
    }

    /// All tokens, by name, with revoked and expired ones.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tokens(&self) -> Result<Vec<StoredToken>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT hash, name, role, created_at, expires_at, last_used_at, revoked_at
                 FROM api_tokens ORDER BY name",
            )?;
            let mut rows = statement.query([])?;
            let mut tokens = Vec::new();
            while let Some(row) = rows.next()? {
                tokens.push(read_token(row)?);
            }
            Ok(tokens)
        })
        .await
    }

    /// The token with this hash, whether it is valid or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn token_by_hash(&self, hash: [u8; 32]) -> Result<Option<StoredToken>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT hash, name, role, created_at, expires_at, last_used_at, revoked_at
                 FROM api_tokens WHERE hash = ?1",
            )?;
            let mut rows = statement.query([hash])?;
            rows.next()?.map(read_token).transpose()
        })
        .await
    }

    /// Notes that the token was used; writes at most once a minute.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn touch_token(&self, hash: [u8; 32], now: Timestamp) -> Result<(), StoreError> {
        let due = self
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT last_used_at FROM api_tokens WHERE hash = ?1")?;
                let last: Option<Option<i64>> =
                    statement.query_row([hash], |row| row.get(0)).optional()?;
                Ok(last.is_some_and(|last| {
                    last.is_none_or(|last| micros(now) >= last.saturating_add(LAST_USED_STEP))
                }))
            })
            .await?;
        if !due {
            return Ok(());
        }
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE api_tokens SET last_used_at = ?2 WHERE hash = ?1")?
                .execute((hash, micros(now)))?;
            Ok(())
        })
        .await
    }

    /// Revokes the token with this name; false when there is none that was not revoked before.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn revoke_token(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write_access(move |connection| {
            let revoked = connection
                .prepare_cached(
                    "UPDATE api_tokens SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL",
                )?
                .execute((name, micros(now)))?;
            Ok(revoked == 1)
        })
        .await
    }
}

fn read_token(row: &Row<'_>) -> Sql<StoredToken> {
    Ok(StoredToken {
        hash: row.get(0)?,
        name: row.get(1)?,
        role: row.get(2)?,
        created_at: time(row.get(3)?)?,
        expires_at: time_opt(row.get(4)?)?,
        last_used_at: time_opt(row.get(5)?)?,
        revoked_at: time_opt(row.get(6)?)?,
    })
}
