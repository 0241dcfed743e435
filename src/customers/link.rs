//! When an author is a customer: rules, their confidence, and evidence in words.
//!
//! The confidences are estimates of how often the claim is right, not measurements; they order
//! candidates and are shown to people:
//!
//! - *exact handle on the same network*, 0.95: a network gives a handle to one account at a time, so
//!   it fails only when the CRM is out of date or wrong (a handle was renamed and taken by somebody
//!   else, a typing error that is a real account).
//! - *exact profile URL*, 0.97: a URL is rarely typed by hand, so the typing errors fall away; the
//!   renamed accounts remain.
//! - *both*, 0.99: the CRM says twice, independently, the same thing.
//! - *an e-mail address in text or profile* makes no link: anybody can write anybody's address.
//!
//! What two customers own decides nothing: it is a suggestion for a person. Names are never
//! compared: namesakes are common.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::identity::identities_of;
use crate::domain::{
    Author, AuthorId, CustomerId, Event, EventId, EventKind, Identity, Link, LinkOrigin, LinkState,
    Subject,
};

/// An exact handle on the same network.
pub const HANDLE_CONFIDENCE: f64 = 0.95;
/// An exact profile URL.
pub const URL_CONFIDENCE: f64 = 0.97;
/// Handle and profile URL.
pub const BOTH_CONFIDENCE: f64 = 0.99;

#[derive(Default)]
struct Claim {
    handle: bool,
    url: bool,
}

impl Claim {
    fn add(&mut self, identity: &Identity) {
        match identity {
            Identity::Handle { .. } => self.handle = true,
            Identity::Url { .. } => self.url = true,
            Identity::Email { .. } => {}
        }
    }

    fn confidence(&self) -> f64 {
        match (self.handle, self.url) {
            (true, true) => BOTH_CONFIDENCE,
            (false, true) => URL_CONFIDENCE,
            (true, false) => HANDLE_CONFIDENCE,
            (false, false) => 0.0,
        }
    }
}

/// Decides which customers the author is, from those who own one of the author's identities.
///
/// `owners` may hold more than the author's identities; what is not the author's is ignored. One customer
/// with an identity that nobody else owns is linked; every other claim is a suggestion, its
/// confidence divided by the number of claimants. Sorted by confidence, the highest first.
#[must_use]
pub fn decide(
    author_id: &AuthorId,
    author: &Author,
    network: &str,
    owners: &[(Identity, CustomerId)],
) -> Vec<Link> {
    let mut own: BTreeMap<&CustomerId, Claim> = BTreeMap::new();
    let mut shared: BTreeMap<&CustomerId, Claim> = BTreeMap::new();
    for identity in identities_of(author, network) {
        let mut claimants: Vec<_> = owners
            .iter()
            .filter(|(owned, _)| *owned == identity)
            .map(|(_, customer)| customer)
            .collect();
        claimants.sort();
        claimants.dedup();
        let claims = if claimants.len() == 1 {
            &mut own
        } else {
            &mut shared
        };
        for customer in claimants {
            claims.entry(customer).or_default().add(&identity);
        }
    }
    let certain = own.len() == 1;
    shared.retain(|customer, _| !own.contains_key(*customer));
    let claimants = own.len() + shared.len();
    let mut links = Vec::with_capacity(claimants);
    for (customer, claim) in own.iter().chain(&shared) {
        let linked = certain && own.contains_key(*customer);
        let evidence = evidence(author, network, claim);
        links.push(Link {
            author: author_id.clone(),
            customer: (*customer).clone(),
            confidence: match linked {
                true => claim.confidence(),
                false => claim.confidence() / as_f64(claimants.max(2)),
            },
            evidence: match linked {
                true => evidence,
                false => format!("{evidence}; {claimants} customers claim this author"),
            },
            origin: LinkOrigin::Rule,
            state: match linked {
                true => LinkState::Linked,
                false => LinkState::Suggested,
            },
        });
    }
    links.sort_by(|a, b| {
        let order = b.confidence.total_cmp(&a.confidence);
        order.then_with(|| a.customer.cmp(&b.customer))
    });
    links
}

/// The event that this author was linked to this customer: one for each such pair, however often it is made.
#[must_use]
pub fn linked_event(link: &Link, occurred_at: Timestamp) -> Event {
    let kind = EventKind::CustomerLinked;
    let subject = Subject::Customer {
        id: link.customer.clone(),
    };
    let about = format!("{} {}", subject.key(), link.author);
    Event {
        id: EventId::derive(kind.as_str(), &about, 0),
        kind,
        subject,
        occurred_at,
    }
}

