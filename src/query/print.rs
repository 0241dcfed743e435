//! The canonical form of a query: what it prints parses to an equal query.

use std::fmt;
use std::ops::Bound;

use super::ast::{Expr, Form, Leaf, Query, Scope, Test, TextTest};
use super::time::When;

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
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
            Test::Number { field, low, high } => {
                write!(f, "{}:", field.as_str())?;
                interval(f, *low, *high)
            }
            Test::Time { edge, when } => {
                write!(f, "{}:", edge.as_str())?;
                time(f, *when)
            }
            Test::Flag(flag) => f.write_str(flag.as_str()),
        }
    }
}

fn text(f: &mut fmt::Formatter<'_>, test: &TextTest) -> fmt::Result {
    f.write_str(match test.scope {
        Scope::Anywhere => "",
        Scope::Title => "title:",
        Scope::Text => "text:",
    })?;
    match test.form {
        Form::Word => f.write_str(&test.source),
        Form::Prefix => write!(f, "{}*", test.source),
        Form::Phrase => quoted(f, &test.source),
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
