//! The query's tree as a tantivy query. Words are scored by BM25, everything else only filters.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, EmptyQuery, InvertedIndexRangeQuery, Occur,
    PhraseQuery, Query, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::error::IndexError;
use super::guarded::Guarded;
use super::near::{Leaf, NearQuery};
use super::schema::{Fields, WordField, written_exactly};
use crate::domain::PostId;
use crate::query::time::TimeEdge;
use crate::query::{self, Expr, MatchContext, Pattern, Test, Wildcard, Word};

/// The most words of the index that one wildcard may stand for.
const MAX_EXPANSION: usize = 10_000;

/// Compiles a query in its context: relative times become fixed, wildcards the words that fit.
///
/// # Errors
/// `TooManyWords` when more than 10,000 words fit a wildcard; `Search` when the files can't be read.
pub(super) fn compile(
    query: &query::Query,
    fields: &Fields,
    context: &MatchContext,
    searcher: &Searcher,
) -> Result<Box<dyn Query>, IndexError> {
    let compiler = Compiler {
        fields,
        context,
        searcher,
    };
    compiler.expr(query.expr())
}

/// The query, of these posts alone.
pub(super) fn among(
    posts: &[(PostId, f32)],
    query: Box<dyn Query>,
    fields: &Fields,
) -> Box<dyn Query> {
    let terms = posts
        .iter()
        .map(|(id, _)| Term::from_field_text(fields.id, id.as_str()));
    let posts = filter(Box::new(TermSetQuery::new(terms)));
    Box::new(BooleanQuery::intersection(vec![query, posts]))
}

struct Compiler<'a> {
    fields: &'a Fields,
    context: &'a MatchContext,
    searcher: &'a Searcher,
}

type Compiled = Result<Box<dyn Query>, IndexError>;

