//! The language from outside: what parses to what, what is refused and how, what matches.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::sample::{NOW, Sample};
use super::*;
use crate::domain::PostRecord;

fn context() -> MatchContext {
    MatchContext {
        now: NOW.parse().expect("time"),
        zone: TimeZone::UTC,
    }
}

fn canonical(text: &str) -> String {
    match Query::parse(text) {
        Ok(query) => query.to_string(),
        Err(error) => panic!("{}", error.render()),
    }
}

fn refused(text: &str) -> QueryError {
    match Query::parse(text) {
        Ok(query) => panic!("{text} parsed as {query}"),
        Err(error) => error,
    }
}

fn candidate(record: &PostRecord) -> Candidate<'_> {
    Candidate {
        post: &record.post,
        analysis: Known::Yes(record.analysis.as_ref()),
        customer: Known::Yes(record.customer.as_ref().map(|(customer, _)| customer)),
        monitors: Known::Yes(&record.monitors),
    }
}

fn post(title: &str, text: &str) -> PostRecord {
    let mut record = Sample::new(1).record(1);
    record.post.title = (!title.is_empty()).then(|| title.to_owned());
    record.post.text = text.to_owned();
    record
}

fn matching(query: &str, record: &PostRecord) -> Truth {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{}", error.render()));
    matches(&query, &candidate(record), &context())
}

#[test]
fn the_canonical_form_says_what_was_understood() {
    let cases = [
        ("battery dead", "battery AND dead"),
        ("a AND (b AND c) d", "a AND b AND c AND d"),
        ("a OR (b OR (c d))", "a OR b OR (c AND d)"),
        ("NOT (a b)", "NOT (a AND b)"),
        ("NOT NOT a", "NOT NOT a"),
        ("((a))", "a"),
        ("“dead on arrival”", "\"dead on arrival\""),
        ("charg*", "charg*"),
        (
            "intent:(complaint OR Question)",
            "intent:complaint OR intent:question",
        ),
        ("title:(a \"b c\")", "title:a AND title:\"b c\""),
        (
            "is:reply is:question is:linked",
            "kind:reply AND intent:question AND is:linked",
        ),
        (
            "lang:pt-BR network:Mastodon author:@Ann",
            "lang:pt AND network:mastodon AND author:ann",
        ),
        (
            "rating:1..2 score:<-0.5 engagement:=3",
            "rating:1..2 AND score:<-0.5 AND engagement:3",
        ),
        (
            "score:-0 rating:4.. rating:..2",
            "score:0 AND rating:>=4 AND rating:<=2",
        ),
        ("since:7d until:2026-11-01", "since:7d AND until:2026-11-01"),
        ("customer:\"c\\\"3\"", "customer:\"c\\\"3\""),
        (
            "12:30 :smile: #tag @first.last",
            "12:30 AND :smile: AND #tag AND @first.last",
        ),
        ("*", "*"),
        ("and or not", "and AND or AND not"),
    ];
    for (text, expected) in cases {
        assert_eq!(canonical(text), expected, "{text}");
    }
}

