//! What a demo did, stage by stage: for people, and for CI, which fails when a stage saw nothing.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::crm::Crm;
use super::town::Town;
use crate::store::Counts;

/// The numbers of one demo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoSummary {
    /// Requests that the town answered.
    pub requests: u64,
    /// Posts in the store.
    pub posts: u64,
    /// Posts that a monitor matched.
    pub mentions: u64,
    /// Links of authors to customers.
    pub linked: u64,
    /// Documents in the index.
    pub indexed: u64,
    /// Deliveries that the CRM accepted, as the daemon sees it.
    pub webhooks_delivered: u64,
    /// Events whose signature the CRM verified.
    pub webhooks_verified: u64,
    /// Digests written.
    pub digests: u64,
    /// Seconds from the start to the first scored hit; absent when there was none.
    pub first_hit_secs: Option<f64>,
}

impl DemoSummary {
    /// Adds up what each stage saw.
    #[must_use]
    pub fn new(
        town: &Town,
        crm: &Crm,
        counts: &Counts,
        indexed: u64,
        digests: u64,
        first_hit: Option<Duration>,
    ) -> Self {
        Self {
            requests: town.requests(),
            posts: counts.posts,
            mentions: counts.mentions,
            linked: counts.linked,
            indexed,
            webhooks_delivered: counts.delivered,
            webhooks_verified: crm
                .ledger()
                .values()
                .filter(|received| received.verified)
                .count() as u64,
            digests,
            first_hit_secs: first_hit
                .map(|first_hit| (first_hit.as_secs_f64() * 100.0).round() / 100.0),
        }
    }

    /// Whether every stage saw something.
    #[must_use]
    pub fn complete(&self) -> bool {
        let counts = [
            self.requests,
            self.posts,
            self.mentions,
            self.linked,
            self.indexed,
            self.webhooks_delivered,
            self.webhooks_verified,
            self.digests,
        ];
        counts.iter().all(|count| *count > 0) && self.first_hit_secs.is_some()
    }
}

impl fmt::Display for DemoSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests brought {} posts, {} of them mentions;",
            self.requests, self.posts, self.mentions
        )?;
        writeln!(
            f,
            "{} authors are customers; {} posts are searchable;",
            self.linked, self.indexed
        )?;
        writeln!(
            f,
            "{} webhooks delivered, {} verified by the fake CRM; {} digest written.",
            self.webhooks_delivered, self.webhooks_verified, self.digests
        )?;
        match self.first_hit_secs {
            Some(secs) => write!(f, "First hit after {secs} s."),
            None => write!(f, "No hit for the first query."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_saw_nothing_fails_the_demo() {
        let good = DemoSummary {
            requests: 1,
            posts: 1,
            mentions: 1,
            linked: 1,
            indexed: 1,
            webhooks_delivered: 1,
            webhooks_verified: 1,
            digests: 1,
            first_hit_secs: Some(0.5),
        };
        assert!(good.complete());
        assert!(
            !DemoSummary {
                linked: 0,
                ..good.clone()
            }
            .complete()
        );
        assert!(
            !DemoSummary {
                first_hit_secs: None,
                ..good
            }
            .complete()
        );
    }
}
