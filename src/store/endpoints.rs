//! Endpoints that get nothing for now: they answered that they want no more, or a person paused them.
//!
//! Never holds an address: it may contain a token, so its hash stands for it.

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::Store;
use super::columns::{micros, name, time, uncount};
use super::error::StoreError;
use crate::domain::EndpointId;

impl Store {
    /// Whether the endpoint was disabled at this address (32 bytes of a hash).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn endpoint_disabled(
        &self,
        endpoint: &EndpointId,
        address: [u8; 32],
    ) -> Result<bool, StoreError> {
        let endpoint = endpoint.to_string();
        self.read(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT address FROM disabled_endpoints WHERE endpoint = ?1")?;
            let disabled_at: Option<[u8; 32]> = statement
                .query_row([endpoint], |row| row.get(0))
                .optional()?;
            Ok(disabled_at == Some(address))
        })
        .await
    }

    /// Disables the endpoint for as long as it has this address.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn disable_endpoint(
        &self,
        endpoint: &EndpointId,
        address: [u8; 32],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let endpoint = endpoint.to_string();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO disabled_endpoints (endpoint, address, at) VALUES (?1, ?2, ?3)",
                )?
                .execute((&endpoint, address, micros(now)))?;
            Ok(())
        })
        .await
    }

    /// Enables the endpoint again; false when it was not disabled.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn enable_endpoint(&self, endpoint: &EndpointId) -> Result<bool, StoreError> {
        let endpoint = endpoint.to_string();
        self.write(move |connection| {
            let enabled = connection
                .prepare_cached("DELETE FROM disabled_endpoints WHERE endpoint = ?1")?
                .execute([endpoint])?;
            Ok(enabled == 1)
        })
        .await
    }

    /// Lets nothing go out to the endpoint until it is resumed; false when it was paused before.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn pause_endpoint(
        &self,
        endpoint: &EndpointId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let endpoint = endpoint.to_string();
        self.write(move |connection| {
            let paused = connection
                .prepare_cached(
                    "INSERT INTO paused_endpoints (endpoint, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                )?
                .execute((endpoint, micros(now)))?;
            Ok(paused == 1)
        })
        .await
    }

    /// Ends a pause, whoever began it: a person, or the receiver with a 410. False when there was none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn resume_endpoint(&self, endpoint: &EndpointId) -> Result<bool, StoreError> {
        let name = endpoint.to_string();
        let resumed = self.write(move |connection| {
            let resumed = connection
                .prepare_cached("DELETE FROM paused_endpoints WHERE endpoint = ?1")?
                .execute([name])?;
            Ok(resumed == 1)
        });
        let resumed = resumed.await?;
        Ok(self.enable_endpoint(endpoint).await? || resumed)
    }

    /// The endpoints that a person paused, by name, and when.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn paused_endpoints(&self) -> Result<Vec<(EndpointId, Timestamp)>, StoreError> {
        self.list_endpoints("SELECT endpoint, at FROM paused_endpoints ORDER BY endpoint")
            .await
    }

    /// How many deliveries wait for the endpoint.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn waiting_deliveries(&self, endpoint: &EndpointId) -> Result<u64, StoreError> {
        let endpoint = endpoint.to_string();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT count(*) FROM deliveries WHERE endpoint = ?1 AND state = 'pending'",
            )?;
            Ok(uncount(statement.query_row([endpoint], |row| row.get(0))?))
        })
        .await
    }

    /// Whether a person paused the endpoint.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn endpoint_paused(&self, endpoint: &EndpointId) -> Result<bool, StoreError> {
        let endpoint = endpoint.to_string();
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT 1 FROM paused_endpoints WHERE endpoint = ?1")?;
            Ok(statement.exists([endpoint])?)
        })
        .await
    }

    /// The endpoints that were disabled, by name, and when. One that has moved since counts no more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn disabled_endpoints(&self) -> Result<Vec<(EndpointId, Timestamp)>, StoreError> {
        self.list_endpoints("SELECT endpoint, at FROM disabled_endpoints ORDER BY endpoint")
            .await
    }

    async fn list_endpoints(
        &self,
        sql: &'static str,
    ) -> Result<Vec<(EndpointId, Timestamp)>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([])?;
            let mut listed = Vec::new();
            while let Some(row) = rows.next()? {
                let endpoint = name(EndpointId::parse, row.get(0)?)?;
                listed.push((endpoint, time(row.get(1)?)?));
            }
            Ok(listed)
        })
        .await
    }
}
