//! The language from outside: what parses to what, what is refused and how, what matches.

mod errors;
mod near;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::sample::{NOW, Sample};
use super::*;
use crate::domain::{MonitorId, PostId, PostRecord};

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

fn post(title: &str, text: &str) -> PostRecord {
    let mut record = Sample::new(1).record(1);
    record.post.title = (!title.is_empty()).then(|| title.to_owned());
    record.post.text = text.to_owned();
    record
}

fn matching(query: &str, record: &PostRecord) -> Truth {
    let query = Query::parse(query).unwrap_or_else(|error| panic!("{}", error.render()));
    matches(&query, &Candidate::of(record), &context())
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
        ("NOT? AND OR?? NEAR?", "not AND or AND near"),
        ("“dead on arrival”", "\"dead on arrival\""),
        ("charg*", "charg*"),
        (
            "intent:(complaint OR Question)",
            "intent:complaint OR intent:question",
        ),
        (
            "label:(Refund OR complaint)",
            "label:refund OR label:complaint",
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
        ..Candidate::of(&record)
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
    let id = "post_0123456789abcdef0123456789abcdef";
    let error = check(&format!("battery similar:{id} dead")).expect_err("refused");
    assert_eq!(error.message(), "similar: has no meaning in a monitor");
    assert_eq!(error.span(), 8..16 + id.len());
    let text = format!("\"similar: watches\" similar:{id}");
    assert_eq!(
        &text[check(&text).expect_err("refused").span()],
        &text[19..]
    );
}

#[test]
fn similar_belongs_to_the_whole_query() {
    let id = "post_0123456789abcdef0123456789abcdef";
    let mention = id.replace("post_", "mention_");
    let post = Some(PostId::parse(id).expect("an id"));
    for (text, canonical) in [
        (format!("similar:{id}"), format!("* similar:{id}")),
        (format!("similar:{mention}"), format!("* similar:{id}")),
        (
            format!("a similar:{id} b"),
            format!("(a AND b) similar:{id}"),
        ),
        (
            format!("sort:new AND similar:{id} AND a"),
            format!("a similar:{id} sort:new"),
        ),
    ] {
        let query = Query::parse(&text).expect(&text);
        assert_eq!(query.similar(), post.as_ref(), "{text}");
        assert_eq!(query.to_string(), canonical, "{text}");
        assert_eq!(Query::parse(&canonical), Ok(query), "{text}");
    }
    let other = Query::parse(&id.replace("post_", "similar:post_")).expect("a query");
    let both = Query::parse("battery").expect("a word").and(&other);
    assert_eq!(both.similar(), post.as_ref());
    assert_ne!(both, Query::parse("battery").expect("a word"));
    assert!(check_matchable(&both).is_err());
    assert_eq!(check_matchable(&Query::everything()), Ok(()));
}

#[test]
fn a_query_of_monitors_is_the_one_that_people_would_write() {
    let ids = ["Volta-EU", "b.c_d", "x"].map(|id| MonitorId::parse(id).expect("a name"));
    let written = "monitor:Volta-EU OR monitor:b.c_d OR monitor:x";
    let made = Query::of_monitors(&ids).expect("some");
    assert_eq!(Query::parse(written), Ok(made.clone()));
    assert_eq!(made.to_string(), written);
    let not = Query::parse(&format!("NOT ({written})")).expect("a query");
    assert_eq!(made.negated(), not);
    assert_eq!(
        Query::parse("monitor:x").ok(),
        Query::of_monitors(&ids[2..])
    );
    assert_eq!(Query::of_monitors(&[]), None);
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
