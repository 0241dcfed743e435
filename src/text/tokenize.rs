//! The one tokeniser, which the matcher and the index share. Never drops a letter or a digit.
//!
//! Words are those of UAX #29, cut again at everything within them that is not a letter, a digit or
//! a mark (`Acme's` is `acme` and `s`, `acme.com` is `acme` and `com`), except between two digits
//! (`3.5` stays). Chinese, Japanese, Thai, Lao, Khmer and Burmese, which are written without spaces,
//! give one token a character, so that a phrase finds a word there. An emoji is a token, without its
//! skin tone. `#tag` and `@handle` give a token with their sign **at the same position** as their
//! first word, so that `tag` finds `#tag` and `#tag` finds only the hashtag.

use std::borrow::Cow;
use std::collections::VecDeque;

use unicode_segmentation::{UWordBoundIndices, UnicodeSegmentation};

use super::fold::{fold, is_mark};

/// Changes whenever the same text gives other tokens; the index is rebuilt then.
pub const TOKENIZER_VERSION: u32 = 2;

/// Longer tokens are cut here, in bytes of the folded text.
pub const MAX_TOKEN_BYTES: usize = 255;

/// A word, character, emoji, hashtag or handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// The folded text, 1 to `MAX_TOKEN_BYTES` bytes.
    pub text: Cow<'a, str>,
    /// First byte in the source text.
    pub start: usize,
    /// One past the last byte in the source text.
    pub end: usize,
    /// 0 for the first word; a hashtag or handle shares the position of its first word.
    pub position: usize,
}

/// Cuts `text` into folded tokens, by position; at one position the hashtag or handle comes first.
pub fn tokenize(text: &str) -> Tokens<'_> {
    Tokens {
        text,
        at: 0,
        chunk: 0,
        segments: None,
        queue: VecDeque::new(),
        position: 0,
    }
}

/// The iterator behind [`tokenize`].
///
/// The text is cut at ASCII white space first, where no word goes on. A chunk in ASCII, which most
/// are, is cut by its bytes; only the others need Unicode's word boundaries.
pub struct Tokens<'a> {
    text: &'a str,
    /// Where the next chunk or, within one in ASCII, the next byte is.
    at: usize,
    /// Where the chunk that `segments` cuts begins.
    chunk: usize,
    segments: Option<UWordBoundIndices<'a>>,
    queue: VecDeque<Token<'a>>,
    position: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            if let Some(token) = self.queue.pop_front() {
                return Some(token);
            }
            if let Some(segments) = &mut self.segments {
                match segments.next() {
                    Some((start, segment)) => self.cut(self.chunk + start, segment),
                    None => self.segments = None,
                }
                continue;
            }
            if !self.next_chunk() {
                return None;
            }
        }
    }
}

impl<'a> Tokens<'a> {
    /// Takes the next chunk, or the next word or sign of one in ASCII; false at the end of the text.
    fn next_chunk(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        if self.at == bytes.len() {
            return false;
        }
        let rest = &bytes[self.at..];
        let stop = rest
            .iter()
            .position(|byte| byte.is_ascii_whitespace() || !byte.is_ascii());
        let length = match stop {
            Some(at) if rest[at].is_ascii() => at,
            None => rest.len(),
            Some(_) => {
                let end = rest.iter().position(u8::is_ascii_whitespace);
                let end = self.at + end.unwrap_or(rest.len());
                self.chunk = self.at;
                self.segments = Some(self.text[self.at..end].split_word_bound_indices());
                self.at = end;
                return true;
            }
        };
        let (start, end) = (self.at, self.at + length);
        self.at = end;
        self.cut_ascii(start, end);
        true
    }

    /// Queues the tokens of a chunk in ASCII without white space.
    fn cut_ascii(&mut self, start: usize, end: usize) {
        let bytes = self.text.as_bytes();
        let mut at = start;
        while at < end {
            let byte = bytes[at];
            if byte.is_ascii_alphanumeric() {
                let from = at;
                while at < end
                    && (bytes[at].is_ascii_alphanumeric()
                        || joins_digits(&bytes[from..end], at - from))
                {
                    at += 1;
                }
                self.push(from, &self.text[from..at]);
                continue;
            }
            if matches!(byte, b'#' | b'@') {
                self.push_signed(at, char::from(byte));
            }
            at += 1;
        }
    }

    fn cut(&mut self, start: usize, segment: &'a str) {
        let first = segment.chars().next().unwrap_or(' ');
        if matches!(first, '#' | '@' | '＃' | '＠') {
            self.push_signed(start, first);
        } else if segment.chars().any(char::is_alphanumeric) {
            self.push_words(start, segment);
        } else if segment.chars().any(is_emoji) {
            self.push_emoji(start, segment);
        }
    }

