//! What is wrong with a configuration, written for the person who can put it right.
//!
//! Never shows the value of a key whose name looks like a secret's, and never a bare OS error.

use std::fmt;
use std::ops::Range;

/// The most characters of an offending line that are shown.
const MAX_LINE: usize = 160;

/// Everything that is wrong with a configuration; at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    problems: Vec<ConfigProblem>,
}

impl ConfigErrors {
    /// The problems, in the order in which they stand in the file; those of the environment follow.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }

    pub(super) fn new(problems: Vec<ConfigProblem>) -> Self {
        Self { problems }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}\n")?;
        }
        match self.problems.len() {
            1 => f.write_str("1 problem in the configuration"),
            count => write!(f, "{count} problems in the configuration"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// One thing that is wrong, where it stands, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// What is wrong, in one line.
    pub message: String,
    /// Where; absent when the file itself could not be read.
    pub place: Option<Place>,
    /// What to do, if we can tell.
    pub help: Option<String>,
}

/// A place in the file or a variable of the environment, with the line that is shown for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named, or `environment variable NAME`.
    pub origin: String,
    /// Line and column, both from 1, the column in characters; absent for variables.
    pub position: Option<(usize, usize)>,
    /// The offending line, safe to print.
    line: String,
    /// The marked part of `line`, in characters.
    marked: Range<usize>,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        let mut gutter = 1;
        if let Some(place) = &self.place {
            let number = place
                .position
                .map_or_else(String::new, |(line, _)| line.to_string());
            gutter = number.len().max(1);
            let blank = " ".repeat(gutter);
            write!(f, "\n{blank} --> {}", place.origin)?;
            if let Some((line, column)) = place.position {
                write!(f, ":{line}:{column}")?;
            }
            let pad = " ".repeat(place.marked.start);
            let carets = "^".repeat(place.marked.len().max(1));
            write!(
                f,
                "\n{blank} |\n{number:>gutter$} | {}\n{blank} | {pad}{carets}",
                place.line
            )?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{} = help: {help}", " ".repeat(gutter))?;
        }
        Ok(())
    }
}

impl Place {
    /// The place of `span` (bytes) in `text`; `numbered` is false for variables of the environment.
    pub(super) fn new(origin: &str, text: &str, span: &Range<usize>, numbered: bool) -> Self {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line_number = text[..line_start].matches('\n').count() + 1;
        let column = text[line_start..start].chars().count();
        let length = text[start..end.min(line_end)].chars().count();
        let (line, marked) = printable(
            text[line_start..line_end].trim_end_matches('\r'),
            column..column + length,
        );
        Self {
            origin: origin.to_owned(),
            position: numbered.then_some((line_number, column + 1)),
            line,
            marked,
        }
    }
}

/// Whether a key's or variable's name says that its value is a secret and not the name of a file.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let secret = [
        "secret",
        "token",
        "password",
        "passwd",
        "credential",
        "api_key",
        "apikey",
    ]
    .iter()
    .any(|word| name.contains(word));
    secret && !name.ends_with("_file") && !name.ends_with("_header")
}

/// Makes a line safe and short: control characters blanked, secrets hidden, long lines cut around the mark.
fn printable(line: &str, marked: Range<usize>) -> (String, Range<usize>) {
    let clean: Vec<char> = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if let Some(kept) = hidden_secret(&clean) {
        let shown: String = clean[..kept].iter().collect::<String>() + " (hidden)";
        let end = marked.end.min(kept);
        return (shown, marked.start.min(end)..end);
    }
    if clean.len() <= MAX_LINE {
        return (clean.iter().collect(), marked);
    }
    let first = marked.start.saturating_sub(MAX_LINE / 3).min(clean.len());
    let last = (first + MAX_LINE).min(clean.len());
    let before = if first > 0 { "..." } else { "" };
    let after = if last < clean.len() { "..." } else { "" };
    let cut: String = clean[first..last].iter().collect();
    let start = marked.start - first + before.len();
    let end = marked.end.min(last).saturating_sub(first) + before.len();
    (format!("{before}{cut}{after}"), start..end.max(start))
}

/// How many characters of the line may be shown, when it holds a secret.
fn hidden_secret(line: &[char]) -> Option<usize> {
    let text: String = line.iter().collect();
    if let Some(equals) = line.iter().position(|c| *c == '=')
        && is_secret_name(line[..equals].iter().collect::<String>().trim())
    {
        return Some(equals + 1);
    }
    ["whsec_", "whsk_", "Bearer "]
        .iter()
        .filter_map(|mark| text.find(mark))
        .chain(user_info(&text))
        .min()
        .map(|byte| text[..byte].chars().count())
}

/// Where a user name and password begin in a URL on this line.
fn user_info(line: &str) -> Option<usize> {
    let start = line.find("://")? + 3;
    let authority = line[start..].split(['/', '"', '\'', '?', '#']).next()?;
    authority.contains('@').then_some(start)
}

fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// The known name that a wrong one most likely stands for: few edits away, or one begins the other.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let bearable = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let edits = strsim::damerau_levenshtein(&name, &lower);
            let begins = name.len() >= 3 && (lower.starts_with(&name) || name.starts_with(&lower));
            (edits <= bearable || begins).then_some((edits, candidate))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        let problem = ConfigProblem {
            message: "bad".to_owned(),
            place: Some(Place::new("a.toml", text, &span, true)),
            help: Some("good".to_owned()),
        };
        problem.to_string()
    }

    #[test]
    fn the_caret_stands_below_the_place_counted_in_characters() {
        insta::assert_snapshot!(shown("x = 1\nnäme = \"ü\"\n", 14..18), @r#"
        error: bad
          --> a.toml:2:8
          |
        2 | näme = "ü"
          |        ^^^
          = help: good
        "#);
    }

    #[test]
    fn a_secret_is_never_shown() {
        let text = "secret = \"hunter2\"\nurl = \"whsec_abc\"\n";
        assert!(!shown(text, 0..6).contains("hunter2"));
        assert!(!shown(text, 9..18).contains("hunter2"));
        assert!(!shown(text, 25..30).contains("whsec_abc"));
        assert!(!shown("url = \"https://ann:hunter2@x.example/\"", 7..20).contains("hunter2"));
        assert!(shown("secret_file = \"x\"", 0..3).contains("\"x\""));
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let text = format!("a = \"{}BAD{}\"", "x".repeat(500), "y".repeat(500));
        let shown = shown(&text, 505..508);
        assert!(shown.contains("BAD"));
        assert!(shown.lines().all(|line| line.chars().count() < 180));
        let marked = shown.lines().nth(4).map(str::len);
        let bad = shown.lines().nth(3).and_then(|line| line.find("BAD"));
        assert_eq!(marked, bad.map(|at| at + 3));
    }

    #[test]
    fn spans_beyond_the_text_are_harmless() {
        assert!(shown("", 5..9).contains("a.toml:1:1"));
        assert!(shown("ä", 1..9).contains("a.toml:1:1"));
    }
}
