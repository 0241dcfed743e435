//! Customers of the CRM, the identities that they own, and their links to authors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::{AuthorId, CustomerId};

/// A person or company that the CRM knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// The CRM's id.
    pub id: CustomerId,
    /// The name to show.
    pub name: String,
    /// What tells us that an author is this customer.
    pub identities: Vec<Identity>,
    /// The CRM's segment, such as `gold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// The CRM's value of the customer, in its own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Free labels.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Something that a customer owns and that can be recognised in public. Values are normalised by
/// `customers::Identity` rules before they are compared or stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Identity {
    /// A handle on a network.
    Handle {
        /// The network's name.
        network: String,
        /// The handle, lowercase, without `@`.
        handle: String,
    },
    /// A profile or home page.
    Url {
        /// Host and path, lowercase host, without scheme, `www.` and trailing slash.
        url: String,
    },
    /// An e-mail address.
    Email {
        /// The address, lowercase.
        email: String,
    },
}

/// Who made a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkOrigin {
    /// A rule found it.
    Rule,
    /// A person decided it; rules never change it.
    Person,
}

/// What a link is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Counts everywhere.
    Linked,
    /// Shown for a person to decide; counts nowhere.
    Suggested,
    /// A person said no.
    Refused,
}

/// An author joined to a customer, and so their mentions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The public account.
    pub author: AuthorId,
    /// The customer.
    pub customer: CustomerId,
    /// 0 to 1; how sure the rule is (constants and reasons: `customers`).
    pub confidence: f64,
    /// What speaks for it, in words: `handle @ann on mastodon`.
    pub evidence: String,
    /// Rule or person.
    pub origin: LinkOrigin,
    /// Linked, suggested or refused.
    pub state: LinkState,
}