impl Compiler<'_> {
    fn expr(&self, expr: &Expr) -> Compiled {
        Ok(match expr {
            Expr::And(members) => self.all_of(members)?,
            Expr::Or(members) => {
                let members: Result<_, _> =
                    members.iter().map(|member| self.expr(member)).collect();
                any_of(members?)
            }
            Expr::Not(inner) => all_except(vec![self.expr(inner)?]),
            Expr::Leaf(leaf) => self.test(&leaf.test)?,
        })
    }

    fn all_of(&self, members: &[Expr]) -> Compiled {
        let mut wanted = Vec::new();
        let mut unwanted = Vec::new();
        for member in members {
            match member {
                Expr::Not(inner) => unwanted.push(self.expr(inner)?),
                other => wanted.push(self.expr(other)?),
            }
        }
        Ok(match wanted.is_empty() {
            true => all_except(unwanted),
            false => without(wanted, unwanted),
        })
    }

    fn test(&self, test: &Test) -> Compiled {
        Ok(match test {
            Test::Everything => everything(),
            Test::Text(test) => {
                let fields = self.fields.words(test.scope).into_iter();
                let found: Result<_, _> = fields
                    .map(|field| self.pattern(field, &test.pattern))
                    .collect();
                any_of(found?)
            }
            Test::Label { field, value } => filter(Box::new(TermQuery::new(
                Term::from_field_text(self.fields.label(*field), value),
                IndexRecordOption::Basic,
            ))),
            Test::Address { field, prefix } => {
                let term = |text: &str| Term::from_field_text(self.fields.address(*field), text);
                let after = after_prefix(prefix)
                    .map_or(Bound::Unbounded, |end| Bound::Excluded(term(&end)));
                let range = InvertedIndexRangeQuery::new(Bound::Included(term(prefix)), after);
                filter(Box::new(range))
            }
            Test::Number { field, low, high } => {
                let field = self.fields.number(*field);
                let term = |value: f64| Term::from_field_f64(field, value);
                let (low, high) = (low.map(term), high.map(term));
                if matches!((&low, &high), (Bound::Unbounded, Bound::Unbounded)) {
                    return Ok(everything());
                }
                filter(Box::new(RangeQuery::new(low, high)))
            }
            Test::Time { edge, when } => {
                let bound = self.time(when.bound(*edge, self.context));
                filter(Box::new(match edge {
                    TimeEdge::Since => RangeQuery::new(Bound::Included(bound), Bound::Unbounded),
                    TimeEdge::Until => RangeQuery::new(Bound::Unbounded, Bound::Excluded(bound)),
                }))
            }
            Test::Date { from, to } => {
                let first = from.bound(TimeEdge::Since, self.context);
                let beyond = to.bound(TimeEdge::Until, self.context);
                if first >= beyond {
                    return Ok(Box::new(EmptyQuery));
                }
                let (first, beyond) = (self.time(first), self.time(beyond));
                filter(Box::new(RangeQuery::new(
                    Bound::Included(first),
                    Bound::Excluded(beyond),
                )))
            }
            Test::Flag(flag) => filter(Box::new(TermQuery::new(
                Term::from_field_text(self.fields.flag, flag.as_str()),
                IndexRecordOption::Basic,
            ))),
        })
    }

    fn time(&self, key: i64) -> Term {
        Term::from_field_i64(self.fields.ordered_at, key)
    }

    fn pattern(&self, field: WordField, pattern: &Pattern) -> Compiled {
        if let Pattern::Phrase(phrase) = pattern {
            let folded: Option<Vec<(usize, Term)>> = phrase
                .terms
                .iter()
                .map(|term| match &term.word {
                    Word::Folded(text) => {
                        let offset = term.offset as usize;
                        Some((offset, Term::from_field_text(field.words, text)))
                    }
                    Word::Like(_) | Word::Exact { .. } => None,
                })
                .collect();
            match folded.as_deref() {
                Some([(_, single)]) => {
                    let option = IndexRecordOption::WithFreqs;
                    return Ok(Box::new(TermQuery::new(single.clone(), option)));
                }
                Some(_) => {
                    return Ok(Box::new(PhraseQuery::new_with_offset(
                        folded.unwrap_or_default(),
                    )));
                }
                None => {}
            }
            if let [term] = phrase.terms.as_slice()
                && matches!(term.word, Word::Like(_))
            {
                return Ok(one_of(self.leaf(field, &term.word)?.terms));
            }
        }
        let mut words = Vec::new();
        let candidates = self.candidates(field, pattern, &mut words)?;
        Ok(Box::new(NearQuery {
            candidates,
            pattern: Arc::new(pattern.clone()),
            words: Arc::new(words),
            field: field.words,
        }))
    }

    /// Finds at least the documents in which the pattern can stand, and collects its words.
    fn candidates(&self, field: WordField, pattern: &Pattern, words: &mut Vec<Leaf>) -> Compiled {
        Ok(match pattern {
            Pattern::Phrase(phrase) | Pattern::Within { phrase, .. } => {
                let mut all = Vec::with_capacity(phrase.terms.len());
                for term in &phrase.terms {
                    let leaf = self.leaf(field, &term.word)?;
                    all.push(one_of(leaf.terms.clone()));
                    if words.iter().all(|known| known.word != leaf.word) {
                        words.push(leaf);
                    }
                }
                without(all, Vec::new())
            }
            Pattern::Any(members) => {
                let found: Result<_, _> = members
                    .iter()
                    .map(|member| self.candidates(field, member, words))
                    .collect();
                any_of(found?)
            }
            Pattern::Near(near) => {
                let left = self.candidates(field, &near.left, words)?;
                let right = self.candidates(field, &near.right, words)?;
                without(vec![left, right], Vec::new())
            }
        })
    }

    fn leaf(&self, field: WordField, word: &Word) -> Result<Leaf, IndexError> {
        let (terms, without) = match word {
            Word::Folded(text) => (vec![Term::from_field_text(field.words, text)], Vec::new()),
            Word::Like(wildcard) => (self.expand(field.words, wildcard)?, Vec::new()),
            Word::Exact { folded, written } => {
                // Only what differs from its folded form has a term of its own.
                let plain = Term::from_field_text(field.words, folded);
                match field.exact {
                    None => (Vec::new(), Vec::new()),
                    Some(exact) if folded == written => {
                        let others = self.terms(exact, &written_exactly(folded, ""), |_| true)?;
                        (vec![plain], others)
                    }
                    Some(exact) => {
                        let text = written_exactly(folded, written);
                        (vec![Term::from_field_text(exact, &text)], Vec::new())
                    }
                }
            }
        };
        Ok(Leaf {
            word: word.clone(),
            terms,
            without,
        })
    }

    fn expand(&self, field: Field, wildcard: &Wildcard) -> Result<Vec<Term>, IndexError> {
        let terms = self.terms(field, wildcard.stem(), |term| wildcard.fits(term))?;
        if terms.len() > MAX_EXPANSION {
            return Err(IndexError::TooManyWords(wildcard.as_str().to_owned()));
        }
        Ok(terms)
    }

    /// The terms of the index that begin with `stem` and are wanted, up to one more than may be.
    fn terms(
        &self,
        field: Field,
        stem: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Term>, IndexError> {
        let end = after_prefix(stem);
        let mut found = BTreeSet::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field).map_err(IndexError::Search)?;
            let mut range = index.terms().range().ge(stem.as_bytes());
            if let Some(end) = &end {
                range = range.lt(end.as_bytes());
            }
            let mut stream = range
                .into_stream()
                .map_err(|error| IndexError::Search(error.into()))?;
            while stream.advance() && found.len() <= MAX_EXPANSION {
                if let Ok(term) = std::str::from_utf8(stream.key())
                    && wanted(term)
                {
                    found.insert(term.to_owned());
                }
            }
        }
        Ok(found
            .iter()
            .map(|term| Term::from_field_text(field, term))
            .collect())
    }
}

