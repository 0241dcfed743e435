//! Addresses within the page. Every address is the whole state, so that it can be sent to a colleague.

use url::form_urlencoded::Serializer;

use crate::domain::{CustomerId, PostId};

/// A mention's own page.
#[must_use]
pub fn mention(id: &PostId) -> String {
    format!("/mentions/{}", id.mention())
}

/// A customer's page; ids of CRMs may hold anything.
#[must_use]
pub fn customer(id: &CustomerId) -> String {
    format!("/customers/{}", segment(id.as_str()))
}

/// What can be done with a user; names may hold anything.
#[must_use]
pub fn user(name: &str) -> String {
    format!("/settings/users/{}", segment(name))
}

/// The inbox with a query.
#[must_use]
pub fn search(query: &str) -> String {
    with_query("/", &[("q", query)])
}

/// A path with parameters; empty ones are left out.
#[must_use]
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut serializer = Serializer::new(String::new());
    for (name, value) in parameters {
        if !value.is_empty() {
            serializer.append_pair(name, value);
        }
    }
    match serializer.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // A dot as well: a segment "..", even encoded by hand, would climb.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_queries_survive_an_address() {
        let id = CustomerId::parse("C 1/ä?#").unwrap();
        assert_eq!(customer(&id), "/customers/C%201%2F%C3%A4%3F%23");
        assert_eq!(search("a & b"), "/?q=a+%26+b");
        assert_eq!(with_query("/", &[("q", ""), ("sort", "")]), "/");
    }
}
