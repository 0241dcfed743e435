//! Reads customers, what they own and their timelines; takes the decisions of people about links.
//! Importing them is in `import`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::Store;
use super::authors::{author_row, read_current};
use super::changes::mark_author_changed;
use super::columns::{limit, name, unjson};
use super::error::{Fault, Sql, StoreError};
use super::events::add_event;
use super::links::{LinkEffect, put_links, read_links};
use super::posts::{Page, PagePosition};
use super::records::Loader;
use crate::customers::linked_event;
use crate::domain::{
    Author, AuthorId, Customer, CustomerId, Identity, Link, LinkOrigin, LinkState,
};

/// An author with the link to a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorLink {
    /// The author's network.
    pub network: String,
    /// The author as they are now.
    pub author: Author,
    /// The link.
    pub link: Link,
}

pub(super) const TIMELINE: &str = "SELECT p.ordered_at, p.row
     FROM links l CROSS JOIN posts p ON p.author = l.author
     WHERE l.customer = (SELECT row FROM customers WHERE id = ?4) AND l.state = 'linked'
       AND (p.ordered_at, p.row) < (?1, ?2)
     ORDER BY p.ordered_at DESC, p.row DESC LIMIT ?3";

pub(super) const CUSTOMERS: &str = "SELECT row FROM customers WHERE id > ?1 ORDER BY id LIMIT ?2";

/// A scan, for a person who looks for somebody.
const FIND: &str = "SELECT c.row FROM customers c WHERE c.id > ?1
       AND (instr(lower(c.id), ?3) OR instr(lower(c.name), ?3) OR EXISTS (
           SELECT 1 FROM identities i WHERE i.customer = c.row AND instr(lower(i.value), ?3)))
     ORDER BY c.id LIMIT ?2";

pub(super) const LINKS_OF: &str = "SELECT l.author FROM links l
     WHERE l.customer = (SELECT row FROM customers WHERE id = ?1) ORDER BY l.state, l.author";

pub(super) const SUGGESTED: &str = "SELECT author, customer FROM links
     WHERE state = 'suggested' ORDER BY changed_at DESC LIMIT ?1";

impl Store {
    /// The customer with this id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn customer(&self, customer: &CustomerId) -> Result<Option<Customer>, StoreError> {
        let customer = customer.clone();
        self.read(
            move |connection| match customer_row(connection, &customer)? {
                Some(row) => read_customer(connection, row),
                None => Ok(None),
            },
        )
        .await
    }

    /// At most `max` customers by id, after the one with this id; those whose id, name or an identity holds `text` (ASCII
    /// letters in any case), or all when it is empty.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn customers(
        &self,
        text: &str,
        after: Option<&CustomerId>,
        max: usize,
    ) -> Result<Vec<Customer>, StoreError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let text = text.to_ascii_lowercase();
        self.read(move |connection| {
            let mut statement;
            let mut rows = if text.is_empty() {
                statement = connection.prepare_cached(CUSTOMERS)?;
                statement.query((after, limit(max)))?
            } else {
                statement = connection.prepare_cached(FIND)?;
                statement.query((after, limit(max), text))?
            };
            let mut customers = Vec::new();
            while let Some(row) = rows.next()? {
                customers.extend(read_customer(connection, row.get(0)?)?);
            }
            Ok(customers)
        })
        .await
    }

    /// Who owns these identities (in normal form). An identity with two owners comes twice.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn customers_for(
        &self,
        identities: &[Identity],
    ) -> Result<Vec<(Identity, Customer)>, StoreError> {
        let identities = identities.to_vec();
        self.read(move |connection| {
            let mut owners = Vec::new();
            for identity in identities {
                for (row, _) in owner_rows(connection, &identity)? {
                    let customer = read_customer(connection, row)?;
                    owners.extend(customer.map(|customer| (identity.clone(), customer)));
                }
            }
            Ok(owners)
        })
        .await
    }

    /// The posts of the authors that are linked to the customer, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn timeline(
        &self,
        customer: &CustomerId,
        max: usize,
        after: Option<PagePosition>,
    ) -> Result<Page, StoreError> {
        let customer = customer.to_string();
        let from = after.unwrap_or(PagePosition::TOP);
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(TIMELINE)?;
            let wanted = limit(max.saturating_add(1));
            let mut rows = statement.query((from.ordered_at, from.row, wanted, customer))?;
            let mut places = Vec::new();
            while let Some(row) = rows.next()? {
                places.push(PagePosition {
                    ordered_at: row.get(0)?,
                    row: row.get(1)?,
                });
            }
            Loader::new(connection).page(places, max)
        })
        .await
    }

    /// The customer's links in every state, with the authors.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn links_of(&self, customer: &CustomerId) -> Result<Vec<AuthorLink>, StoreError> {
        let customer = customer.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(LINKS_OF)?;
            let mut rows = statement.query([customer.as_str()])?;
            let mut links = Vec::new();
            while let Some(row) = rows.next()? {
                links.extend(author_link(connection, row.get(0)?, |link| {
                    link.customer == customer
                })?);
            }
            Ok(links)
        })
        .await
    }

    /// At most `max` links that wait for a person, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn suggested_links(&self, max: usize) -> Result<Vec<AuthorLink>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(SUGGESTED)?;
            let mut rows = statement.query([limit(max)])?;
            let mut links = Vec::new();
            while let Some(row) = rows.next()? {
                let Some(customer) = read_customer(connection, row.get(1)?)? else {
                    continue;
                };
                links.extend(author_link(connection, row.get(0)?, |link| {
                    link.customer == customer.id
                })?);
            }
            Ok(links)
        })
        .await
    }

    /// Records what a person decided about an author and a customer; rules never change it again.
    ///
    /// # Errors
    /// When one of the two is not there.
    pub async fn decide_link(
        &self,
        author: &AuthorId,
        customer: &CustomerId,
        state: LinkState,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let link = Link {
            author: author.clone(),
            customer: customer.clone(),
            confidence: 1.0,
            evidence: "decided by a person".to_owned(),
            origin: LinkOrigin::Person,
            state,
        };
        self.write(move |connection| {
            let missing = || Fault::Refused("no such author or customer".into());
            customer_row(connection, &link.customer)?.ok_or_else(missing)?;
            let row = author_row(connection, &link.author)?.ok_or_else(missing)?;
            let effect = put_links(
                connection,
                row,
                &link.author,
                std::slice::from_ref(&link),
                now,
            )?;
            tell(connection, row, &effect, now)
        })
        .await
    }
}

