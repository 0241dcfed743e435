//! Authors, what they called themselves and when, and their identities in normal form.
//!
//! An author's native id is the truth: a new handle makes a new profile of the same author. Never
//! decides who is a customer.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::columns::{Columns, count_opt, hash_bytes, id, micros, uncount_opt};
use super::customers::identity_columns;
use super::error::Sql;
use crate::customers::identities_of;
use crate::domain::{Author, AuthorId, PostKey};

/// `last_seen` is exact to this many microseconds: an hour, so that an active author does not
/// cost a write for each post.
const LAST_SEEN_STEP: i64 = 3_600_000_000;

/// Where an author stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AuthorRow {
    /// In `authors`.
    pub(super) row: i64,
    /// In `author_profiles`: what they call themselves now.
    pub(super) profile: i64,
}

/// An author as they are now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CurrentAuthor {
    pub(super) id: AuthorId,
    pub(super) network: String,
    pub(super) author: Author,
}

/// Remembers the author of the post with this key.
pub(super) fn upsert_author(
    connection: &Connection,
    key: &PostKey,
    author: &Author,
    now: Timestamp,
) -> Sql<AuthorRow> {
    let author_id = author.id(&key.network, &key.scope);
    let (row, profile) = match known(connection, &author_id, author)? {
        Some(known) => {
            refresh(connection, &known, author, now)?;
            (known.row, known.profile)
        }
        None => {
            let row = connection
                .prepare_cached(
                    "INSERT INTO authors (id, network, scope, native_id, followers, first_seen, last_seen)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
                )?
                .insert((
                    hash_bytes(author_id.as_str()),
                    &key.network,
                    &key.scope,
                    &author.native_id,
                    count_opt(author.followers),
                    micros(now),
                ))?;
            (row, None)
        }
    };
    if let Some(profile) = profile {
        return Ok(AuthorRow { row, profile });
    }
    let profile = upsert_profile(connection, row, author, now)?;
    connection
        .prepare_cached("UPDATE authors SET profile = ?2 WHERE row = ?1")?
        .execute((row, profile))?;
    set_identities(connection, row, author, &key.network)?;
    Ok(AuthorRow { row, profile })
}

/// An author that was seen before.
struct KnownAuthor {
    row: i64,
    followers: Option<i64>,
    last_seen: i64,
    /// The current profile, when it is what the author calls themselves now.
    profile: Option<i64>,
}

fn known(
    connection: &Connection,
    author_id: &AuthorId,
    author: &Author,
) -> Sql<Option<KnownAuthor>> {
    // In one question, because nearly every post's author is known and unchanged.
    let mut statement = connection.prepare_cached(
        "SELECT a.row, a.followers, a.last_seen, f.row
         FROM authors a LEFT JOIN author_profiles f
           ON f.row = a.profile AND f.handle = ?2 AND f.display_name IS ?3 AND f.url IS ?4
              AND f.bio IS ?5 AND f.verified = ?6
         WHERE a.id = ?1",
    )?;
    let known = statement
        .query_row(
            (
                hash_bytes(author_id.as_str()),
                &author.handle,
                &author.display_name,
                &author.url,
                &author.bio,
                author.verified,
            ),
            |row| {
                Ok(KnownAuthor {
                    row: row.get(0)?,
                    followers: row.get(1)?,
                    last_seen: row.get(2)?,
                    profile: row.get(3)?,
                })
            },
        )
        .optional()?;
    Ok(known)
}

fn refresh(
    connection: &Connection,
    known: &KnownAuthor,
    author: &Author,
    now: Timestamp,
) -> Sql<()> {
    let followers = count_opt(author.followers).or(known.followers);
    let now = micros(now);
    if followers == known.followers && now < known.last_seen.saturating_add(LAST_SEEN_STEP) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE authors SET followers = ?2, last_seen = max(last_seen, ?3) WHERE row = ?1",
        )?
        .execute((known.row, followers, now))?;
    Ok(())
}

/// The row of the author with this id.
pub(super) fn author_row(connection: &Connection, author: &AuthorId) -> Sql<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT row FROM authors WHERE id = ?1")?;
    let row = statement
        .query_row([hash_bytes(author.as_str())], |row| row.get(0))
        .optional()?;
    Ok(row)
}

/// A profile that this author had before is used again, so that two posts that show two profiles do
/// not make one each time they are read.
fn upsert_profile(connection: &Connection, row: i64, author: &Author, now: Timestamp) -> Sql<i64> {
    let known = connection
        .prepare_cached(
            "SELECT row FROM author_profiles WHERE author = ?1 AND handle = ?2
               AND display_name IS ?3 AND url IS ?4 AND bio IS ?5 AND verified = ?6",
        )?
        .query_row(
            (
                row,
                &author.handle,
                &author.display_name,
                &author.url,
                &author.bio,
                author.verified,
            ),
            |row| row.get(0),
        )
        .optional()?;
    if let Some(profile) = known {
        return Ok(profile);
    }
    let profile = connection
        .prepare_cached(
            "INSERT INTO author_profiles (author, handle, display_name, url, bio, verified, seen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .insert((
            row,
            &author.handle,
            &author.display_name,
            &author.url,
            &author.bio,
            author.verified,
            micros(now),
        ))?;
    Ok(profile)
}

fn set_identities(connection: &Connection, row: i64, author: &Author, network: &str) -> Sql<()> {
    connection
        .prepare_cached("DELETE FROM author_identities WHERE author = ?1")?
        .execute([row])?;
    for identity in identities_of(author, network) {
        let (kind, network, value) = identity_columns(&identity);
        connection
            .prepare_cached(
                "INSERT INTO author_identities (author, kind, network, value)
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute((row, kind, network, value))?;
    }
    Ok(())
}

/// The author in this row, as they are now.
pub(super) fn read_current(connection: &Connection, row: i64) -> Sql<Option<CurrentAuthor>> {
    let mut statement = connection.prepare_cached(
        "SELECT a.id, a.network, a.native_id, f.handle, f.display_name, f.url, f.bio, a.followers,
                f.verified
         FROM authors a JOIN author_profiles f ON f.row = a.profile WHERE a.row = ?1",
    )?;
    let mut rows = statement.query([row])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut columns = Columns::new(row);
    let bytes: [u8; 16] = columns.next()?;
    Ok(Some(CurrentAuthor {
        id: id(AuthorId::parse, "author_", &bytes)?,
        network: columns.next()?,
        author: Author {
            native_id: columns.next()?,
            handle: columns.next()?,
            display_name: columns.next()?,
            url: columns.next()?,
            bio: columns.next()?,
            followers: uncount_opt(columns.next()?),
            verified: columns.next()?,
        },
    }))
}

/// Removes the author when nothing of theirs is left: no post, and no decision of a person.
pub(super) fn remove_if_silent(connection: &Connection, author: i64) -> Sql<()> {
    connection
        .prepare_cached(
            "DELETE FROM authors WHERE row = ?1
               AND NOT EXISTS (SELECT 1 FROM posts WHERE author = ?1)
               AND NOT EXISTS (SELECT 1 FROM links WHERE author = ?1 AND origin = 'person')",
        )?
        .execute([author])?;
    Ok(())
}