    /// Queues `#tag` or `@handle`, whose words follow as segments of their own.
    fn push_signed(&mut self, start: usize, sign: char) {
        let before = self.text[..start].chars().next_back();
        if before.is_some_and(|c| is_word_char(c) || matches!(c, '_' | '#' | '@' | '&')) {
            return;
        }
        let body = &self.text[start + sign.len_utf8()..];
        let handle = matches!(sign, '@' | '＠');
        let length = signed_length(body, handle);
        if !body[..length].chars().any(char::is_alphanumeric) {
            return;
        }
        let mut text = String::with_capacity(length + 1);
        text.push(if handle { '@' } else { '#' });
        text.push_str(&fold(&body[..length]));
        self.queue.push_back(Token {
            text: Cow::Owned(cut_long(text)),
            start,
            end: start + sign.len_utf8() + length,
            position: self.position,
        });
    }

    fn push_words(&mut self, start: usize, segment: &'a str) {
        let mut word_start: Option<usize> = None;
        let mut chars = segment.char_indices().peekable();
        let mut before: Option<char> = None;
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|&(_, next)| next);
            if is_mark(c) && before.is_some() {
                continue;
            }
            let joins = is_word_char(c) && !is_unspaced(c)
                || is_between_digits(before, c, next) && word_start.is_some();
            if joins {
                word_start.get_or_insert(at);
            } else {
                if let Some(from) = word_start.take() {
                    self.push(start + from, &segment[from..at]);
                }
                if is_unspaced(c) {
                    let mut end = at + c.len_utf8();
                    while let Some(&(mark_at, mark)) = chars.peek() {
                        if !is_mark(mark) {
                            break;
                        }
                        end = mark_at + mark.len_utf8();
                        chars.next();
                    }
                    self.push(start + at, &segment[at..end]);
                }
            }
            before = Some(c);
        }
        if let Some(from) = word_start {
            self.push(start + from, &segment[from..]);
        }
    }

    fn push(&mut self, start: usize, word: &'a str) {
        let text = match fold(word) {
            Cow::Borrowed(text) => Cow::Borrowed(cut_long_slice(text)),
            Cow::Owned(text) => Cow::Owned(cut_long(text)),
        };
        if text.is_empty() {
            return;
        }
        self.queue.push_back(Token {
            text,
            start,
            end: start + word.len(),
            position: self.position,
        });
        self.position += 1;
    }

    fn push_emoji(&mut self, start: usize, segment: &'a str) {
        let mut text: String = segment
            .chars()
            .filter(|&c| !matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}'))
            .collect();
        if text.is_empty() {
            text = segment.to_owned();
        }
        self.queue.push_back(Token {
            text: Cow::Owned(cut_long(text)),
            start,
            end: start + segment.len(),
            position: self.position,
        });
        self.position += 1;
    }
}

/// Bytes of `body` that belong to the hashtag or handle it begins with.
fn signed_length(body: &str, handle: bool) -> usize {
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let inner = handle
            && matches!(c, '.' | '-')
            && at > 0
            && chars.peek().is_some_and(|&(_, next)| is_word_char(next));
        if !(is_word_char(c) || c == '_' || inner || at > 0 && is_mark(c)) {
            return at;
        }
    }
    body.len()
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric()
}

/// Whether a full stop or comma stands between two digits: `3.5`, `1,000`.
fn joins_digits(bytes: &[u8], at: usize) -> bool {
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    matches!(bytes[at], b'.' | b',') && at > 0 && digit(at - 1) && digit(at + 1)
}

fn is_between_digits(before: Option<char>, c: char, next: Option<char>) -> bool {
    matches!(c, '.' | ',' | ':' | '/')
        && before.is_some_and(char::is_numeric)
        && next.is_some_and(char::is_numeric)
}

/// Letters of scripts that put no spaces between words.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}'     // Thai, Lao
        | '\u{1000}'..='\u{109F}'   // Burmese
        | '\u{1780}'..='\u{17FF}'   // Khmer
        | '\u{3005}'..='\u{3007}'   // ideographic iteration mark, closing mark, zero
        | '\u{3040}'..='\u{30FF}'   // Hiragana, Katakana
        | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}'   // halfwidth Katakana
        | '\u{20000}'..='\u{3FFFF}')
        && c.is_alphanumeric()
}

fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{1F000}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}' | '\u{2300}'..='\u{23FF}'
        | '\u{2B05}'..='\u{2B07}' | '\u{2B1B}' | '\u{2B1C}' | '\u{2B50}' | '\u{2B55}'
        | '\u{203C}' | '\u{2049}' | '\u{3030}' | '\u{303D}')
}

fn cut_long(mut text: String) -> String {
    text.truncate(cut_long_slice(&text).len());
    text
}

