//! The data directory: which file is where, and who opens it how.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::Config;
use crate::index::{Index, Opened};
use crate::ingest::Indexer;
use crate::insight::Searcher;
use crate::runtime::Clock;
use crate::store::Store;

/// Where the store's database lives.
#[must_use]
pub fn store_dir(config: &Config) -> PathBuf {
    config.data_dir.clone()
}

/// Where the search index lives.
#[must_use]
pub fn index_dir(config: &Config) -> PathBuf {
    config.data_dir.join("index")
}

/// Where commands reach a running daemon: `api.sock` in the data directory.
#[must_use]
pub fn socket_path(config: &Config) -> PathBuf {
    config.data_dir.join("api.sock")
}

/// The zone in which days begin for people.
///
/// # Errors
/// When the zone is unknown; `Config::load` has checked it.
pub fn zone(config: &Config) -> anyhow::Result<TimeZone> {
    TimeZone::get(&config.time_zone)
        .with_context(|| format!("unknown time zone \"{}\"", config.time_zone))
}

/// Creates the data directory, for us alone.
///
/// # Errors
/// When it can't be created.
pub fn create_data_dir(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| {
            format!(
                "could not create the data directory {}: name another with --data or `data_dir`",
                dir.display()
            )
        })
}

/// Opens the store to write; the caller holds the data lock.
///
/// # Errors
/// When the store can't be used.
pub async fn open_store(config: &Config, now: Timestamp) -> anyhow::Result<Store> {
    let dir = store_dir(config);
    Ok(tokio::task::spawn_blocking(move || Store::open(&dir, now)).await??)
}

/// Opens the store to read, beside a running daemon or without one.
///
/// # Errors
/// When there is no store yet.
pub async fn open_store_read_only(config: &Config) -> anyhow::Result<Store> {
    let dir = store_dir(config);
    let opened = tokio::task::spawn_blocking(move || Store::open_read_only(&dir)).await?;
    opened.with_context(|| nothing_yet(config))
}

/// Opens store and index to search them, beside a running daemon or without one.
///
/// # Errors
/// When there is nothing to search yet.
pub async fn open_searcher(config: &Config) -> anyhow::Result<Searcher> {
    let store = open_store_read_only(config).await?;
    let dir = index_dir(config);
    let reader = tokio::task::spawn_blocking(move || Index::open_read_only(&dir)).await?;
    let index = reader.with_context(|| nothing_yet(config))?;
    Ok(Searcher::new(index, store))
}

/// What is said of a data directory without a store, with what to do next.
#[must_use]
pub fn nothing_yet(config: &Config) -> String {
    format!(
        "nothing was heard in {} yet: start the daemon with `overheard run`, or name its directory with --data",
        config.data_dir.display()
    )
}

/// Opens the index to write: the one that fits the store, or an empty one.
///
/// # Errors
/// When the index is being written by another process, or the directory can't be used.
pub(super) async fn open_index(config: &Config, store: &Store) -> anyhow::Result<Opened> {
    let (dir, uuid) = (index_dir(config), store.uuid().to_owned());
    let newest = store.tip().borrow().change_seq;
    let index_config = config.index.clone();
    let opened =
        tokio::task::spawn_blocking(move || Index::open(&dir, &uuid, newest, &index_config))
            .await??;
    if let Some(reason) = &opened.rebuild {
        tracing::warn!(reason = %reason, "the index is built anew from the store");
    }
    Ok(opened)
}

/// Builds the index anew from the store; the caller holds the data lock. Returns the number of posts.
///
/// `progress` gets the numbers of posts done and in all.
///
/// # Errors
/// When store or index can't be used.
pub async fn rebuild_index(config: &Config, progress: impl Fn(u64, u64)) -> anyhow::Result<u64> {
    let store = open_store(config, Clock::system().now()).await?;
    let total = store.counts().await?.posts;
    let opened = open_index(config, &store).await?;
    let mut indexer = Indexer::new(store.clone(), opened.writer, opened.reader);
    let posts = indexer.rebuild(|done| progress(done, total)).await?;
    store.close().await;
    Ok(posts)
}
