//! A document as a tree, for reading: what an element is called, says, holds and inherits.
//!
//! How it comes to be is in `build`. The depth is capped there, so that the walks here are bounded.

mod build;

use std::borrow::Cow;

use super::names::{Space, local};
use crate::fetch::Url;
use crate::sources::entities::{Declared, decode, mend};

/// Which element: its place in the tree.
pub(super) type Id = usize;

/// A document.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    declared: Declared<'a>,
    /// What the document type says, without `<!` and `>`.
    pub doctype: &'a str,
    /// The document ended before its root did.
    pub truncated: bool,
    /// Each `item` or `entry` that is not inside another, in order.
    pub items: Vec<Id>,
}

/// The root's place.
pub(super) const ROOT: Id = 0;

#[derive(Debug)]
struct Node<'a> {
    parent: Id,
    /// The next sibling; 0 when there is none, as for the children below.
    next: Id,
    first_child: Id,
    last_child: Id,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    Element(Element<'a>),
    Text(&'a str),
    Cdata(&'a str),
}

#[derive(Debug)]
struct Element<'a> {
    name: &'a str,
    space: Space,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Tree<'a> {
    /// Reads a decoded document from its first feed root on; the error is the name of the root that it has
    /// instead, which may be empty.
    pub fn read(text: &'a str) -> Result<Self, &'a str> {
        build::build(text)
    }

    /// An element's name without prefix, as written.
    pub fn name(&self, id: Id) -> &'a str {
        self.element(id).map_or("", |element| local(element.name))
    }

    /// Whether an element has the name, in any case, and belongs to the space.
    pub fn is(&self, id: Id, space: Space, name: &str) -> bool {
        self.element(id).is_some_and(|element| {
            element.space == space && local(element.name).eq_ignore_ascii_case(name)
        })
    }

    /// What an element belongs to.
    pub fn space(&self, id: Id) -> Space {
        self.element(id)
            .map_or(Space::Other, |element| element.space)
    }

    /// The elements directly below, in order.
    pub fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        self.nodes_below(id)
            .filter(|child| self.element(*child).is_some())
    }

    /// The elements with the name directly below, in order.
    pub fn named<'t>(
        &'t self,
        id: Id,
        space: Space,
        name: &'t str,
    ) -> impl Iterator<Item = Id> + 't {
        self.children(id)
            .filter(move |child| self.is(*child, space, name))
    }

    /// An attribute by its name after the prefix, in any case, decoded and trimmed; `None` when it is empty.
    pub fn attribute(&self, id: Id, name: &str) -> Option<String> {
        self.raw_attribute(id, |found| local(found).eq_ignore_ascii_case(name))
            .map(|value| decode(value, &self.declared).trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// The characters in an element and below, decoded and trimmed; `None` when there are none.
    pub fn text(&self, id: Id) -> Option<String> {
        let mut out = String::new();
        self.write_text(id, &mut out);
        let trimmed = out.trim();
        if trimmed.len() < out.len() {
            out = trimmed.to_owned();
        }
        (!out.is_empty()).then_some(out)
    }

    /// Whether an element holds elements.
    pub fn holds_elements(&self, id: Id) -> bool {
        self.children(id).next().is_some()
    }

    /// The content of an element as HTML. `escaped` says that its characters are text, not markup once more.
    pub fn markup(&self, id: Id, escaped: bool) -> String {
        let mut out = String::new();
        self.write_markup(id, escaped, &mut out);
        out.trim().to_owned()
    }

    /// What relative URLs in an element are relative to: `xml:base` in all its layers.
    pub fn base(&self, id: Id, document: Option<&Url>) -> Option<Url> {
        let mut layers: Vec<&str> = Vec::new();
        let mut at = id;
        loop {
            layers.extend(self.raw_attribute(at, |name| name == "xml:base"));
            if at == ROOT {
                break;
            }
            at = self.nodes[at].parent;
        }
        let mut base = document.cloned();
        for layer in layers.into_iter().rev() {
            let layer = decode(layer, &self.declared);
            let joined = match &base {
                Some(base) => base.join(layer.trim()),
                None => Url::parse(layer.trim()),
            };
            base = joined.ok().or(base);
        }
        base
    }

    /// The language that `xml:lang` gives an element: `None` when nothing is said, `Some(None)` when it is taken back.
    pub fn language(&self, id: Id) -> Option<Option<String>> {
        let mut at = id;
        loop {
            if let Some(stated) = self.raw_attribute(at, |name| name == "xml:lang") {
                let stated = stated.trim();
                return Some((!stated.is_empty()).then(|| stated.to_owned()));
            }
            if at == ROOT {
                return None;
            }
            at = self.nodes[at].parent;
        }
    }

    /// Whether an element declares a namespace whose name contains `part`.
    pub fn declares(&self, id: Id, part: &str) -> bool {
        self.element(id).is_some_and(|element| {
            element
                .attributes
                .iter()
                .any(|(name, uri)| name.starts_with("xmlns") && uri.contains(part))
        })
    }

    fn element(&self, id: Id) -> Option<&Element<'a>> {
        match &self.nodes.get(id)?.kind {
            Kind::Element(element) => Some(element),
            Kind::Text(_) | Kind::Cdata(_) => None,
        }
    }

    fn raw_attribute(&self, id: Id, wanted: impl Fn(&str) -> bool) -> Option<&'a str> {
        let (_, value) = self
            .element(id)?
            .attributes
            .iter()
            .find(|(name, _)| wanted(name))?;
        Some(value)
    }

    fn nodes_below(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let first = self.nodes.get(id).map_or(0, |node| node.first_child);
        std::iter::successors(Some(first), |at| self.nodes.get(*at).map(|node| node.next))
            .take_while(|at| *at != 0)
    }

    fn write_text(&self, id: Id, out: &mut String) {
        for child in self.nodes_below(id) {
            match &self.nodes[child].kind {
                Kind::Text(text) => out.push_str(&decode(text, &self.declared)),
                Kind::Cdata(text) => out.push_str(&mend(text)),
                Kind::Element(_) => self.write_text(child, out),
            }
        }
    }

    fn write_markup(&self, id: Id, escaped: bool, out: &mut String) {
        for child in self.nodes_below(id) {
            let text: Cow<'_, str> = match &self.nodes[child].kind {
                Kind::Text(text) => decode(text, &self.declared),
                Kind::Cdata(text) => mend(text),
                Kind::Element(element) => {
                    let name = match element.space {
                        Space::Xhtml | Space::Core => local(element.name),
                        _ => element.name,
                    };
                    out.push('<');
                    out.push_str(name);
                    for (name, value) in &element.attributes {
                        if !name.starts_with("xmlns") {
                            out.push(' ');
                            out.push_str(name);
                            out.push_str("=\"");
                            escape(&decode(value, &self.declared), out);
                            out.push('"');
                        }
                    }
                    out.push('>');
                    self.write_markup(child, escaped, out);
                    if !is_void(name) {
                        out.push_str("</");
                        out.push_str(name);
                        out.push('>');
                    }
                    continue;
                }
            };
            if escaped {
                escape(&text, out);
            } else {
                out.push_str(&text);
            }
        }
    }
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(character),
        }
    }
}

/// HTML elements that have no closing tag.
fn is_void(name: &str) -> bool {
    [
        "area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr",
    ]
    .iter()
    .any(|void| name.eq_ignore_ascii_case(void))
}
