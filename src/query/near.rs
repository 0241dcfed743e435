//! What may stand on the sides of `NEAR`: words, phrases, wildcards, and brackets of these with OR or NEAR.

use std::ops::Range;

use super::ast::{Expr, Near, Pattern, Scope, Test, TextTest};

/// What is wrong with a side of `NEAR`.
pub(super) struct Fault {
    pub span: Range<usize>,
    pub message: String,
    pub expected: &'static str,
}

/// Joins two sides, each with the bytes where it was written.
pub(super) fn join(
    left: (Expr, Range<usize>),
    right: (Expr, Range<usize>),
    distance: u32,
    ordered: bool,
) -> Result<TextTest, Fault> {
    let whole = left.1.start..right.1.end;
    let (scope, left) = side(left.0, left.1)?;
    let (other, right) = side(right.0, right.1)?;
    if scope != other {
        return Err(Fault {
            span: whole,
            message: "NEAR finds words in one field only".to_owned(),
            expected: "write the field before brackets around both, as in title:(battery NEAR/5 dead)",
        });
    }
    let pattern = Pattern::Near(Near {
        left: Box::new(left),
        right: Box::new(right),
        distance,
        ordered,
    });
    Ok(TextTest { scope, pattern })
}

fn side(expr: Expr, span: Range<usize>) -> Result<(Scope, Pattern), Fault> {
    let (message, expected) = match expr {
        Expr::Leaf(leaf) => match leaf.test {
            Test::Text(test) => return Ok((test.scope, test.pattern)),
            Test::Everything => ("* stands for no word", "write a word, such as batter*"),
            _ => (
                "NEAR finds words, not fields",
                "write a word, a \"phrase\" or ( ... OR ... ), and AND before the field",
            ),
        },
        Expr::Or(members) => return any(members, span),
        Expr::And(_) => (
            "AND has no place beside NEAR",
            "write NEAR between all of the words, or OR between those of which one is enough",
        ),
        Expr::Not(_) => (
            "NOT has no place beside NEAR",
            "write NOT in front of the whole, as in battery AND NOT (battery NEAR/5 dead)",
        ),
    };
    Err(Fault {
        span,
        message: message.to_owned(),
        expected,
    })
}

fn any(members: Vec<Expr>, span: Range<usize>) -> Result<(Scope, Pattern), Fault> {
    let mut patterns = Vec::with_capacity(members.len());
    let mut scope = None;
    for member in members {
        let (found, pattern) = side(member, span.clone())?;
        if *scope.get_or_insert(found) != found {
            return Err(Fault {
                span,
                message: "NEAR finds words in one field only".to_owned(),
                expected: "write the field before brackets around all",
            });
        }
        patterns.push(pattern);
    }
    // A list from the parser has members.
    let scope = scope.unwrap_or(Scope::Anywhere);
    Ok((scope, Pattern::Any(patterns)))
}
