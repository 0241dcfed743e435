//! Folding of case and accents, so that `Café` and `CAFE` are one word. Never changes where a word ends.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds case, accents and width: compatibility forms are decomposed, marks that only decorate are
/// dropped (Latin, Greek, Cyrillic, Hebrew points, Arabic harakat), vowel signs of Indic and Thai
/// scripts and Japanese voicing marks stay. The result folds to itself.
///
/// Borrows when there is nothing to fold.
#[must_use]
pub fn fold(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return fold_ascii(word);
    }
    let folded = fold_once(word);
    // Lowercasing can set free a mark or a form that decomposes; a second pass is the fixed point.
    let again = fold_once(&folded);
    if again == word {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(again)
    }
}

fn fold_ascii(word: &str) -> Cow<'_, str> {
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(word.to_ascii_lowercase())
    } else {
        Cow::Borrowed(word)
    }
}

fn fold_once(word: &str) -> String {
    word.nfkd()
        .filter(|&c| !is_decoration(c))
        .flat_map(char::to_lowercase)
        .filter(|&c| !is_decoration(c))
        .flat_map(spelled_out)
        .nfc()
        .collect()
}

/// Marks and invisible characters that people leave out or add without changing the word.
fn is_decoration(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}'
        | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}'
        | '\u{FE20}'..='\u{FE2F}'
        | '\u{0591}'..='\u{05BD}' | '\u{05BF}' | '\u{05C1}' | '\u{05C2}' | '\u{05C4}' | '\u{05C5}' | '\u{05C7}'
        | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{0640}'
        // soft hyphen, joiners, direction marks, variation selectors
        | '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
    )
}

/// Letters without a decomposition that people type as others.
fn spelled_out(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'ø' => ('o', None),
        'ł' => ('l', None),
        'đ' | 'ð' => ('d', None),
        'þ' => ('t', Some('h')),
        'ħ' => ('h', None),
        'ı' => ('i', None),
        'ς' => ('σ', None),
        _ => (c, None),
    };
    std::iter::once(first).chain(second)
}

/// Whether `c` continues the letter before it.
pub(super) fn is_mark(c: char) -> bool {
    is_combining_mark(c) || is_decoration(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_accents_and_width_fold() {
        let pairs = [
            ("Café", "cafe"),
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("İstanbul", "istanbul"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("Ёлка", "елка"),
            ("Łódź", "lodz"),
            ("ｆｕｌｌ", "full"),
            ("bat\u{AD}tery", "battery"),
            ("مُحَمَّد", "محمد"),
        ];
        for (word, expected) in pairs {
            assert_eq!(fold(word), expected, "{word}");
        }
    }

    #[test]
    fn marks_that_make_the_word_stay() {
        for word in ["हिन्दी", "ที่", "が", "한국어"] {
            assert_eq!(fold(word), word);
        }
        assert_eq!(fold("か\u{3099}"), "が");
    }

    #[test]
    fn nothing_to_fold_borrows() {
        assert!(matches!(fold("battery"), Cow::Borrowed(_)));
        assert!(matches!(fold("電池"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn folding_is_idempotent(word in "\\PC{0,12}") {
            let once = fold(&word).into_owned();
            prop_assert_eq!(fold(&once).into_owned(), once);
        }
    }
}
