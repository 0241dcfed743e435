//! The `Link` header (RFC 8288): targets and their relations.
//!
//! Pure. Reads what servers send: quoted or bare values, several links in one header, several relations in one
//! value. A link at fault ends its header and costs nothing else.

/// The targets of the links with this relation, as written, in order.
pub(super) fn targets<'a>(headers: &'a [String], relation: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for header in headers {
        let mut rest = header.as_str();
        while let Some((target, relations, after)) = link(rest) {
            let mut names = relations.split_ascii_whitespace();
            if names.any(|name| name.eq_ignore_ascii_case(relation)) {
                found.push(target);
            }
            rest = after;
        }
    }
    found
}

/// The first link of a header: target, relations, and what comes after it.
fn link(header: &str) -> Option<(&str, &str, &str)> {
    let header = header.trim_start_matches([' ', '\t', ',']);
    let (target, mut rest) = header.strip_prefix('<')?.split_once('>')?;
    let mut relations = None;
    loop {
        rest = rest.trim_start();
        let Some(parameter) = rest.strip_prefix(';') else {
            break;
        };
        let (name, after) =
            parameter.split_at(parameter.find(['=', ';', ','])?.min(parameter.len()));
        let Some(value) = after.strip_prefix('=') else {
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find([';', ',']).unwrap_or(value.len())),
        };
        // The first counts, says the RFC.
        if name.trim().eq_ignore_ascii_case("rel") && relations.is_none() {
            relations = Some(value.trim());
        }
        rest = after;
    }
    Some((target.trim(), relations.unwrap_or_default(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hubs(header: &str) -> Vec<String> {
        let headers = [header.to_owned()];
        targets(&headers, "hub")
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn relations_are_found_however_they_are_written() {
        assert_eq!(hubs("<https://hub.test/>; rel=hub"), ["https://hub.test/"]);
        assert_eq!(
            hubs(
                "<a>; title=\"x, <y>; rel=hub\"; rel=\"self Hub\" , <b>;rel=self, <c> ; REL = hub;rel=self"
            ),
            ["a", "c"]
        );
        assert_eq!(hubs("<a>;crossorigin;rel=hub"), ["a"]);
    }

    #[test]
    fn a_header_at_fault_gives_what_stood_before_the_fault() {
        assert_eq!(hubs("<a>;rel=hub, b;rel=hub, <c>;rel=hub"), ["a"]);
        for wrong in [
            "",
            ",",
            "<",
            "<a",
            "<a>",
            "<a>;",
            "<a>;rel",
            "<a>;rel=\"hub",
            "<é>;=;,",
        ] {
            assert_eq!(hubs(wrong), Vec::<String>::new(), "{wrong}");
        }
    }
}
