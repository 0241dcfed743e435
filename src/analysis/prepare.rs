//! Text preparation before the tokenizer: emoji become words, hashtags are split, handles become
//! `@user`, links `http`, e-mail addresses `email`, and whitespace is collapsed.
//!
//! The twin of `models/train/prepare.py`: both read `models/emoji.tsv` and both are held to
//! `tests/fixtures/prepare.jsonl`, so that the model sees what it was trained on. Never lower-cases
//! (the tokenizer does) and never looks past `MAX_CHARS`, so that a huge text costs no more than a
//! long one. Code-point ranges stand in for Unicode classes, so that two Unicode versions cannot
//! disagree.

use std::collections::HashMap;

/// Characters of a text that are read. The model's 128 tokens hold far fewer.
pub const MAX_CHARS: usize = 4096;

/// Repetitions of one emoji that are kept.
const EMOJI_RUN: usize = 2;

const EMOJI_TABLE: &str = include_str!("../../models/emoji.tsv");

/// Prepares texts; holds the emoji table.
#[derive(Debug)]
pub struct Preparer {
    /// First character to the emoji that begin with it, longest first.
    emoji: HashMap<char, Vec<(Vec<char>, &'static str)>>,
}

impl Default for Preparer {
    fn default() -> Self {
        Self::new()
    }
}

impl Preparer {
    /// Reads the embedded emoji table.
    #[must_use]
    pub fn new() -> Self {
        let mut emoji: HashMap<char, Vec<(Vec<char>, &'static str)>> = HashMap::new();
        for line in EMOJI_TABLE.lines() {
            let Some((key, words)) = line.split_once('\t') else {
                continue;
            };
            let key: Vec<char> = key.chars().collect();
            if let Some(&first) = key.first() {
                emoji.entry(first).or_default().push((key, words));
            }
        }
        for keys in emoji.values_mut() {
            keys.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        }
        Self { emoji }
    }

    /// The text as the tokenizer gets it.
    #[must_use]
    pub fn prepare(&self, text: &str) -> String {
        let plain: Vec<char> = text
            .chars()
            .take(MAX_CHARS)
            .filter(|&c| !is_dropped(c))
            .collect();
        let mut out = Collapsed::with_capacity(plain.len());
        let mut at = 0;
        let mut boundary = true;
        let mut last_emoji: Option<&[char]> = None;
        let mut run = 0;
        while let Some(&c) = plain.get(at) {
            if is_space(c) {
                out.space();
                at += 1;
                boundary = true;
                continue;
            }
            let rest = &plain[at..];
            if boundary && let Some((token, length)) = token(rest) {
                out.push_str(&token);
                at += length;
                boundary = false;
                last_emoji = None;
                continue;
            }
            if let Some((key, words)) = self.emoji_at(rest) {
                run = if last_emoji == Some(key) { run + 1 } else { 1 };
                last_emoji = Some(key);
                if run <= EMOJI_RUN {
                    out.space();
                    out.push_str(words);
                    out.space();
                }
                at += key.len();
                boundary = true;
                continue;
            }
            at += 1;
            if is_tag_letter(c) {
                continue;
            }
            last_emoji = None;
            boundary = !is_word(c);
            match c {
                '\u{2018}' | '\u{2019}' | '\u{02bc}' => out.push('\''),
                '\u{201c}' | '\u{201d}' => out.push('"'),
                '\u{2026}' => out.push_str("..."),
                _ => out.push(c),
            }
        }
        out.text
    }

    fn emoji_at(&self, rest: &[char]) -> Option<(&[char], &'static str)> {
        let keys = self.emoji.get(rest.first()?)?;
        let (key, words) = keys.iter().find(|(key, _)| rest.starts_with(key))?;
        Some((key, words))
    }
}

/// Text whose runs of spaces are single spaces, with none at either end.
struct Collapsed {
    text: String,
    pending: bool,
}

impl Collapsed {
    fn with_capacity(chars: usize) -> Self {
        Self {
            text: String::with_capacity(chars + chars / 4),
            pending: false,
        }
    }

    fn space(&mut self) {
        self.pending = true;
    }

    fn push(&mut self, c: char) {
        if std::mem::take(&mut self.pending) && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push(c);
    }

