//! What a query costs, and why it matches a post or does not.

use std::ops::Range;

use super::ast::{Form, LabelField, NumberField, Pattern, Query, Scope, Test};
use super::matcher::{Candidate, Judge, Truth};
use super::time::MatchContext;
use super::tokens::{FieldTokens, PostTokens};

/// What decides how much work a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Words, phrases and fields.
    pub leaves: usize,
    /// Wildcards: each stands for the words of the index that fit.
    pub wildcards: usize,
    /// `NEAR` and `"..."~5`: positions are read for each candidate.
    pub proximities: usize,
}

/// One leaf judged against one post.
#[derive(Debug, Clone, PartialEq)]
pub struct LeafReport {
    /// In canonical form.
    pub leaf: String,
    /// Whether it stands under an even number of `NOT`s.
    pub positive: bool,
    /// What it says of the post.
    pub truth: Truth,
    /// Bytes of the title where its words stand.
    pub title: Vec<Range<usize>>,
    /// Bytes of the text where its words stand.
    pub text: Vec<Range<usize>>,
}

/// Counts what a query is made of.
#[must_use]
pub fn cost(query: &Query) -> Cost {
    let mut cost = Cost::default();
    for (leaf, _) in query.leaves() {
        cost.leaves += 1;
        if let Test::Text(test) = &leaf.test {
            add(&test.pattern, &mut cost);
        }
    }
    cost
}

fn add(pattern: &Pattern, cost: &mut Cost) {
    match pattern {
        Pattern::Phrase(phrase) => cost.wildcards += usize::from(phrase.form == Form::Wildcard),
        Pattern::Within { .. } => cost.proximities += 1,
        Pattern::Any(members) => members.iter().for_each(|member| add(member, cost)),
        Pattern::Near(near) => {
            cost.proximities += 1;
            add(&near.left, cost);
            add(&near.right, cost);
        }
    }
}

/// Whether a leaf looks at the analysis, so that a post must be scored before it is judged.
#[must_use]
pub fn needs_analysis(query: &Query) -> bool {
    query.leaves().iter().any(|(leaf, _)| {
        matches!(
            &leaf.test,
            Test::Label {
                field: LabelField::Sentiment
                    | LabelField::Intent
                    | LabelField::Label
                    | LabelField::Emotion,
                ..
            } | Test::Number {
                field: NumberField::Score | NumberField::Urgency,
                ..
            }
        )
    })
}

/// Judges each leaf alone, from left to right.
#[must_use]
pub fn explain(
    query: &Query,
    candidate: &Candidate<'_>,
    context: &MatchContext,
) -> Vec<LeafReport> {
    let tokens = PostTokens::new(candidate.post);
    let judge = Judge {
        candidate,
        tokens: &tokens,
        context,
    };
    let title = FieldTokens::new(candidate.post.title.as_deref().unwrap_or_default());
    let text = FieldTokens::new(&candidate.post.text);
    let leaves = query.leaves().into_iter();
    let report = |(leaf, positive): (&super::Leaf, bool)| {
        let places = |field: &FieldTokens<'_>, scope: Scope| match &leaf.test {
            Test::Text(test) if test.scope == scope || test.scope == Scope::Anywhere => {
                field.find(&test.pattern).collect()
            }
            _ => Vec::new(),
        };
        LeafReport {
            leaf: leaf.to_string(),
            positive,
            truth: judge.test(&leaf.test),
            title: places(&title, Scope::Title),
            text: places(&text, Scope::Text),
        }
    };
    leaves.map(report).collect()
}
