//! Endpoints that were made by API, as they are kept: settings in JSON, secrets sealed.
//!
//! Never opens what is sealed; the key is not in the store.

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::Store;
use super::columns::{micros, name, time};
use super::error::{Fault, Sql, StoreError};
use crate::domain::EndpointId;

/// The most endpoints that are kept: each is a task and a queue.
const MOST: u64 = 100;

/// An endpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEndpoint {
    /// The name.
    pub id: EndpointId,
    /// What may be read, as JSON.
    pub settings: String,
    /// What may not.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Store {
    /// All endpoints that were made by API, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn managed_endpoints(&self) -> Result<Vec<StoredEndpoint>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT endpoint, settings, sealed, created_at, updated_at FROM managed_endpoints ORDER BY endpoint",
            )?;
            let mut rows = statement.query([])?;
            let mut endpoints = Vec::new();
            while let Some(row) = rows.next()? {
                endpoints.push(read_endpoint(row)?);
            }
            Ok(endpoints)
        })
        .await
    }

    /// Keeps a new endpoint.
    ///
    /// # Errors
    /// When there is one with this name, or there are too many.
    pub async fn create_endpoint(&self, new: StoredEndpoint) -> Result<(), StoreError> {
        self.write(move |connection| {
            let kept: u64 = connection
                .prepare_cached("SELECT count(*) FROM managed_endpoints")?
                .query_row([], |row| row.get::<_, i64>(0))?
                .unsigned_abs();
            if kept >= MOST {
                let what = format!("there are {kept} endpoints already, and no more are kept");
                return Err(Fault::Refused(what));
            }
            let added = connection
                .prepare_cached(
                    "INSERT INTO managed_endpoints (endpoint, settings, sealed, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                )?
                .execute((
                    new.id.as_str(),
                    &new.settings,
                    &new.sealed,
                    micros(new.created_at),
                    micros(new.updated_at),
                ))?;
            if added == 0 {
                let what = format!("there is an endpoint \"{}\" already", new.id);
                return Err(Fault::Refused(what));
            }
            // What waited for another receiver of this name is not for this one.
            drop_queue(connection, new.id.as_str())
        })
        .await
    }

    /// Replaces an endpoint that was last changed at `seen`; false when it was changed meanwhile, or is gone.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn replace_endpoint(
        &self,
        endpoint: StoredEndpoint,
        seen: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let replaced = connection
                .prepare_cached(
                    "UPDATE managed_endpoints SET settings = ?2, sealed = ?3, updated_at = max(?4, updated_at + 1)
                     WHERE endpoint = ?1 AND updated_at = ?5",
                )?
                .execute((
                    endpoint.id.as_str(),
                    &endpoint.settings,
                    &endpoint.sealed,
                    micros(endpoint.updated_at),
                    micros(seen),
                ))?;
            Ok(replaced == 1)
        })
        .await
    }

    /// Removes an endpoint; false when there is none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove_endpoint(&self, endpoint: &EndpointId) -> Result<bool, StoreError> {
        let endpoint = endpoint.to_string();
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM managed_endpoints WHERE endpoint = ?1")?
                .execute([&endpoint])?;
            Ok(removed == 1)
        })
        .await
    }

    /// Forgets what waits for an endpoint that is gone, and what became of the rest. Call it when its dispatcher has ended.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn forget_queue(&self, endpoint: &EndpointId) -> Result<(), StoreError> {
        let endpoint = endpoint.to_string();
        self.write(move |connection| drop_queue(connection, &endpoint))
            .await
    }
}

fn drop_queue(connection: &Connection, endpoint: &str) -> Sql<()> {
    for table in [
        "delivery_attempts",
        "deliveries",
        "endpoint_positions",
        "disabled_endpoints",
        "paused_endpoints",
    ] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE endpoint = ?1"),
            [endpoint],
        )?;
    }
    Ok(())
}

fn read_endpoint(row: &Row<'_>) -> Sql<StoredEndpoint> {
    Ok(StoredEndpoint {
        id: name(EndpointId::parse, row.get(0)?)?,
        settings: row.get(1)?,
        sealed: row.get(2)?,
        created_at: time(row.get(3)?)?,
        updated_at: time(row.get(4)?)?,
    })
}