    fn push_str(&mut self, text: &str) {
        for c in text.chars() {
            if c == ' ' {
                self.space();
            } else {
                self.push(c);
            }
        }
    }
}

/// The link, e-mail address, handle or hashtag that `rest` begins with, and its length.
fn token(rest: &[char]) -> Option<(String, usize)> {
    match rest.first()? {
        '#' => return hashtag(rest),
        '@' => return handle(rest).map(|length| ("@user".to_owned(), length)),
        'h' | 'H' | 'w' | 'W' => {
            if let Some(length) = link(rest) {
                return Some(("http".to_owned(), length));
            }
        }
        _ => {}
    }
    if let Some(length) = redditor(rest) {
        return Some(("@user".to_owned(), length));
    }
    email(rest).map(|length| ("email".to_owned(), length))
}

fn link(rest: &[char]) -> Option<usize> {
    let scheme = ["https://", "http://", "www."]
        .into_iter()
        .find(|scheme| starts_with_ignoring_case(rest, scheme))?;
    let start = scheme.len();
    let body = rest[start..]
        .iter()
        .take_while(|&&c| !is_space(c) && !matches!(c, '<' | '>' | '"'))
        .count();
    let mut end = start + body;
    while end > start {
        let last = rest[end - 1];
        let trailing = matches!(
            last,
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '"' | ']' | ')' | '}'
        );
        let balanced =
            last == ')' && count(&rest[start..end], '(') >= count(&rest[start..end], ')');
        if !trailing || balanced {
            break;
        }
        end -= 1;
    }
    (end > start).then_some(end)
}

fn count(chars: &[char], wanted: char) -> usize {
    chars.iter().filter(|&&c| c == wanted).count()
}

fn starts_with_ignoring_case(rest: &[char], word: &str) -> bool {
    rest.len() >= word.len()
        && word
            .chars()
            .zip(rest)
            .all(|(wanted, c)| c.to_ascii_lowercase() == wanted)
}

fn hashtag(rest: &[char]) -> Option<(String, usize)> {
    let length = rest[1..].iter().take_while(|&&c| is_word(c)).count();
    let tag = &rest[1..=length];
    // `#1` and `#_` are no topics.
    tag.iter()
        .any(|&c| !c.is_ascii_digit() && c != '_')
        .then(|| (split_tag(tag), length + 1))
}

/// `VoltIsDown_2024` becomes `Volt Is Down 2024`, `iPhone15Pro` becomes `iPhone 15 Pro`.
fn split_tag(tag: &[char]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word: Vec<char> = Vec::new();
    for (i, &c) in tag.iter().enumerate() {
        let cut = c == '_' || splits(&word, c, tag.get(i + 1).copied());
        if cut && !word.is_empty() {
            words.push(word.drain(..).collect());
        }
        if c != '_' {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word.into_iter().collect());
    }
    words.join(" ")
}

fn splits(word: &[char], c: char, following: Option<char>) -> bool {
    let Some(&last) = word.last() else {
        return false;
    };
    let followed_by_lower = following.is_some_and(char::is_lowercase);
    if c.is_ascii_digit() {
        return !last.is_ascii_digit();
    }
    if last.is_ascii_digit() || last.is_uppercase() {
        return c.is_uppercase() && followed_by_lower;
    }
    // A lone small letter stays with its capital: iPhone, eBike.
    c.is_uppercase() && !(word.len() == 1 && last.is_lowercase())
}

/// `@name`, `@name.with-parts` or `@name@host.tld`.
fn handle(rest: &[char]) -> Option<usize> {
    let is_part = |c: char| is_name(c) || matches!(c, '\u{c0}'..='\u{24f}');
    let mut end = 1 + run(rest, 1, is_part);
    if end == 1 {
        return None;
    }
    while matches!(rest.get(end), Some('.' | '-')) {
        let part = run(rest, end + 1, is_part);
        if part == 0 {
            break;
        }
        end += 1 + part;
    }
    if rest.get(end) == Some(&'@')
        && let Some(host) = host(rest, end + 1)
    {
        end = host;
    }
    Some(end)
}

/// `u/name` or `/u/name`.
fn redditor(rest: &[char]) -> Option<usize> {
    let start = usize::from(rest.first() == Some(&'/'));
    let named = matches!(rest.get(start), Some('u' | 'U')) && rest.get(start + 1) == Some(&'/');
    let name = run(rest, start + 2, |c| is_name(c) || c == '-');
    (named && name >= 3).then_some(start + 2 + name)
}

fn email(rest: &[char]) -> Option<usize> {
    let local = run(rest, 0, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-')
    });
    if local == 0 || rest.get(local) != Some(&'@') {
        return None;
    }
    host(rest, local + 1)
}

/// Where a host name with at least one dot ends.
fn host(rest: &[char], start: usize) -> Option<usize> {
    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut end = start + run(rest, start, is_label);
    if end == start {
        return None;
    }
    let first = end;
    while rest.get(end) == Some(&'.') {
        let label = run(rest, end + 1, is_label);
        if label == 0 {
            break;
        }
        end += 1 + label;
    }
    (end > first).then_some(end)
}

fn run(rest: &[char], start: usize, belongs: impl Fn(char) -> bool) -> usize {
    rest.iter().skip(start).take_while(|&&c| belongs(c)).count()
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_space(c: char) -> bool {
    matches!(c,
        '\0'..=' ' | '\u{7f}' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}'
        | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// Variation selectors, joiners, direction marks and skin tones.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// The letters inside the flags of England, Scotland and Wales; dropped anywhere else.
fn is_tag_letter(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

fn is_word(c: char) -> bool {
    match c {
        '\0'..='\u{7f}' => is_name(c),
        '\u{80}'..='\u{bf}' | '\u{d7}' | '\u{f7}' => false,
        '\u{2000}'..='\u{2bff}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff0f}' => false,
        _ => c < '\u{1f000}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        input: String,
        output: String,
    }

    #[test]
    fn agrees_with_the_golden_file() {
        let golden = include_str!("../../tests/fixtures/prepare.jsonl");
        let preparer = Preparer::new();
        let mut cases = 0;
        for line in golden.lines() {
            let case: Case = serde_json::from_str(line).unwrap();
            assert_eq!(
                preparer.prepare(&case.input),
                case.output,
                "{:?}",
                case.input
            );
            cases += 1;
        }
        assert!(cases >= 60, "{cases} cases");
    }

    #[test]
    fn reads_no_further_than_the_limit() {
        let text = "a".repeat(MAX_CHARS) + " tail";
        assert_eq!(Preparer::new().prepare(&text), "a".repeat(MAX_CHARS));
    }

    #[test]
    fn preparing_twice_changes_nothing_in_prepared_words() {
        let preparer = Preparer::new();
        let once = preparer.prepare("@bolt my #eBikeFail 😡 https://x.example/a");
        assert_eq!(once, "@user my eBike Fail enraged face http");
        assert_eq!(preparer.prepare(&once), once);
    }
}
