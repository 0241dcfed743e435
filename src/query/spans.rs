//! Where a pattern stands in one field of one post. The one place that knows what `NEAR` means: the
//! matcher asks it about a post's words, the index about a document's postings.
//!
//! A span goes from the position of its first word to that of its last. Two patterns are near when
//! they share no word and the gap (positions from the end of the one to the beginning of the other:
//! the words between them, plus one) is at most the distance; together they are a span again.

use super::ast::{Near, Pattern, Phrase, Term, Word};

/// The most spans of one pattern that are followed further; a text that has more is one word over and over.
const MAX_SPANS: usize = 10_000;

/// The words of one field of one post.
pub(crate) trait Field {
    /// What is remembered of a place, for those who want to show it.
    type Mark: Clone;

    /// Whether the word can stand here at all; a quick answer that may be a wrong yes.
    fn may_hold(&self, _term: &Term) -> bool {
        true
    }

    /// Where the word stands: ascending, each position once.
    fn positions(&mut self, word: &Word) -> Vec<(u32, Self::Mark)>;

    /// From the one mark to the other, as one.
    fn stretch(first: &Self::Mark, last: &Self::Mark) -> Self::Mark;
}

/// Where a pattern stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span<M> {
    /// Position of the first word.
    pub first: u32,
    /// Position of the last word.
    pub last: u32,
    /// The words, as far as they are to be shown.
    pub marks: Vec<M>,
}

/// All places where the pattern stands, ascending, each once; of a hostile text the first 10,000.
pub(crate) fn spans<F: Field>(pattern: &Pattern, field: &mut F) -> Vec<Span<F::Mark>> {
    match pattern {
        Pattern::Phrase(phrase) => side_by_side(phrase, field),
        Pattern::Within { phrase, reach } => within(phrase, *reach, field),
        Pattern::Any(members) => {
            let all = members
                .iter()
                .flat_map(|member| spans(member, field))
                .collect();
            tidy(all)
        }
        Pattern::Near(near) => near_each_other(near, field),
    }
}

fn side_by_side<F: Field>(phrase: &Phrase, field: &mut F) -> Vec<Span<F::Mark>> {
    if !phrase.terms.iter().all(|term| field.may_hold(term)) {
        return Vec::new();
    }
    let mut places = Vec::with_capacity(phrase.terms.len());
    for term in &phrase.terms {
        let found = field.positions(&term.word);
        if found.is_empty() {
            return Vec::new();
        }
        places.push((term.offset, found));
    }
    let Some(((base, firsts), rest)) = places.split_first() else {
        return Vec::new();
    };
    let starting = |(first, mark): &(u32, F::Mark)| {
        let mut span = Span {
            first: *first,
            last: *first,
            marks: vec![mark.clone()],
        };
        for (offset, found) in rest {
            let position = first + offset - base;
            let at = found.binary_search_by_key(&position, |(at, _)| *at).ok()?;
            span.last = position;
            span.marks = vec![F::stretch(mark, &found[at].1)];
        }
        Some(span)
    };
    firsts.iter().filter_map(starting).take(MAX_SPANS).collect()
}

/// The shortest stretches that hold all words, each as often as the phrase has it.
fn within<F: Field>(phrase: &Phrase, reach: u32, field: &mut F) -> Vec<Span<F::Mark>> {
    let mut wanted: Vec<(&Word, usize)> = Vec::new();
    for term in &phrase.terms {
        match wanted.iter_mut().find(|(word, _)| *word == &term.word) {
            Some((_, count)) => *count += 1,
            None => wanted.push((&term.word, 1)),
        }
    }
    let mut places = Vec::new();
    for (which, (word, _)) in wanted.iter().enumerate() {
        let found = field.positions(word);
        places.extend(found.into_iter().map(|(at, mark)| (at, which, mark)));
    }
    places.sort_by_key(|(at, which, _)| (*at, *which));
    let mut counts = vec![0; wanted.len()];
    let mut missing = wanted.len();
    let mut from = 0;
    let mut found = Vec::new();
    for (to, (last, which, _)) in places.iter().enumerate() {
        counts[*which] += 1;
        missing -= usize::from(counts[*which] == wanted[*which].1);
        while missing == 0 {
            let (first, leaving, _) = &places[from];
            if last - first <= reach && found.len() < MAX_SPANS {
                found.push(Span {
                    first: *first,
                    last: *last,
                    marks: places[from..=to]
                        .iter()
                        .map(|(_, _, mark)| mark.clone())
                        .collect(),
                });
            }
            missing += usize::from(counts[*leaving] == wanted[*leaving].1);
            counts[*leaving] -= 1;
            from += 1;
        }
    }
    tidy(found)
}

fn near_each_other<F: Field>(near: &Near, field: &mut F) -> Vec<Span<F::Mark>> {
    let left = spans(&near.left, field);
    if left.is_empty() {
        return Vec::new();
    }
    let right = spans(&near.right, field);
    let mut found = Vec::new();
    follow(&left, &right, near.distance, &mut found);
    if !near.ordered {
        follow(&right, &left, near.distance, &mut found);
    }
    tidy(found)
}

/// Joins each span of `before` with those of `after` (ascending) that begin at most `distance` behind its end.
fn follow<M: Clone>(
    before: &[Span<M>],
    after: &[Span<M>],
    distance: u32,
    found: &mut Vec<Span<M>>,
) {
    for one in before {
        let from = after.partition_point(|other| other.first <= one.last);
        for other in &after[from..] {
            if other.first - one.last > distance || found.len() >= 2 * MAX_SPANS {
                break;
            }
            found.push(Span {
                first: one.first,
                last: other.last,
                marks: [one.marks.as_slice(), other.marks.as_slice()].concat(),
            });
        }
    }
}

fn tidy<M>(mut spans: Vec<Span<M>>) -> Vec<Span<M>> {
    spans.sort_by_key(|span| (span.first, span.last));
    spans.dedup_by_key(|span| (span.first, span.last));
    spans.truncate(MAX_SPANS);
    spans
}
