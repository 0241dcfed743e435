//! What the store knows of posts before they are scored: the ingest's first question.

use super::Store;
use super::duplicates::find_original;
use super::error::StoreError;
use super::mentions::revision;
use super::posts::{is_forgotten, row_of};
use super::records::Loader;
use crate::domain::{Fingerprint, PostId, PostRecord};

/// A post to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostKnownQuery {
    /// The post.
    pub id: PostId,
    /// Its fingerprint, to find what it is a copy of.
    pub fingerprint: Fingerprint,
}

/// What is known of a post.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    /// The post as it is stored; absent when it is new.
    pub post: Option<PostRecord>,
    /// The first post of its duplicate group. Of a stored post, as was decided when it came.
    pub duplicate_of: Option<PostId>,
    /// Whether it was deleted or dropped: `commit_batch` would not store it.
    pub forgotten: bool,
    /// How often the mention's content or set of monitors changed so far; 0 for what is no mention. The
    /// next `mention.updated` is `Event::new(.., revision + 1, ..)`.
    pub revision: u64,
}

impl Store {
    /// Looks posts up; one answer for each query, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn known(&self, queries: Vec<PostKnownQuery>) -> Result<Vec<Known>, StoreError> {
        self.read(move |connection| {
            let mut loader = Loader::new(connection);
            let mut answers = Vec::with_capacity(queries.len());
            for query in &queries {
                let Some(row) = row_of(connection, &query.id)? else {
                    answers.push(Known {
                        post: None,
                        duplicate_of: find_original(connection, &query.fingerprint)?,
                        forgotten: is_forgotten(connection, &query.id)?,
                        revision: 0,
                    });
                    continue;
                };
                let post = loader.record(row)?;
                answers.push(Known {
                    duplicate_of: post.as_ref().and_then(|post| post.duplicate_of.clone()),
                    post,
                    forgotten: false,
                    revision: revision(connection, row)?.unwrap_or(0),
                });
            }
            Ok(answers)
        })
        .await
    }
}
