//! A post's words, cut once and looked up by many queries.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::iter;
use std::ops::Range;

use crate::domain::Post;
use crate::text::tokenize;

use super::ast::{Pattern, Phrase, Scope, Term, TextTest, Word};
use super::spans::{Field, spans};

/// Letters of a wildcard's beginning that are looked up.
const STEM_CHARS: usize = 3;

/// The words of one post's title and text, and of its author's name and bio when somebody asks.
#[derive(Debug, Clone)]
pub struct PostTokens<'a> {
    post: &'a Post,
    title: FieldTokens<'a>,
    text: FieldTokens<'a>,
    author_name: OnceCell<FieldTokens<'a>>,
    bio: OnceCell<FieldTokens<'a>>,
}

impl<'a> PostTokens<'a> {
    /// Cuts a post's title and text.
    #[must_use]
    pub fn new(post: &'a Post) -> Self {
        Self {
            post,
            title: FieldTokens::new(post.title.as_deref().unwrap_or_default()),
            text: FieldTokens::new(&post.text),
            author_name: OnceCell::new(),
            bio: OnceCell::new(),
        }
    }

    /// The words of title and text, one that stands in both twice.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.title.words().chain(self.text.words())
    }

    /// Whether the words are in a field of the test's scope; never across two.
    #[must_use]
    pub(super) fn contain(&self, test: &TextTest) -> bool {
        match test.scope {
            Scope::Title => self.title.contain(&test.pattern),
            Scope::Text => self.text.contain(&test.pattern),
            Scope::Anywhere => {
                self.title.contain(&test.pattern) || self.text.contain(&test.pattern)
            }
            Scope::AuthorName => self
                .author_name
                .get_or_init(|| FieldTokens::new(author_name(self.post)))
                .contain(&test.pattern),
            Scope::Bio => self
                .bio
                .get_or_init(|| FieldTokens::new(bio(self.post)))
                .contain(&test.pattern),
        }
    }
}

/// The words of `author_name:`. The index holds the same.
pub(crate) fn author_name(post: &Post) -> &str {
    let author = post.author.as_ref();
    author
        .and_then(|author| author.display_name.as_deref())
        .unwrap_or_default()
}

/// The words of `bio:`. The index holds the same.
pub(crate) fn bio(post: &Post) -> &str {
    let author = post.author.as_ref();
    author
        .and_then(|author| author.bio.as_deref())
        .unwrap_or_default()
}

/// The words of one field, sorted for look-up.
#[derive(Debug, Clone)]
pub(super) struct FieldTokens<'a> {
    source: &'a str,
    tokens: Vec<Found<'a>>,
    /// A bit for the mark of each word and of its stem: one that is not set says that it is not here.
    marks: Vec<u64>,
}

#[derive(Debug, Clone)]
struct Found<'a> {
    text: Cow<'a, str>,
    position: u32,
    span: Range<usize>,
}

