//! Judges a query against one post in memory, also when not everything is known of the post yet.
//!
//! **True here if and only if the index finds the post**; the property test is in `index`. What is
//! not known yet makes a leaf unknown, and Kleene's logic carries that upwards: `Unknown` may still
//! become either, `False` never becomes true.

use std::ops::Bound;

use crate::domain::{Analysis, Customer, MonitorId, Post, PostId, PostRecord};

use super::address::{address, sites};
use super::ast::{AddressField, Expr, Flag, LabelField, NumberField, Query, Test};
use super::leaf::author_key;
use super::time::{MatchContext, TimeEdge, time_key};
use super::tokens::PostTokens;

/// The three truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It matches.
    True,
    /// It does not match, whatever else becomes known.
    False,
    /// What is known does not decide it.
    Unknown,
}

impl Truth {
    fn of(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }

    fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// Something that is known, or will be later in the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<T> {
    /// Known.
    Yes(T),
    /// Comes later.
    NotYet,
}

/// A post with what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The post.
    pub post: &'a Post,
    /// Its analysis; `Yes(None)` when nothing scores it.
    pub analysis: Known<Option<&'a Analysis>>,
    /// The customer that its author is linked to.
    pub customer: Known<Option<&'a Customer>>,
    /// The monitors that it matches.
    pub monitors: Known<&'a [MonitorId]>,
    /// The first post of its group, when it is a copy.
    pub duplicate_of: Known<Option<&'a PostId>>,
}

impl<'a> Candidate<'a> {
    /// A post of which all is known.
    #[must_use]
    pub fn of(record: &'a PostRecord) -> Self {
        let customer = record.customer.as_ref().map(|(customer, _)| customer);
        Self {
            post: &record.post,
            analysis: Known::Yes(record.analysis.as_ref()),
            customer: Known::Yes(customer),
            monitors: Known::Yes(&record.monitors),
            duplicate_of: Known::Yes(record.duplicate_of.as_ref()),
        }
    }
}

/// Judges one query against one post. For many queries cut the post once, with [`matches_tokens`].
#[must_use]
pub fn matches(query: &Query, candidate: &Candidate<'_>, context: &MatchContext) -> Truth {
    matches_tokens(query, candidate, &PostTokens::new(candidate.post), context)
}

/// Judges one query against a post whose words, `tokens`, were cut before.
#[must_use]
pub fn matches_tokens(
    query: &Query,
    candidate: &Candidate<'_>,
    tokens: &PostTokens<'_>,
    context: &MatchContext,
) -> Truth {
    Judge {
        candidate,
        tokens,
        context,
    }
    .expr(query.expr())
}

pub(super) struct Judge<'a, 'p> {
    pub(super) candidate: &'a Candidate<'a>,
    pub(super) tokens: &'a PostTokens<'p>,
    pub(super) context: &'a MatchContext,
}

impl Judge<'_, '_> {
    fn expr(&self, expr: &Expr) -> Truth {
        match expr {
            Expr::And(members) => self.first_of(members, Truth::False, Truth::True),
            Expr::Or(members) => self.first_of(members, Truth::True, Truth::False),
            Expr::Not(inner) => self.expr(inner).negated(),
            Expr::Leaf(leaf) => self.test(&leaf.test),
        }
    }

    /// `decisive` when a member says so, `otherwise` when none is unknown.
    fn first_of(&self, members: &[Expr], decisive: Truth, otherwise: Truth) -> Truth {
        let mut result = otherwise;
        for member in members {
            let truth = self.expr(member);
            if truth == decisive {
                return decisive;
            }
            if truth == Truth::Unknown {
                result = Truth::Unknown;
            }
        }
        result
    }

    pub(super) fn test(&self, test: &Test) -> Truth {
        match test {
            Test::Everything => Truth::True,
            Test::Text(test) => Truth::of(self.tokens.contain(test)),
            Test::Label { field, value } => self.label(*field, value),
            Test::Number { field, low, high } => self.number(*field, *low, *high),
            Test::Time { edge, when } => {
                let key = time_key(self.candidate.post.ordered_at());
                let bound = when.bound(*edge, self.context);
                Truth::of(match edge {
                    TimeEdge::Since => key >= bound,
                    TimeEdge::Until => key < bound,
                })
            }
            Test::Date { from, to } => {
                let key = time_key(self.candidate.post.ordered_at());
                let first = from.bound(TimeEdge::Since, self.context);
                let beyond = to.bound(TimeEdge::Until, self.context);
                Truth::of((first..beyond).contains(&key))
            }
            Test::Address { field, prefix } => {
                let post = self.candidate.post;
                Truth::of(addresses(post, *field).any(|address| address.starts_with(prefix)))
            }
            Test::Flag(flag) => self.flag(*flag),
        }
    }

