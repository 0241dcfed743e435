//! Links between authors and customers. A rule never changes what a person decided.

use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::columns::{Columns, micros, name, unvariant, variant};
use super::error::Sql;
use crate::domain::{AuthorId, CustomerId, Link, LinkOrigin, LinkState};

/// What a change of links means for others.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct LinkEffect {
    /// Records of the author's posts are different now.
    pub(super) visible: bool,
    /// Links that count since now.
    pub(super) newly_linked: Vec<Link>,
}

const COLUMNS: &str = "SELECT c.id, l.confidence, l.evidence, l.origin, l.state, l.customer
     FROM links l JOIN customers c ON c.row = l.customer WHERE l.author = ?1";

/// The customer that the author counts as: a person's decision first, then the highest confidence.
pub(super) fn linked_customer(
    connection: &Connection,
    author: i64,
    author_id: &AuthorId,
) -> Sql<Option<(i64, Link)>> {
    let mut links = read_links(connection, author, author_id)?;
    links.retain(|(_, link)| link.state == LinkState::Linked);
    Ok(links.into_iter().next())
}

/// All links of the author, those that count most first, with the customers' rows.
pub(super) fn read_links(
    connection: &Connection,
    author: i64,
    author_id: &AuthorId,
) -> Sql<Vec<(i64, Link)>> {
    let mut statement = connection.prepare_cached(COLUMNS)?;
    let mut rows = statement.query([author])?;
    let mut links = Vec::new();
    while let Some(row) = rows.next()? {
        links.push(read_link(row, author_id)?);
    }
    links.sort_by(|(_, a), (_, b)| {
        let person = |link: &Link| link.origin == LinkOrigin::Person;
        let order = person(b).cmp(&person(a));
        let order = order.then_with(|| b.confidence.total_cmp(&a.confidence));
        order.then_with(|| a.customer.cmp(&b.customer))
    });
    Ok(links)
}

fn read_link(row: &Row<'_>, author: &AuthorId) -> Sql<(i64, Link)> {
    let mut columns = Columns::new(row);
    let link = Link {
        author: author.clone(),
        customer: name(CustomerId::parse, columns.next()?)?,
        confidence: columns.next()?,
        evidence: columns.next()?,
        origin: unvariant(columns.next()?)?,
        state: unvariant(columns.next()?)?,
    };
    Ok((columns.next()?, link))
}

/// Puts these links of the author; others stay. A link to a customer that is not there is left out:
/// the customer may have been removed since the link was decided.
pub(super) fn put_links(
    connection: &Connection,
    author: i64,
    author_id: &AuthorId,
    links: &[Link],
    now: Timestamp,
) -> Sql<LinkEffect> {
    let old = read_links(connection, author, author_id)?;
    let mut effect = LinkEffect::default();
    for link in links {
        let before = old.iter().find(|(_, old)| old.customer == link.customer);
        let before = before.map(|(_, link)| link);
        let by_person = |link: &Link| link.origin == LinkOrigin::Person;
        if before == Some(link) || before.is_some_and(by_person) && !by_person(link) {
            continue;
        }
        if !write_link(connection, author, link, now)? {
            continue;
        }
        let counts = |link: &Link| link.state == LinkState::Linked;
        let counted = before.is_some_and(counts);
        effect.visible |= counted || counts(link);
        if counts(link) && !counted {
            effect.newly_linked.push(link.clone());
        }
    }
    Ok(effect)
}

/// Makes these the author's only links by rule.
pub(super) fn replace_rule_links(
    connection: &Connection,
    author: i64,
    author_id: &AuthorId,
    links: &[Link],
    now: Timestamp,
) -> Sql<LinkEffect> {
    let old = read_links(connection, author, author_id)?;
    let mut effect = put_links(connection, author, author_id, links, now)?;
    for (customer, link) in old {
        let still = links.iter().any(|new| new.customer == link.customer);
        if link.origin == LinkOrigin::Rule && !still {
            connection
                .prepare_cached("DELETE FROM links WHERE author = ?1 AND customer = ?2")?
                .execute((author, customer))?;
            effect.visible |= link.state == LinkState::Linked;
        }
    }
    Ok(effect)
}

/// Whether the customer is there.
fn write_link(connection: &Connection, author: i64, link: &Link, now: Timestamp) -> Sql<bool> {
    let written = connection
        .prepare_cached(
            "INSERT INTO links (author, customer, confidence, evidence, origin, state, changed_at)
             SELECT ?1, row, ?3, ?4, ?5, ?6, ?7 FROM customers WHERE id = ?2
             ON CONFLICT (author, customer) DO UPDATE SET confidence = excluded.confidence,
                 evidence = excluded.evidence, origin = excluded.origin, state = excluded.state,
                 changed_at = excluded.changed_at",
        )?
        .execute((
            author,
            link.customer.as_str(),
            link.confidence,
            &link.evidence,
            variant(&link.origin)?,
            variant(&link.state)?,
            micros(now),
        ))?;
    Ok(written == 1)
}
