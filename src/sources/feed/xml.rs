//! RSS, Atom and CDF to the model: what stands in the channel, and what its entries inherit.

use jiff::Timestamp;

use super::construct;
use super::entry;
use super::model::{Feed, Person, Text};
use super::names::Space;
use super::timing::Timing;
use super::tree::{Id, ROOT, Tree};
use crate::fetch::Url;
use crate::sources::date;

/// Entries beyond these are left: no feed of news has so many.
pub(super) const MAX_ENTRIES: usize = 10_000;

/// What reading an element needs to know.
#[derive(Clone, Copy)]
pub(super) struct Context<'t> {
    pub tree: &'t Tree<'t>,
    /// Atom in any version: texts without a type are plain.
    pub atom: bool,
    /// Where the document came from.
    pub url: Option<&'t Url>,
}

/// Reads a feed's document.
pub(super) fn read(tree: &Tree<'_>, url: Option<&Url>) -> Feed {
    let version = version(tree);
    let context = Context {
        tree,
        atom: version.starts_with("atom"),
        url,
    };
    let channel = tree
        .children(ROOT)
        .find(|id| tree.is(*id, Space::Core, "channel"))
        .unwrap_or(ROOT);
    let lone = is_item(tree, ROOT);
    let mut feed = Feed {
        version,
        language: context.language(channel),
        author: (!lone).then(|| context.person(channel)).flatten(),
        timing: Timing::read(tree, channel),
        complete: !tree.truncated,
        ..Feed::default()
    };
    if !lone {
        feed.title = context.first_text(channel, &TITLES);
        feed.link = context.link(channel);
        feed.hub = context.related(channel, "hub");
        feed.own_url = context.related(channel, "self");
        let ttl = tree.named(channel, Space::Core, "ttl").next();
        feed.ttl_secs = ttl
            .and_then(|id| tree.text(id))
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|minutes| *minutes > 0)
            .map(|minutes| minutes.saturating_mul(60));
    }
    for item in tree.items.iter().take(MAX_ENTRIES) {
        feed.entries.push(entry::read(context, *item, &feed));
    }
    entry::identify(&mut feed);
    feed
}

/// Elements that hold a title, the best first.
pub(super) const TITLES: [(Space, &str); 3] = [
    (Space::Core, "title"),
    (Space::Dc, "title"),
    (Space::Media, "title"),
];

fn is_item(tree: &Tree<'_>, id: Id) -> bool {
    tree.is(id, Space::Core, "item") || tree.is(id, Space::Core, "entry")
}

