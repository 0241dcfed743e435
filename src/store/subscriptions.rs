//! Subscriptions at WebSub hubs: what a feed named, what was asked of the hub and what it confirmed.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, Params, Row};

use super::Store;
use super::columns::{limit, micros, time_opt};
use super::error::{Sql, StoreError};
use crate::domain::{Hub, Subscription};

const COLUMNS: &str = "SELECT feed, hub, topic, key, secret, leased_until, pushed_at, is_reliable,
     unconfirmed, error FROM subscriptions";

impl Store {
    /// Keeps where a feed can be subscribed to. Another hub or topic than before begins anew, with the key and the secret
    /// given here; the hub is due to be asked at `now`.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_hub(
        &self,
        feed: &str,
        hub: Hub,
        key: String,
        secret: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let feed = feed.to_owned();
        let sql = "INSERT INTO subscriptions (feed, hub, topic, key, secret, next_ask_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (feed) DO UPDATE SET hub = excluded.hub, topic = excluded.topic,
                         key = excluded.key, secret = excluded.secret, base = '',
                         next_ask_at = excluded.next_ask_at, unconfirmed = 0, leased_until = NULL,
                         pushed_at = NULL, is_reliable = 1, error = NULL
                     WHERE hub <> excluded.hub OR topic <> excluded.topic";
        self.change(sql, (feed, hub.url, hub.topic, key, secret, micros(now)))
            .await
    }

    /// Forgets a feed's subscription; what the hub still sends is refused.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn forget_hub(&self, feed: &str) -> Result<(), StoreError> {
        let feed = feed.to_owned();
        let sql = "DELETE FROM subscriptions WHERE feed = ?1";
        self.change(sql, [feed]).await
    }

    /// Forgets the subscriptions of all feeds but these.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_subscriptions_of(&self, feeds: HashSet<String>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut statement = connection.prepare_cached("SELECT feed FROM subscriptions")?;
            let known: Vec<String> = statement
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let mut delete =
                connection.prepare_cached("DELETE FROM subscriptions WHERE feed = ?1")?;
            for feed in known.iter().filter(|feed| !feeds.contains(*feed)) {
                delete.execute([feed])?;
            }
            Ok(())
        })
        .await
    }

    /// The subscription behind a callback.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn subscription(&self, key: &str) -> Result<Option<Subscription>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE key = ?1"))?;
            let mut rows = statement.query([key])?;
            rows.next()?.map(read).transpose()
        })
        .await
    }

    /// At most `max` subscriptions whose hub is to be asked, the longest due first: for the first time, again, for a
    /// longer lease, or because callbacks begin with another `base` than it was told.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn due_subscriptions(
        &self,
        base: &str,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<Subscription>, StoreError> {
        let base = base.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "{COLUMNS} WHERE next_ask_at <= ?1 OR base NOT IN ('', ?2)
                 ORDER BY next_ask_at LIMIT ?3"
            ))?;
            let mut rows = statement.query((micros(now), base, limit(max)))?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                due.push(read(row)?);
            }
            Ok(due)
        })
        .await
    }

    /// Remembers that a hub is about to be asked: until when it may take to confirm, and with which `base`.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn asked_hub(
        &self,
        key: &str,
        base: &str,
        next_ask_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (key, base) = (key.to_owned(), base.to_owned());
        let sql = "UPDATE subscriptions SET base = ?2, next_ask_at = ?3,
                         unconfirmed = unconfirmed + 1 WHERE key = ?1";
        self.change(sql, (key, base, micros(next_ask_at))).await
    }

    /// Remembers why a hub would not have us, and when to ask again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn hub_refused(
        &self,
        key: &str,
        error: String,
        next_ask_at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = key.to_owned();
        let sql = "UPDATE subscriptions SET error = ?2, next_ask_at = ?3 WHERE key = ?1";
        self.change(sql, (key, error, micros(next_ask_at))).await
    }

    /// Remembers that the hub will send until then, and when to ask for more.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn hub_confirmed(
        &self,
        key: &str,
        leased_until: Timestamp,
        next_ask_at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = key.to_owned();
        let sql = "UPDATE subscriptions SET leased_until = ?2, next_ask_at = ?3, unconfirmed = 0,
                         error = NULL WHERE key = ?1";
        self.change(sql, (key, micros(leased_until), micros(next_ask_at)))
            .await
    }

    /// Remembers that the hub sent something of the feed: at `at`; or, without a time, that a poll found what it had not sent.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn rate_hub(&self, feed: &str, at: Option<Timestamp>) -> Result<(), StoreError> {
        let feed = feed.to_owned();
        let sql = "UPDATE subscriptions SET is_reliable = ?2 IS NOT NULL,
                         pushed_at = coalesce(?2, pushed_at) WHERE feed = ?1";
        self.change(sql, (feed, at.map(micros))).await
    }

    /// Runs one statement.
    async fn change(
        &self,
        sql: &'static str,
        values: impl Params + Send + 'static,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.prepare_cached(sql)?.execute(values)?;
            Ok(())
        })
        .await
    }
}

/// The subscription of a feed.
pub(super) fn subscription_of(connection: &Connection, feed: &str) -> Sql<Option<Subscription>> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE feed = ?1"))?;
    let mut rows = statement.query([feed])?;
    rows.next()?.map(read).transpose()
}

fn read(row: &Row<'_>) -> Sql<Subscription> {
    Ok(Subscription {
        feed: row.get(0)?,
        hub: Hub {
            url: row.get(1)?,
            topic: row.get(2)?,
        },
        key: row.get(3)?,
        secret: row.get(4)?,
        leased_until: time_opt(row.get(5)?)?,
        pushed_at: time_opt(row.get(6)?)?,
        is_reliable: row.get(7)?,
        unconfirmed: row.get(8)?,
        error: row.get(9)?,
    })
}
