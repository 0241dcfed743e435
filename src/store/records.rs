//! Joins a post with its analysis, monitors and customer: what everybody outside reads.

use std::collections::HashMap;

use rusqlite::Connection;

use super::analyses::{LabelSets, read_analysis};
use super::customers::read_customer;
use super::error::{Sql, StoreError};
use super::links::linked_customer;
use super::mentions::monitors_of;
use super::posts::{PagePosition, Row, read_post, row_of};
use super::{Page, Store};
use crate::domain::{Customer, PostId, PostRecord};

impl Store {
    /// The post with this id. Its analysis comes without the embedding: see `embedding`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn record(&self, post: &PostId) -> Result<Option<PostRecord>, StoreError> {
        let post = post.clone();
        self.read(move |connection| Loader::new(connection).record_of(&post))
            .await
    }

    /// The posts with these ids that are there, in the order of the ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn records(&self, posts: &[PostId]) -> Result<Vec<PostRecord>, StoreError> {
        let posts = posts.to_vec();
        self.read(move |connection| {
            let mut loader = Loader::new(connection);
            let mut records = Vec::with_capacity(posts.len());
            for post in &posts {
                records.extend(loader.record_of(post)?);
            }
            Ok(records)
        })
        .await
    }
}

/// Reads many records and remembers the customers and label names that it met on the way.
pub(super) struct Loader<'c> {
    connection: &'c Connection,
    customers: HashMap<i64, Customer>,
    label_sets: LabelSets,
}

impl<'c> Loader<'c> {
    /// A loader that remembers nothing yet. Must not outlive its transaction.
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            customers: HashMap::new(),
            label_sets: LabelSets::default(),
        }
    }

    /// The record of the post with this id.
    pub(super) fn record_of(&mut self, post: &PostId) -> Sql<Option<PostRecord>> {
        match row_of(self.connection, post)? {
            Some(row) => self.record(row),
            None => Ok(None),
        }
    }

    /// The record of the post in this row.
    pub(super) fn record(&mut self, row: Row) -> Sql<Option<PostRecord>> {
        let Some(stored) = read_post(self.connection, row)? else {
            return Ok(None);
        };
        let link = match (stored.author, stored.post.author_id()) {
            (Some(author), Some(id)) => linked_customer(self.connection, author, &id)?,
            _ => None,
        };
        let mut customer = None;
        if let Some((customer_row, link)) = link {
            customer = self.customer(customer_row)?.map(|owner| (owner, link));
        }
        Ok(Some(PostRecord {
            analysis: read_analysis(self.connection, row, &mut self.label_sets)?,
            monitors: monitors_of(self.connection, row)?,
            customer,
            duplicate_of: stored.duplicate_of,
            post: stored.post,
        }))
    }

    /// The page of these rows, which are one more than `max` when there is a next page.
    pub(super) fn page(&mut self, mut places: Vec<PagePosition>, max: usize) -> Sql<Page> {
        let more = places.len() > max;
        places.truncate(max);
        let mut records = Vec::with_capacity(places.len());
        for place in &places {
            records.extend(self.record(place.row)?);
        }
        let next = places.last().copied().filter(|_| more);
        Ok(Page { records, next })
    }

    fn customer(&mut self, row: i64) -> Sql<Option<Customer>> {
        if let Some(customer) = self.customers.get(&row) {
            return Ok(Some(customer.clone()));
        }
        let customer = read_customer(self.connection, row)?;
        if let Some(customer) = &customer {
            self.customers.insert(row, customer.clone());
        }
        Ok(customer)
    }
}
