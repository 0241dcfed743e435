//! Embeddings as those read them who look for similar posts: all of them by row, those that changed, those of some rows.
//!
//! Writing them is a part of writing an analysis (`analyses`).

use rusqlite::{Connection, OptionalExtension};

use super::Store;
use super::columns::{count, hash_bytes, id, limit, uncount};
use super::error::{Sql, StoreError};
use crate::domain::PostId;

/// An embedding and the row of its post. A row may be given to another post when its own is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEmbedding {
    /// The post's row.
    pub row: i64,
    /// A signed byte a dimension.
    pub vector: Vec<i8>,
}

impl Store {
    /// The post's row and embedding; `None` when the post or its embedding is not there.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn embedding(&self, post: &PostId) -> Result<Option<StoredEmbedding>, StoreError> {
        let id = hash_bytes(post.as_str());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT post, vector FROM embeddings WHERE post = (SELECT row FROM posts WHERE id = ?1)",
            )?;
            Ok(statement.query_row([id], embedding).optional()?)
        })
        .await
    }

    /// At most `max` embeddings of rows after `row`, ascending.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn embeddings_after(
        &self,
        row: i64,
        max: usize,
    ) -> Result<Vec<StoredEmbedding>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT post, vector FROM embeddings WHERE post > ?1 ORDER BY post LIMIT ?2",
            )?;
            let rows = statement.query_map((row, limit(max)), embedding)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The embeddings of posts among the `max` changes after `seq`, and the last of these changes; `None` when
    /// nothing changed. Posts that are gone are not among them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn embeddings_changed(
        &self,
        seq: u64,
        max: usize,
    ) -> Result<Option<(u64, Vec<StoredEmbedding>)>, StoreError> {
        self.read(move |connection| changed(connection, seq, max))
            .await
    }

    /// The embeddings of these rows with their posts' ids, in no order; rows that are gone are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn embeddings_of(
        &self,
        rows: Vec<i64>,
    ) -> Result<Vec<(PostId, StoredEmbedding)>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT embeddings.post, vector, id FROM embeddings
                 JOIN posts ON posts.row = embeddings.post WHERE embeddings.post = ?1",
            )?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                let mut answer = statement.query([row])?;
                if let Some(row) = answer.next()? {
                    let bytes: Vec<u8> = row.get(2)?;
                    let post = id(PostId::parse, "post_", &bytes)?;
                    found.push((post, embedding(row)?));
                }
            }
            Ok(found)
        })
        .await
    }
}

fn changed(
    connection: &Connection,
    seq: u64,
    max: usize,
) -> Sql<Option<(u64, Vec<StoredEmbedding>)>> {
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT max(seq) FROM (SELECT seq FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2)",
        )?
        .query_row((count(seq), limit(max)), |row| row.get(0))?;
    let Some(last) = last else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT embeddings.post, vector FROM changes
         JOIN posts ON posts.id = changes.post JOIN embeddings ON embeddings.post = posts.row
         WHERE seq > ?1 AND seq <= ?2",
    )?;
    let rows = statement.query_map((count(seq), last), embedding)?;
    Ok(Some((uncount(last), rows.collect::<Result<_, _>>()?)))
}

fn embedding(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredEmbedding> {
    let bytes: Vec<u8> = row.get(1)?;
    Ok(StoredEmbedding {
        row: row.get(0)?,
        vector: bytes.into_iter().map(u8::cast_signed).collect(),
    })
}
