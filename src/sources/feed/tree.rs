//! A tree of what feeds really send: tags that are not closed, endless nesting, items inside items that
//! never ended, a root that ends too soon.
//!
//! One pass, linear, no recursion while building; the depth is capped, so that walks over the tree are
//! bounded. It adds no content, and it never fails: the worst document is a tree without items.

use std::borrow::Cow;

use super::names::{Scopes, Space, local};
use crate::fetch::Url;
use crate::sources::entities::{Declared, decode, mend};
use crate::sources::markup::{Tag, Token, Tokens};

/// Elements nested deeper lose their tags; their text stays.
pub(super) const MAX_DEPTH: usize = 100;

/// Attributes beyond these are not looked at.
const MAX_ATTRIBUTES: usize = 64;

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
        let feed = |name: &str| ["rss", "feed", "rdf", "channel"].contains(&name);
        let lone = |name: &str| ["entry", "item"].contains(&name);
        Builder::run(text, feed).or_else(|_| Builder::run(text, lone))
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

/// A tree under construction.
struct Builder<'a> {
    tree: Tree<'a>,
    scopes: Scopes<'a>,
    open: Vec<Id>,
    /// Open elements beyond the depth cap, whose closing tags are dropped too.
    over: usize,
}

impl<'a> Builder<'a> {
    fn run(text: &'a str, is_root: impl Fn(&str) -> bool) -> Result<Tree<'a>, &'a str> {
        let mut builder = Self {
            tree: Tree {
                nodes: Vec::new(),
                declared: Declared::default(),
                doctype: "",
                truncated: true,
                items: Vec::new(),
            },
            scopes: Scopes::default(),
            open: Vec::new(),
            over: 0,
        };
        let mut other_root = "";
        for token in Tokens::xml(text) {
            match token {
                Token::Open(tag) if builder.tree.nodes.is_empty() => {
                    if is_root(&local(tag.name).to_ascii_lowercase()) {
                        builder.open(tag);
                    } else if other_root.is_empty() {
                        other_root = local(tag.name);
                    }
                }
                Token::Open(tag) => builder.open(tag),
                Token::Close(name) => builder.close(name),
                Token::Text(text) => builder.add(Kind::Text(text)),
                Token::Cdata(text) => builder.add(Kind::Cdata(text)),
                Token::Doctype(doctype) if builder.tree.nodes.is_empty() => {
                    builder.tree.doctype = doctype;
                    builder.tree.declared = Declared::read(doctype);
                }
                // Where the cap or a script hides its element, `<!` is text.
                Token::Doctype(_) => {}
            }
        }
        if builder.tree.nodes.is_empty() {
            return Err(other_root);
        }
        Ok(builder.tree)
    }

    fn open(&mut self, tag: Tag<'a>) {
        let first = self.tree.nodes.is_empty();
        let depth = self.open.len();
        self.scopes.enter(
            depth,
            &tag.attributes[..tag.attributes.len().min(MAX_ATTRIBUTES)],
        );
        let space = self.scopes.space(tag.name);
        let is_item = !first && is_item(tag.name, space);
        if is_item {
            self.end_item_before();
        } else if !first && self.open.is_empty() {
            // The root has ended, and only items may follow it.
            self.scopes.leave(depth);
            return;
        }
        if self.open.len() >= MAX_DEPTH {
            self.scopes.leave(self.open.len());
            self.over += usize::from(!tag.self_closing);
            return;
        }
        let lonely = first && is_item_name(tag.name);
        if (is_item || lonely) && !self.open.iter().any(|id| self.is_open_item(*id)) {
            self.tree.items.push(self.tree.nodes.len());
        }
        let mut attributes = tag.attributes;
        attributes.truncate(MAX_ATTRIBUTES);
        let id = self.tree.nodes.len();
        self.add(Kind::Element(Element {
            name: tag.name,
            space,
            attributes,
        }));
        if tag.self_closing {
            self.scopes.leave(self.open.len());
            self.tree.truncated &= !first;
        } else {
            self.open.push(id);
        }
    }

    /// Makes room for an item: ends the one before, if it never was; returns to the root after its end.
    fn end_item_before(&mut self) {
        let before = self.open.iter().position(|id| self.is_open_item(*id));
        if let Some(index) = before {
            let inside = &self.open[index + 1..];
            if !inside.iter().any(|id| self.is_foreign_content(*id)) {
                self.over = 0;
                self.close_down_to(index);
            }
        } else if self.open.len() >= MAX_DEPTH {
            self.over = 0;
            self.close_down_to(2);
        }
        if self.open.is_empty() {
            self.open.push(ROOT);
        }
    }

    fn close(&mut self, name: &'a str) {
        let structural = ["channel", "rss", "feed", "rdf"]
            .iter()
            .any(|known| local(name).eq_ignore_ascii_case(known));
        if self.over > 0 {
            if !structural && !is_item_name(name) {
                self.over -= 1;
                return;
            }
            self.over = 0;
        }
        let position = |same: &dyn Fn(&str) -> bool| {
            self.open
                .iter()
                .rposition(|id| self.tree.element(*id).is_some_and(|open| same(open.name)))
        };
        let found = position(&|open| open == name)
            .or_else(|| position(&|open| local(open).eq_ignore_ascii_case(local(name))));
        let Some(index) = found else { return };
        // A stray closing tag inside an item must not end what is around the item.
        let item = self.open.iter().rposition(|id| self.is_open_item(*id));
        if structural || item.is_none_or(|item| index >= item) {
            self.close_down_to(index);
        }
    }

    fn close_down_to(&mut self, depth: usize) {
        self.scopes.leave(depth);
        self.open.truncate(depth);
        // Declarations of the root hold for items that follow its end.
        if self.open.is_empty() {
            self.tree.truncated = false;
            if let Some(Kind::Element(root)) = self.tree.nodes.first().map(|node| &node.kind) {
                let attributes = root.attributes.clone();
                self.scopes.enter(0, &attributes);
            }
        }
    }

    fn add(&mut self, kind: Kind<'a>) {
        let id = self.tree.nodes.len();
        let parent = self.open.last().copied();
        if parent.is_none() && id > 0 || id == 0 && !matches!(kind, Kind::Element(_)) {
            return;
        }
        let parent = parent.unwrap_or(ROOT);
        self.tree.nodes.push(Node {
            parent,
            next: 0,
            first_child: 0,
            last_child: 0,
            kind,
        });
        if id == 0 {
            return;
        }
        let last = self.tree.nodes[parent].last_child;
        if last == 0 {
            self.tree.nodes[parent].first_child = id;
        } else {
            self.tree.nodes[last].next = id;
        }
        self.tree.nodes[parent].last_child = id;
    }

    fn is_open_item(&self, id: Id) -> bool {
        id != ROOT
            && self
                .tree
                .element(id)
                .is_some_and(|element| is_item(element.name, element.space))
    }

    /// Whether an element says that it holds XML of another kind, in which an entry may stand.
    fn is_foreign_content(&self, id: Id) -> bool {
        self.tree.is(id, Space::Core, "content")
            && self
                .tree
                .raw_attribute(id, |name| name == "type")
                .is_some_and(|kind| kind.contains('/') && kind.trim().ends_with("xml"))
    }
}

fn is_item(name: &str, space: Space) -> bool {
    space == Space::Core && is_item_name(name)
}

fn is_item_name(name: &str) -> bool {
    let name = local(name);
    name.eq_ignore_ascii_case("item") || name.eq_ignore_ascii_case("entry")
}