/// Tells the index and the outbox of changed links.
pub(super) fn tell(
    connection: &Connection,
    author: i64,
    effect: &LinkEffect,
    now: Timestamp,
) -> Sql<()> {
    if effect.visible {
        mark_author_changed(connection, author)?;
    }
    for link in &effect.newly_linked {
        add_event(connection, &linked_event(link, now))?;
    }
    Ok(())
}

pub(super) fn customer_row(connection: &Connection, customer: &CustomerId) -> Sql<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT row FROM customers WHERE id = ?1")?;
    let row = statement
        .query_row([customer.as_str()], |row| row.get(0))
        .optional()?;
    Ok(row)
}

/// The customer in this row, identities sorted.
pub(super) fn read_customer(connection: &Connection, row: i64) -> Sql<Option<Customer>> {
    let mut statement = connection
        .prepare_cached("SELECT id, name, segment, value, tags FROM customers WHERE row = ?1")?;
    let mut rows = statement.query([row])?;
    let Some(columns) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Customer {
        id: name(CustomerId::parse, columns.get(0)?)?,
        name: columns.get(1)?,
        identities: read_identities(connection, row)?,
        segment: columns.get(2)?,
        value: columns.get(3)?,
        tags: unjson(&columns.get::<_, String>(4)?)?,
    }))
}

fn read_identities(connection: &Connection, row: i64) -> Sql<Vec<Identity>> {
    let mut statement = connection
        .prepare_cached("SELECT kind, network, value FROM identities WHERE customer = ?1")?;
    let mut rows = statement.query([row])?;
    let mut identities = Vec::new();
    while let Some(row) = rows.next()? {
        let value: String = row.get(2)?;
        let kind: String = row.get(0)?;
        identities.push(match kind.as_str() {
            "handle" => Identity::Handle {
                network: row.get(1)?,
                handle: value,
            },
            "url" => Identity::Url { url: value },
            "email" => Identity::Email { email: value },
            _ => return Err(Fault::Damaged("an identity of no kind".into())),
        });
    }
    identities.sort();
    Ok(identities)
}

/// Kind, network and value as they stand in columns.
pub(super) fn identity_columns(identity: &Identity) -> (&'static str, &str, &str) {
    match identity {
        Identity::Handle { network, handle } => ("handle", network, handle),
        Identity::Url { url } => ("url", "", url),
        Identity::Email { email } => ("email", "", email),
    }
}

pub(super) const OWNERS: &str = "SELECT c.row, c.id
     FROM identities i JOIN customers c ON c.row = i.customer
     WHERE i.value = ?3 AND i.kind = ?1 AND i.network = ?2 ORDER BY c.id";

pub(super) fn owner_rows(
    connection: &Connection,
    identity: &Identity,
) -> Sql<Vec<(i64, CustomerId)>> {
    let mut statement = connection.prepare_cached(OWNERS)?;
    let mut rows = statement.query(identity_columns(identity))?;
    let mut owners = Vec::new();
    while let Some(row) = rows.next()? {
        owners.push((row.get(0)?, name(CustomerId::parse, row.get(1)?)?));
    }
    Ok(owners)
}

fn author_link(
    connection: &Connection,
    row: i64,
    wanted: impl Fn(&Link) -> bool,
) -> Sql<Option<AuthorLink>> {
    let Some(current) = read_current(connection, row)? else {
        return Ok(None);
    };
    let links = read_links(connection, row, &current.id)?;
    let link = links.into_iter().map(|(_, link)| link).find(wanted);
    Ok(link.map(|link| AuthorLink {
        network: current.network,
        author: current.author,
        link,
    }))
}
