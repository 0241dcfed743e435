//! Brings customers in, and links the authors that are known already.
//!
//! The same import again changes nothing. An import never removes a customer: it may be a part.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::Connection;

use super::Store;
use super::authors::read_current;
use super::changes::mark_author_changed;
use super::columns::{json, micros};
use super::customers::{customer_row, identity_columns, owner_rows, read_customer, tell};
use super::error::{Sql, StoreError};
use super::links::replace_rule_links;
use crate::customers::{decide, identities_of, identity};
use crate::domain::{Customer, Identity};

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOutcome {
    /// Customers that were not known.
    pub created: u64,
    /// Customers that were known and are different now.
    pub updated: u64,
    /// Customers that are as they were.
    pub unchanged: u64,
    /// Authors that count as a customer since now.
    pub linked: u64,
}

impl Store {
    /// Brings the customers in: what is new is added, what differs replaced, nothing removed; the same
    /// import again changes nothing. Identities are normalised. Authors who own one of the identities that
    /// came or went are linked anew by the rules, with events and changes, in the same transaction.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn import_customers(
        &self,
        customers: Vec<Customer>,
        now: Timestamp,
    ) -> Result<ImportOutcome, StoreError> {
        self.write(move |connection| import(connection, customers, now))
            .await
    }
}

fn import(connection: &Connection, customers: Vec<Customer>, now: Timestamp) -> Sql<ImportOutcome> {
    let mut outcome = ImportOutcome::default();
    let mut touched = BTreeSet::new();
    let mut redrawn = BTreeSet::new();
    for mut customer in customers {
        customer.identities = normal(&customer.identities);
        customer.value = customer.value.filter(|value| value.is_finite());
        let old = match customer_row(connection, &customer.id)? {
            Some(row) => read_customer(connection, row)?.map(|old| (row, old)),
            None => None,
        };
        let (row, old_identities) = match old {
            Some((_, old)) if old == customer => {
                outcome.unchanged += 1;
                continue;
            }
            Some((row, old)) => {
                outcome.updated += 1;
                update_customer(connection, row, &customer, now)?;
                redrawn.insert(row);
                (row, old.identities)
            }
            None => {
                outcome.created += 1;
                (insert_customer(connection, &customer, now)?, Vec::new())
            }
        };
        if old_identities != customer.identities {
            write_identities(connection, row, &customer.identities)?;
            touched.extend(old_identities);
            touched.extend(customer.identities);
        }
    }
    let mut relink = BTreeSet::new();
    for identity in &touched {
        relink.extend(authors_with(connection, identity)?);
    }
    for author in relink {
        outcome.linked += u64::from(relink_author(connection, author, now)?);
    }
    for customer in redrawn {
        for author in linked_authors(connection, customer)? {
            mark_author_changed(connection, author)?;
        }
    }
    Ok(outcome)
}

/// Links the author anew by the rules; whether somebody is newly linked.
fn relink_author(connection: &Connection, row: i64, now: Timestamp) -> Sql<bool> {
    let Some(current) = read_current(connection, row)? else {
        return Ok(false);
    };
    let mut owners = Vec::new();
    for identity in identities_of(&current.author, &current.network) {
        for (_, customer) in owner_rows(connection, &identity)? {
            owners.push((identity.clone(), customer));
        }
    }
    let links = decide(&current.id, &current.author, &current.network, &owners);
    let effect = replace_rule_links(connection, row, &current.id, &links, now)?;
    tell(connection, row, &effect, now)?;
    Ok(!effect.newly_linked.is_empty())
}

fn normal(identities: &[Identity]) -> Vec<Identity> {
    let normal: BTreeSet<_> = identities.iter().filter_map(identity::normalize).collect();
    normal.into_iter().collect()
}

fn insert_customer(connection: &Connection, customer: &Customer, now: Timestamp) -> Sql<i64> {
    let row = connection
        .prepare_cached(
            "INSERT INTO customers (id, name, segment, value, tags, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        )?
        .insert((
            customer.id.as_str(),
            &customer.name,
            &customer.segment,
            customer.value,
            json(&customer.tags)?,
            micros(now),
        ))?;
    Ok(row)
}

fn update_customer(
    connection: &Connection,
    row: i64,
    customer: &Customer,
    now: Timestamp,
) -> Sql<()> {
    connection
        .prepare_cached(
            "UPDATE customers SET name = ?2, segment = ?3, value = ?4, tags = ?5, updated_at = ?6
             WHERE row = ?1",
        )?
        .execute((
            row,
            &customer.name,
            &customer.segment,
            customer.value,
            json(&customer.tags)?,
            micros(now),
        ))?;
    Ok(())
}

fn write_identities(connection: &Connection, row: i64, identities: &[Identity]) -> Sql<()> {
    connection
        .prepare_cached("DELETE FROM identities WHERE customer = ?1")?
        .execute([row])?;
    for identity in identities {
        let (kind, network, value) = identity_columns(identity);
        connection
            .prepare_cached(
                "INSERT INTO identities (customer, kind, network, value) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((row, kind, network, value))?;
    }
    Ok(())
}

pub(super) const AUTHORS_WITH: &str =
    "SELECT author FROM author_identities WHERE value = ?3 AND kind = ?1 AND network = ?2";

fn authors_with(connection: &Connection, identity: &Identity) -> Sql<Vec<i64>> {
    let mut statement = connection.prepare_cached(AUTHORS_WITH)?;
    let authors = statement.query_map(identity_columns(identity), |row| row.get(0))?;
    Ok(authors.collect::<Result<_, _>>()?)
}

fn linked_authors(connection: &Connection, customer: i64) -> Sql<Vec<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT author FROM links WHERE customer = ?1 AND state = 'linked'")?;
    let authors = statement.query_map([customer], |row| row.get(0))?;
    Ok(authors.collect::<Result<_, _>>()?)
}
