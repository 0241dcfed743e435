//! A post's words, cut once and looked up by many queries.

use std::borrow::Cow;
use std::ops::Range;

use crate::domain::Post;
use crate::text::tokenize;

use super::ast::{Form, Scope, TextTest};

/// The words of one post's title and text.
#[derive(Debug, Clone)]
pub struct PostTokens<'a> {
    title: FieldTokens<'a>,
    text: FieldTokens<'a>,
}

impl<'a> PostTokens<'a> {
    /// Cuts a post's title and text.
    #[must_use]
    pub fn new(post: &'a Post) -> Self {
        Self {
            title: FieldTokens::new(post.title.as_deref().unwrap_or_default()),
            text: FieldTokens::new(&post.text),
        }
    }

    /// Whether the words are in a field of the test's scope; never across two.
    #[must_use]
    pub(super) fn contain(&self, test: &TextTest) -> bool {
        match test.scope {
            Scope::Title => self.title.contain(test),
            Scope::Text => self.text.contain(test),
            Scope::Anywhere => self.title.contain(test) || self.text.contain(test),
        }
    }
}

/// The words of one field, sorted for look-up.
#[derive(Debug, Clone)]
pub(super) struct FieldTokens<'a> {
    tokens: Vec<Found<'a>>,
}

#[derive(Debug, Clone)]
struct Found<'a> {
    text: Cow<'a, str>,
    position: usize,
    span: Range<usize>,
}

impl<'a> FieldTokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut tokens: Vec<Found<'a>> = tokenize(text)
            .map(|token| Found {
                text: token.text,
                position: token.position,
                span: token.start..token.end,
            })
            .collect();
        tokens.sort_unstable_by(|a, b| (&a.text, a.position).cmp(&(&b.text, b.position)));
        Self { tokens }
    }

    fn contain(&self, test: &TextTest) -> bool {
        self.find(test).next().is_some()
    }

    /// The bytes from the first to the last word of each place where the test holds.
    pub(super) fn find(&self, test: &TextTest) -> impl Iterator<Item = Range<usize>> {
        let (first, rest) = match test.terms.split_first() {
            Some((first, rest)) => (Some(first), rest),
            None => (None, [].as_slice()),
        };
        let starts = first.map_or([].as_slice(), |first| match test.form {
            Form::Prefix => self.beginning_with(&first.text),
            Form::Word | Form::Phrase => self.equal_to(&first.text),
        });
        starts.iter().filter_map(move |start| {
            let mut span = start.span.clone();
            for term in rest {
                let position = start.position + term.offset - first.map_or(0, |first| first.offset);
                let same = self.equal_to(&term.text);
                let at = same
                    .binary_search_by_key(&position, |found| found.position)
                    .ok()?;
                span.end = span.end.max(same[at].span.end);
            }
            Some(span)
        })
    }

    fn equal_to(&self, text: &str) -> &[Found<'a>] {
        let start = self.tokens.partition_point(|found| *found.text < *text);
        let length = self.tokens[start..].partition_point(|found| *found.text == *text);
        &self.tokens[start..start + length]
    }

    fn beginning_with(&self, prefix: &str) -> &[Found<'a>] {
        let start = self.tokens.partition_point(|found| *found.text < *prefix);
        let length = self.tokens[start..].partition_point(|found| found.text.starts_with(prefix));
        &self.tokens[start..start + length]
    }
}
