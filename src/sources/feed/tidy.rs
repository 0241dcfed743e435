//! Makes well-formed XML of what feeds really send, so that the parser behind it never meets a bare
//! `&`, a tag that is not closed, an endless nesting or a document type.
//!
//! One pass, linear, no recursion. It adds no content, and what it cannot place it keeps as text.

use crate::sources::markup::{Tag, Token, Tokens, entity};

/// Elements nested deeper lose their tags; feed-rs recurses without a limit of its own.
pub(super) const MAX_DEPTH: usize = 100;

/// Prefixes that feeds use without declaring them.
const NAMESPACES: [(&str, &str); 9] = [
    ("content", "http://purl.org/rss/1.0/modules/content/"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("media", "http://search.yahoo.com/mrss/"),
    ("atom", "http://www.w3.org/2005/Atom"),
    ("slash", "http://purl.org/rss/1.0/modules/slash/"),
    ("sy", "http://purl.org/rss/1.0/modules/syndication/"),
    ("wfw", "http://wellformedweb.org/CommentAPI/"),
    ("itunes", "http://www.itunes.com/dtds/podcast-1.0.dtd"),
    ("thr", "http://purl.org/syndication/thread/1.0"),
];

const ATOM: &str = "http://www.w3.org/2005/Atom";
const ATOM_03: &str = "http://purl.org/atom/ns#";

/// A document that is well-formed.
#[derive(Debug, Default)]
pub(super) struct Tidied {
    /// The XML, UTF-8, without declaration, comments, CDATA and document type.
    pub xml: String,
    /// The root's name without prefix, as written; empty when there is no element.
    pub root: String,
    /// The document ended before its root did.
    pub truncated: bool,
    /// Where each `item` or `entry` lies in `xml`.
    pub items: Vec<std::ops::Range<usize>>,
}

/// The part of a name after its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Tidies a decoded document.
pub(super) fn tidy(text: &str) -> Tidied {
    let mut tidier = Tidier {
        out: Tidied {
            xml: String::with_capacity(text.len() + 256),
            ..Tidied::default()
        },
        open: Vec::new(),
        over: 0,
        atom_03: text.contains(ATOM_03),
        item_start: 0,
    };
    for token in Tokens::xml(text) {
        match token {
            Token::Open(tag) => tidier.open(&tag),
            Token::Close(name) => tidier.close(name),
            Token::Text(text) if !tidier.open.is_empty() => escape(&mut tidier.out.xml, text),
            Token::Cdata(text) if !tidier.open.is_empty() => {
                escape_all(&mut tidier.out.xml, text);
            }
            Token::Text(_) | Token::Cdata(_) | Token::Doctype(_) => {}
        }
        if !tidier.out.root.is_empty() && tidier.open.is_empty() {
            break;
        }
    }
    tidier.out.truncated = !tidier.open.is_empty();
    tidier.close_down_to(0);
    tidier.out
}

struct Tidier<'a> {
    out: Tidied,
    open: Vec<&'a str>,
    /// Open elements beyond the depth cap, whose closing tags are dropped too.
    over: usize,
    atom_03: bool,
    item_start: usize,
}

impl<'a> Tidier<'a> {
    fn open(&mut self, tag: &Tag<'a>) {
        if self.open.is_empty() {
            if !self.out.root.is_empty() {
                return;
            }
            local(tag.name).clone_into(&mut self.out.root);
        }
        if is_item(tag.name)
            && let Some(index) = self.open.iter().rposition(|name| *name == tag.name)
        {
            // The item before was never closed.
            self.over = 0;
            self.close_down_to(index);
        }
        if self.open.len() >= MAX_DEPTH {
            if !tag.self_closing {
                self.over += 1;
            }
            return;
        }
        if is_item(tag.name) {
            self.item_start = self.out.xml.len();
        }
        let is_root = self.open.is_empty();
        self.out.xml.push('<');
        self.out.xml.push_str(self.renamed(tag.name));
        self.attributes(tag, is_root);
        self.out.xml.push('>');
        self.open.push(tag.name);
        if tag.self_closing {
            self.close_down_to(self.open.len() - 1);
        }
    }