impl<'a> FieldTokens<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let mut tokens: Vec<Found<'a>> = tokenize(source)
            .map(|token| Found {
                text: token.text,
                position: position(token.position),
                span: token.start..token.end,
            })
            .collect();
        tokens.sort_unstable_by(|a, b| (&a.text, a.position).cmp(&(&b.text, b.position)));
        // Some 64 bits a mark: one absent word in 64 is looked up in vain. Lists of words are long.
        let mut marks = vec![0; (2 * tokens.len() + 1).next_power_of_two()];
        for found in &tokens {
            for mark in iter::once(mark(&found.text)).chain(stem_mark(&found.text)) {
                let (place, bit) = place(mark, marks.len());
                marks[place] |= bit;
            }
        }
        Self {
            source,
            tokens,
            marks,
        }
    }

    fn may_hold(&self, term: &Term) -> bool {
        term.mark.is_none_or(|mark| {
            let (place, bit) = place(mark, self.marks.len());
            self.marks[place] & bit != 0
        })
    }

    /// Each word once.
    fn words(&self) -> impl Iterator<Item = &str> {
        let mut before = None;
        let words = self.tokens.iter().map(|found| &*found.text);
        words.filter(move |word| before.replace(*word) != Some(*word))
    }

    fn contain(&self, pattern: &Pattern) -> bool {
        match pattern {
            // Nearly all tests are of this kind: nothing is put together for them.
            Pattern::Phrase(phrase) => match self.folded(phrase) {
                Some(found) => found,
                None => !spans(pattern, &mut Unmarked(self)).is_empty(),
            },
            _ => !spans(pattern, &mut Unmarked(self)).is_empty(),
        }
    }

    /// Whether a phrase of folded words stands here; None when it has others.
    fn folded(&self, phrase: &Phrase) -> Option<bool> {
        let (first, rest) = phrase.terms.split_first()?;
        if !phrase.terms.iter().all(|term| self.may_hold(term)) {
            return Some(false);
        }
        let Word::Folded(text) = &first.word else {
            return None;
        };
        let mut others = Vec::with_capacity(rest.len());
        for term in rest {
            let Word::Folded(text) = &term.word else {
                return None;
            };
            others.push((term.offset - first.offset, self.equal_to(text)));
        }
        Some(self.equal_to(text).iter().any(|start| {
            others.iter().all(|(offset, found)| {
                let position = start.position + offset;
                found
                    .binary_search_by_key(&position, |found| found.position)
                    .is_ok()
            })
        }))
    }

    /// The bytes of each place where the pattern stands.
    pub(super) fn find(&self, pattern: &Pattern) -> impl Iterator<Item = Range<usize>> {
        spans(pattern, &mut &*self)
            .into_iter()
            .flat_map(|span| span.marks)
    }

    fn equal_to(&self, text: &str) -> &[Found<'a>] {
        let start = self.tokens.partition_point(|found| *found.text < *text);
        let length = self.tokens[start..].partition_point(|found| *found.text == *text);
        &self.tokens[start..start + length]
    }

    /// Where the word stands, with what is wanted of each place.
    fn positions<M>(&self, word: &Word, mark: impl Fn(&Found<'_>) -> M) -> Vec<(u32, M)> {
        let place = |found: &Found<'_>| (found.position, mark(found));
        match word {
            Word::Folded(text) => self.equal_to(text).iter().map(place).collect(),
            Word::Exact { folded, written } => self
                .equal_to(folded)
                .iter()
                .filter(|found| self.source[found.span.clone()] == *written)
                .map(place)
                .collect(),
            Word::Like(wildcard) => {
                let mut places: Vec<_> = self
                    .beginning_with(wildcard.stem())
                    .iter()
                    .filter(|found| wildcard.fits(&found.text))
                    .map(place)
                    .collect();
                places.sort_by_key(|(at, _)| *at);
                places.dedup_by_key(|(at, _)| *at);
                places
            }
        }
    }

    fn beginning_with(&self, prefix: &str) -> &[Found<'a>] {
        let start = self.tokens.partition_point(|found| *found.text < *prefix);
        let length = self.tokens[start..].partition_point(|found| found.text.starts_with(prefix));
        &self.tokens[start..start + length]
    }
}

impl Field for &FieldTokens<'_> {
    type Mark = Range<usize>;

    fn may_hold(&self, term: &Term) -> bool {
        (*self).may_hold(term)
    }

    fn positions(&mut self, word: &Word) -> Vec<(u32, Range<usize>)> {
        (*self).positions(word, |found| found.span.clone())
    }

    fn stretch(first: &Range<usize>, last: &Range<usize>) -> Range<usize> {
        first.start..last.end.max(first.end)
    }
}

/// The same, of which nothing is to be shown.
struct Unmarked<'a>(&'a FieldTokens<'a>);

impl Field for Unmarked<'_> {
    type Mark = ();

    fn may_hold(&self, term: &Term) -> bool {
        self.0.may_hold(term)
    }

    fn positions(&mut self, word: &Word) -> Vec<(u32, ())> {
        self.0.positions(word, |_| ())
    }

    fn stretch((): &(), (): &()) {}
}

/// The mark of a folded word: FNV-1a of its bytes.
pub(super) fn mark(word: &str) -> u64 {
    fnv1a(word.bytes())
}

/// The mark of all words that begin like this one, or None when it is too short for a stem.
pub(super) fn stem_mark(word: &str) -> Option<u64> {
    // No word has this sign.
    stem(word).map(|stem| fnv1a(stem.bytes().chain([b'*'])))
}

/// The first letters of a word; None when it has fewer.
pub(super) fn stem(word: &str) -> Option<&str> {
    let (last, letter) = word.char_indices().nth(STEM_CHARS - 1)?;
    Some(&word[..last + letter.len_utf8()])
}

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Which of `length` words, a power of two, holds a mark's bit, and which bit that is.
fn place(mark: u64, length: usize) -> (usize, u64) {
    // The high bits are mixed best.
    let place = (mark >> 32) as usize & (length - 1);
    (place, 1 << (mark >> 26 & 63))
}

/// A position as the index keeps it.
pub(super) fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
