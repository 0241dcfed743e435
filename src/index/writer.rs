//! Writes the index: what it may have had is deleted by id first; each commit says up to which sequence
//! number of the store it goes, and a failed one leaves nothing, so that going on from there is exact. All
//! calls block.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tantivy::indexer::{LogMergePolicy, NoMergePolicy};
use tantivy::{TantivyDocument, TantivyError, Term};

use super::document::document;
use super::error::IndexError;
use super::schema::Fields;
use crate::domain::{PostId, PostRecord};

/// Segments are merged when this part of their documents is deleted; tantivy's default never does.
const DELETED_BEFORE_MERGE: f32 = 0.25;
/// The least that tantivy takes for one thread.
const MIN_MEMORY_MIB: usize = 15;

/// One change to take over.
#[derive(Debug, Clone, PartialEq)]
pub enum IndexChange {
    /// A post that the index never had.
    Insert(Box<PostRecord>),
    /// The post as it is now.
    Upsert(Box<PostRecord>),
    /// The post is gone.
    Delete(PostId),
}

/// What each commit says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Payload {
    /// The store that it was made from.
    pub store_uuid: String,
    /// All changes up to this one are in.
    pub seq: u64,
    /// Schema, tokeniser, way of making documents.
    pub schema_hash: String,
}

/// The one writer of an index; holds its lock for as long as it lives.
pub struct IndexWriter {
    index: tantivy::Index,
    fields: Fields,
    dir: PathBuf,
    memory_bytes: usize,
    payload: Payload,
    /// None after a failure, until the next call starts another.
    writer: Option<tantivy::IndexWriter>,
}

impl IndexWriter {
    pub(super) fn open(
        index: tantivy::Index,
        fields: Fields,
        dir: PathBuf,
        memory_mib: usize,
        payload: Payload,
    ) -> Result<Self, IndexError> {
        let memory_bytes = memory_mib.max(MIN_MEMORY_MIB) * 1024 * 1024;
        let mut writer = Self {
            index,
            fields,
            dir,
            memory_bytes,
            payload,
            writer: None,
        };
        writer.writer = Some(writer.start()?);
        Ok(writer)
    }

    /// The store's sequence number up to which the index is committed; 0 when it is empty.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.payload.seq
    }

    /// Takes changes over; they are searchable after `commit` and a reader's `reload`.
    ///
    /// # Errors
    /// `WriterFailed`: everything since the last commit is gone, go on from `last_seq`.
    pub fn apply(&mut self, changes: &[IndexChange]) -> Result<(), IndexError> {
        let fields = self.fields;
        self.with_writer(|writer| {
            for change in changes {
                match change {
                    // Each deletion is looked up in every segment at the commit.
                    IndexChange::Insert(record) => {
                        writer.add_document(document(record, &fields))?;
                    }
                    IndexChange::Upsert(record) => {
                        writer
                            .delete_term(Term::from_field_text(fields.id, record.post.id.as_str()));
                        writer.add_document(document(record, &fields))?;
                    }
                    IndexChange::Delete(id) => {
                        writer.delete_term(Term::from_field_text(fields.id, id.as_str()));
                    }
                }
            }
            Ok(())
        })
    }

    /// Makes what was applied durable and searchable, as the state at `seq` of the store.
    ///
    /// # Errors
    /// `WriterFailed`: everything since the last commit is gone, go on from `last_seq`.
    pub fn commit(&mut self, seq: u64) -> Result<(), IndexError> {
        let payload = Payload {
            seq,
            ..self.payload.clone()
        };
        self.with_writer(|writer| {
            let text = serde_json::to_string(&payload)
                .map_err(|error| TantivyError::InternalError(error.to_string()))?;
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(&text);
            prepared.commit().map(drop)
        })?;
        self.payload = payload;
        Ok(())
    }

    /// Drops all documents with the next commit, and what was not committed at once. Until then everybody has the
    /// index as it is.
    ///
    /// # Errors
    /// `WriterFailed`, as `commit`.
    pub fn begin_anew(&mut self) -> Result<(), IndexError> {
        self.with_writer(|writer| {
            writer.rollback()?;
            writer.delete_all_documents().map(drop)
        })
    }

    /// Drops what was not committed.
    ///
    /// # Errors
    /// `WriterFailed`, as `commit`.
    pub fn rollback(&mut self) -> Result<(), IndexError> {
        self.with_writer(|writer| writer.rollback().map(drop))
    }

    /// Rewrites all segments that hold deleted documents and removes the old files, so that no word
    /// of an erased post stays on the disk. Call it after `commit`, which makes the deletes; what was
    /// applied since is lost. Readers must `reload` before the call, or they keep old files open, and
    /// after it.
    ///
    /// # Errors
    /// `WriterFailed`, as `commit`.
    pub fn purge(&mut self) -> Result<(), IndexError> {
        if let Some(writer) = self.writer.take() {
            // The merge policy may be rewriting the same segments right now.
            writer
                .wait_merging_threads()
                .map_err(IndexError::WriterFailed)?;
        }
        let index = self.index.clone();
        self.with_writer(|writer| {
            writer.set_merge_policy(Box::new(NoMergePolicy));
            for segment in index.searchable_segment_metas()? {
                if segment.has_deletes() {
                    writer.merge(&[segment.id()]).wait()?;
                }
            }
            writer.garbage_collect_files().wait()?;
            writer.set_merge_policy(merge_policy());
            Ok(())
        })
    }

    /// A writer that failed is dead: it is dropped, and the next call starts another.
    fn with_writer(
        &mut self,
        work: impl FnOnce(&mut tantivy::IndexWriter) -> tantivy::Result<()>,
    ) -> Result<(), IndexError> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.start()?,
        };
        work(&mut writer).map_err(IndexError::WriterFailed)?;
        self.writer = Some(writer);
        Ok(())
    }

    fn start(&self) -> Result<tantivy::IndexWriter, IndexError> {
        let writer = self
            .index
            .writer_with_num_threads::<TantivyDocument>(1, self.memory_bytes)
            .map_err(|error| IndexError::of_opening(&self.dir, error))?;
        writer.set_merge_policy(merge_policy());
        Ok(writer)
    }
}

fn merge_policy() -> Box<LogMergePolicy> {
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(DELETED_BEFORE_MERGE);
    Box::new(policy)
}
