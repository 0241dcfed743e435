//! What is wrong with a query, where, and what would be right.

use std::ops::Range;

/// The most characters of the query's line that are shown on either side of the caret.
const WINDOW: usize = 60;

/// A query that cannot be understood. `Display` is one line; `render` points at the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", self.expected.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
pub struct QueryError {
    text: String,
    span: Range<usize>,
    message: String,
    expected: Option<String>,
}

impl QueryError {
    /// An error at `span` of the query `text`, whose ends are character boundaries.
    pub(super) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            text: text.to_owned(),
            span,
            message: message.into(),
            expected: None,
        }
    }

    /// Adds what would be right.
    pub(super) fn expecting(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What would be right, if that can be said.
    #[must_use]
    pub fn expected(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    /// The bytes of the query at fault.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The error in up to four lines: what is wrong, the query, carets below the place, what would
    /// be right. Of a long line only the part around the place is shown.
    #[must_use]
    pub fn render(&self) -> String {
        let line_start = self.text[..self.span.start]
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let line_end = self.text[self.span.start..]
            .find('\n')
            .map_or(self.text.len(), |at| self.span.start + at);
        let before: Vec<char> = self.text[line_start..self.span.start].chars().collect();
        let marked_end = self.span.end.clamp(self.span.start, line_end);
        let marked: Vec<char> = self.text[self.span.start..marked_end].chars().collect();
        let after: Vec<char> = self.text[marked_end..line_end].chars().collect();

        let skipped = before.len().saturating_sub(WINDOW);
        let marked = &marked[..marked.len().min(WINDOW)];
        let mut line = String::new();
        if skipped > 0 {
            line.push('…');
        }
        line.extend(before[skipped..].iter().map(|&c| shown(c)));
        let column = line.chars().count();
        line.extend(marked.iter().map(|&c| shown(c)));
        line.extend(after.iter().take(WINDOW).map(|&c| shown(c)));
        if after.len() > WINDOW {
            line.push('…');
        }
        let carets = "^".repeat(marked.len().max(1));
        let mut out = format!("{}\n  {line}\n  {:column$}{carets}", self.message, "");
        if let Some(expected) = &self.expected {
            out.push_str("\n  ");
            out.push_str(expected);
        }
        out
    }
}

fn shown(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_marked_in_its_line() {
        let error =
            QueryError::new("eins\nzwei drei", 10..14, "unknown word").expecting("try vier");
        assert_eq!(error.to_string(), "unknown word: try vier");
        assert_eq!(
            error.render(),
            "unknown word\n  zwei drei\n       ^^^^\n  try vier"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}x{}", "é".repeat(500), "y".repeat(500));
        let rendered = QueryError::new(&text, 1000..1001, "bad").render();
        let lines: Vec<&str> = rendered.lines().collect();
        assert_eq!(lines[1].chars().count(), 2 + 1 + 60 + 1 + 60 + 1);
        assert_eq!(lines[1].chars().nth(lines[2].len() - 1), Some('x'));
    }

    #[test]
    fn the_end_of_the_query_has_a_caret_too() {
        let rendered = QueryError::new("a AND", 5..5, "nothing after AND").render();
        assert_eq!(rendered, "nothing after AND\n  a AND\n       ^");
    }
}
