//! Plain text: the form in which a post is matched, scored and shown. Never interprets markup.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Makes plain text: NFC; control and direction-changing characters out; all line ends `\n`; other
/// white space a space; no trailing spaces, at most one empty line in a row, none at the ends.
/// Its result is plain text already.
#[must_use]
pub fn plain_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let kept: String = text.chars().filter_map(plain_char).collect();
    let composed = match is_nfc_quick(kept.chars()) {
        IsNormalized::Yes => kept,
        IsNormalized::No | IsNormalized::Maybe => kept.nfc().collect(),
    };
    let mut out = String::with_capacity(composed.len());
    let mut empty_lines = 0;
    for line in composed.split('\n') {
        let line = line.trim_end();
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        if out.is_empty() {
            // Leading spaces of the first line would be the text's own.
            out.push_str(line.trim_start());
        } else {
            out.push_str(if empty_lines > 0 { "\n\n" } else { "\n" });
            out.push_str(line);
        }
        empty_lines = 0;
    }
    out
}

fn plain_char(c: char) -> Option<char> {
    match c {
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{0B}' | '\u{0C}' => Some('\n'),
        '\t' => Some(' '),
        '\u{FEFF}' | '\u{AD}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => None,
        _ if c.is_control() => None,
        _ if c.is_whitespace() => Some(' '),
        _ => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_and_loose_space_go() {
        let cases = [
            ("e\u{301}", "é"),
            ("a\u{0}b\u{1B}[0m", "ab[0m"),
            ("a \r\nb\r\rc\n\n\n\nd", "a\nb\n\nc\n\nd"),
            ("  x\u{A0}y\t ", "x y"),
            ("abc\u{202E}def\u{FEFF}", "abcdef"),
            ("👨\u{200D}👩", "👨\u{200D}👩"),
            (" \n ", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(plain_text(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn plain_text_is_plain_already(text in "[\\PC\\n\\r\\t\\u{AD}\\u{A0}\\u{301}\\u{0}-\\u{20}]{0,40}") {
            let once = plain_text(&text);
            prop_assert_eq!(plain_text(&once), once);
        }
    }
}