    fn label(&self, field: LabelField, value: &str) -> Truth {
        let post = self.candidate.post;
        let analysed = |holds: &dyn Fn(&Analysis) -> bool| match self.candidate.analysis {
            Known::Yes(analysis) => Truth::of(analysis.is_some_and(holds)),
            Known::NotYet => Truth::Unknown,
        };
        match field {
            LabelField::Source => Truth::of(post.source.as_str() == value),
            LabelField::Network => Truth::of(post.key.network.to_lowercase() == value),
            LabelField::Lang => Truth::of(post.language.code == value),
            LabelField::Kind => Truth::of(post.kind.as_str() == value),
            LabelField::Author => Truth::of(author_keys(post).iter().any(|key| key == value)),
            LabelField::Sentiment => analysed(&|analysis| {
                analysis
                    .sentiment_label()
                    .is_some_and(|label| label.as_str() == value)
            }),
            LabelField::Intent | LabelField::Label => {
                analysed(&|analysis| analysis.present_intents().any(|intent| intent == value))
            }
            LabelField::Emotion => {
                analysed(&|analysis| analysis.present_emotions().any(|emotion| emotion == value))
            }
            LabelField::Monitor => match self.candidate.monitors {
                Known::Yes(monitors) => Truth::of(monitors.iter().any(|id| id.as_str() == value)),
                Known::NotYet => Truth::Unknown,
            },
            LabelField::Site | LabelField::LinkSite => {
                let field = match field {
                    LabelField::Site => AddressField::Url,
                    _ => AddressField::Link,
                };
                let here = |address: String| sites(&address).any(|site| site == value);
                Truth::of(addresses(post, field).any(here))
            }
            LabelField::Duplicate => match self.candidate.duplicate_of {
                Known::Yes(original) => Truth::of(group_keys(post, original).contains(&value)),
                Known::NotYet => Truth::Unknown,
            },
            LabelField::Segment => match self.candidate.customer {
                Known::Yes(customer) => Truth::of(
                    customer
                        .and_then(segment)
                        .is_some_and(|segment| segment == value),
                ),
                Known::NotYet => Truth::Unknown,
            },
            LabelField::Customer => match self.candidate.customer {
                Known::Yes(customer) => {
                    Truth::of(customer.is_some_and(|customer| customer.id.as_str() == value))
                }
                Known::NotYet => Truth::Unknown,
            },
        }
    }

    fn number(&self, field: NumberField, low: Bound<f64>, high: Bound<f64>) -> Truth {
        let value = match field {
            NumberField::Score | NumberField::Urgency => match self.candidate.analysis {
                Known::Yes(analysis) if field == NumberField::Score => analysis.and_then(score),
                Known::Yes(analysis) => analysis.and_then(urgency),
                Known::NotYet => return Truth::Unknown,
            },
            NumberField::Rating => rating(self.candidate.post),
            NumberField::Engagement => Some(engagement(self.candidate.post)),
            NumberField::Followers => followers(self.candidate.post),
        };
        Truth::of(value.is_some_and(|value| std::ops::RangeBounds::contains(&(low, high), &value)))
    }

    fn flag(&self, flag: Flag) -> Truth {
        let post = self.candidate.post;
        match flag {
            Flag::Linked => match self.candidate.customer {
                Known::Yes(customer) => Truth::of(customer.is_some()),
                Known::NotYet => Truth::Unknown,
            },
            Flag::Verified => Truth::of(post.author.as_ref().is_some_and(|author| author.verified)),
            Flag::HasRating => Truth::of(post.rating.is_some()),
            Flag::HasLink => Truth::of(!post.links.is_empty()),
        }
    }
}

/// What `author:` compares with: the handle and the author's public id. The index holds the same.
pub(crate) fn author_keys(post: &Post) -> Vec<String> {
    let id = post.author_id().map(|id| id.as_str().to_owned());
    handle(post).into_iter().chain(id).collect()
}

/// The handle by which an author is known, where there is one.
pub(crate) fn handle(post: &Post) -> Option<String> {
    let handle = author_key(&post.author.as_ref()?.handle);
    (!handle.is_empty()).then_some(handle)
}

/// What `url:` and `link:` compare with. The index holds the same.
pub(crate) fn addresses(post: &Post, field: AddressField) -> impl Iterator<Item = String> {
    let (url, links) = match field {
        AddressField::Url => (post.url.as_ref(), [].as_slice()),
        AddressField::Link => (None, post.links.as_slice()),
    };
    url.into_iter().chain(links).map(|written| address(written))
}

/// What `duplicate:` compares with: whether it is a copy, and the first of its group.
pub(crate) fn group_keys<'a>(post: &'a Post, original: Option<&'a PostId>) -> [&'a str; 2] {
    match original {
        Some(original) => ["yes", original.as_str()],
        None => ["no", post.id.as_str()],
    }
}

/// What `segment:` compares with.
pub(crate) fn segment(customer: &Customer) -> Option<String> {
    customer
        .segment
        .as_ref()
        .map(|segment| segment.to_lowercase())
}

/// The sentiment score that counts, with no negative zero.
pub(crate) fn score(analysis: &Analysis) -> Option<f64> {
    analysis.supported.then_some(analysis.sentiment.score + 0.0)
}

/// The urgency that counts.
pub(crate) fn urgency(analysis: &Analysis) -> Option<f64> {
    analysis.supported.then(|| f64::from(analysis.urgency))
}

/// Stars out of five.
pub(crate) fn rating(post: &Post) -> Option<f64> {
    post.rating.map(|rating| rating.out_of_five() + 0.0)
}

/// Engagement as a float, which both sides compare.
#[expect(clippy::cast_precision_loss, reason = "both sides lose the same")]
pub(crate) fn engagement(post: &Post) -> f64 {
    post.engagement.total() as f64
}

/// Followers as a float, which both sides compare.
#[expect(clippy::cast_precision_loss, reason = "both sides lose the same")]
pub(crate) fn followers(post: &Post) -> Option<f64> {
    post.author
        .as_ref()?
        .followers
        .map(|followers| followers as f64)
}
