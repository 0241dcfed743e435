//! People and their browsers' sessions. Secrets are never stored, only their hashes.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use super::Store;
use super::columns::{micros, time, time_opt};
use super::error::{Fault, Sql, StoreError};

/// Most sessions at once; the oldest give way.
const MOST_SESSIONS: i64 = 1_000;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name; unique.
    pub name: String,
    /// What the person may do; the API gives the meaning.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when the person may do nothing, if so.
    pub disabled_at: Option<Timestamp>,
}

/// A browser's session with its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: String,
    /// What the user may do.
    pub role: String,
    /// When it ends.
    pub ends_at: Timestamp,
}

impl Store {
    /// Makes a user, or gives one that is there this role and lets a disabled one in again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn set_user(&self, name: &str, role: &str, now: Timestamp) -> Result<(), StoreError> {
        let (name, role) = (name.to_owned(), role.to_owned());
        self.write_access(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO users (name, role, created_at) VALUES (?1, ?2, ?3)
                     ON CONFLICT (name) DO UPDATE SET role = excluded.role, disabled_at = NULL",
                )?
                .execute((&name, &role, micros(now)))?;
            Ok(())
        })
        .await
    }

    /// All users by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, role, created_at, disabled_at FROM users ORDER BY name",
            )?;
            let mut rows = statement.query([])?;
            let mut users = Vec::new();
            while let Some(row) = rows.next()? {
                users.push(read_user(row)?);
            }
            Ok(users)
        })
        .await
    }

    /// Shuts a user out and ends all sessions; false when there is none that is let in.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn disable_user(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write_access(move |connection| {
            let disabled = connection
                .prepare_cached(
                    "UPDATE users SET disabled_at = ?2 WHERE name = ?1 AND disabled_at IS NULL",
                )?
                .execute((&name, micros(now)))?;
            connection
                .prepare_cached("DELETE FROM sessions WHERE user = ?1")?
                .execute([&name])?;
            Ok(disabled == 1)
        })
        .await
    }

    /// Begins a session of a user (32 bytes of a hash), and forgets those that are over.
    ///
    /// # Errors
    /// When there is no such user, or the store cannot be written.
    pub async fn begin_session(
        &self,
        hash: [u8; 32],
        user: &str,
        now: Timestamp,
        ends_at: Timestamp,
    ) -> Result<(), StoreError> {
        let user = user.to_owned();
        self.write_access(move |connection| {
            connection
                .prepare_cached("DELETE FROM sessions WHERE ends_at <= ?1")?
                .execute([micros(now)])?;
            connection
                .prepare_cached(
                    "DELETE FROM sessions WHERE hash IN
                     (SELECT hash FROM sessions ORDER BY ends_at DESC LIMIT -1 OFFSET ?1)",
                )?
                .execute([MOST_SESSIONS - 1])?;
            let begun = connection
                .prepare_cached(
                    "INSERT INTO sessions (hash, user, created_at, ends_at)
                     SELECT ?1, name, ?3, ?4 FROM users WHERE name = ?2 AND disabled_at IS NULL",
                )?
                .execute((hash, &user, micros(now), micros(ends_at)))?;
            if begun == 0 {
                return Err(Fault::Refused(format!("there is no user \"{user}\"")));
            }
            Ok(())
        })
        .await
    }

    /// The session with this hash, if it is not over and its user is let in.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn session(
        &self,
        hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT u.name, u.role, s.ends_at FROM sessions s JOIN users u ON u.name = s.user
                 WHERE s.hash = ?1 AND s.ends_at > ?2 AND u.disabled_at IS NULL",
            )?;
            let found = statement
                .query_row((hash, micros(now)), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?))
                })
                .optional()?;
            found
                .map(|(user, role, ends_at)| {
                    Ok(Session {
                        user,
                        role,
                        ends_at: time(ends_at)?,
                    })
                })
                .transpose()
        })
        .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn end_session(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        self.write_access(move |connection| {
            connection
                .prepare_cached("DELETE FROM sessions WHERE hash = ?1")?
                .execute([hash])?;
            Ok(())
        })
        .await
    }
}

fn read_user(row: &Row<'_>) -> Sql<User> {
    Ok(User {
        name: row.get(0)?,
        role: row.get(1)?,
        created_at: time(row.get(2)?)?,
        disabled_at: time_opt(row.get(3)?)?,
    })
}
