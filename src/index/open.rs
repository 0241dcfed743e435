//! Decides at the start whether an index can go on, and sets aside one that can't.

use std::io;
use std::path::{Path, PathBuf};

use tantivy::TantivyError;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};

use super::error::IndexError;
use super::reader::IndexReader;
use super::schema::{self, Fields};
use super::tokenizer::tokenizers;
use super::writer::{IndexWriter, Payload};
use crate::config::IndexConfig;

/// The file without which there is no index.
const META: &str = "meta.json";
/// tantivy's list of its files; without it a check of the checksums would check nothing.
const MANAGED: &str = ".managed.json";

/// Opens indexes.
pub struct Index;

/// An index that is ready to follow its store.
pub struct Opened {
    /// Takes changes, from the one after its `last_seq`.
    pub writer: IndexWriter,
    /// Searches.
    pub reader: IndexReader,
    /// Why it starts from nothing although there was one, in words; the old one lies beside it.
    pub rebuild: Option<String>,
}

impl Index {
    /// Opens the index in `dir` to write. One that is missing starts empty at sequence number 0; so
    /// does one that is damaged, of another version, of another store than `store_uuid`, or ahead of
    /// `store_seq`, the store's newest sequence number (the store was restored): it is renamed to
    /// `dir` + `.bad` first, in the place of an earlier one.
    ///
    /// # Errors
    /// `Locked` when another process writes it, `Io` when the system refuses; nothing is renamed then.
    pub fn open(
        dir: &Path,
        store_uuid: &str,
        store_seq: u64,
        config: &IndexConfig,
    ) -> Result<Opened, IndexError> {
        std::fs::create_dir_all(dir).map_err(|error| IndexError::io(dir, error))?;
        check_lock(dir)?;
        let (schema, fields) = schema::build();
        let fresh = Payload {
            store_uuid: store_uuid.to_owned(),
            seq: 0,
            schema_hash: schema::hash(&schema),
        };
        let memory = config.writer_memory_mib;
        let reason = match existing(dir, &fresh, store_seq) {
            Ok(Some((index, payload))) => match finish(index, fields, dir, memory, payload) {
                Err(IndexError::Unusable { reason, .. }) => Some(reason),
                other => return other,
            },
            Ok(None) => None,
            Err(IndexError::Unusable { reason, .. }) => Some(reason),
            Err(error) => return Err(error),
        };
        if reason.is_some() {
            set_aside(dir).map_err(|error| IndexError::io(dir, error))?;
        }
        let directory = directory(dir)?;
        let index = tantivy::Index::builder()
            .schema(schema)
            .tokenizers(tokenizers())
            .open_or_create(directory)
            .map_err(|error| IndexError::of_opening(dir, error))?;
        let opened = finish(index, fields, dir, memory, fresh)?;
        Ok(Opened {
            rebuild: reason,
            ..opened
        })
    }

    /// Opens the index in `dir` to search it, beside a running writer or without one. Never takes
    /// the writer's lock and never changes a document.
    ///
    /// # Errors
    /// `Missing` when there is none, `Unusable` when it is damaged or of another version.
    pub fn open_read_only(dir: &Path) -> Result<IndexReader, IndexError> {
        if !dir.join(META).exists() {
            return Err(IndexError::Missing(dir.to_owned()));
        }
        let (schema, fields) = schema::build();
        let index = open_files(dir)?;
        let payload = payload(&index, dir)?;
        if index.schema() != schema || payload.schema_hash != schema::hash(&schema) {
            return Err(unusable(dir, "it was written by another version"));
        }
        IndexReader::new(&index, fields, dir)
    }
}

fn finish(
    index: tantivy::Index,
    fields: Fields,
    dir: &Path,
    memory_mib: usize,
    payload: Payload,
) -> Result<Opened, IndexError> {
    let reader = IndexReader::new(&index, fields, dir)?;
    let writer = IndexWriter::open(index, fields, dir.to_owned(), memory_mib, payload)?;
    Ok(Opened {
        writer,
        reader,
        rebuild: None,
    })
}

/// The index that can go on; None when the directory is empty; `Unusable` when it must be set aside.
fn existing(
    dir: &Path,
    wanted: &Payload,
    store_seq: u64,
) -> Result<Option<(tantivy::Index, Payload)>, IndexError> {
    if !dir.join(META).exists() {
        // Lock files alone are no index.
        let leftovers = std::fs::read_dir(dir)
            .map_err(|error| IndexError::io(dir, error))?
            .flatten()
            .any(|entry| {
                entry
                    .path()
                    .extension()
                    .is_none_or(|extension| extension != "lock")
            });
        if leftovers {
            return Err(unusable(dir, "its list of segments is missing"));
        }
        return Ok(None);
    }
    if !dir.join(MANAGED).exists() {
        return Err(unusable(dir, "its list of files is missing"));
    }
    let index = open_files(dir)?;
    let payload = payload(&index, dir)?;
    if payload.schema_hash != wanted.schema_hash {
        return Err(unusable(dir, "it was written by another version"));
    }
    if payload.store_uuid != wanted.store_uuid {
        return Err(unusable(dir, "it belongs to another store"));
    }
    if payload.seq > store_seq {
        return Err(unusable(
            dir,
            "it is ahead of the store, which was restored",
        ));
    }
    let damaged = index
        .validate_checksum()
        .map_err(|error| IndexError::of_opening(dir, error))?;
    if !damaged.is_empty() {
        return Err(unusable(
            dir,
            &format!("{} of its files are damaged", damaged.len()),
        ));
    }
    Ok(Some((index, payload)))
}

fn open_files(dir: &Path) -> Result<tantivy::Index, IndexError> {
    let mut index = tantivy::Index::open(directory(dir)?)
        .map_err(|error| IndexError::of_opening(dir, error))?;
    index.set_tokenizers(tokenizers());
    Ok(index)
}

fn directory(dir: &Path) -> Result<MmapDirectory, IndexError> {
    MmapDirectory::open(dir).map_err(|error| IndexError::of_opening(dir, TantivyError::from(error)))
}

fn payload(index: &tantivy::Index, dir: &Path) -> Result<Payload, IndexError> {
    let metas = index
        .load_metas()
        .map_err(|error| IndexError::of_opening(dir, error))?;
    metas
        .payload
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| unusable(dir, "it does not say where it stands"))
}

fn unusable(dir: &Path, reason: &str) -> IndexError {
    IndexError::Unusable {
        dir: dir.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Nothing is looked at, let alone renamed, while another process writes.
fn check_lock(dir: &Path) -> Result<(), IndexError> {
    directory(dir)?
        .acquire_lock(&INDEX_WRITER_LOCK)
        .map(drop)
        .map_err(|error| IndexError::of_opening(dir, TantivyError::LockFailure(error, None)))
}

fn set_aside(dir: &Path) -> io::Result<()> {
    let mut name = dir.as_os_str().to_owned();
    name.push(".bad");
    let aside = PathBuf::from(name);
    match std::fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::rename(dir, aside)?;
    std::fs::create_dir_all(dir)
}
