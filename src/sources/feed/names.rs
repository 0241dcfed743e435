//! Namespaces of elements in feeds, by what they are declared as and by what their prefixes usually mean.

/// What an element's name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// RSS in all its versions, Atom, CDF, and whatever stands without a prefix.
    Core,
    /// Dublin Core and its terms.
    Dc,
    /// `content:encoded`.
    Content,
    /// Media RSS.
    Media,
    /// Podcasts.
    Itunes,
    /// Comment counts: `slash` and `thr`.
    Counts,
    /// `sy:updatePeriod`.
    Syndication,
    /// Inline markup.
    Xhtml,
    /// Anything else.
    Other,
}

/// What a namespace's name stands for; `None` when nobody knows it.
fn known(uri: &str) -> Option<Space> {
    let uri = uri.trim().trim_end_matches(['/', '#']).to_ascii_lowercase();
    let uri = uri
        .strip_prefix("https://")
        .or_else(|| uri.strip_prefix("http://"))
        .unwrap_or(&uri);
    Some(match uri {
        "www.w3.org/2005/atom"
        | "purl.org/atom/ns"
        | "purl.org/rss/1.0"
        | "purl.org/net/rss1.1" => Space::Core,
        "my.netscape.com/rdf/simple/0.9"
        | "channel.netscape.com/rdf/simple/0.9"
        | "my.netscape.com/publish/formats/rss-0.91.dtd" => Space::Core,
        "purl.org/dc/elements/1.1" | "purl.org/dc/elements/1.0" | "purl.org/dc/terms" => Space::Dc,
        "purl.org/rss/1.0/modules/content" => Space::Content,
        "search.yahoo.com/mrss" | "video.search.yahoo.com/mrss" => Space::Media,
        "www.itunes.com/dtds/podcast-1.0.dtd" => Space::Itunes,
        "purl.org/rss/1.0/modules/slash" | "purl.org/syndication/thread/1.0" => Space::Counts,
        "purl.org/rss/1.0/modules/syndication" => Space::Syndication,
        "www.w3.org/1999/xhtml" => Space::Xhtml,
        _ if uri.starts_with("backend.userland.com/rss") => Space::Core,
        _ => return None,
    })
}

/// What a prefix means where nothing is declared.
fn usual(prefix: &str) -> Space {
    match prefix {
        "" | "atom" | "atom10" | "a10" | "rss" => Space::Core,
        "dc" | "dcterms" => Space::Dc,
        "content" => Space::Content,
        "media" => Space::Media,
        "itunes" => Space::Itunes,
        "slash" | "thr" => Space::Counts,
        "sy" => Space::Syndication,
        "xhtml" => Space::Xhtml,
        _ => Space::Other,
    }
}

/// The declarations in force; beyond the limit they are not remembered.
#[derive(Debug, Default)]
pub(super) struct Scopes<'a> {
    /// Depth of the declaring element, prefix, meaning.
    declared: Vec<(usize, &'a str, Space)>,
}

/// Declarations in force at one time.
const MAX_DECLARED: usize = 128;

impl<'a> Scopes<'a> {
    /// Takes the declarations among an element's attributes.
    pub fn enter(&mut self, depth: usize, attributes: &[(&'a str, &'a str)]) {
        for (name, uri) in attributes {
            let prefix = match name.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) if rest.starts_with(':') => &rest[1..],
                _ => continue,
            };
            if self.declared.len() < MAX_DECLARED {
                // A default namespace that nobody knows is what some feeds put around plain RSS.
                let space = known(uri).unwrap_or(if prefix.is_empty() {
                    Space::Core
                } else {
                    Space::Other
                });
                self.declared.push((depth, prefix, space));
            }
        }
    }

    /// Forgets the declarations of elements at `depth` and below.
    pub fn leave(&mut self, depth: usize) {
        while self
            .declared
            .last()
            .is_some_and(|(declared, _, _)| *declared >= depth)
        {
            self.declared.pop();
        }
    }

    /// What a name belongs to.
    pub fn space(&self, name: &str) -> Space {
        let prefix = name.split_once(':').map_or("", |(prefix, _)| prefix);
        self.declared
            .iter()
            .rev()
            .find(|(_, declared, _)| *declared == prefix)
            .map_or_else(|| usual(prefix), |(_, _, space)| *space)
    }
}

/// The part of a name after its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_wins_over_habit_and_ends_with_its_element() {
        let mut scopes = Scopes::default();
        assert_eq!(scopes.space("dc:date"), Space::Dc);
        assert_eq!(scopes.space("x:date"), Space::Other);
        scopes.enter(
            0,
            &[
                ("xmlns:x", "http://purl.org/dc/elements/1.1/"),
                ("xmlns", "urn:own"),
            ],
        );
        scopes.enter(
            1,
            &[
                ("xmlns:x", "urn:other"),
                ("xmlns", "http://www.w3.org/1999/xhtml"),
            ],
        );
        assert_eq!(
            (scopes.space("x:date"), scopes.space("p")),
            (Space::Other, Space::Xhtml)
        );
        scopes.leave(1);
        assert_eq!(
            (scopes.space("x:date"), scopes.space("title")),
            (Space::Dc, Space::Core)
        );
    }
}