/// The format's name, as feed readers have always called it.
fn version(tree: &Tree<'_>) -> &'static str {
    let root = tree.name(ROOT).to_ascii_lowercase();
    let stated = tree.attribute(ROOT, "version").unwrap_or_default();
    let namespace = tree.attribute(ROOT, "xmlns").unwrap_or_default();
    match root.as_str() {
        "rss" => match stated.as_str() {
            "0.90" => "rss090",
            "0.91" if tree.doctype.contains("netscape") => "rss091n",
            "0.91" => "rss091u",
            "0.92" => "rss092",
            "0.93" => "rss093",
            "0.94" => "rss094",
            "1.0" => "rss10",
            _ if stated.starts_with('2') => "rss20",
            _ => "rss",
        },
        "rdf" => {
            if tree.declares(ROOT, "netscape.com/rdf/simple/0.9") {
                "rss090"
            } else {
                "rss10"
            }
        }
        "channel" if namespace.contains("rss1.1") => "rss11",
        "channel" => "cdf",
        "item" => "rss",
        _ => match stated.as_str() {
            "0.1" => "atom01",
            "0.2" => "atom02",
            "0.3" => "atom03",
            _ if tree.declares(ROOT, "purl.org/atom/ns#") => "atom03",
            _ if tree.declares(ROOT, "w3.org/2005/Atom") => "atom10",
            _ => "atom",
        },
    }
}

impl Context<'_> {
    /// The first text among these elements.
    pub fn first_text(self, id: Id, names: &[(Space, &str)]) -> Option<Text> {
        names.iter().find_map(|(space, name)| {
            self.tree
                .named(id, *space, name)
                .find_map(|child| construct::read(self.tree, child, self.atom, self.url))
        })
    }

    /// The first date among these elements that is one.
    pub fn first_date(self, id: Id, names: &[(Space, &str)]) -> Option<Timestamp> {
        names.iter().find_map(|(space, name)| {
            self.tree
                .named(id, *space, name)
                .find_map(|child| date::parse(&self.tree.text(child)?))
        })
    }

    /// The page of a feed or an entry: not its comments, enclosure, editor or the feed itself.
    pub fn link(self, id: Id) -> Option<String> {
        let mut other = None;
        for link in self.tree.named(id, Space::Core, "link") {
            let Some(target) = self
                .tree
                .attribute(link, "href")
                .or_else(|| self.tree.text(link))
            else {
                continue;
            };
            let rel = self.tree.attribute(link, "rel").unwrap_or_default();
            let rel = rel.to_ascii_lowercase();
            let rel = rel
                .strip_prefix("http://www.iana.org/assignments/relation/")
                .unwrap_or(&rel);
            if !matches!(rel, "" | "alternate") {
                continue;
            }
            // Among alternates a page comes before what is named as something else.
            let kind = self.tree.attribute(link, "type").unwrap_or_default();
            if kind.is_empty() || kind.contains("html") {
                return Some(self.resolved(link, &target));
            }
            other = other.or_else(|| Some(self.resolved(link, &target)));
        }
        // CDF keeps it in an attribute.
        other.or_else(|| {
            let href = self.tree.attribute(id, "href")?;
            Some(self.resolved(id, &href))
        })
    }

    /// The target of the first link with this relation.
    fn related(self, id: Id, relation: &str) -> Option<String> {
        let mut links = self.tree.named(id, Space::Core, "link");
        links.find_map(|link| {
            let rel = self.tree.attribute(link, "rel")?;
            let mut names = rel.split_ascii_whitespace();
            if !names.any(|name| name.eq_ignore_ascii_case(relation)) {
                return None;
            }
            let target = self.tree.attribute(link, "href")?;
            Some(self.resolved(link, &target))
        })
    }

    /// A URL as written if it is absolute, else joined with the base that holds for the element.
    pub fn resolved(self, id: Id, target: &str) -> String {
        let target: String = target.split(['\n', '\r', '\t']).map(str::trim).collect();
        if Url::parse(&target).is_ok() {
            return target;
        }
        match self
            .tree
            .base(id, self.url)
            .and_then(|base| base.join(&target).ok())
        {
            Some(url) => url.into(),
            None => target,
        }
    }

    /// The language of an element: its own element, else `xml:lang`.
    pub fn language(self, id: Id) -> Option<String> {
        let stated = [(Space::Core, "language"), (Space::Dc, "language")];
        stated
            .iter()
            .find_map(|(space, name)| {
                let child = self.tree.named(id, *space, name).next()?;
                self.tree.text(child)
            })
            .or_else(|| self.tree.language(id).flatten())
    }

    /// The first person whom a feed or an entry names as its author.
    pub fn person(self, id: Id) -> Option<Person> {
        const NAMES: [(Space, &str); 7] = [
            (Space::Core, "author"),
            (Space::Core, "managingEditor"),
            (Space::Dc, "creator"),
            (Space::Dc, "author"),
            (Space::Itunes, "author"),
            (Space::Core, "webMaster"),
            (Space::Itunes, "owner"),
        ];
        NAMES.iter().find_map(|(space, name)| {
            self.tree
                .named(id, *space, name)
                .find_map(|child| self.person_of(child))
        })
    }

    fn person_of(self, id: Id) -> Option<Person> {
        if !self.tree.holds_elements(id) {
            return self.tree.text(id).and_then(|text| person(&text));
        }
        let part = |names: &[&str]| {
            self.tree.children(id).find_map(|child| {
                let known = names
                    .iter()
                    .any(|name| self.tree.name(child).eq_ignore_ascii_case(name));
                known.then(|| self.tree.text(child)).flatten()
            })
        };
        let url = part(&["uri", "url", "homepage"]).map(|url| self.resolved(id, &url));
        let parts = Person {
            name: part(&["name"]),
            email: part(&["email"]),
            url,
        };
        parts
            .known()
            .or_else(|| self.tree.text(id).and_then(|text| person(&text)))
    }
}

/// `name`, `address (name)`, `name (address)`, `name <address>` or an address.
pub(super) fn person(text: &str) -> Option<Person> {
    let text = text.trim();
    let (outer, inner) = text
        .split_once('(')
        .and_then(|(outer, rest)| Some((outer, rest.trim_end().strip_suffix(')')?)))
        .or_else(|| {
            text.split_once('<')
                .and_then(|(outer, rest)| Some((outer, rest.trim_end().strip_suffix('>')?)))
        })
        .unwrap_or((text, ""));
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let address = |text: &str| {
        let text = text.trim().trim_start_matches("mailto:");
        let valid = text.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && host.contains('.') && !text.contains(char::is_whitespace)
        });
        valid.then(|| text.to_owned())
    };
    let (name, email) = match (address(outer), address(inner)) {
        (Some(email), None) => (given(inner), Some(email)),
        (None, Some(email)) => (given(outer), Some(email)),
        (Some(email), Some(_)) => (None, Some(email)),
        (None, None) => (given(text), None),
    };
    Person {
        name,
        email,
        url: None,
    }
    .known()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_taken_apart() {
        for (text, name, email) in [
            ("Ann Lee", Some("Ann Lee"), None),
            (
                "ann@a.example (Ann Lee)",
                Some("Ann Lee"),
                Some("ann@a.example"),
            ),
            (
                "Ann Lee (ann@a.example)",
                Some("Ann Lee"),
                Some("ann@a.example"),
            ),
            (
                "Ann Lee <ann@a.example>",
                Some("Ann Lee"),
                Some("ann@a.example"),
            ),
            ("mailto:ann@a.example", None, Some("ann@a.example")),
            ("Ann (the first)", Some("Ann (the first)"), None),
            ("@ann", Some("@ann"), None),
        ] {
            let found = person(text).unwrap();
            assert_eq!(
                (found.name.as_deref(), found.email.as_deref()),
                (name, email),
                "{text}"
            );
        }
        assert_eq!(person("  "), None);
    }
}
