//! A text cut into marked and unmarked pieces, so that no reader has to count bytes and no renderer
//! has to mix markup into text. It never escapes: that is the renderer's work.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A piece of text; `marked` when the query matched it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Segment {
    /// The text as it is, unescaped.
    pub text: String,
    /// Whether the query matched it.
    pub marked: bool,
}

/// Cuts `text` at the ranges (byte offsets). Ranges may overlap and come in any order; what lies
/// outside the text or inside a character is left out. The pieces join to `text`.
#[must_use]
pub fn segments(text: &str, ranges: &[Range<usize>]) -> Vec<Segment> {
    let mut ranges: Vec<_> = ranges
        .iter()
        .filter(|range| range.start < range.end && text.get((*range).clone()).is_some())
        .cloned()
        .collect();
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut pieces = Vec::with_capacity(ranges.len() * 2 + 1);
    let mut at = 0;
    for range in ranges {
        let start = range.start.max(at);
        if start >= range.end {
            continue;
        }
        push(&mut pieces, &text[at..start], false);
        push(&mut pieces, &text[start..range.end], true);
        at = range.end;
    }
    push(&mut pieces, &text[at..], false);
    pieces
}

fn push(pieces: &mut Vec<Segment>, text: &str, marked: bool) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(last) if last.marked == marked => last.text.push_str(text),
        _ => pieces.push(Segment {
            text: text.to_owned(),
            marked,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, ranges: &[(usize, usize)], expected: &str) {
        let ranges: Vec<_> = ranges.iter().map(|&(start, end)| start..end).collect();
        let pieces = segments(text, &ranges);
        let shown: String = pieces
            .iter()
            .map(|piece| {
                if piece.marked {
                    format!("[{}]", piece.text)
                } else {
                    piece.text.clone()
                }
            })
            .collect();
        assert_eq!(shown, expected);
        let joined: String = pieces.into_iter().map(|piece| piece.text).collect();
        assert_eq!(joined, text);
    }

    #[test]
    fn ranges_become_marks_and_nothing_is_lost() {
        check("dead battery", &[(5, 12)], "dead [battery]");
        check("dead battery", &[], "dead battery");
        check("abcdef", &[(2, 4), (0, 3)], "[abcd]ef");
        check("abcdef", &[(1, 5), (2, 3)], "a[bcde]f");
        check("", &[], "");
    }

    #[test]
    fn ranges_outside_the_text_or_inside_a_character_are_left_out() {
        check("aé", &[(2, 3)], "aé");
        check("ab", &[(1, 9)], "ab");
    }
}
