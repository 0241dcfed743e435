//! The tree that a query is. Holds only what can be matched: values are checked and text is
//! tokenised when it is built.

use std::ops::{Bound, Range};

use super::error::QueryError;
use super::parser;
use super::time::{TimeEdge, When};
use super::tokens::{mark, stem_mark};
use super::wildcard::Wildcard;
use crate::domain::{MonitorId, PostId};

/// The most bytes of a query's text.
pub const MAX_BYTES: usize = 4096;
/// The most leaves of one query.
pub const MAX_LEAVES: usize = 1024;
/// The deepest nesting of brackets and `NOT`.
pub const MAX_DEPTH: usize = 64;
/// The greatest distance of `NEAR` and of `"..."~`.
pub const MAX_DISTANCE: u32 = 100;

/// A parsed query. `Display` prints its canonical form, which parses to an equal query.
#[derive(Debug, Clone)]
pub struct Query {
    pub(super) text: String,
    pub(super) expr: Expr,
    pub(super) sort: Option<Sort>,
    pub(super) similar: Option<PostId>,
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// When the text is not a query; the error points at the place and says what would be right.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parser::parse(text)
    }

    /// The query `*`, which finds every post.
    #[must_use]
    pub fn everything() -> Self {
        let test = Test::Everything;
        Self {
            text: "*".to_owned(),
            expr: Expr::Leaf(Leaf { test, span: 0..1 }),
            sort: None,
            similar: None,
        }
    }

    /// Both this query and another, with the order and the `similar:` of this one or else of the other. May pass the
    /// bounds of what is parsed: those are for what people write.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let sort = self.sort.or(other.sort);
        let similar = self.similar.clone().or_else(|| other.similar.clone());
        let everything =
            |query: &Self| matches!(&query.expr, Expr::Leaf(leaf) if leaf.test == Test::Everything);
        if everything(self) {
            return Self {
                sort,
                similar,
                ..other.clone()
            };
        }
        if everything(other) {
            return Self {
                sort,
                similar,
                ..self.clone()
            };
        }
        let members = [self, other]
            .into_iter()
            .flat_map(|query| match &query.expr {
                Expr::And(members) => members.clone(),
                single => vec![single.clone()],
            });
        let expr = Expr::And(members.collect());
        Self {
            text: expr.to_string(),
            expr,
            sort,
            similar,
        }
    }

    /// Posts that one of these monitors catches; `None` of none. Like `and`, it may pass the bounds of what is parsed.
    #[must_use]
    pub fn of_monitors<'a>(monitors: impl IntoIterator<Item = &'a MonitorId>) -> Option<Self> {
        let leaf = |monitor: &MonitorId| {
            let field = LabelField::Monitor;
            let value = monitor.as_str().to_owned();
            Expr::Leaf(Leaf {
                test: Test::Label { field, value },
                span: 0..0,
            })
        };
        let mut leaves: Vec<Expr> = monitors.into_iter().map(leaf).collect();
        match leaves.len() {
            0 => None,
            1 => leaves.pop().map(Self::of),
            _ => Some(Self::of(Expr::Or(leaves))),
        }
    }

    /// Posts that it does not find, without its order.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::of(Expr::Not(Box::new(self.expr)))
    }

    /// A query that nobody wrote.
    fn of(expr: Expr) -> Self {
        Self {
            text: expr.to_string(),
            expr,
            sort: None,
            similar: None,
        }
    }

    /// The tree.
    #[must_use]
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// The order that `sort:` asks for.
    #[must_use]
    pub fn sort(&self) -> Option<Sort> {
        self.sort
    }

    /// The post that `similar:` names: only the posts nearest to it by embedding are asked for, the nearest
    /// first unless there is a `sort:`. Outside of what is matched in memory.
    #[must_use]
    pub fn similar(&self) -> Option<&PostId> {
        self.similar.as_ref()
    }

    /// The members that are joined by AND; a query that is no AND is its only member.
    #[must_use]
    pub fn members(&self) -> Vec<&Expr> {
        match &self.expr {
            Expr::And(members) => members.iter().collect(),
            Expr::Leaf(leaf) if leaf.test == Test::Everything => Vec::new(),
            single => vec![single],
        }
    }

    /// The text that was parsed, as a person wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.text
    }

    /// The leaves from left to right, each with whether it stands under an even number of `NOT`s.
    #[must_use]
    pub fn leaves(&self) -> Vec<(&Leaf, bool)> {
        let mut leaves = Vec::new();
        self.expr.collect(true, &mut leaves);
        leaves
    }
}

