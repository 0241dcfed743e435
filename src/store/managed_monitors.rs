//! Monitors that were made by API or on the page. Their queries are kept as they were written, and read elsewhere.

use jiff::Timestamp;

use super::Store;
use super::columns::{micros, name, unvariant, variant};
use super::error::{Fault, StoreError};
use crate::domain::{MonitorId, MonitorSummary};

/// The most monitors that are kept; each costs a little with every post.
const MOST: i64 = 1_000;

impl Store {
    /// All monitors that were made by API, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn managed_monitors(&self) -> Result<Vec<MonitorSummary>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT monitor, query, brand, role FROM managed_monitors ORDER BY monitor",
            )?;
            let mut rows = statement.query([])?;
            let mut monitors = Vec::new();
            while let Some(row) = rows.next()? {
                monitors.push(MonitorSummary {
                    id: name(MonitorId::parse, row.get(0)?)?,
                    query: row.get(1)?,
                    brand: row.get(2)?,
                    role: unvariant(row.get(3)?)?,
                });
            }
            Ok(monitors)
        })
        .await
    }

    /// Keeps a monitor, or changes the one of this name; whether it is new.
    ///
    /// # Errors
    /// When there are too many.
    pub async fn put_monitor(
        &self,
        monitor: MonitorSummary,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            let before = count("SELECT count(*) FROM managed_monitors")?;
            connection
                .prepare_cached(
                    "INSERT INTO managed_monitors (monitor, query, brand, role, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (monitor) DO UPDATE
                     SET query = excluded.query, brand = excluded.brand, role = excluded.role, updated_at = excluded.updated_at",
                )?
                .execute((
                    monitor.id.as_str(),
                    &monitor.query,
                    &monitor.brand,
                    variant(&monitor.role)?,
                    micros(now),
                ))?;
            let after = count("SELECT count(*) FROM managed_monitors")?;
            if after > MOST {
                // Refused within the transaction: nothing is kept.
                let what = format!("there are {MOST} monitors already, and no more are kept");
                return Err(Fault::Refused(what));
            }
            Ok(after > before)
        })
        .await
    }

    /// Removes a monitor; what it caught stays. False when there is none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove_monitor(&self, monitor: &MonitorId) -> Result<bool, StoreError> {
        let monitor = monitor.to_string();
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM managed_monitors WHERE monitor = ?1")?
                .execute([monitor])?;
            Ok(removed == 1)
        })
        .await
    }
}