fn cut_long_slice(text: &str) -> &str {
    let mut end = text.len().min(MAX_TOKEN_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        tokenize(text)
            .map(|token| format!("{}@{}", token.text, token.position))
            .collect()
    }

    #[test]
    fn words_are_folded_and_counted() {
        let cases: &[(&str, &[&str])] = &[
            ("The Battery died!", &["the@0", "battery@1", "died@2"]),
            ("Acme's don’t", &["acme@0", "s@1", "don@2", "t@3"]),
            ("see acme.com/now", &["see@0", "acme@1", "com@2", "now@3"]),
            (
                "v3.5mm 1,000 end.Next",
                &["v3.5mm@0", "1,000@1", "end@2", "next@3"],
            ),
            ("foo_bar wi-fi", &["foo@0", "bar@1", "wi@2", "fi@3"]),
            ("L'été", &["l@0", "ete@1"]),
            ("", &[]),
            ("... !!", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(&words(text), expected, "{text}");
        }
    }

    #[test]
    fn scripts_without_spaces_give_characters() {
        assert_eq!(
            words("東京タワー"),
            ["東@0", "京@1", "タ@2", "ワ@3", "ー@4"]
        );
        assert_eq!(words("iPhone电池"), ["iphone@0", "电@1", "池@2"]);
        assert_eq!(words("ที่นี่"), ["ที่@0", "นี่@1"]);
        assert_eq!(words("한국어 좋아"), ["한국어@0", "좋아@1"]);
        assert_eq!(words("हिन्दी भाषा"), ["हिन्दी@0", "भाषा@1"]);
    }

    #[test]
    fn emoji_are_tokens_without_their_skin() {
        assert_eq!(words("ok 👍🏽👍 ❤️"), ["ok@0", "👍@1", "👍@2", "❤@3"]);
        assert_eq!(words("👨‍👩‍👧 🇩🇪"), ["👨‍👩‍👧@0", "🇩🇪@1"]);
        assert_eq!(words("Acme™ ©"), ["acme@0"]);
    }

    #[test]
    fn hashtags_and_handles_share_the_place_of_their_first_word() {
        assert_eq!(
            words("love #AcmeFail_now"),
            ["love@0", "#acmefail_now@1", "acmefail@1", "now@2"]
        );
        assert_eq!(
            words("@first-last. hi"),
            ["@first-last@0", "first@0", "last@1", "hi@2"]
        );
        assert_eq!(words("#東京 x"), ["#東京@0", "東@0", "京@1", "x@2"]);
        assert_eq!(
            words("help@acme.com C# &#39; ##x"),
            ["help@0", "acme@1", "com@2", "c@3", "39@4", "x@5"]
        );
    }

    #[test]
    fn offsets_point_at_the_source() {
        let text = "Ça va, #Été?";
        let found: Vec<_> = tokenize(text).map(|t| &text[t.start..t.end]).collect();
        assert_eq!(found, ["Ça", "va", "#Été", "Été"]);
    }

    #[test]
    fn a_long_word_is_cut_at_a_character() {
        let token = tokenize(&"é".repeat(1000)).next().map(|t| t.text.len());
        assert_eq!(token, Some(MAX_TOKEN_BYTES));
        let token = tokenize(&"я".repeat(1000)).next().map(|t| t.text.len());
        assert_eq!(token, Some(MAX_TOKEN_BYTES - 1));
    }

    proptest! {
        #[test]
        fn tokens_lie_in_the_text_in_order(text in "\\PC{0,60}") {
            let mut position = 0;
            for token in tokenize(&text) {
                prop_assert!(text.get(token.start..token.end).is_some());
                prop_assert!(token.end > token.start);
                prop_assert!(!token.text.is_empty() && token.text.len() <= MAX_TOKEN_BYTES);
                prop_assert!(token.position == position || token.position == position + 1);
                position = token.position;
            }
        }

        /// Cutting at white space first, and ASCII by its bytes, is only a shorter way.
        #[test]
        fn ascii_is_cut_as_unicode_says(text in "[a-cA-C0-2#@._,:;/'’é😀& \\-\n]{0,40}") {
            let unicode = Tokens {
                at: text.len(),
                segments: Some(text.split_word_bound_indices()),
                ..tokenize(&text)
            };
            prop_assert_eq!(tokenize(&text).collect::<Vec<_>>(), unicode.collect::<Vec<_>>());
        }

        #[test]
        fn case_does_not_count(text in "[a-zA-Zé#@._ 0-9]{0,30}") {
            let plain: Vec<_> = tokenize(&text).map(|t| (t.text.into_owned(), t.position)).collect();
            let upper = text.to_uppercase();
            let upper: Vec<_> = tokenize(&upper).map(|t| (t.text.into_owned(), t.position)).collect();
            prop_assert_eq!(plain, upper);
        }
    }
}
