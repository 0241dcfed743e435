//! Canonical URLs, so that one page has one address. Never fetches and never guesses.

use url::Url;

/// Parameters that say how a reader came, not what is shown; names are compared in lower case.
const TRACKING: [&str; 44] = [
    "fbclid",
    "gclid",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "msclkid",
    "twclid",
    "ttclid",
    "yclid",
    "ysclid",
    "li_fat_id",
    "igshid",
    "igsh",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "_hsenc",
    "_hsmi",
    "__hssc",
    "__hstc",
    "__hsfp",
    "hsctatracking",
    "_ga",
    "_gl",
    "_openstat",
    "vero_id",
    "vero_conv",
    "wickedid",
    "oly_anon_id",
    "oly_enc_id",
    "ref_src",
    "ref_url",
    "rb_clickid",
    "s_cid",
    "srsltid",
    "epik",
    "cmpid",
    "ncid",
    "cvid",
    "ocid",
    "xtor",
    "at_medium",
    "at_campaign",
];

/// Beginnings of names that are all for tracking.
const TRACKING_PREFIXES: [&str; 4] = ["utm_", "pk_", "mtm_", "hsa_"];

/// The canonical form of an http or https URL: no user-info, default port, fragment or tracking
/// parameters; host in lower case. The order of the other parameters stays. None for anything else.
#[must_use]
pub fn canonical_url(url: &str) -> Option<String> {
    let mut url = parse_http(url)?;
    url.set_fragment(None);
    // A password in a link that we store or show would be a leak.
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !is_tracking(pair))
            .collect();
        let kept = kept.join("&");
        url.set_query((!kept.is_empty()).then_some(kept.as_str()));
    }
    Some(url.into())
}

fn parse_http(url: &str) -> Option<Url> {
    let url = Url::parse(url.trim()).ok()?;
    let http = matches!(url.scheme(), "http" | "https");
    (http && url.has_host()).then_some(url)
}

fn is_tracking(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or(pair).to_ascii_lowercase();
    TRACKING.contains(&name.as_str())
        || TRACKING_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tracking_and_secrets_go() {
        let cases = [
            (
                "https://Example.com:443/a?utm_source=x&id=7&fbclid=y#top",
                Some("https://example.com/a?id=7"),
            ),
            (
                "http://example.com?UTM_medium=x",
                Some("http://example.com/"),
            ),
            ("https://ann:pw@example.com/", Some("https://example.com/")),
            (
                "https://example.com/?q=a%20b&&x",
                Some("https://example.com/?q=a%20b&x"),
            ),
            ("mailto:ann@example.com", None),
            ("javascript:alert(1)", None),
            ("/relative", None),
            ("", None),
        ];
        for (url, expected) in cases {
            assert_eq!(canonical_url(url).as_deref(), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_url_is_canonical(path in "[\\PC]{0,20}", query in "[a-z=&#%_]{0,20}") {
            if let Some(once) = canonical_url(&format!("https://example.com/{path}?{query}")) {
                prop_assert_eq!(canonical_url(&once), Some(once));
            }
        }
    }
}