fn one_of(terms: Vec<Term>) -> Box<dyn Query> {
    match terms.as_slice() {
        [] => Box::new(EmptyQuery),
        [single] => filter(Box::new(TermQuery::new(
            single.clone(),
            IndexRecordOption::Basic,
        ))),
        _ => filter(Box::new(TermSetQuery::new(terms))),
    }
}

/// The first text that sorts behind all that begin with `prefix`; bytes sort as characters do.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = ((last as u32 + 1)..=(char::MAX as u32)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn everything() -> Box<dyn Query> {
    filter(Box::new(AllQuery))
}

/// A test that decides and does not count for relevance.
fn filter(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

fn any_of(mut members: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    if members.len() == 1 {
        return members.swap_remove(0);
    }
    let clauses = members
        .into_iter()
        .map(|member| (Occur::Should, member))
        .collect();
    Box::new(BooleanQuery::new(clauses))
}

/// Everything that none of these finds.
fn all_except(unwanted: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    filter(without(vec![Box::new(AllQuery)], unwanted))
}

fn without(mut wanted: Vec<Box<dyn Query>>, unwanted: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    if wanted.len() == 1 && unwanted.is_empty() {
        return wanted.swap_remove(0);
    }
    let wanted = wanted.into_iter().map(|query| (Occur::Must, query));
    let unwanted = unwanted
        .into_iter()
        .map(|query| (Occur::MustNot, Box::new(Guarded(query)) as Box<dyn Query>));
    Box::new(BooleanQuery::new(wanted.chain(unwanted).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_sorts_behind_all_that_begin_with_it() {
        assert_eq!(after_prefix("charg").as_deref(), Some("charh"));
        assert_eq!(after_prefix("a\u{D7FF}").as_deref(), Some("a\u{E000}"));
        assert_eq!(after_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{10FFFF}"), None);
    }
}
