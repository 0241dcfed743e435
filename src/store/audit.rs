//! The audit log: who changed what, when, and how it ended. Rows are added and never changed.
//!
//! Each row's hash covers its content and the hash of the row before, so `verify` finds what was changed, put in or taken out in the
//! middle. Whoever can write the file can cut its end off or write it anew: keep the newest hash elsewhere to notice that.
//! Holds no post text, no secret and nothing that people search for.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};
use sha2::{Digest, Sha256};

use super::Store;
use super::columns::{count, limit, micros, time, uncount};
use super::error::{Sql, StoreError};

/// What is noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who: `user ann`, `token crm`, `command line`.
    pub actor: String,
    /// What was done, such as `POST /api/v1/endpoints/{id}/rotate`.
    pub action: String,
    /// To what, such as `crm`; empty where the action says it.
    pub subject: String,
    /// How it ended, such as `200`.
    pub outcome: String,
}

/// What was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAudit {
    /// Its number, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub entry: AuditEntry,
    /// Of this entry and all before it.
    pub hash: [u8; 32],
}

/// What a check of the log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheck {
    /// Entries that fit.
    pub good: u64,
    /// The number of the first that does not, or that is missing.
    pub broken: Option<u64>,
    /// The hash of the last one that fits.
    pub newest: Option<[u8; 32]>,
}

const COLUMNS: &str = "seq, at, actor, action, subject, outcome, hash";

impl Store {
    /// Adds entries, all or none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn note(&self, entries: Vec<AuditEntry>, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            let last = connection
                .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let (last, mut before): (i64, [u8; 32]) = last.unwrap_or_default();
            let mut insert = connection.prepare_cached(
                "INSERT INTO audit (seq, at, actor, action, subject, outcome, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for (seq, entry) in (uncount(last) + 1..).zip(entries) {
                let noted = StoredAudit {
                    seq,
                    at: now,
                    entry,
                    hash: [0; 32],
                };
                before = hash_of(&noted, &before);
                insert.execute((
                    count(noted.seq),
                    micros(noted.at),
                    &noted.entry.actor,
                    &noted.entry.action,
                    &noted.entry.subject,
                    &noted.entry.outcome,
                    before,
                ))?;
            }
            Ok(())
        })
        .await
    }

    /// At most `max` entries before the number, or the newest; the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit(
        &self,
        before: Option<u64>,
        max: usize,
    ) -> Result<Vec<StoredAudit>, StoreError> {
        self.read(move |connection| {
            let before = before.map_or(i64::MAX, count);
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"
            ))?;
            let mut rows = statement.query((before, limit(max)))?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.push(read_audit(row)?);
            }
            Ok(entries)
        })
        .await
    }

    /// Computes all hashes anew.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify_audit(&self) -> Result<AuditCheck, StoreError> {
        self.read(verify).await
    }
}

fn verify(connection: &Connection) -> Sql<AuditCheck> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM audit ORDER BY seq"))?;
    let mut rows = statement.query([])?;
    let mut check = AuditCheck {
        good: 0,
        broken: None,
        newest: None,
    };
    let mut before = [0; 32];
    while let Some(row) = rows.next()? {
        let noted = read_audit(row)?;
        if noted.seq != check.good + 1 || noted.hash != hash_of(&noted, &before) {
            check.broken = Some(check.good + 1);
            return Ok(check);
        }
        before = noted.hash;
        check.good += 1;
        check.newest = Some(before);
    }
    Ok(check)
}

/// SHA-256 of the hash before, the numbers, and each text behind its length.
fn hash_of(noted: &StoredAudit, before: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(noted.seq.to_be_bytes());
    hash.update(micros(noted.at).to_be_bytes());
    let AuditEntry {
        actor,
        action,
        subject,
        outcome,
    } = &noted.entry;
    for text in [actor, action, subject, outcome] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

fn read_audit(row: &Row<'_>) -> Sql<StoredAudit> {
    Ok(StoredAudit {
        seq: uncount(row.get(0)?),
        at: time(row.get(1)?)?,
        entry: AuditEntry {
            actor: row.get(2)?,
            action: row.get(3)?,
            subject: row.get(4)?,
            outcome: row.get(5)?,
        },
        hash: row.get(6)?,
    })
}
