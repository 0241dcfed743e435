//! The form in which web addresses are compared: without scheme, `www.` and fragment, the host in lower
//! case, as in `acme.com/blog?page=2`.

/// Brings an address, or the beginning of one, into that form.
pub(crate) fn address(written: &str) -> String {
    let mut rest = written.split('#').next().unwrap_or_default();
    // Again and again, so that the form of a form is itself.
    loop {
        rest = rest.trim();
        while rest
            .get(..4)
            .is_some_and(|www| www.eq_ignore_ascii_case("www."))
        {
            rest = rest[4..].trim_start();
        }
        match rest.split_once("://") {
            Some((scheme, after)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                rest = after;
            }
            _ => break,
        }
    }
    let (host, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = host.trim_end().to_lowercase();
    // The root is the host: nobody means the slash.
    let path = if path == "/" { "" } else { path };
    format!("{host}{path}")
}

/// Whether an address in that form is a host alone.
pub(super) fn is_host(address: &str) -> bool {
    !address.contains(['/', '?'])
}

/// The hosts of which an address in that form is part: its own, and those above it.
pub(crate) fn sites(address: &str) -> impl Iterator<Item = &str> {
    let host = address.split(['/', '?', ':']).next().unwrap_or_default();
    let above = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
    std::iter::once(host)
        .chain(above)
        .filter(|site| !site.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_scheme_and_www() {
        for (written, expected) in [
            ("https://WWW.Acme.com/Blog?a=B#top", "acme.com/Blog?a=B"),
            ("acme.com", "acme.com"),
            ("http://acme.com/", "acme.com"),
            ("acme.com:8080/x", "acme.com:8080/x"),
            ("www.http://WWW.www.a.example/x", "a.example/x"),
            (" https:// www. acme.com / ", "acme.com"),
            ("https:// near/1", "near/1"),
            ("acme.com /x", "acme.com/x"),
            ("", ""),
        ] {
            assert_eq!(address(written), expected);
            assert_eq!(address(expected), expected);
        }
        let found: Vec<&str> = sites("shop.acme.co.uk:80/x.y").collect();
        assert_eq!(found, ["shop.acme.co.uk", "acme.co.uk", "co.uk", "uk"]);
    }
}