/// Queries are equal when they mean the same tree, however they were written.
impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr && self.sort == other.sort && self.similar == other.similar
    }
}

impl std::str::FromStr for Query {
    type Err = QueryError;
    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}

/// A node. `And` and `Or` have at least two members, none of their own sort.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// All hold.
    And(Vec<Expr>),
    /// At least one holds.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// A test.
    Leaf(Leaf),
}

impl Expr {
    fn collect<'a>(&'a self, positive: bool, leaves: &mut Vec<(&'a Leaf, bool)>) {
        match self {
            Self::And(members) | Self::Or(members) => {
                for member in members {
                    member.collect(positive, leaves);
                }
            }
            Self::Not(inner) => inner.collect(!positive, leaves),
            Self::Leaf(leaf) => leaves.push((leaf, positive)),
        }
    }
}

/// A test and where it was written.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// What is tested.
    pub test: Test,
    /// Bytes of the query's text.
    pub span: Range<usize>,
}

/// The place does not count.
impl PartialEq for Leaf {
    fn eq(&self, other: &Self) -> bool {
        self.test == other.test
    }
}

/// One test of a post.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `*`: true of every post.
    Everything,
    /// Words in title or text.
    Text(TextTest),
    /// A label, compared as a whole.
    Label {
        /// Which label.
        field: LabelField,
        /// The value in the form in which it is compared.
        value: String,
    },
    /// The beginning of an address, in the form of `address`.
    Address {
        /// Which addresses.
        field: AddressField,
        /// What one of them begins with.
        prefix: String,
    },
    /// A number within bounds; false when the post has no such number.
    Number {
        /// Which number.
        field: NumberField,
        /// The lower bound.
        low: Bound<f64>,
        /// The upper bound.
        high: Bound<f64>,
    },
    /// When the post was published.
    Time {
        /// From then or up to then.
        edge: TimeEdge,
        /// The time, perhaps relative to now.
        when: When,
    },
    /// Published from the one day or time to the other, both counted.
    Date {
        /// The first.
        from: When,
        /// The last.
        to: When,
    },
    /// `is:` and `has:`.
    Flag(Flag),
}

/// Words to find in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTest {
    /// Where they are looked for; never across two fields.
    pub scope: Scope,
    /// How they must stand.
    pub pattern: Pattern,
}

/// How words must stand in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// One word, or several side by side.
    Phrase(Phrase),
    /// `"battery dead"~5`: all of the words, in any order, the last at most `reach` positions after the first.
    Within {
        /// The words.
        phrase: Phrase,
        /// 1 to `MAX_DISTANCE`.
        reach: u32,
    },
    /// One of these, at least two; only within `Near`.
    Any(Vec<Pattern>),
    /// `a NEAR/5 b`.
    Near(Near),
}

/// Two patterns close to each other. They never share a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// The one.
    pub left: Box<Pattern>,
    /// The other.
    pub right: Box<Pattern>,
    /// The most words between them, plus one: 1 to `MAX_DISTANCE`.
    pub distance: u32,
    /// Whether `left` must come first.
    pub ordered: bool,
}

