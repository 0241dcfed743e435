//! Identifiers as newtypes, so that a post's id is never taken for a customer's.
//!
//! Two families: *names* that a person chose (sources, monitors, customers, endpoints, digests) and
//! *hashes* that we derive (posts, authors, mentions, events), which are equal after re-ingestion or
//! a restore and good in URLs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::hex;

/// Says why a text is not an id, and what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a {what}: {expected}")]
pub struct InvalidId {
    what: &'static str,
    text: String,
    expected: &'static str,
}

/// The longest name that a person may give; ids of customers come from CRMs and can be long.
const MAX_NAME_BYTES: usize = 128;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Parses a ", $what, ".")]
            ///
            /// # Errors
            /// When the text does not have the form that the error names.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { what: $what, text, expected: $expected })
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $prefix:literal) => {
        text_id!(
            $(#[$doc])*
            $name,
            $what,
            concat!("expected ", $prefix, " and 32 hexadecimal digits"),
            |text| is_hash_id(text, $prefix)
        );
    };
}

text_id!(
    /// The name of a configured source.
    SourceId, "source name", "use letters, digits, '-', '_' and '.', 1 to 128 bytes", is_name
);
text_id!(
    /// The name of a monitor (a saved listening query).
    MonitorId, "monitor name", "use letters, digits, '-', '_' and '.', 1 to 128 bytes", is_name
);
text_id!(
    /// The name of a webhook endpoint.
    EndpointId, "endpoint name", "use letters, digits, '-', '_' and '.', 1 to 128 bytes", is_name
);
text_id!(
    /// The name of a digest.
    DigestId, "digest name", "use letters, digits, '-', '_' and '.', 1 to 128 bytes", is_name
);
text_id!(
    /// A customer's id in the CRM: any text without control characters.
    CustomerId, "customer id", "use 1 to 128 bytes without control characters",
    |text| !text.trim().is_empty() && text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control)
);
text_id!(
    /// The name, version and content hash of a model: `minilm-1@0123456789ab`.
    ModelId, "model id", "expected name@hash",
    |text| text.split_once('@').is_some_and(|(name, hash)| !name.is_empty() && !hash.is_empty())
);
hash_id!(
    /// A post: 128 bits of a hash of network, scope and native id.
    PostId, "post id", "post_"
);
hash_id!(
    /// An author: 128 bits of a hash of network, scope and native id.
    AuthorId, "author id", "author_"
);
hash_id!(
    /// A mention; the same bits as the post that it is.
    MentionId, "mention id", "mention_"
);
hash_id!(
    /// An event: 128 bits of a hash of its type, its subject and the subject's revision.
    EventId, "event id", "evt_"
);

impl PostId {
    /// Derives the id of the post that `network` knows as `native_id` within `scope`.
    #[must_use]
    pub fn derive(network: &str, scope: &str, native_id: &str) -> Self {
        Self(derive("post_", &[network, scope, native_id]))
    }

    /// The mention that this post is when a monitor matches it.
    #[must_use]
    pub fn mention(&self) -> MentionId {
        MentionId(format!("mention_{}", &self.0["post_".len()..]))
    }
}

impl MentionId {
    /// The post behind this mention.
    #[must_use]
    pub fn post(&self) -> PostId {
        PostId(format!("post_{}", &self.0["mention_".len()..]))
    }
}

impl AuthorId {
    /// Derives the id of the author that `network` knows as `native_id` within `scope`.
    #[must_use]
    pub fn derive(network: &str, scope: &str, native_id: &str) -> Self {
        Self(derive("author_", &[network, scope, native_id]))
    }
}

impl EventId {
    /// Derives the id of the `revision`-th event of type `kind` about `subject`.
    #[must_use]
    pub fn derive(kind: &str, subject: &str, revision: u64) -> Self {
        Self(derive("evt_", &[kind, subject, &revision.to_string()]))
    }
}

/// Hashes the parts with their lengths, so that `("a", "bc")` and `("ab", "c")` differ, and keeps 128 bits.
fn derive(prefix: &str, parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    format!("{prefix}{}", hex(&digest[..16]))
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_hash_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| {
        hex.len() == 32
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_id_is_stable_and_keeps_its_parts_apart() {
        let id = PostId::derive("mastodon", "", "https://a.example/1");
        assert_eq!(id, PostId::derive("mastodon", "", "https://a.example/1"));
        assert_ne!(PostId::derive("a", "b", "c"), PostId::derive("a", "bc", ""));
        assert_eq!(PostId::parse(id.as_str()), Ok(id.clone()));
        assert_eq!(id.mention().post(), id);
    }

    #[test]
    fn a_bad_id_says_what_would_be_right() {
        let error = PostId::parse("post_XYZ").unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"post_XYZ\" is not a post id: expected post_ and 32 hexadecimal digits"
        );
        assert!(SourceId::parse("").is_err());
        assert!(SourceId::parse("a b").is_err());
        assert!(SourceId::parse("acme-blog").is_ok());
        assert!(CustomerId::parse("C 1042/ä").is_ok());
        assert!(CustomerId::parse("a\nb").is_err());
    }
}
