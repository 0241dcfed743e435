//! Counts by label beside the list: each narrows the search by a click, widens it by another, or leaves the label out.

use super::format;
use super::inbox::Parameter;
use crate::index::Facet;
use crate::query::{Expr, Query};

/// Labels that are shown, with the words above them.
const SHOWN: [(&str, &str); 6] = [
    ("intent", "Intents"),
    ("emotion", "Emotions"),
    ("network", "Networks"),
    ("lang", "Languages"),
    ("monitor", "Monitors"),
    ("segment", "Customers"),
];
/// Values of a label; what is rarer is found by typing.
const VALUES: usize = 6;

/// A label with its most frequent values.
pub(in crate::web) struct Group {
    pub title: &'static str,
    pub values: Vec<Value>,
}

/// A value, with what a click does.
pub(in crate::web) struct Value {
    pub name: String,
    pub count: String,
    /// Whether the query asks for it.
    pub chosen: bool,
    /// Asks for it, or no more.
    pub toggle: String,
    /// Leaves it out.
    pub exclude: String,
}

/// The groups that have something to choose from.
pub(in crate::web) fn groups(facets: &[Facet], query: &Query, state: &Parameter) -> Vec<Group> {
    let group = |(field, title): &(&str, &'static str)| {
        let facet = facets.iter().find(|facet| facet.field == *field)?;
        let values: Vec<Value> = facet
            .values
            .iter()
            .take(VALUES)
            .filter_map(|(value, count)| value_of(field, value, *count, query, state))
            .collect();
        (!values.is_empty()).then_some(Group { title, values })
    };
    SHOWN.iter().filter_map(group).collect()
}

/// The query for a value of a field; a value that no query can name has none, and can't be clicked.
pub(in crate::web) fn asking(field: &str, value: &str) -> Option<Query> {
    let asked = |field: &str| Query::parse(&format!("{field}:\"{}\"", value.replace('"', "")));
    let leaf = match field {
        // Labels of one's own stand among the intents and are no intents.
        "intent" => asked("intent").or_else(|_| asked("label")),
        field => asked(field),
    };
    leaf.ok()
}

fn value_of(
    field: &str,
    value: &str,
    count: u64,
    query: &Query,
    state: &Parameter,
) -> Option<Value> {
    let leaf = asking(field, value)?;
    let members: Vec<String> = query.members().into_iter().map(member).collect();
    let text = leaf.to_string();
    let not = format!("NOT {text}");
    let chosen = members.contains(&text);
    let without = members
        .iter()
        .filter(|member| **member != text && **member != not);
    let rest: Vec<&str> = without.map(String::as_str).collect();
    let with = |leaf: &str| {
        let members: Vec<&str> = rest
            .iter()
            .copied()
            .chain((!leaf.is_empty()).then_some(leaf))
            .collect();
        state.fresh(|state| state.q = members.join(" "))
    };
    Some(Value {
        name: match field {
            "network" => format::network(value),
            _ => value.replace('_', " "),
        },
        count: format::number(count),
        chosen,
        toggle: if chosen { with("") } else { with(&text) },
        exclude: with(&not),
    })
}

/// A member as it stands beside others.
fn member(expr: &Expr) -> String {
    match expr {
        Expr::And(_) | Expr::Or(_) => format!("({expr})"),
        // NEAR beside other words needs brackets; beside nothing they do no harm.
        Expr::Leaf(_) | Expr::Not(_) => {
            let text = expr.to_string();
            if text.contains(" NEAR/") && !text.starts_with('(') {
                format!("({text})")
            } else {
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(query: &str, field: &str, value: &str) -> Value {
        let query = Query::parse(query).unwrap();
        let state = Parameter {
            q: query.source().to_owned(),
            ..Parameter::default()
        };
        value_of(field, value, 3, &query, &state).unwrap()
    }

    fn query_of(href: &str) -> String {
        let query = href.split_once("q=").map_or("", |(_, query)| query);
        url::form_urlencoded::parse(format!("q={query}").as_bytes())
            .next()
            .unwrap()
            .1
            .into_owned()
    }

    #[test]
    fn a_label_of_ones_own_is_asked_for_as_such() {
        let found = value("battery", "intent", "refund");
        assert_eq!(query_of(&found.toggle), "battery label:refund");
        assert!(value("battery label:refund", "intent", "refund").chosen);
    }

    #[test]
    fn a_click_narrows_another_widens_and_what_stands_there_stays() {
        for (query, toggled, excluded) in [
            ("*", "intent:complaint", "NOT intent:complaint"),
            (
                "battery",
                "battery intent:complaint",
                "battery NOT intent:complaint",
            ),
            (
                "a OR b",
                "(a OR b) intent:complaint",
                "(a OR b) NOT intent:complaint",
            ),
            ("a intent:complaint", "a", "a NOT intent:complaint"),
            (
                "a NOT intent:complaint",
                "a intent:complaint",
                "a NOT intent:complaint",
            ),
            (
                "a NEAR/3 b",
                "(a NEAR/3 b) intent:complaint",
                "(a NEAR/3 b) NOT intent:complaint",
            ),
        ] {
            let found = value(query, "intent", "complaint");
            assert_eq!(query_of(&found.toggle), toggled, "{query}");
            assert_eq!(query_of(&found.exclude), excluded, "{query}");
            assert_eq!(found.chosen, query == "a intent:complaint", "{query}");
            for href in [&found.toggle, &found.exclude] {
                assert!(Query::parse(&query_of(href)).is_ok(), "{href}");
            }
        }
        let spaced = value("a", "segment", "key account");
        assert_eq!(query_of(&spaced.toggle), "a segment:\"key account\"");
    }
    #[test]
    fn a_label_of_ones_own_among_the_intents_is_asked_for_as_a_label() {
        let text = |field: &str, value: &str| asking(field, value).map(|query| query.to_string());
        assert_eq!(text("intent", "refund").as_deref(), Some("label:refund"));
        assert_eq!(
            text("intent", "complaint").as_deref(),
            Some("intent:complaint")
        );
        assert_eq!(text("author", "a\"b").as_deref(), Some("author:ab"));
        assert_eq!(text("author", ""), None);
    }
}
