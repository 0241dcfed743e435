//! Which of many queries can match a post at all: one look at each of its words instead of one at each query.
//!
//! Each query has anchors, words of which it cannot do without at least one. Only queries with an anchor in
//! the post, and those that have none (`NOT spam`, `lang:de`), are left to be judged. **Never leaves out a
//! query that would be true or unknown**; a property test says so.

use std::collections::HashMap;

use super::ast::{Expr, Pattern, Phrase, Query, Scope, Test, Word};
use super::tokens::{PostTokens, stem};

/// What an anchor of a stem counts in the choice between anchors: it fits many words.
const STEM_COST: usize = 20;

/// Many queries, by their anchors.
#[derive(Debug, Default)]
pub struct Candidates {
    words: HashMap<String, Vec<u32>>,
    /// By the first letters.
    stems: HashMap<String, Vec<u32>>,
    always: Vec<u32>,
    count: usize,
}

/// Of these, at least one is in every post that the query can match.
#[derive(Debug, Clone, Default)]
struct Anchors {
    words: Vec<String>,
    stems: Vec<String>,
}

impl Candidates {
    /// Finds the anchors of queries; they are called by their place.
    #[must_use]
    pub fn new<'a>(queries: impl IntoIterator<Item = &'a Query>) -> Self {
        let mut candidates = Self::default();
        for query in queries {
            let place = u32::try_from(candidates.count).unwrap_or(u32::MAX);
            candidates.count += 1;
            let Some(mut anchors) = of_expr(query.expr()) else {
                candidates.always.push(place);
                continue;
            };
            anchors.words.sort_unstable();
            anchors.words.dedup();
            anchors.stems.sort_unstable();
            anchors.stems.dedup();
            for word in anchors.words {
                candidates.words.entry(word).or_default().push(place);
            }
            for stem in anchors.stems {
                candidates.stems.entry(stem).or_default().push(place);
            }
        }
        candidates
    }

    /// The places of the queries that are to be judged, ascending.
    #[must_use]
    pub fn of(&self, tokens: &PostTokens<'_>) -> Vec<u32> {
        let mut found = self.always.clone();
        for word in tokens.words() {
            if let Some(places) = self.words.get(word) {
                found.extend_from_slice(places);
            }
            if !self.stems.is_empty()
                && let Some(places) = stem(word).and_then(|stem| self.stems.get(stem))
            {
                found.extend_from_slice(places);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The anchors of an expression; None when it can do without any word.
fn of_expr(expr: &Expr) -> Option<Anchors> {
    match expr {
        Expr::And(members) => members.iter().filter_map(of_expr).min_by_key(Anchors::cost),
        Expr::Or(members) => all(members.iter().map(of_expr)),
        Expr::Not(_) => None,
        Expr::Leaf(leaf) => match &leaf.test {
            Test::Text(test) => match test.scope {
                Scope::Anywhere | Scope::Title | Scope::Text => of_pattern(&test.pattern),
                Scope::AuthorName | Scope::Bio => None,
            },
            _ => None,
        },
    }
}

fn of_pattern(pattern: &Pattern) -> Option<Anchors> {
    match pattern {
        Pattern::Phrase(phrase) | Pattern::Within { phrase, .. } => of_phrase(phrase),
        Pattern::Any(members) => all(members.iter().map(of_pattern)),
        Pattern::Near(near) => {
            let sides = [of_pattern(&near.left), of_pattern(&near.right)];
            sides.into_iter().flatten().min_by_key(Anchors::cost)
        }
    }
}

/// The longest word: it is the rarest more often than not.
fn of_phrase(phrase: &Phrase) -> Option<Anchors> {
    let anchor = |word: &Word| match word {
        Word::Folded(text) | Word::Exact { folded: text, .. } => Anchors {
            words: vec![text.clone()],
            ..Anchors::default()
        },
        // `?` may stand behind a single letter, which says too little.
        Word::Like(wildcard) => Anchors {
            stems: stem(wildcard.stem())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            ..Anchors::default()
        },
    };
    let length = |anchors: &Anchors| anchors.words.first().map_or(0, |word| word.chars().count());
    let best = phrase
        .terms
        .iter()
        .map(|term| anchor(&term.word))
        .max_by_key(length)?;
    (best.cost() > 0).then_some(best)
}

/// The anchors of alternatives: those of all.
fn all(members: impl Iterator<Item = Option<Anchors>>) -> Option<Anchors> {
    let mut union = Anchors::default();
    for member in members {
        let member = member?;
        union.words.extend(member.words);
        union.stems.extend(member.stems);
    }
    Some(union)
}

impl Anchors {
    fn cost(&self) -> usize {
        self.words.len() + STEM_COST * self.stems.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::sample::{NOW, Sample};
    use crate::query::{Candidate, MatchContext, Truth, matches};

    fn found(queries: &[&str], text: &str) -> Vec<u32> {
        let queries: Vec<Query> = queries
            .iter()
            .map(|text| Query::parse(text).expect(text))
            .collect();
        let mut record = Sample::new(1).record(1);
        record.post.title = None;
        record.post.text = text.to_owned();
        Candidates::new(&queries).of(&PostTokens::new(&record.post))
    }

    #[test]
    fn only_what_can_match_is_left() {
        let queries = [
            "battery AND sentiment:negative",
            "charger OR cable",
            "NOT spam",
            "(slow OR late) NEAR/5 \"customer service\"",
            "char*",
            "lang:de",
            "\"of the battery\"",
            "charg* OR is:linked",
            "b?g",
        ];
        assert_eq!(found(&queries, "My charger"), [1, 2, 4, 5, 7, 8]);
        assert_eq!(found(&queries, "the battery is late"), [0, 2, 5, 6, 7, 8]);
        assert_eq!(found(&queries, "customer"), [2, 3, 5, 7, 8]);
        assert!(found(&[], "battery").is_empty());
    }

    #[test]
    fn no_query_that_matches_is_left_out() {
        let mut sample = Sample::new(77);
        let queries: Vec<Query> = (0..400)
            .map(|_| Query::parse(&sample.query(4)).expect("query"))
            .collect();
        let candidates = Candidates::new(&queries);
        let context = MatchContext {
            now: NOW.parse().expect("time"),
            zone: jiff::tz::TimeZone::UTC,
        };
        let (mut left_out, mut judged) = (0, 0);
        for n in 0..300 {
            let record = sample.record(n);
            let left = candidates.of(&PostTokens::new(&record.post));
            for (place, query) in (0_u32..).zip(&queries) {
                if left.binary_search(&place).is_ok() {
                    judged += 1;
                    continue;
                }
                left_out += 1;
                let truth = matches(query, &Candidate::of(&record), &context);
                assert_eq!(truth, Truth::False, "{query}\\n{record:?}");
            }
        }
        assert!(
            left_out > 20_000 && judged > 20_000,
            "{left_out} left out, {judged} judged"
        );
    }
}
