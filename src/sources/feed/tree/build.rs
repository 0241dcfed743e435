//! Builds the tree of what feeds really send: tags that are not closed, endless nesting, items inside
//! items that never ended, a root that ends too soon.
//!
//! One pass, linear, no recursion. It adds no content, and it never fails: the worst document is a tree
//! without items.

use super::{Element, Id, Kind, Node, ROOT, Tree};
use crate::sources::entities::Declared;
use crate::sources::feed::names::{Scopes, Space, local};
use crate::sources::markup::{Tag, Token, Tokens};

/// Elements nested deeper lose their tags; their text stays.
const MAX_DEPTH: usize = 100;

/// Nodes beyond these are not kept: ten thousand entries of news have fewer, and a document of tags alone
/// must not take much more memory than it is long.
const MAX_NODES: usize = 500_000;

/// Nodes of one item; what is beyond costs the item alone.
const MAX_ITEM_NODES: usize = 20_000;

/// Attributes beyond these are not looked at.
const MAX_ATTRIBUTES: usize = 64;

/// Builds the tree from the first feed root on; the error is the name of the root that is there instead.
pub(super) fn build(text: &str) -> Result<Tree<'_>, &str> {
    let feed = |name: &str| ["rss", "feed", "rdf", "channel"].contains(&name);
    let lone = |name: &str| ["entry", "item"].contains(&name);
    Builder::run(text, feed).or_else(|_| Builder::run(text, lone))
}

/// A tree under construction.
struct Builder<'a> {
    tree: Tree<'a>,
    scopes: Scopes<'a>,
    open: Vec<Id>,
    /// Open elements beyond the depth cap, whose closing tags are dropped too.
    over: usize,
    /// Where the nodes of the open item begin.
    item_start: Option<Id>,
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
            item_start: None,
        };
        let mut other_root = "";
        for token in Tokens::xml(text) {
            if builder.tree.nodes.len() > MAX_NODES {
                break;
            }
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
                Token::Text(text) => builder.text(text),
                Token::Cdata(text) if !builder.is_full() => builder.add(Kind::Cdata(text)),
                Token::Cdata(_) => {}
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
        if self.open.len() >= MAX_DEPTH || (!is_item && self.is_full()) {
            self.scopes.leave(self.open.len());
            self.over += usize::from(!tag.self_closing);
            return;
        }
        let lonely = first && is_item_name(tag.name);
        if (is_item || lonely) && !self.open.iter().any(|id| self.is_open_item(*id)) {
            self.item_start = Some(self.tree.nodes.len());
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

    /// Whether the open item has as many nodes as are kept of one.
    fn is_full(&self) -> bool {
        let start = self.item_start.unwrap_or(self.tree.nodes.len());
        self.tree.nodes.len() - start > MAX_ITEM_NODES
    }

    /// Keeps a text, unless it is the white space between the parts of a channel or an item.
    fn text(&mut self, text: &'a str) {
        let between =
            self.open.len() <= 2 || self.open.last().is_some_and(|id| self.is_open_item(*id));
        let blank = between && text.bytes().all(|byte| byte.is_ascii_whitespace());
        if !blank && !self.is_full() {
            self.add(Kind::Text(text));
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
        if !self.open.iter().any(|id| self.is_open_item(*id)) {
            self.item_start = None;
        }
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