#[test]
fn errors_point_at_the_place_and_say_what_would_be_right() {
    let cases = [
        (
            "",
            "the query is empty",
            "",
            "write a word, or * for all posts",
        ),
        (
            "a AND b OR c",
            "AND and OR stand side by side without brackets",
            "OR",
            "write (a AND b) OR c, or put the brackets around the OR",
        ),
        (
            "a OR b c",
            "AND and OR stand side by side without brackets",
            "c",
            "write a OR (b AND c), or put the brackets around the OR",
        ),
        (
            "a AND",
            "nothing stands after AND",
            "",
            "write a word, a \"phrase\", a field:value or ( ... )",
        ),
        (
            "OR a",
            "OR needs something on both sides",
            "OR",
            "write a word before it, or \"or\" to look for the word",
        ),
        (
            "(a",
            "this bracket is not closed",
            "(",
            "put a ) where it ends",
        ),
        (
            "a)",
            "this bracket closes nothing",
            ")",
            "remove it, or open a bracket before",
        ),
        (
            "a ()",
            "nothing stands in these brackets",
            "(",
            "write a word",
        ),
        (
            "say \"a b",
            "this quote is not closed",
            "\"",
            "put a \" after the last word of the phrase",
        ),
        (
            "sentimant:negative",
            "there is no field \"sentimant\"",
            "sentimant:",
            "did you mean sentiment: ?",
        ),
        (
            "see http://a.example",
            "there is no field \"http\"",
            "http:",
            "put the text in quotes to look for it as it stands",
        ),
        (
            "intent:complain",
            "intent: has no value \"complain\"",
            "intent:complain",
            "did you mean intent:complaint ? There are complaint, question, purchase_intent, praise, churn_risk, suggestion, bug_report, spam",
        ),
        (
            "kind:story",
            "kind: has no value \"story\"",
            "kind:story",
            "there are post, reply, comment, review, article, repost",
        ),
        (
            "is:linkd",
            "is: has no value \"linkd\"",
            "is:linkd",
            "did you mean is:linked ?",
        ),
        (
            "rating:good",
            "\"good\" is not a number or a range",
            "rating:good",
            "write rating:>10, rating:<=2, rating:1..2 or rating:3",
        ),
        (
            "rating:4..2",
            "this range is empty",
            "rating:4..2",
            "write rating:2..4",
        ),
        (
            "lang:german",
            "\"german\" is not a language code",
            "lang:german",
            "write two letters, such as lang:de, or lang:und for undetermined",
        ),
        (
            "title: a",
            "nothing stands after title:",
            "title:",
            "write the value directly after the colon",
        ),
        (
            "title:(a lang:de)",
            "lang: stands in the brackets of another field",
            "lang:",
            "close the brackets before it",
        ),
        ("a -b", "-b is not an operator", "-b", "write NOT b"),
        ("a || b", "|| is not an operator", "||", "write OR"),
        (
            "wom?n",
            "a wildcard within a word is not available yet",
            "wom?n",
            "a * at the end of a word works, as in charg*",
        ),
        (
            "ab*",
            "this wildcard would find too many words",
            "ab*",
            "write at least 3 letters before the *",
        ),
        (
            "wi-fi*",
            "\"wi-fi\" is more than one word",
            "wi-fi*",
            "a * works after a single word; put several words in quotes, without it",
        ),
        (
            "\"a b\"~5",
            "\"...\"~5 is not available yet",
            "~",
            "a phrase finds words that stand side by side; AND finds them anywhere",
        ),
        (
            "a NEAR/5 b",
            "NEAR is not available yet",
            "NEAR/5",
            "AND finds the words anywhere in the post",
        ),
        (
            "{BT}",
            "{...} (exactly these characters) is not available yet",
            "{BT}",
            "write the word without the braces; case does not count",
        ),
        (
            "a ...",
            "there is no word in \"...\"",
            "...",
            "write letters, digits or an emoji",
        ),
        (
            "date:2026-10-01..2026-10-31",
            "date: is not available yet",
            "date:",
            "write since:2026-10-01 until:2026-10-31",
        ),
    ];
    for (text, message, place, expected) in cases {
        let error = refused(text);
        assert_eq!(error.message(), message, "{text}");
        assert_eq!(&text[error.span()], place, "{text}");
        assert_eq!(error.expected(), Some(expected), "{text}");
    }
    assert_eq!(
        refused("similar:post_1").message(),
        "similar: is not available yet"
    );
}

#[test]
fn an_error_is_shown_with_a_caret() {
    assert_eq!(
        refused("battery\n  charger sentimant:negative").render(),
        "there is no field \"sentimant\"\n    charger sentimant:negative\n            ^^^^^^^^^^\n  did you mean sentiment: ?"
    );
}

#[test]
fn bounds_hold() {
    assert!(refused(&"a".repeat(4097)).message().contains("4097 bytes"));
    assert!(Query::parse(&"a ".repeat(1024)).is_ok());
    assert!(
        refused(&"a ".repeat(1025))
            .message()
            .contains("more than 1024")
    );
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Query::parse(&nested(63)).is_ok());
    assert!(refused(&nested(65)).message().contains("64 deep"));
    assert!(
        refused(&format!("{}a", "NOT ".repeat(65)))
            .message()
            .contains("64 deep")
    );
}

#[test]
fn words_phrases_and_fields_match() {
    let record = post(
        "Acme's new Café",
        "The battery was DEAD on arrival, #AcmeFail 😡 東京タワー",
    );
    let cases = [
        ("cafe", true),
        ("acme", true),
        ("title:battery", false),
        ("text:battery", true),
        ("\"dead on arrival\"", true),
        ("\"arrival on dead\"", false),
        ("\"cafe the\"", false),
        ("#acmefail", true),
        ("acmefail", true),
        ("#battery", false),
        ("acmef*", true),
        ("#acme*", true),
        ("bater*", false),
        ("😡", true),
        ("東京", true),
        ("京東", false),
        ("タワー", true),
        ("battery NOT dead", false),
        ("battery (charger OR dead)", true),
        ("*", true),
    ];
    for (query, expected) in cases {
        let truth = if expected { Truth::True } else { Truth::False };
        assert_eq!(matching(query, &record), truth, "{query}");
    }
}

