//! HTML to plain text and links. Never fetches, never runs.

use std::collections::HashSet;

use scraper::{Html, Node};

use super::html_scan::{is_tame, strip_tags};
use super::plain::plain_text;

/// What is read of one document, in bytes; the rest is cut off.
const MAX_HTML_BYTES: usize = 512 * 1024;

/// The most links that are kept.
const MAX_LINKS: usize = 256;

/// Elements of which nothing is text for readers.
const DROPPED: [&str; 14] = [
    "script", "style", "template", "noscript", "iframe", "object", "svg", "math", "head", "title",
    "select", "textarea", "audio", "video",
];

/// Elements that begin and end a line.
const BLOCKS: [&str; 34] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "pre",
    "section",
    "summary",
    "table",
    "tr",
    "ul",
];

/// Readable text out of HTML.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HtmlText {
    /// Plain text; blocks are lines, paragraphs stand apart by an empty line.
    pub text: String,
    /// Absolute http and https links in the order of the document, each once, at most 256.
    pub links: Vec<String>,
}

/// Reads the text and the links of an HTML fragment or page. Of hostile nesting only the text
/// outside of tags is read, without links; beyond 512 KiB nothing is.
#[must_use]
pub fn html_to_text(html: &str) -> HtmlText {
    let html = capped(html);
    if !html.contains(['<', '&']) {
        return HtmlText {
            text: plain_text(html),
            links: Vec::new(),
        };
    }
    if !is_tame(html) {
        return HtmlText {
            text: plain_text(&strip_tags(html)),
            links: Vec::new(),
        };
    }
    walk(&Html::parse_fragment(html))
}

/// The part of a document that is read.
pub(super) fn capped(html: &str) -> &str {
    let mut end = html.len().min(MAX_HTML_BYTES);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    &html[..end]
}

/// Visits the nodes in the order of the document, without recursion.
fn walk(document: &Html) -> HtmlText {
    let mut reader = Reader::default();
    let root = document.tree.root();
    let mut node = root;
    reader.open(node.value());
    'nodes: loop {
        if let Some(child) = node.first_child() {
            node = child;
            reader.open(node.value());
            continue;
        }
        loop {
            reader.close(node.value());
            if let Some(sibling) = node.next_sibling() {
                node = sibling;
                reader.open(node.value());
                break;
            }
            match node.parent() {
                Some(parent) => node = parent,
                None => break 'nodes,
            }
        }
    }
    HtmlText {
        text: plain_text(&reader.out.text),
        links: reader.links.kept,
    }
}

/// What is read so far, and what surrounds the node.
#[derive(Default)]
struct Reader {
    out: Writer,
    links: Links,
    dropped: usize,
    preformatted: usize,
}

impl Reader {
    fn open(&mut self, node: &Node) {
        match node {
            Node::Text(text) if self.dropped == 0 => {
                self.out.text(&text.text, self.preformatted > 0);
            }
            Node::Element(element) => {
                let name = element.name();
                self.dropped += usize::from(DROPPED.contains(&name));
                if self.dropped > 0 {
                    return;
                }
                self.preformatted += usize::from(name == "pre");
                self.edge(name);
                if name == "br" {
                    self.out.line();
                }
                if name == "a"
                    && let Some(href) = element.attr("href")
                {
                    self.links.add(href);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, node: &Node) {
        let Node::Element(element) = node else { return };
        let name = element.name();
        if self.dropped > 0 {
            self.dropped -= usize::from(DROPPED.contains(&name));
            return;
        }
        self.preformatted -= usize::from(name == "pre");
        self.edge(name);
        if matches!(name, "td" | "th") {
            self.out.space();
        }
    }

    fn edge(&mut self, name: &str) {
        if name == "p" {
            self.out.paragraph();
        } else if BLOCKS.contains(&name) {
            self.out.block();
        }
    }
}

/// Text with white space collapsed as a browser does.
#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    fn text(&mut self, text: &str, preformatted: bool) {
        if preformatted {
            self.text.push_str(text);
            return;
        }
        for c in text.chars() {
            if c.is_ascii_whitespace() {
                self.space();
            } else {
                self.text.push(c);
            }
        }
    }

    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }

    fn line(&mut self) {
        self.text.push('\n');
    }

    fn block(&mut self) {
        let ends = self.text.trim_end_matches(' ').ends_with('\n');
        if !self.text.is_empty() && !ends {
            self.text.push('\n');
        }
    }

    fn paragraph(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.block();
            self.text.push('\n');
        }
    }
}

#[derive(Default)]
struct Links {
    kept: Vec<String>,
    seen: HashSet<String>,
}

impl Links {
    fn add(&mut self, href: &str) {
        let href = href.trim();
        let absolute = url::Url::parse(href)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if absolute && self.kept.len() < MAX_LINKS && self.seen.insert(href.to_owned()) {
            self.kept.push(href.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(html: &str) -> String {
        html_to_text(html).text
    }

    #[test]
    fn blocks_are_lines_and_paragraphs_stand_apart() {
        let cases = [
            (
                "<p>One\n  two</p><p>Three<br>four</p>",
                "One two\n\nThree\nfour",
            ),
            ("<ul><li>a</li><li>b</li></ul>end", "a\nb\nend"),
            ("<div><div>a</div></div>b", "a\nb"),
            ("<h1>T</h1><p>x", "T\n\nx"),
            (
                "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
                "a b\nc",
            ),
            ("<pre>a\n  b</pre>", "a\n  b"),
            ("a &amp; b &lt;c&gt;&nbsp;d", "a & b <c> d"),
            (
                "fish<script>alert(1)</script><style>p{}</style> &amp; chips",
                "fish & chips",
            ),
            ("no markup", "no markup"),
            ("a<b>b</b>c", "abc"),
            ("<!-- x -->y", "y"),
            ("", ""),
        ];
        for (html, expected) in cases {
            assert_eq!(text(html), expected, "{html}");
        }
    }

    #[test]
    fn links_are_absolute_and_told_once() {
        let found = html_to_text(
            "<a href='https://a.example/x'>1</a><a href=' https://a.example/x '>2</a>\
             <a href='/rel'>3</a><a href='javascript:x'>4</a><a href='http://b.example'>5</a>",
        );
        assert_eq!(found.links, ["https://a.example/x", "http://b.example"]);
        assert_eq!(found.text, "12345");
    }

    #[test]
    fn hostile_nesting_gives_its_text_quickly() {
        let html = format!("{}deep", "<div>".repeat(50_000));
        assert_eq!(text(&html), "deep");
        let long = format!("{}<b>x</b>", "a".repeat(MAX_HTML_BYTES));
        assert_eq!(text(&long).len(), MAX_HTML_BYTES);
    }

    proptest! {
        #[test]
        fn no_html_panics(html in "(<[a-z/!]{0,6}( [a-z]=['\"]?[a-z]{0,3}['\"]?)?>?|\\PC{0,5}|&[a-z#0-9]{0,5};?){0,20}") {
            let found = html_to_text(&html);
            prop_assert_eq!(plain_text(&found.text), found.text.clone());
        }
    }
}
