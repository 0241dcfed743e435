//! A post with everything known of it: what the matcher judges, the index holds and the page shows.

use serde::{Deserialize, Serialize};

use super::analysis::Analysis;
use super::customer::{Customer, Link};
use super::id::{MonitorId, PostId};
use super::post::Post;

/// A post joined with its analysis, its monitors and its customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PostRecord {
    /// The post.
    pub post: Post,
    /// Absent when nothing scored it.
    pub analysis: Option<Analysis>,
    /// The monitors that it matches; it is a mention when there is at least one. Sorted.
    pub monitors: Vec<MonitorId>,
    /// The customer that its author is linked to, with the link; only state `linked`.
    pub customer: Option<(Customer, Link)>,
    /// The first post of its duplicate group, when it is a copy.
    pub duplicate_of: Option<PostId>,
}

impl PostRecord {
    /// A record of a post of which nothing else is known yet.
    #[must_use]
    pub fn new(post: Post) -> Self {
        Self {
            post,
            analysis: None,
            monitors: Vec::new(),
            customer: None,
            duplicate_of: None,
        }
    }

    /// Whether at least one monitor matched.
    #[must_use]
    pub fn is_mention(&self) -> bool {
        !self.monitors.is_empty()
    }
}
