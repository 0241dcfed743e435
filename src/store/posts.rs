//! Reads posts, their versions, their readings of engagement and who saw them. Writing is in `upsert`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::Store;
use super::columns::{
    Columns, hash_bytes, id, name, time, time_opt, unbits, uncount_opt, unjson, unvariant,
};
use super::error::{Fault, Sql, StoreError};
use crate::domain::{
    Author, Engagement, Fingerprint, Language, Post, PostId, PostKey, PostRecord, Rating, SourceId,
};

/// The integer by which rows of other tables name a post. Never leaves the store.
pub(super) type Row = i64;

/// A page of a list, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The records, in the list's order.
    pub records: Vec<PostRecord>,
    /// Where the next page begins; absent when this is the last.
    pub next: Option<PagePosition>,
}

/// A place in a list of posts by time, the newest first. As text it is opaque, and good in URLs. It
/// stays good when the post at this place is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePosition {
    pub(super) ordered_at: i64,
    pub(super) row: Row,
}

impl PagePosition {
    /// Before the newest.
    pub(super) const TOP: Self = Self {
        ordered_at: i64::MAX,
        row: i64::MAX,
    };
}

impl fmt::Display for PagePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.ordered_at, self.row)
    }
}

impl FromStr for PagePosition {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let parts = text.split_once('.').and_then(|(ordered_at, row)| {
            Some(Self {
                ordered_at: ordered_at.parse().ok()?,
                row: row.parse().ok()?,
            })
        });
        parts.ok_or_else(|| StoreError::Invalid {
            what: "not a position of a page".to_owned(),
        })
    }
}

/// An earlier content of a post.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// 1 for the oldest.
    pub number: u32,
    /// Until when it was the current one.
    pub replaced_at: Timestamp,
    /// The title.
    pub title: Option<String>,
    /// The text.
    pub text: String,
    /// The stars.
    pub rating: Option<Rating>,
}

/// Likes, replies and shares at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When they were read.
    pub at: Timestamp,
    /// What was read.
    pub engagement: Engagement,
}

/// A source that saw a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The source.
    pub source: SourceId,
    /// The first time.
    pub first_at: Timestamp,
    /// The last time, to the hour.
    pub last_at: Timestamp,
}

impl Store {
    /// The earlier contents of a post, the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn versions(&self, post: &PostId) -> Result<Vec<Version>, StoreError> {
        let id = hash_bytes(post.as_str());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT version, replaced_at, title, text, rating, rating_best FROM post_versions
                 WHERE post = (SELECT row FROM posts WHERE id = ?1) ORDER BY version",
            )?;
            let mut rows = statement.query([id])?;
            let mut versions = Vec::new();
            while let Some(row) = rows.next()? {
                versions.push(Version {
                    number: row.get(0)?,
                    replaced_at: time(row.get(1)?)?,
                    title: row.get(2)?,
                    text: row.get(3)?,
                    rating: rating(row.get(4)?, row.get(5)?),
                });
            }
            Ok(versions)
        })
        .await
    }

    /// A post's readings of engagement, the oldest first; empty when it never changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn readings(&self, post: &PostId) -> Result<Vec<Reading>, StoreError> {
        let id = hash_bytes(post.as_str());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT at, likes, replies, shares FROM engagement_readings
                 WHERE post = (SELECT row FROM posts WHERE id = ?1) ORDER BY at",
            )?;
            let mut rows = statement.query([id])?;
            let mut readings = Vec::new();
            while let Some(row) = rows.next()? {
                readings.push(Reading {
                    at: time(row.get(0)?)?,
                    engagement: Engagement {
                        likes: uncount_opt(row.get(1)?),
                        replies: uncount_opt(row.get(2)?),
                        shares: uncount_opt(row.get(3)?),
                    },
                });
            }
            Ok(readings)
        })
        .await
    }

    /// The sources that saw a post, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sightings(&self, post: &PostId) -> Result<Vec<Sighting>, StoreError> {
        let id = hash_bytes(post.as_str());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT source, first_at, last_at FROM post_sources
                 WHERE post = (SELECT row FROM posts WHERE id = ?1) ORDER BY source",
            )?;
            let mut rows = statement.query([id])?;
            let mut sightings = Vec::new();
            while let Some(row) = rows.next()? {
                sightings.push(Sighting {
                    source: name(SourceId::parse, row.get(0)?)?,
                    first_at: time(row.get(1)?)?,
                    last_at: time(row.get(2)?)?,
                });
            }
            Ok(sightings)
        })
        .await
    }
}

