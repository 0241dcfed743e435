//! Understands the lexemes: brackets, operators, fields with their values. Builds nothing that
//! cannot be matched, and says of everything else what would be right.

use std::ops::Range;

use super::ast::{Expr, Leaf, MAX_BYTES, MAX_DEPTH, MAX_LEAVES, Query, Scope, Sort, Test};
use super::error::QueryError;
use super::fields::{Field, NoField};
use super::leaf::{self, How, Written};
use super::lexer::{Kind, Lexeme, lex};
use super::near;
use crate::domain::{MentionId, PostId};

/// Parses a query; see `Query::parse`.
pub(super) fn parse(text: &str) -> Result<Query, QueryError> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the query has {} bytes, {MAX_BYTES} are the most",
            text.len()
        );
        return Err(QueryError::new(text, 0..0, message));
    }
    let lexemes = lex(text)?;
    if lexemes.is_empty() {
        return Err(QueryError::new(text, 0..0, "the query is empty")
            .expecting("write a word, or * for all posts"));
    }
    let mut parser = Parser {
        text,
        lexemes,
        at: 0,
        leaves: 0,
        sort: None,
        similar: None,
    };
    let expr = parser.list(None, 0)?;
    match parser.peek() {
        None => Ok(Query {
            text: text.to_owned(),
            expr,
            sort: parser.sort.map(|(sort, _)| sort),
            similar: parser.similar.map(|(post, _)| post),
        }),
        Some(lexeme) => {
            Err(
                QueryError::new(text, lexeme.span.clone(), "this bracket closes nothing")
                    .expecting("remove it, or open a bracket before"),
            )
        }
    }
}

/// The post with this id, or that is the mention with this id.
fn post_named(id: &str) -> Option<PostId> {
    let mention = || MentionId::parse(id).ok().map(|mention| mention.post());
    PostId::parse(id).ok().or_else(mention)
}

/// What belongs to the query and to none of its parts.
const DIRECTIVES: [&str; 2] = ["sort", "similar"];

/// The field that a bracket stands in, `title:( ... )`.
#[derive(Clone, Copy)]
struct Group {
    field: Field,
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    And,
    Or,
}