    fn close(&mut self, name: &str) {
        if self.over > 0 {
            self.over -= 1;
            return;
        }
        if let Some(index) = self.open.iter().rposition(|open| *open == name) {
            // A stray closing tag inside an item must not end what is around the item.
            let item = self.open.iter().rposition(|open| is_item(open));
            let structural = matches!(local(name), "channel" | "rss" | "feed" | "RDF");
            if structural || item.is_none_or(|item| index >= item) {
                self.close_down_to(index);
            }
        }
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(name) = self.open.pop() else { break };
            self.out.xml.push_str("</");
            let renamed = self.renamed(name);
            self.out.xml.push_str(renamed);
            self.out.xml.push('>');
            if is_item(name) && self.open.len() <= 3 {
                self.out.items.push(self.item_start..self.out.xml.len());
            }
        }
    }

    /// The name of today for elements that Atom 0.3 named otherwise.
    fn renamed(&self, name: &'a str) -> &'a str {
        match name {
            "issued" if self.atom_03 => "published",
            "modified" if self.atom_03 => "updated",
            "tagline" if self.atom_03 => "subtitle",
            // feed-rs panics on one of over 20 digits, and nothing here is timed.
            "itunes:duration" => "itunes:unread",
            _ => name,
        }
    }

    fn attributes(&mut self, tag: &Tag<'_>, is_root: bool) {
        let xml = &mut self.out.xml;
        let mut written: Vec<&str> = Vec::with_capacity(tag.attributes.len());
        for (name, value) in &tag.attributes {
            let valid = !name.is_empty()
                && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'));
            if !valid || written.contains(name) || (is_root && *name == "version") {
                continue;
            }
            let value = match *name {
                "type" => match content_type(value, self.atom_03) {
                    Some(kept) => kept,
                    None => continue,
                },
                _ if *value == ATOM_03 => ATOM,
                _ => value,
            };
            written.push(name);
            write_attribute(xml, name, value);
        }
        if !is_root {
            return;
        }
        if local(tag.name) == "rss" {
            // Feeds without a version, or with one that nobody knows, are RSS 2.0 in all but name.
            write_attribute(xml, "version", "2.0");
        }
        for (prefix, namespace) in NAMESPACES {
            let name = format!("xmlns:{prefix}");
            if !written.contains(&name.as_str()) {
                write_attribute(xml, &name, namespace);
            }
        }
    }
}

fn is_item(name: &str) -> bool {
    matches!(name, "item" | "entry" | "rss:item" | "atom:entry")
}

/// A `type` that the parser accepts; `None` for one that would cost the whole feed.
fn content_type(value: &str, atom_03: bool) -> Option<&str> {
    match value.trim() {
        "text/plain" => Some("text"),
        // Escaped or inline: both end as text that is read as HTML.
        "text/html" | "application/xhtml+xml" if atom_03 => Some("html"),
        kept @ ("text" | "html" | "xhtml" | "text/html") => Some(kept),
        other => {
            let mime = other.split_once('/').is_some_and(|(kind, subtype)| {
                let plain = |part: &str| {
                    !part.is_empty()
                        && part
                            .chars()
                            .all(|c| c.is_ascii_alphanumeric() || "+-.;= ".contains(c))
                };
                plain(kind) && plain(subtype)
            });
            mime.then_some(other)
        }
    }
}

fn write_attribute(xml: &mut String, name: &str, value: &str) {
    xml.push(' ');
    xml.push_str(name);
    xml.push_str("=\"");
    escape(xml, value);
    xml.push('"');
}

/// Writes text whose entities are kept when they mean something, and escaped when they do not.
fn escape(xml: &mut String, text: &str) {
    for (index, character) in text.char_indices() {
        match character {
            '&' => match entity(&text[index..]) {
                Some((decoded, _)) if is_xml_character(decoded) => xml.push('&'),
                _ => xml.push_str("&amp;"),
            },
            _ => push_escaped(xml, character),
        }
    }
}

/// Writes text in which nothing is an entity.
fn escape_all(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            _ => push_escaped(xml, character),
        }
    }
}

fn push_escaped(xml: &mut String, character: char) {
    match character {
        '<' => xml.push_str("&lt;"),
        '>' => xml.push_str("&gt;"),
        '"' => xml.push_str("&quot;"),
        _ if is_xml_character(character) => xml.push(character),
        _ => {}
    }
}

fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_mended() {
        let tidied = tidy(
            "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a \"b\">]><rss><channel><item><title>A & B &nbsp; &amp;</title><description><p>x</description></item><item><title>C<item><title>D",
        );
        assert_eq!(tidied.root, "rss");
        assert!(tidied.truncated);
        let body = &tidied.xml[tidied.xml.find("<channel").unwrap()..];
        assert_eq!(
            body,
            "<channel><item><title>A &amp; B &amp;nbsp; &amp;</title><description><p>x</p></description></item><item><title>C</title></item><item><title>D</title></item></channel></rss>"
        );
        assert_eq!(tidied.items.len(), 3);
        assert_eq!(
            &tidied.xml[tidied.items[1].clone()],
            "<item><title>C</title></item>"
        );
    }

    #[test]
    fn nesting_is_capped_without_losing_what_follows() {
        let nested = "<media:group>".repeat(2000) + &"</media:group>".repeat(2000);
        let tidied = tidy(&format!(
            "<rss><channel><item>{nested}</item><item><title>after</title></item></channel></rss>"
        ));
        assert!(!tidied.truncated);
        assert_eq!(tidied.items.len(), 2);
        assert!(
            tidied
                .xml
                .ends_with("<item><title>after</title></item></channel></rss>")
        );
        assert_eq!(tidied.xml.matches("<media:group>").count(), MAX_DEPTH - 3);
    }
}