/// The row of the post with this id.
pub(super) fn row_of(connection: &Connection, post: &PostId) -> Sql<Option<Row>> {
    let mut statement = connection.prepare_cached("SELECT row FROM posts WHERE id = ?1")?;
    let row = statement
        .query_row([hash_bytes(post.as_str())], |row| row.get(0))
        .optional()?;
    Ok(row)
}

/// Whether the post was deleted or dropped.
pub(super) fn is_forgotten(connection: &Connection, post: &PostId) -> Sql<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM forgotten WHERE id = ?1")?;
    Ok(statement.exists([hash_bytes(post.as_str())])?)
}

/// A post with what its row says beyond it.
pub(super) struct StoredPost {
    pub(super) post: Post,
    pub(super) duplicate_of: Option<PostId>,
    /// The author's row.
    pub(super) author: Option<i64>,
}

const POST: &str = "SELECT p.id, p.network, p.scope, p.native_id, p.source, p.kind, p.url, p.title,
        p.text, p.raw, p.language, p.language_confidence, p.author,
        a.native_id, f.handle, f.display_name, f.url, f.bio, p.followers, f.verified,
        p.likes, p.replies, p.shares, p.rating, p.rating_best,
        p.parent_id, p.thread_id, p.repost_of, p.links, p.published_at, p.fetched_at,
        p.fingerprint, p.simhash, d.id
     FROM posts p
     LEFT JOIN authors a ON a.row = p.author
     LEFT JOIN author_profiles f ON f.row = p.profile
     LEFT JOIN posts d ON d.row = p.duplicate_of
     WHERE p.row = ?1";

/// Reads the post in this row.
pub(super) fn read_post(connection: &Connection, row: Row) -> Sql<Option<StoredPost>> {
    let mut statement = connection.prepare_cached(POST)?;
    let mut rows = statement.query([row])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut columns = Columns::new(row);
    let post_id: [u8; 16] = columns.next()?;
    let key = PostKey {
        network: columns.next()?,
        scope: columns.next()?,
        native_id: columns.next()?,
    };
    let source = name(SourceId::parse, columns.next()?)?;
    let kind = unvariant(columns.next()?)?;
    let url = columns.next()?;
    let title = columns.next()?;
    let text: String = columns.next()?;
    let raw: Option<String> = columns.next()?;
    let language = Language {
        code: columns.next()?,
        confidence: columns.next()?,
    };
    let author = columns.next()?;
    let profile = read_author(&mut columns)?;
    let post = Post {
        id: id(PostId::parse, "post_", &post_id)?,
        key,
        source,
        kind,
        url,
        title,
        raw: raw.unwrap_or_else(|| text.clone()),
        text,
        language,
        author: profile,
        engagement: Engagement {
            likes: uncount_opt(columns.next()?),
            replies: uncount_opt(columns.next()?),
            shares: uncount_opt(columns.next()?),
        },
        rating: rating(columns.next()?, columns.next()?),
        parent_id: columns.next()?,
        thread_id: columns.next()?,
        repost_of: columns.next()?,
        links: match columns.next::<Option<String>>()? {
            Some(links) => unjson(&links)?,
            None => Vec::new(),
        },
        published_at: time_opt(columns.next()?)?,
        fetched_at: time(columns.next()?)?,
        fingerprint: Fingerprint {
            exact: unbits(columns.next()?),
            simhash: columns.next::<Option<i64>>()?.map(unbits),
        },
    };
    let duplicate_of: Option<[u8; 16]> = columns.next()?;
    let duplicate_of = duplicate_of.map(|bytes| id(PostId::parse, "post_", &bytes));
    Ok(Some(StoredPost {
        post,
        duplicate_of: duplicate_of.transpose()?,
        author,
    }))
}

/// Reads native id, handle, display name, URL, bio, followers and whether verified.
fn read_author(columns: &mut Columns<'_>) -> Sql<Option<Author>> {
    let native_id: Option<String> = columns.next()?;
    let handle: Option<String> = columns.next()?;
    let display_name = columns.next()?;
    let url = columns.next()?;
    let bio = columns.next()?;
    let followers = uncount_opt(columns.next()?);
    let verified: Option<bool> = columns.next()?;
    let Some(native_id) = native_id else {
        return Ok(None);
    };
    let damaged = || Fault::Damaged("an author without a profile".into());
    Ok(Some(Author {
        native_id,
        handle: handle.ok_or_else(damaged)?,
        display_name,
        url,
        bio,
        followers,
        verified: verified.ok_or_else(damaged)?,
    }))
}

/// The rating of two columns that are both there or both not.
pub(super) fn rating(value: Option<f64>, best: Option<f64>) -> Option<Rating> {
    Some(Rating {
        value: value?,
        best: best?,
    })
}