struct Parser<'a> {
    text: &'a str,
    lexemes: Vec<Lexeme>,
    at: usize,
    leaves: usize,
    sort: Option<(Sort, Range<usize>)>,
    similar: Option<(PostId, Range<usize>)>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Lexeme> {
        self.lexemes.get(self.at)
    }

    fn next(&mut self) -> Option<Lexeme> {
        let lexeme = self.lexemes.get(self.at).cloned();
        self.at += usize::from(lexeme.is_some());
        lexeme
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> QueryError {
        QueryError::new(self.text, span, message)
    }

    fn end(&self) -> Range<usize> {
        self.text.trim_end().len()..self.text.trim_end().len()
    }

    /// Members up to the end or a closing bracket, which stays.
    fn list(&mut self, group: Option<Group>, depth: usize) -> Result<Expr, QueryError> {
        let mut members: Vec<Expr> = Vec::new();
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut operators: Vec<(Operator, Range<usize>)> = Vec::new();
        loop {
            if self.directive(depth, &operators)? {
                match self.peek().map(|lexeme| &lexeme.kind) {
                    None => {
                        // It stood last: the operator before it joined it to nothing.
                        operators.pop();
                        break;
                    }
                    Some(Kind::And) => self.at += 1,
                    Some(_) => {}
                }
                continue;
            }
            let start = self
                .peek()
                .map_or(self.text.len(), |lexeme| lexeme.span.start);
            let member = self.nearby(group, depth)?;
            members.push(member);
            let end = self.lexemes[..self.at]
                .last()
                .map_or(start, |lexeme| lexeme.span.end);
            spans.push(start..end);
            match self
                .peek()
                .map(|lexeme| (lexeme.kind.clone(), lexeme.span.clone()))
            {
                None | Some((Kind::Close, _)) => break,
                Some((Kind::And, span)) => {
                    self.at += 1;
                    operators.push((Operator::And, span));
                }
                Some((Kind::Or, span)) => {
                    self.at += 1;
                    operators.push((Operator::Or, span));
                }
                Some((_, span)) => operators.push((Operator::And, span)),
            }
        }
        let Some((first, _)) = operators.first() else {
            let everything = Expr::Leaf(Leaf {
                test: Test::Everything,
                span: self.end(),
            });
            return Ok(members.pop().unwrap_or(everything));
        };
        if let Some((_, span)) = operators.iter().find(|(operator, _)| operator != first) {
            return Err(self
                .error(
                    span.clone(),
                    "AND and OR stand side by side without brackets",
                )
                .expecting(self.with_brackets(&spans, &operators)));
        }
        Ok(match first {
            Operator::And => Expr::And(flattened(members, |member| match member {
                Expr::And(inner) => Ok(inner),
                other => Err(other),
            })),
            Operator::Or => Expr::Or(flattened(members, |member| match member {
                Expr::Or(inner) => Ok(inner),
                other => Err(other),
            })),
        })
    }

    /// The same list with a bracket around each run of AND.
    fn with_brackets(
        &self,
        spans: &[Range<usize>],
        operators: &[(Operator, Range<usize>)],
    ) -> String {
        let mut runs: Vec<Vec<&str>> = vec![Vec::new()];
        for (n, span) in spans.iter().enumerate() {
            if n > 0 && operators[n - 1].0 == Operator::Or {
                runs.push(Vec::new());
            }
            if let Some(run) = runs.last_mut() {
                run.push(&self.text[span.clone()]);
            }
        }
        let runs: Vec<String> = runs
            .iter()
            .map(|run| match run.as_slice() {
                [single] => (*single).to_owned(),
                many => format!("({})", many.join(" AND ")),
            })
            .collect();
        let suggestion = runs.join(" OR ");
        if suggestion.chars().count() <= 160 {
            format!("write {suggestion}, or put the brackets around the OR")
        } else {
            "put brackets around the words that belong together, such as (a AND b) OR c".to_owned()
        }
    }

    /// Takes a directive, where one stands here.
    fn directive(
        &mut self,
        depth: usize,
        operators: &[(Operator, Range<usize>)],
    ) -> Result<bool, QueryError> {
        let Some(Lexeme {
            kind: Kind::Field(name),
            span,
        }) = self.peek().cloned()
        else {
            return Ok(false);
        };
        if !DIRECTIVES.contains(&name.as_str()) {
            return Ok(false);
        }
        let value = self.lexemes.get(self.at + 1).cloned();
        let end = value.as_ref().map_or(span.end, |value| value.span.end);
        let whole = span.start..end;
        if depth > 0
            || operators
                .iter()
                .any(|(operator, _)| *operator == Operator::Or)
        {
            return Err(self.not_here(&name, whole));
        }
        let word = match value.map(|value| value.kind) {
            Some(Kind::Bare(word)) => word,
            _ => String::new(),
        };
        let again = if name == "sort" {
            let sort = Sort::ALL.iter().find(|sort| sort.as_str() == word).copied();
            let sort = sort.ok_or_else(|| self.no_order(whole.clone()))?;
            self.sort.replace((sort, whole.clone())).is_some()
        } else {
            let post = post_named(&word).ok_or_else(|| {
                self.error(whole.clone(), "this is no post")
                    .expecting("write the id of a post or a mention, as a search prints it")
            })?;
            self.similar.replace((post, whole.clone())).is_some()
        };
        if again {
            return Err(self
                .error(whole, format!("there is a {name}: already"))
                .expecting("remove one"));
        }
        self.at += 2;
        Ok(true)
    }

    fn not_here(&self, name: &str, span: Range<usize>) -> QueryError {
        let does = if name == "sort" { "orders" } else { "narrows" };
        self.error(span, format!("{name}: {does} the whole answer"))
            .expecting("write it at the end, outside of brackets, not behind OR or NOT")
    }

    fn no_order(&self, span: Range<usize>) -> QueryError {
        let all: Vec<String> = Sort::ALL
            .iter()
            .map(|sort| format!("sort:{}", sort.as_str()))
            .collect();
        self.error(span, "this is no order")
            .expecting(format!("write {}", all.join(", ")))
    }

    /// A member, or several that `NEAR` joins; it binds more closely than AND and OR.
    fn nearby(&mut self, group: Option<Group>, depth: usize) -> Result<Expr, QueryError> {
        let start = self
            .peek()
            .map_or(self.text.len(), |lexeme| lexeme.span.start);
        let mut left = self.member(group, depth)?;
        while let Some(Lexeme {
            kind: Kind::Near { distance, ordered },
            span,
        }) = self.peek().cloned()
        {
            self.at += 1;
            if self
                .peek()
                .is_none_or(|lexeme| matches!(lexeme.kind, Kind::Close))
            {
                return Err(self
                    .error(span, "nothing stands after NEAR")
                    .expecting("write a word, a \"phrase\" or ( ... OR ... )"));
            }
            let left_span = start..self.lexemes[self.at - 2].span.end;
            let right_start = self.lexemes[self.at].span.start;
            let right = self.member(group, depth)?;
            let end = self.lexemes[self.at - 1].span.end;
            let test = near::join(
                (left, left_span),
                (right, right_start..end),
                distance,
                ordered,
            )
            .map_err(|fault| {
                let error = self.error(fault.span, fault.message);
                error.expecting(fault.expected)
            })?;
            left = Expr::Leaf(Leaf {
                test: Test::Text(test),
                span: start..end,
            });
        }
        Ok(left)
    }

    fn member(&mut self, group: Option<Group>, depth: usize) -> Result<Expr, QueryError> {
        let Some(lexeme) = self.next() else {
            return Err(self.missing_after_operator());
        };
        let span = lexeme.span;
        if depth >= MAX_DEPTH {
            return Err(self.error(
                span,
                format!("brackets and NOT are nested more than {MAX_DEPTH} deep"),
            ));
        }
        match lexeme.kind {
            Kind::Not => Ok(Expr::Not(Box::new(self.member(group, depth + 1)?))),
            Kind::Open => self.bracket(span, group, depth),
            Kind::Field(name) => self.field(&name, span, group, depth),
            Kind::Bare(_) | Kind::Quoted(..) | Kind::Exact(_) => {
                let field = group.map_or(Field::Words(Scope::Anywhere), |group| group.field);
                self.leaf(field, lexeme.kind, span)
            }
            Kind::And | Kind::Or | Kind::Close | Kind::Near { .. } => {
                Err(self.misplaced(&lexeme.kind, span))
            }
        }
    }

    fn bracket(
        &mut self,
        open: Range<usize>,
        group: Option<Group>,
        depth: usize,
    ) -> Result<Expr, QueryError> {
        if matches!(
            self.peek(),
            Some(Lexeme {
                kind: Kind::Close,
                ..
            })
        ) {
            return Err(self
                .error(open, "nothing stands in these brackets")
                .expecting("write a word"));
        }
        let inner = self.list(group, depth + 1)?;
        match self.next() {
            Some(_) => Ok(inner),
            None => Err(self
                .error(open, "this bracket is not closed")
                .expecting("put a ) where it ends")),
        }
    }

    fn field(
        &mut self,
        name: &str,
        span: Range<usize>,
        group: Option<Group>,
        depth: usize,
    ) -> Result<Expr, QueryError> {
        if DIRECTIVES.contains(&name) {
            let end = self.next().map_or(span.end, |value| value.span.end);
            return Err(self.not_here(name, span.start..end));
        }
        let field = Field::named(name).map_err(|reason| self.no_field(name, &span, reason))?;
        if group.is_some() {
            return Err(self
                .error(
                    span,
                    format!("{name}: stands in the brackets of another field"),
                )
                .expecting("close the brackets before it"));
        }
        let Some(value) = self.next() else {
            return Err(self.error(span, format!("nothing stands after {name}:")));
        };
        let whole = span.start..value.span.end;
        match value.kind {
            Kind::Open if matches!(field, Field::Time(_) | Field::Date) => Err(self
                .error(whole, format!("{name}: takes one time"))
                .expecting(format!("write {name}:7d"))),
            Kind::Open => self.bracket(value.span, Some(Group { field }), depth),
            Kind::Bare(_) | Kind::Quoted(..) | Kind::Exact(_) => {
                self.leaf(field, value.kind, whole)
            }
            _ => Err(self
                .error(span, format!("nothing stands after {name}:"))
                .expecting("write the value directly after the colon")),
        }
    }

    fn leaf(
        &mut self,
        field: Field,
        written: Kind,
        span: Range<usize>,
    ) -> Result<Expr, QueryError> {
        let (text, how) = match written {
            Kind::Quoted(text, reach) => (text, How::Quoted(reach)),
            Kind::Exact(text) => (text, How::Exact),
            Kind::Bare(text) => (text, How::Bare),
            other => return Err(self.misplaced(&other, span)),
        };
        let written = Written { text, how };
        self.leaves += 1;
        if self.leaves > MAX_LEAVES {
            return Err(self.error(
                span,
                format!("the query has more than {MAX_LEAVES} words and fields"),
            ));
        }
        let test = leaf::build(field, &written).map_err(|fault| {
            let error = QueryError::new(self.text, span.clone(), fault.message);
            match fault.expected {
                Some(expected) => error.expecting(expected),
                None => error,
            }
        })?;
        Ok(Expr::Leaf(Leaf { test, span }))
    }

    fn no_field(&self, name: &str, span: &Range<usize>, reason: NoField) -> QueryError {
        match reason {
            NoField::NotYet(instead) => {
                let error = self.error(span.clone(), format!("{name}: is not available yet"));
                match instead {
                    Some(instead) => error.expecting(instead),
                    None => error,
                }
            }
            NoField::Unknown(Some(meant)) => self
                .error(span.clone(), format!("there is no field \"{name}\""))
                .expecting(format!("did you mean {meant}: ?")),
            NoField::Unknown(None) => self
                .error(span.clone(), format!("there is no field \"{name}\""))
                .expecting("put the text in quotes to look for it as it stands"),
        }
    }

    fn missing_after_operator(&self) -> QueryError {
        let operator = match self.lexemes[..self.at].last().map(|lexeme| &lexeme.kind) {
            Some(Kind::And) => "AND",
            Some(Kind::Or) => "OR",
            Some(Kind::Not) => "NOT",
            _ => "(",
        };
        self.error(self.end(), format!("nothing stands after {operator}"))
            .expecting("write a word, a \"phrase\", a field:value or ( ... )")
    }

    fn misplaced(&self, kind: &Kind, span: Range<usize>) -> QueryError {
        let (name, in_quotes) = match kind {
            Kind::And => ("AND", "\"and\""),
            Kind::Or => ("OR", "\"or\""),
            Kind::Near { .. } => ("NEAR", "\"near\""),
            _ => {
                let error = self.error(span, "this bracket closes too early");
                return error.expecting("write a word before it");
            }
        };
        self.error(span, format!("{name} needs something on both sides"))
            .expecting(format!(
                "write a word before it, or {in_quotes} to look for the word"
            ))
    }
}

/// Members of the same sort come up into the list.
fn flattened(members: Vec<Expr>, open: fn(Expr) -> Result<Vec<Expr>, Expr>) -> Vec<Expr> {
    let mut flat = Vec::with_capacity(members.len());
    for member in members {
        match open(member) {
            Ok(inner) => flat.extend(inner),
            Err(other) => flat.push(other),
        }
    }
    flat
}
