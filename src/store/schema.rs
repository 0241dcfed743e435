//! Opens connections as the store needs them, and brings the schema up to date.
//!
//! Migrations are numbered, forward-only and one transaction each. Never changes a released one.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::{Fault, StoreError};

/// `MIGRATIONS[n]` takes a store from schema `n` to schema `n + 1`.
const MIGRATIONS: [&str; 9] = [
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
    include_str!("schema/0008.sql"),
    include_str!("schema/0009.sql"),
];

/// Earlier versions can lose commits in a race between a writer that resets the log and a checkpoint.
const OLDEST_SQLITE: i32 = 3_051_003;

/// How long a connection waits for a lock that another holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements kept prepared by a connection: more than the store has, so that none is prepared twice.
const CACHED_STATEMENTS: usize = 128;

/// Pages in the log at which a commit moves it into the file: 16 MiB. SQLite's 1,000 pages are a few batches
/// only, and each move writes the indexes' scattered pages once more and waits for the disk.
const CHECKPOINT_PAGES: i64 = 4_096;

/// Page cache of the writer, in KiB: ids and fingerprints are random, so a new post touches pages all over
/// their indexes; what fits in here is not read again for each batch.
const WRITER_CACHE_KIB: i64 = 65_536;

/// Page cache of each reader, in KiB; behind it stands the kernel's.
const READER_CACHE_KIB: i64 = 8_192;

/// The highest schema that this program knows.
#[allow(clippy::cast_possible_truncation)]
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// Refuses a SQLite that can lose commits.
pub(super) fn check_sqlite() -> Result<(), StoreError> {
    check_version(rusqlite::version_number(), rusqlite::version())
}

fn check_version(number: i32, name: &str) -> Result<(), StoreError> {
    if number < OLDEST_SQLITE {
        return Err(StoreError::OldSqlite {
            found: name.to_owned(),
        });
    }
    Ok(())
}

/// Opens the connection that writes; creates the file.
pub(super) fn open_writer(path: &Path, now: Timestamp) -> Result<Connection, StoreError> {
    create_private(path).map_err(|source| StoreError::Io {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let fault = |error: rusqlite::Error| Fault::from(error).at(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    configure(&connection).map_err(fault)?;
    migrate(&mut connection, path, now)?;
    Ok(connection)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing {
            path: path.to_owned(),
        });
    }
    let fault = |error: rusqlite::Error| Fault::from(error).at(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(fault)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(fault)?;
    connection
        .pragma_update(None, "cache_size", -READER_CACHE_KIB)
        .map_err(fault)?;
    keep_plans(&connection).map_err(fault)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    let found = version(&connection).map_err(fault)?;
    let path = path.to_owned();
    match found {
        found if found > KNOWN => Err(StoreError::NewerSchema {
            path,
            found,
            known: KNOWN,
        }),
        found if found < KNOWN => Err(StoreError::OlderSchema {
            path,
            found,
            known: KNOWN,
        }),
        _ => Ok(connection),
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // A commit that was acknowledged survives a power cut.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten: people may ask for their text to be gone.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    keep_plans(connection)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(())
}

/// Keeps the plan of a prepared statement whatever is bound to it. Otherwise SQLite prepares some again at
/// each use, in case a partial index fits the new value: that was a sixth of the ingest's time.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
}

fn migrate(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), StoreError> {
    let found = version(connection).map_err(|error| Fault::from(error).at(path))?;
    if found > KNOWN {
        return Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found,
            known: KNOWN,
        });
    }
    for (number, sql) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        apply(connection, number, sql, now).map_err(|error| Fault::from(error).at(path))?;
    }
    Ok(())
}

fn apply(
    connection: &mut Connection,
    number: u32,
    sql: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated between our look and our lock.
    if version(&transaction)? >= number {
        return Ok(());
    }
    transaction.execute_batch(sql)?;
    if number == 1 {
        transaction.execute(
            "INSERT INTO meta (key, value) VALUES
             ('store_uuid', lower(hex(randomblob(16)))), ('created_at', ?1)",
            [now.to_string()],
        )?;
    }
    transaction.pragma_update(None, "user_version", number)?;
    transaction.commit()
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Creates the file so that nobody else may read it; SQLite gives its log the same rights.
fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_sqlite_that_loses_commits_is_refused() {
        check_sqlite().unwrap();
        let error = check_version(3_051_002, "3.51.2").unwrap_err();
        assert!(matches!(error, StoreError::OldSqlite { found } if found == "3.51.2"));
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite3");
        let connection = open_writer(&path, now()).unwrap();
        connection
            .pragma_update(None, "user_version", KNOWN + 1)
            .unwrap();
        drop(connection);
        let error = open_writer(&path, now()).unwrap_err();
        assert!(
            matches!(error, StoreError::NewerSchema { found, known, .. } if found == KNOWN + 1 && known == KNOWN)
        );
        assert!(matches!(
            open_reader(&path),
            Err(StoreError::NewerSchema { .. })
        ));
    }

    #[test]
    fn an_interrupted_migration_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite3");
        let mut connection = Connection::open(&path).unwrap();
        let sql = "CREATE TABLE half (a); SELECT no_such_function();";
        assert!(apply(&mut connection, 1, sql, now()).is_err());
        drop(connection);
        let connection = open_writer(&path, now()).unwrap();
        assert_eq!(version(&connection).unwrap(), KNOWN);
        let halves: i64 = connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema WHERE name = 'half'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(halves, 0);
    }

    #[test]
    fn the_pragmas_hold() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open_writer(&dir.path().join("store.sqlite3"), now()).unwrap();
        let number = |name| {
            connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .unwrap()
        };
        assert_eq!(number("synchronous"), 2);
        assert_eq!(number("foreign_keys"), 1);
        assert_eq!(number("secure_delete"), 1);
        assert_eq!(number("busy_timeout"), 5000);
        assert_eq!(number("wal_autocheckpoint"), CHECKPOINT_PAGES);
        assert!(
            connection
                .db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG)
                .unwrap()
        );
        let mode: String = connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
    }
}
