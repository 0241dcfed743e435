//! Finds the first post of a group of copies: by exact fingerprint, then by simhash.
//!
//! Two simhashes at most 3 bits apart agree in at least one of four bands of 16 bits, so four index
//! look-ups find every candidate. Of a band, only the newest candidates are looked at, so that a band that
//! half the posts share (a template, an attack) costs no more than another.

use rusqlite::{Connection, OptionalExtension};

use super::columns::{bits, id, unbits};
use super::error::Sql;
use super::posts::Row;
use crate::domain::{Fingerprint, PostId};

/// Bits in which near copies may differ.
const MAX_DISTANCE: u32 = 3;

/// Candidates of a band that are looked at. By chance a band holds 1 in 65,536 long posts: 153 of 10 million.
const CANDIDATES: i64 = 512;

pub(super) const SAME_WORDS: &str =
    "SELECT row FROM posts WHERE fingerprint = ?1 ORDER BY row LIMIT 1";

pub(super) const BANDS: [&str; 4] = [
    "SELECT row, simhash FROM posts WHERE simhash IS NOT NULL AND (simhash & 65535) = ?1
     ORDER BY row DESC LIMIT ?2",
    "SELECT row, simhash FROM posts WHERE simhash IS NOT NULL AND ((simhash >> 16) & 65535) = ?1
     ORDER BY row DESC LIMIT ?2",
    "SELECT row, simhash FROM posts WHERE simhash IS NOT NULL AND ((simhash >> 32) & 65535) = ?1
     ORDER BY row DESC LIMIT ?2",
    "SELECT row, simhash FROM posts WHERE simhash IS NOT NULL AND ((simhash >> 48) & 65535) = ?1
     ORDER BY row DESC LIMIT ?2",
];

/// The first post of the group that a new post with this fingerprint joins.
pub(super) fn find_original(
    connection: &Connection,
    fingerprint: &Fingerprint,
) -> Sql<Option<PostId>> {
    let mut same = connection.prepare_cached(SAME_WORDS)?;
    let same = same
        .query_row([bits(fingerprint.exact)], |row| row.get(0))
        .optional()?;
    let found = match (same, fingerprint.simhash) {
        (Some(row), _) => Some(row),
        (None, Some(simhash)) => find_near(connection, simhash)?,
        (None, None) => None,
    };
    found.map(|row| first_of_group(connection, row)).transpose()
}

/// The nearest post; of those as near, the oldest.
fn find_near(connection: &Connection, simhash: u64) -> Sql<Option<Row>> {
    let mut nearest: Option<(u32, Row)> = None;
    for (band, sql) in (0_u32..).zip(BANDS) {
        let key = bits(simhash >> (16 * band) & 0xFFFF);
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query((key, CANDIDATES))?;
        while let Some(row) = rows.next()? {
            let distance = (unbits(row.get(1)?) ^ simhash).count_ones();
            let candidate = (distance, row.get(0)?);
            if distance <= MAX_DISTANCE && nearest.is_none_or(|nearest| candidate < nearest) {
                nearest = Some(candidate);
            }
        }
    }
    Ok(nearest.map(|(_, row)| row))
}

/// A copy of a copy is a copy of the first.
fn first_of_group(connection: &Connection, row: Row) -> Sql<PostId> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(d.id, p.id) FROM posts p LEFT JOIN posts d ON d.row = p.duplicate_of
         WHERE p.row = ?1",
    )?;
    let bytes: [u8; 16] = statement.query_row([row], |row| row.get(0))?;
    id(PostId::parse, "post_", &bytes)
}
