//! The canonical form of a query: what it prints parses to an equal query.

use std::fmt;
use std::ops::Bound;

use super::ast::{Expr, Form, Leaf, Near, Pattern, Phrase, Query, Scope, Test, TextTest};
use super::time::When;

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sort.is_none() && self.similar.is_none() {
            return self.expr.fmt(f);
        }
        grouped(f, &self.expr)?;
        if let Some(post) = &self.similar {
            write!(f, " similar:{post}")?;
        }
        match self.sort {
            Some(sort) => write!(f, " sort:{}", sort.as_str()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(members) => joined(f, members, " AND "),
            Self::Or(members) => joined(f, members, " OR "),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                grouped(f, inner)
            }
            Self::Leaf(leaf) => leaf.fmt(f),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, members: &[Expr], operator: &str) -> fmt::Result {
    for (n, member) in members.iter().enumerate() {
        if n > 0 {
            f.write_str(operator)?;
        }
        grouped(f, member)?;
    }
    Ok(())
}

fn grouped(f: &mut fmt::Formatter<'_>, expr: &Expr) -> fmt::Result {
    match expr {
        Expr::And(_) | Expr::Or(_) => write!(f, "({expr})"),
        Expr::Leaf(leaf) if is_open_near(leaf) => write!(f, "({expr})"),
        Expr::Not(_) | Expr::Leaf(_) => fmt::Display::fmt(expr, f),
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Everything => f.write_str("*"),
            Test::Text(test) => text(f, test),
            Test::Label { field, value } => {
                write!(f, "{}:", field.as_str())?;
                self::value(f, value)
            }
            Test::Address { field, prefix } => {
                write!(f, "{}:", field.as_str())?;
                quoted(f, prefix)
            }
            Test::Number { field, low, high } => {
                write!(f, "{}:", field.as_str())?;
                interval(f, *low, *high)
            }
            Test::Time { edge, when } => {
                write!(f, "{}:", edge.as_str())?;
                time(f, *when)
            }
            Test::Date { from, to } => {
                f.write_str("date:")?;
                time(f, *from)?;
                f.write_str("..")?;
                time(f, *to)
            }
            Test::Flag(flag) => f.write_str(flag.as_str()),
        }
    }
}

fn is_open_near(leaf: &Leaf) -> bool {
    let near =
        |test: &TextTest| test.scope == Scope::Anywhere && matches!(test.pattern, Pattern::Near(_));
    matches!(&leaf.test, Test::Text(test) if near(test))
}

fn text(f: &mut fmt::Formatter<'_>, test: &TextTest) -> fmt::Result {
    let field = match test.scope {
        Scope::Anywhere => return pattern(f, &test.pattern),
        Scope::Title => "title:",
        Scope::Text => "text:",
        Scope::AuthorName => "author_name:",
        Scope::Bio => "bio:",
    };
    f.write_str(field)?;
    match &test.pattern {
        near @ Pattern::Near(_) => bracketed(f, near),
        other => pattern(f, other),
    }
}

fn pattern(f: &mut fmt::Formatter<'_>, pattern: &Pattern) -> fmt::Result {
    match pattern {
        Pattern::Phrase(phrase) => self::phrase(f, phrase),
        Pattern::Within { phrase, reach } => {
            self::phrase(f, phrase)?;
            write!(f, "~{reach}")
        }
        Pattern::Any(members) => {
            for (n, member) in members.iter().enumerate() {
                if n > 0 {
                    f.write_str(" OR ")?;
                }
                side(f, member)?;
            }
            Ok(())
        }
        Pattern::Near(Near {
            left,
            right,
            distance,
            ordered,
        }) => {
            side(f, left)?;
            let order = if *ordered { "f" } else { "" };
            write!(f, " NEAR/{distance}{order} ")?;
            side(f, right)
        }
    }
}

/// A part of a pattern, in brackets where it has parts itself.
fn side(f: &mut fmt::Formatter<'_>, part: &Pattern) -> fmt::Result {
    match part {
        Pattern::Phrase(_) | Pattern::Within { .. } => pattern(f, part),
        Pattern::Any(_) | Pattern::Near(_) => bracketed(f, part),
    }
}

fn bracketed(f: &mut fmt::Formatter<'_>, part: &Pattern) -> fmt::Result {
    f.write_str("(")?;
    pattern(f, part)?;
    f.write_str(")")
}

fn phrase(f: &mut fmt::Formatter<'_>, phrase: &Phrase) -> fmt::Result {
    match phrase.form {
        Form::Word | Form::Wildcard => f.write_str(&phrase.source),
        Form::Quoted => quoted(f, &phrase.source),
        Form::Exact => write!(f, "{{{}}}", phrase.source),
    }
}

/// A label's value, in quotes where it could be read as something else.
fn value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '/' | '+');
    if value.chars().all(plain) {
        f.write_str(value)
    } else {
        quoted(f, value)
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn interval(f: &mut fmt::Formatter<'_>, low: Bound<f64>, high: Bound<f64>) -> fmt::Result {
    match (low, high) {
        (Bound::Included(low), Bound::Included(high)) if low == high => write!(f, "{low}"),
        (Bound::Included(low), Bound::Included(high)) => write!(f, "{low}..{high}"),
        (Bound::Included(low), _) => write!(f, ">={low}"),
        (Bound::Excluded(low), _) => write!(f, ">{low}"),
        (_, Bound::Included(high)) => write!(f, "<={high}"),
        (_, Bound::Excluded(high)) => write!(f, "<{high}"),
        (Bound::Unbounded, Bound::Unbounded) => f.write_str(".."),
    }
}

fn time(f: &mut fmt::Formatter<'_>, when: When) -> fmt::Result {
    match when {
        When::Hours(count) => write!(f, "{count}h"),
        When::Days(count) => write!(f, "{count}d"),
        When::Weeks(count) => write!(f, "{count}w"),
        When::Day(day) => write!(f, "{day}"),
        When::Today => f.write_str("today"),
        When::Yesterday => f.write_str("yesterday"),
        When::At(at) => write!(f, "{at}"),
    }
}
