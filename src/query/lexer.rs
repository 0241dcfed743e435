//! Cuts a query's text into lexemes. Knows quotes, brackets, operators and where a field ends; not
//! which fields there are.

use std::ops::Range;

use super::ast::MAX_DISTANCE;
use super::error::QueryError;

/// A piece of a query and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lexeme {
    pub kind: Kind,
    pub span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything without white space, brackets and quotes.
    Bare(String),
    /// What stood between quotes, `\"` and `\\` resolved, and the number behind `~`.
    Quoted(String, Option<u32>),
    /// What stood between braces.
    Exact(String),
    /// `name:`, directly followed by its value.
    Field(String),
    Open,
    Close,
    And,
    Or,
    Not,
    /// `NEAR/5`, `NEAR/5f`.
    Near {
        distance: u32,
        ordered: bool,
    },
}

pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, QueryError> {
    let mut lexer = Lexer {
        text,
        at: 0,
        lexemes: Vec::new(),
    };
    while let Some(c) = lexer.peek() {
        lexer.lexeme(c)?;
    }
    Ok(lexer.lexemes)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    lexemes: Vec<Lexeme>,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.lexemes.push(Lexeme {
            kind,
            span: start..self.at,
        });
    }

    fn lexeme(&mut self, c: char) -> Result<(), QueryError> {
        let start = self.at;
        match c {
            '(' | ')' => {
                self.at += 1;
                let kind = if c == '(' { Kind::Open } else { Kind::Close };
                self.push(kind, start);
            }
            _ if c.is_whitespace() => self.at += c.len_utf8(),
            _ if is_quote(c) => self.quoted(c)?,
            '{' => self.exact()?,
            _ => {
                let after_field = matches!(
                    self.lexemes.last(),
                    Some(Lexeme { kind: Kind::Field(_), span }) if span.end == start
                );
                self.bare(after_field)?;
            }
        }
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), QueryError> {
        let start = self.at;
        self.at += quote.len_utf8();
        let mut content = String::new();
        loop {
            let Some(c) = self.peek() else {
                let end = start + quote.len_utf8();
                return Err(
                    QueryError::new(self.text, start..end, "this quote is not closed")
                        .expecting("put a \" after the last word of the phrase"),
                );
            };
            self.at += c.len_utf8();
            if c == '\\'
                && let Some(escaped @ ('"' | '\\')) = self.peek()
            {
                content.push(escaped);
                self.at += 1;
            } else if is_quote(c) {
                break;
            } else {
                content.push(c);
            }
        }
        let reach = self.reach()?;
        self.push(Kind::Quoted(content, reach), start);
        Ok(())
    }

    /// The number behind `~`, if there is one.
    fn reach(&mut self) -> Result<Option<u32>, QueryError> {
        if self.peek() != Some('~') {
            return Ok(None);
        }
        let start = self.at;
        self.at += 1;
        let digits = self.digits();
        match digits.parse() {
            Ok(reach) => Ok(Some(reach)),
            Err(_) => {
                Err(
                    QueryError::new(self.text, start..self.at, "~ needs a number of positions")
                        .expecting("write ~5 directly behind the quotes"),
                )
            }
        }
    }

    fn digits(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn exact(&mut self) -> Result<(), QueryError> {
        let start = self.at;
        let rest = &self.text[start + 1..];
        let Some(end) = rest.find('}') else {
            return Err(
                QueryError::new(self.text, start..start + 1, "this brace is not closed")
                    .expecting("put a } after the last letter, as in {BT}"),
            );
        };
        let content = rest[..end].to_owned();
        self.at = start + 1 + end + 1;
        self.push(Kind::Exact(content), start);
        Ok(())
    }

    fn bare(&mut self, is_value: bool) -> Result<(), QueryError> {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '{') || is_quote(c))
            .unwrap_or(rest.len());
        let bare = &rest[..length];
        if !is_value && let Some(name) = field_name(bare) {
            self.at = start + name.len() + 1;
            let follows = self.peek();
            if follows.is_none_or(char::is_whitespace) {
                let message = format!("nothing stands after {name}:");
                return Err(QueryError::new(self.text, start..self.at, message)
                    .expecting("write the value directly after the colon"));
            }
            self.push(Kind::Field(name.to_owned()), start);
            return Ok(());
        }
        self.at = start + length;
        let kind = match bare {
            "AND" if !is_value => Kind::And,
            "OR" if !is_value => Kind::Or,
            "NOT" if !is_value => Kind::Not,
            _ if !is_value && (bare == "NEAR" || bare.starts_with("NEAR/")) => {
                near(bare).map_err(|message| {
                    QueryError::new(self.text, start..self.at, message).expecting(format!(
                        "write NEAR/5, or NEAR/5f for that order; {MAX_DISTANCE} is the most"
                    ))
                })?
            }
            _ => Kind::Bare(bare.to_owned()),
        };
        self.push(kind, start);
        Ok(())
    }
}

/// The distance of `NEAR/5`, and whether an `f` asks for the order.
fn near(bare: &str) -> Result<Kind, String> {
    let Some(rest) = bare.strip_prefix("NEAR/") else {
        return Err("NEAR needs a distance".to_owned());
    };
    let (digits, ordered) = match rest.strip_suffix('f') {
        Some(digits) => (digits, true),
        None => (rest, false),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(distance) if plain && (1..=MAX_DISTANCE).contains(&distance) => {
            Ok(Kind::Near { distance, ordered })
        }
        _ => Err(format!(
            "\"{rest}\" is not a distance from 1 to {MAX_DISTANCE}"
        )),
    }
}

/// Straight quotes, and those that phones and word processors make of them.
fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»')
}

/// The letters before a first colon.
fn field_name(bare: &str) -> Option<&str> {
    let (name, _) = bare.split_once(':')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_told_apart() {
        let kinds: Vec<Kind> =
            lex("a AND(“b c” OR since:2026-11-01T10:00:00Z) NOT x:\"d \\\"e\" 12:30")
                .expect("lexemes")
                .into_iter()
                .map(|lexeme| lexeme.kind)
                .collect();
        assert_eq!(
            kinds,
            [
                Kind::Bare("a".into()),
                Kind::And,
                Kind::Open,
                Kind::Quoted("b c".into(), None),
                Kind::Or,
                Kind::Field("since".into()),
                Kind::Bare("2026-11-01T10:00:00Z".into()),
                Kind::Close,
                Kind::Not,
                Kind::Field("x".into()),
                Kind::Quoted("d \"e".into(), None),
                Kind::Bare("12:30".into()),
            ]
        );
    }
}
