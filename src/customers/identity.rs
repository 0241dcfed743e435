//! One form for everything that tells who somebody is, so that two spellings of it compare equal.
//!
//! Never guesses: what cannot be brought into the form is no identity.

use url::Url;

use crate::domain::{Author, Identity};

/// Fields of a query that say who somebody is, on sites where the path is the same for all: `user?id=ann`, `member.php?u=7`.
const WHO: [&str; 10] = [
    "id", "u", "uid", "user", "userid", "user_id", "username", "member", "profile", "author",
];

/// The longest identity that is kept, in bytes: longer ones are mistakes, and stand in an index.
const MAX_BYTES: usize = 512;

/// The identity of a handle on a network: lowercase, without `@` before it. A handle on Mastodon is
/// one with its instance: `ann@example.social`.
#[must_use]
pub fn handle_identity(network: &str, handle: &str) -> Option<Identity> {
    let network = network.trim().to_lowercase();
    let handle = handle.trim();
    let handle = match network.as_str() {
        // People write a Reddit name as they see it.
        "reddit" => handle
            .trim_start_matches('/')
            .strip_prefix("u/")
            .unwrap_or(handle),
        _ => handle,
    };
    let handle = handle.trim_start_matches('@').to_lowercase();
    let valid = is_word(&network) && is_word(&handle);
    valid.then_some(Identity::Handle { network, handle })
}

/// The identity of a page: host and path of an http or https URL, and of the query what says who it is; without scheme, `www.`,
/// user, fragment and trailing slash. The path keeps its case: it may matter. A scheme may be missing.
#[must_use]
pub fn url_identity(text: &str) -> Option<Identity> {
    let text = text.trim();
    let parsed = if text.contains("://") {
        Url::parse(text).ok()?
    } else {
        Url::parse(&format!("https://{text}")).ok()?
    };
    if !matches!(parsed.scheme(), "http" | "https") {
        return None;
    }
    let host = parsed.host_str()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    let port = parsed.port().map(|p| format!(":{p}")).unwrap_or_default();
    let path = parsed.path().trim_end_matches('/');
    let mut who: Vec<String> = parsed
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let name = name.to_ascii_lowercase();
            let counts = WHO.contains(&name.as_str()) && !value.is_empty();
            counts.then(|| format!("{name}={value}"))
        })
        .collect();
    who.sort();
    let query = match who.is_empty() {
        true => String::new(),
        false => format!("?{}", who.join("&")),
    };
    let url = format!("{host}{port}{path}{query}");
    let named = host.contains('.') || parsed.port().is_some();
    (named && is_word(&url)).then_some(Identity::Url { url })
}

/// The identity of an e-mail address: lowercase, without `mailto:`.
#[must_use]
pub fn email_identity(text: &str) -> Option<Identity> {
    let text = text.trim();
    let email = text.strip_prefix("mailto:").unwrap_or(text).to_lowercase();
    let (user, host) = email.split_once('@')?;
    let valid = !user.is_empty() && !host.is_empty() && !host.contains('@') && is_word(&email);
    valid.then_some(Identity::Email { email })
}

/// The identity in its one form; `None` when it says nothing.
#[must_use]
pub fn normalize(identity: &Identity) -> Option<Identity> {
    match identity {
        Identity::Handle { network, handle } => handle_identity(network, handle),
        Identity::Url { url } => url_identity(url),
        Identity::Email { email } => email_identity(email),
    }
}

/// What an author shows that a customer may own: the handle and the profile's URL.
#[must_use]
pub fn identities_of(author: &Author, network: &str) -> Vec<Identity> {
    let handle = handle_identity(network, &author.handle);
    let url = author.url.as_deref().and_then(url_identity);
    handle.into_iter().chain(url).collect()
}

fn is_word(text: &str) -> bool {
    let length = (1..=MAX_BYTES).contains(&text.len());
    length && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_handle_are_one() {
        let table = [
            (
                "mastodon",
                "@Ann@Example.Social",
                Some("ann@example.social"),
            ),
            (
                "Mastodon",
                " ann@example.social ",
                Some("ann@example.social"),
            ),
            ("reddit", "/u/Ann_1", Some("ann_1")),
            ("reddit", "u/ann_1", Some("ann_1")),
            ("bluesky", "@Ann.Example.com", Some("ann.example.com")),
            ("x", "ÄNN", Some("änn")),
            ("x", "@", None),
            ("x", "ann b", None),
            ("", "ann", None),
        ];
        for (network, handle, expected) in table {
            let found = handle_identity(network, handle);
            let expected = expected.map(|handle| Identity::Handle {
                network: network.to_lowercase(),
                handle: handle.to_owned(),
            });
            assert_eq!(found, expected, "{network}:{handle}");
        }
    }

    #[test]
    fn spellings_of_a_url_are_one() {
        let table = [
            ("https://www.Example.com/Ann/", Some("example.com/Ann")),
            ("http://example.com/Ann?tab=1#top", Some("example.com/Ann")),
            ("example.com/Ann", Some("example.com/Ann")),
            (
                "https://news.example/user?id=ann&next=2",
                Some("news.example/user?id=ann"),
            ),
            (
                "https://board.example/member.php?U=7&mode=view",
                Some("board.example/member.php?u=7"),
            ),
            ("https://news.example/user?id=", Some("news.example/user")),
            ("https://example.com", Some("example.com")),
            ("https://ann:pw@example.com:443/a", Some("example.com/a")),
            ("https://bücher.example/a", Some("xn--bcher-kva.example/a")),
            ("http://localhost:8080/@ann", Some("localhost:8080/@ann")),
            ("ftp://example.com/a", None),
            ("javascript:alert(1)", None),
            ("just words", None),
            ("", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|url| Identity::Url { url: url.into() });
            assert_eq!(url_identity(text), expected, "{text}");
        }
    }

    #[test]
    fn spellings_of_an_address_are_one() {
        let table = [
            (" mailto:Ann@Example.com", Some("ann@example.com")),
            ("ann@", None),
            ("@example.com", None),
            ("a@b@c", None),
            ("ann at example.com", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|email| Identity::Email {
                email: email.into(),
            });
            assert_eq!(email_identity(text), expected, "{text}");
        }
    }

    #[test]
    fn normal_forms_stay_as_they_are() {
        for text in ["https://www.example.com:8080/A/b/", "Example.com"] {
            let once = url_identity(text).unwrap();
            assert_eq!(normalize(&once), Some(once));
        }
    }
}
