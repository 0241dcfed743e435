//! Endpoints that answered that they want no more, until a person says otherwise.
//!
//! Never holds an address: it may contain a token, so its hash stands for it.

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::Store;
use super::columns::{micros, name, time};
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

    /// The endpoints that were disabled, by name, and when. One that has moved since counts no more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn disabled_endpoints(&self) -> Result<Vec<(EndpointId, Timestamp)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT endpoint, at FROM disabled_endpoints ORDER BY endpoint")?;
            let mut rows = statement.query([])?;
            let mut disabled = Vec::new();
            while let Some(row) = rows.next()? {
                let endpoint = name(EndpointId::parse, row.get(0)?)?;
                disabled.push((endpoint, time(row.get(1)?)?));
            }
            Ok(disabled)
        })
        .await
    }
}