#[test]
fn labels_of_an_unsupported_language_do_not_count() {
    let mut record = post("", "x");
    let mut sample = Sample::new(3);
    let mut analysis = (0..20)
        .find_map(|n| sample.record(n).analysis)
        .expect("three posts of four are analysed");
    analysis.sentiment.label = crate::domain::SentimentLabel::Negative;
    analysis.supported = true;
    record.analysis = Some(analysis.clone());
    assert_eq!(matching("sentiment:negative", &record), Truth::True);
    assert_eq!(matching("score:-1..1", &record), Truth::True);
    analysis.supported = false;
    record.analysis = Some(analysis);
    assert_eq!(matching("sentiment:negative", &record), Truth::False);
    assert_eq!(matching("score:-1..1", &record), Truth::False);
    assert_eq!(matching("NOT sentiment:negative", &record), Truth::True);
}

#[test]
fn what_is_not_known_yet_decides_only_what_it_must() {
    let record = post("", "battery");
    let early = Candidate {
        analysis: Known::NotYet,
        customer: Known::NotYet,
        monitors: Known::NotYet,
        ..candidate(&record)
    };
    let cases = [
        ("battery", Truth::True),
        ("sentiment:negative", Truth::Unknown),
        ("NOT sentiment:negative", Truth::Unknown),
        ("battery AND is:linked", Truth::Unknown),
        ("charger AND sentiment:negative", Truth::False),
        ("battery OR sentiment:negative", Truth::True),
        ("charger OR customer:c-1", Truth::Unknown),
        ("NOT (battery OR monitor:brand)", Truth::False),
        ("score:<0 OR engagement:>=0", Truth::True),
    ];
    for (text, expected) in cases {
        let query = Query::parse(text).expect(text);
        assert_eq!(matches(&query, &early, &context()), expected, "{text}");
    }
}

#[test]
fn monitors_refuse_times_and_other_monitors() {
    let check = |text: &str| check_monitor(&Query::parse(text).expect(text));
    assert_eq!(check("battery sentiment:negative"), Ok(()));
    let error = check("battery (NOT since:7d)").expect_err("refused");
    assert_eq!(error.message(), "since: has no meaning in a monitor");
    assert_eq!(error.span(), 13..21);
    assert!(check("until:today").is_err());
    assert!(check("monitor:brand").is_err());
}

#[test]
fn positive_words_are_highlighted() {
    let text = "Café: battery, batteries and the dead battery. Dead!";
    let query =
        Query::parse("cafe OR \"dead battery\" OR batter* OR (title:and NOT the)").expect("query");
    let found: Vec<&str> = highlight(&query, text)
        .into_iter()
        .map(|range| &text[range])
        .collect();
    assert_eq!(found, ["Café", "battery", "batteries", "dead battery"]);
    assert_eq!(
        highlight_title(&query, "and the"),
        std::slice::from_ref(&(0..3))
    );
}

#[test]
fn a_snippet_is_cut_around_the_first_match() {
    let text = "eins zwei drei vier fünf sechs sieben acht neun zehn";
    let query = Query::parse("sechs").expect("query");
    let found = snippet(text, &highlight(&query, text), 20);
    assert_eq!(found.text, "…fünf sechs sieben…");
    assert_eq!(&found.text[found.ranges[0].clone()], "sechs");
    assert_eq!(snippet("short", &[], 20).text, "short");
    assert_eq!(snippet(text, &[], 10).text, "eins zwei…");
}

proptest! {
    #[test]
    fn no_text_panics(text in "(\\PC|[ ()\":*~@#<>.\\\\-]|AND |OR |NOT |title:|score:|since:|is:){0,30}") {
        match Query::parse(&text) {
            Ok(query) => prop_assert_eq!(Query::parse(&query.to_string()), Ok(query)),
            Err(error) => prop_assert!(error.render().lines().count() >= 3),
        }
    }

    #[test]
    fn printing_and_parsing_round_trips(seed: u64) {
        let text = Sample::new(seed).query(4);
        let query = Query::parse(&text).map_err(|error| TestCaseError::fail(error.render()))?;
        prop_assert_eq!(Query::parse(&query.to_string()), Ok(query));
    }

    #[test]
    fn snippets_are_short_and_ranges_lie_at_characters(seed: u64, most in 0_usize..40) {
        let mut sample = Sample::new(seed);
        let record = sample.record(1);
        let text = &record.post.text;
        let Ok(query) = Query::parse(&sample.query(2)) else { return Ok(()) };
        let ranges = highlight(&query, text);
        for range in &ranges {
            prop_assert!(text.get(range.clone()).is_some_and(|marked| !marked.is_empty()));
        }
        let found = snippet(text, &ranges, most);
        prop_assert!(found.text.chars().count() <= most + 2);
        for range in &found.ranges {
            prop_assert!(found.text.get(range.clone()).is_some());
        }
    }
}