/// Words side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// How it was written.
    pub form: Form,
    /// As it was written, without quotes and braces.
    pub source: String,
    /// The words with their distance from the first, at least one, ascending; exactly one for a wildcard.
    pub terms: Vec<Term>,
}

/// A word of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Positions after the first term.
    pub offset: u32,
    /// What stands there.
    pub word: Word,
    /// Of the folded word or of the wildcard's stem, to pass over quickly what is not in a post; None for a short stem.
    pub(super) mark: Option<u64>,
}

impl Term {
    /// A word at its place.
    #[must_use]
    pub fn new(offset: u32, word: Word) -> Self {
        let mark = match &word {
            Word::Folded(text) | Word::Exact { folded: text, .. } => Some(mark(text)),
            Word::Like(wildcard) => stem_mark(wildcard.stem()),
        };
        Self { offset, word, mark }
    }
}

/// What stands at one position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// A folded token.
    Folded(String),
    /// A folded token that fits a pattern of `*` and `?`.
    Like(Wildcard),
    /// A token that folds to `folded` and is written exactly as `written`.
    Exact {
        /// Folded.
        folded: String,
        /// In NFC, as it stands in a text.
        written: String,
    },
}

/// How a phrase was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `battery`, `#tag`, `@handle`.
    Word,
    /// `"dead on arrival"`.
    Quoted,
    /// `charg*`, `wom?n`.
    Wildcard,
    /// `{BT}`
    Exact,
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In title or text.
    Anywhere,
    /// `title:`
    Title,
    /// `text:`
    Text,
    /// `author_name:`
    AuthorName,
    /// `bio:`
    Bio,
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All, in the order that help texts show.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in queries.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

named!(
    /// Labels of a post, of its analysis and of its customer.
    LabelField {
        /// The configured source that brought it.
        Source = "source",
        /// The platform.
        Network = "network",
        /// The detected language.
        Lang = "lang",
        /// Post, reply, review and so on.
        Kind = "kind",
        /// Sentiment of the analysis.
        Sentiment = "sentiment",
        /// An intent that is present.
        Intent = "intent",
        /// An intent, or a label of one's own, that is present.
        Label = "label",
        /// An emotion that is present.
        Emotion = "emotion",
        /// A monitor that it matches.
        Monitor = "monitor",
        /// The author's handle without `@` in lower case, or the author's public id.
        Author = "author",
        /// The customer's id.
        Customer = "customer",
        /// The customer's segment, in lower case.
        Segment = "segment",
        /// The host of the post, and those above it.
        Site = "site",
        /// The hosts of the links in the text, and those above them.
        LinkSite = "link",
        /// `yes` for a copy, `no` for others, and the id of the first post of its group.
        Duplicate = "duplicate",
    }
);

named!(
    /// Web addresses of a post.
    AddressField {
        /// Where it stands.
        Url = "url",
        /// The links in its text.
        Link = "link",
    }
);

named!(
    /// Numbers of a post and its analysis.
    NumberField {
        /// Sentiment score, -1 to 1.
        Score = "score",
        /// 0 nothing to answer, 1 some time, 2 waiting or blocked, 3 now.
        Urgency = "urgency",
        /// Stars on a scale of five.
        Rating = "rating",
        /// Likes, replies and shares together.
        Engagement = "engagement",
        /// The author's followers.
        Followers = "followers",
    }
);

named!(
    /// The order of answers.
    #[derive(Default)]
    Sort {
        /// The newest first.
        #[default]
        Newest = "new",
        /// Those first in which the words count most (BM25).
        Relevance = "relevance",
        /// The most likes, replies and shares first.
        Engagement = "engagement",
        /// The most negative first.
        Score = "score",
    }
);

named!(
    /// What a post is or has.
    Flag {
        /// The author is linked to a customer.
        Linked = "is:linked",
        /// The network verified the author.
        Verified = "is:verified",
        /// It has stars.
        HasRating = "has:rating",
        /// Its text has a link.
        HasLink = "has:link",
    }
);