fn evidence(author: &Author, network: &str, claim: &Claim) -> String {
    let handle = format!(
        "handle @{} on {network}",
        author.handle.trim_start_matches('@')
    );
    let url = format!("profile {}", author.url.as_deref().unwrap_or_default());
    match (claim.handle, claim.url) {
        (true, true) => format!("{handle} and {url}"),
        (false, true) => url,
        _ => handle,
    }
}

#[allow(clippy::cast_precision_loss)]
fn as_f64(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author() -> (AuthorId, Author) {
        let author = Author {
            native_id: "1".into(),
            handle: "Ann@example.social".into(),
            url: Some("https://example.social/@Ann".into()),
            ..Author::default()
        };
        (author.id("mastodon", ""), author)
    }

    fn handle() -> Identity {
        super::super::handle_identity("mastodon", "ann@example.social").unwrap()
    }

    fn profile() -> Identity {
        super::super::url_identity("example.social/@Ann").unwrap()
    }

    fn customer(id: &str) -> CustomerId {
        CustomerId::parse(id).unwrap()
    }

    /// Owners, then the expected customers with state and confidence in percent.
    #[test]
    fn the_rules() {
        use LinkState::{Linked, Suggested};
        let other = super::super::handle_identity("x", "ann@example.social").unwrap();
        type Case<'a> = (Vec<(Identity, &'a str)>, Vec<(&'a str, LinkState, f64)>);
        let table: Vec<Case<'_>> = vec![
            (vec![], vec![]),
            (vec![(other, "A")], vec![]),
            (vec![(handle(), "A")], vec![("A", Linked, 95.0)]),
            (
                vec![(handle(), "A"), (handle(), "A")],
                vec![("A", Linked, 95.0)],
            ),
            (vec![(profile(), "A")], vec![("A", Linked, 97.0)]),
            (
                vec![(handle(), "A"), (profile(), "A")],
                vec![("A", Linked, 99.0)],
            ),
            // One identity, two owners.
            (
                vec![(handle(), "B"), (handle(), "A")],
                vec![("A", Suggested, 47.5), ("B", Suggested, 47.5)],
            ),
            // Two identities, an owner each.
            (
                vec![(handle(), "A"), (profile(), "B")],
                vec![("B", Suggested, 48.5), ("A", Suggested, 47.5)],
            ),
            // A shared one, and one that only A owns.
            (
                vec![(handle(), "A"), (handle(), "B"), (profile(), "A")],
                vec![("A", Linked, 97.0), ("B", Suggested, 47.5)],
            ),
        ];
        let (id, author) = author();
        for (owners, expected) in table {
            let owners: Vec<_> = owners
                .into_iter()
                .map(|(identity, name)| (identity, customer(name)))
                .collect();
            let links = decide(&id, &author, "mastodon", &owners);
            let found: Vec<_> = links
                .iter()
                .map(|link| (link.customer.as_str(), link.state, link.confidence * 100.0))
                .collect();
            assert_eq!(found, expected, "{owners:?}");
        }
    }

    #[test]
    fn evidence_is_in_words() {
        let (id, author) = author();
        let owners = [(handle(), customer("A")), (profile(), customer("A"))];
        let links = decide(&id, &author, "mastodon", &owners);
        assert_eq!(
            links[0].evidence,
            "handle @Ann@example.social on mastodon and profile https://example.social/@Ann"
        );
        let owners = [(handle(), customer("A")), (handle(), customer("B"))];
        let links = decide(&id, &author, "mastodon", &owners);
        assert_eq!(
            links[0].evidence,
            "handle @Ann@example.social on mastodon; 2 customers claim this author"
        );
    }

    #[test]
    fn a_pair_has_one_event_and_another_pair_another() {
        let (id, author) = author();
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let later = "2026-11-23T10:00:00Z".parse().unwrap();
        let link = &decide(&id, &author, "mastodon", &[(handle(), customer("A"))])[0];
        let other = Link {
            author: AuthorId::derive("x", "", "2"),
            ..link.clone()
        };
        assert_eq!(linked_event(link, now).id, linked_event(link, later).id);
        assert_ne!(linked_event(link, now).id, linked_event(&other, now).id);
    }
}
