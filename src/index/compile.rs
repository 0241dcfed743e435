//! The query's tree as a tantivy query. Words are scored by BM25, everything else only filters.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, InvertedIndexRangeQuery, Occur, PhraseQuery, Query,
    RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::guarded::Guarded;
use super::schema::Fields;
use crate::query::ast::Form;
use crate::query::time::TimeEdge;
use crate::query::{self, Expr, MatchContext, Test, TextTest};

/// Compiles a query in its context: relative times become fixed.
pub(super) fn compile(
    query: &query::Query,
    fields: &Fields,
    context: &MatchContext,
) -> Box<dyn Query> {
    Compiler { fields, context }.expr(query.expr())
}

struct Compiler<'a> {
    fields: &'a Fields,
    context: &'a MatchContext,
}

impl Compiler<'_> {
    fn expr(&self, expr: &Expr) -> Box<dyn Query> {
        match expr {
            Expr::And(members) => self.all_of(members),
            Expr::Or(members) => any_of(members.iter().map(|member| self.expr(member)).collect()),
            Expr::Not(inner) => all_except(vec![self.expr(inner)]),
            Expr::Leaf(leaf) => self.test(&leaf.test),
        }
    }

    fn all_of(&self, members: &[Expr]) -> Box<dyn Query> {
        let mut wanted = Vec::new();
        let mut unwanted = Vec::new();
        for member in members {
            match member {
                Expr::Not(inner) => unwanted.push(self.expr(inner)),
                other => wanted.push(self.expr(other)),
            }
        }
        if wanted.is_empty() {
            return all_except(unwanted);
        }
        without(wanted, unwanted)
    }

    fn test(&self, test: &Test) -> Box<dyn Query> {
        match test {
            Test::Everything => everything(),
            Test::Text(test) => {
                let words = self.fields.words(test.scope);
                any_of(
                    words
                        .into_iter()
                        .map(|field| words_in(field, test))
                        .collect(),
                )
            }
            Test::Label { field, value } => filter(Box::new(TermQuery::new(
                Term::from_field_text(self.fields.label(*field), value),
                IndexRecordOption::Basic,
            ))),
            Test::Number { field, low, high } => {
                let field = self.fields.number(*field);
                let term = |value: f64| Term::from_field_f64(field, value);
                let (low, high) = (low.map(term), high.map(term));
                if matches!((&low, &high), (Bound::Unbounded, Bound::Unbounded)) {
                    return everything();
                }
                filter(Box::new(RangeQuery::new(low, high)))
            }
            Test::Time { edge, when } => {
                let bound = when.bound(*edge, self.context);
                let term = Term::from_field_i64(self.fields.ordered_at, bound);
                filter(Box::new(match edge {
                    TimeEdge::Since => RangeQuery::new(Bound::Included(term), Bound::Unbounded),
                    TimeEdge::Until => RangeQuery::new(Bound::Unbounded, Bound::Excluded(term)),
                }))
            }
            Test::Flag(flag) => filter(Box::new(TermQuery::new(
                Term::from_field_text(self.fields.flag, flag.as_str()),
                IndexRecordOption::Basic,
            ))),
        }
    }
}

fn words_in(field: Field, test: &TextTest) -> Box<dyn Query> {
    let term = |text: &str| Term::from_field_text(field, text);
    match (test.form, test.terms.as_slice()) {
        (Form::Prefix, [prefix, ..]) => {
            let after = after_prefix(&prefix.text)
                .map_or(Bound::Unbounded, |end| Bound::Excluded(term(&end)));
            filter(Box::new(InvertedIndexRangeQuery::new(
                Bound::Included(term(&prefix.text)),
                after,
            )))
        }
        (_, [single]) => Box::new(TermQuery::new(
            term(&single.text),
            IndexRecordOption::WithFreqs,
        )),
        (_, terms) => Box::new(PhraseQuery::new_with_offset(
            terms
                .iter()
                .map(|part| (part.offset, term(&part.text)))
                .collect(),
        )),
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
