//! Words near each other, wildcards, exact case, addresses and days.

use super::*;

fn check(record: &PostRecord, cases: &[(&str, bool)]) {
    for (query, expected) in cases {
        let truth = if *expected { Truth::True } else { Truth::False };
        assert_eq!(matching(query, record), truth, "{query}");
    }
}

#[test]
fn canonical_forms() {
    let cases = [
        (
            "(slow OR late) NEAR/5 (delivery OR \"customer service\")",
            "(slow OR late) NEAR/5 (delivery OR \"customer service\")",
        ),
        ("a NEAR/5f b", "a NEAR/5f b"),
        ("a NEAR/2 b NEAR/3 c", "(a NEAR/2 b) NEAR/3 c"),
        ("x a NEAR/5 b", "x AND (a NEAR/5 b)"),
        ("NOT (a NEAR/5 b)", "NOT (a NEAR/5 b)"),
        (
            "title:(a NEAR/5 (b OR cde*))",
            "title:(a NEAR/5 (b OR cde*))",
        ),
        ("\"battery dead\"~5", "\"battery dead\"~5"),
        ("Wom?n bat*Y", "Wom?n AND bat*Y"),
        ("really? {BT} {Galaxy S}", "really AND {BT} AND {Galaxy S}"),
        ("date:today", "date:today..today"),
        ("site:www.Acme.com", "site:acme.com"),
        ("url:https://acme.com/blog", "url:\"acme.com/blog\""),
        (
            "link:acme.com link:acme.com/x",
            "link:acme.com AND link:\"acme.com/x\"",
        ),
        ("a sort:engagement b", "(a AND b) sort:engagement"),
        ("sort:relevance", "* sort:relevance"),
        ("sort:new AND a", "a sort:new"),
    ];
    for (text, expected) in cases {
        assert_eq!(canonical(text), expected, "{text}");
    }
}

#[test]
fn near_counts_the_words_between_plus_one() {
    // 0 the, 1 battery, 2 of, 3 this, 4 phone, 5 is, 6 dead, 7 again, 8 customer, 9 service, 10 battery
    let record = post(
        "",
        "The battery of this phone is dead again. Customer service! Battery",
    );
    check(
        &record,
        &[
            ("battery NEAR/5 dead", true),
            ("battery NEAR/4 dead", true),
            ("battery NEAR/3 dead", false),
            ("dead NEAR/5 phone", true),
            ("dead NEAR/5f phone", false),
            ("phone NEAR/2f dead", true),
            ("battery NEAR/9 battery", true),
            ("battery NEAR/8 battery", false),
            ("phone NEAR/9 phone", false),
            ("(swollen OR dead) NEAR/2 \"customer service\"", true),
            ("(swollen OR dead) NEAR/1 \"customer service\"", false),
            ("\"customer service\" NEAR/1f battery", true),
            ("(phone NEAR/2 dead) NEAR/1 again", true),
            ("(battery NEAR/5f dead) NEAR/2f customer", true),
            ("(battery NEAR/3f dead) NEAR/2f customer", false),
            ("batt* NEAR/4 d?ad", true),
            ("{Customer} NEAR/2 {Battery}", true),
            ("{customer} NEAR/2 battery", false),
            ("title:(battery NEAR/5 dead)", false),
            ("text:(battery NEAR/5 dead)", true),
            ("\"dead phone battery\"~5", true),
            ("\"dead phone battery\"~4", false),
            ("\"dead phone the\"~5", false),
            ("\"battery battery\"~9", true),
            ("\"battery battery\"~8", false),
        ],
    );
    let split = post("battery", "dead");
    assert_eq!(matching("battery NEAR/5 dead", &split), Truth::False);
    let tag = post("", "#battery dead");
    check(
        &tag,
        &[
            ("#battery NEAR/1 dead", true),
            ("battery NEAR/1f dead", true),
            ("#battery NEAR/5 battery", false),
        ],
    );
}

#[test]
fn wildcards_and_exact_case() {
    let record = post(
        "Galaxy S",
        "My BT headset charges; café CAFÉ women woman 東京",
    );
    check(
        &record,
        &[
            ("wom?n", true),
            ("wo?n", false),
            ("char*s", true),
            ("char*x", false),
            ("cha*g*", true),
            ("{BT}", true),
            ("{bt}", false),
            ("bt", true),
            ("{café}", true),
            ("{CAFÉ}", true),
            ("{cafe}", false),
            ("{Café}", false),
            ("{Galaxy S}", true),
            ("{galaxy S}", false),
            ("text:{Galaxy}", false),
            ("{東京}", true),
            ("really? OR women?", true),
        ],
    );
}

#[test]
fn addresses_people_and_groups() {
    let mut record = post("", "x");
    record.post.url = Some("https://www.shop.Acme.com/Blog/1?a=b".into());
    record.post.links = vec!["http://other.example/page".into()];
    record.customer = None;
    record.duplicate_of = None;
    record.post.author = Some(crate::domain::Author {
        display_name: Some("Ann Berg".into()),
        bio: Some("Coffee, and more coffee".into()),
        ..crate::domain::Author::default()
    });
    check(
        &record,
        &[
            ("site:acme.com", true),
            ("site:shop.acme.com", true),
            ("site:me.com", false),
            ("url:shop.acme.com/Blog", true),
            ("url:https://www.shop.acme.com/Blog/1", true),
            ("url:acme.com", false),
            ("link:other.example", true),
            ("link:example", true),
            ("link:other.example/p", true),
            ("link:acme.com", false),
            ("author_name:berg", true),
            ("author_name:\"ann berg\"", true),
            ("bio:(coffee NEAR/2 more)", true),
            ("coffee", false),
            ("segment:gold", false),
            ("duplicate:no", true),
            ("duplicate:yes", false),
            (&format!("duplicate:{}", record.post.id), true),
        ],
    );
}

#[test]
fn days_count_to_their_end() {
    let mut record = post("", "x");
    record.post.published_at = Some("2026-11-21T23:59:59Z".parse().expect("time"));
    record.post.fetched_at = NOW.parse().expect("time");
    check(
        &record,
        &[
            ("date:2026-11-21", true),
            ("date:2026-11-20..2026-11-21", true),
            ("date:2026-11-22", false),
            ("date:yesterday", true),
            ("date:7d..today", true),
            ("date:2026-11-22..2026-11-20", false),
        ],
    );
}

#[test]
fn the_words_near_each_other_are_highlighted() {
    let text = "battery, dead weight, and far far away another battery";
    let query = Query::parse("battery NEAR/3 (weight OR \"dead weight\")").expect("query");
    let marked: Vec<&str> = highlight(&query, text)
        .into_iter()
        .map(|range| &text[range])
        .collect();
    assert_eq!(marked, ["battery", "dead weight"]);
}

#[test]
fn a_word_over_and_over_costs_no_eternity() {
    let record = post("", &"a b ".repeat(30_000));
    let query = "((a NEAR/100 b) NEAR/100 (a NEAR/100 b)) NEAR/100 (a NEAR/100 b)";
    assert_eq!(matching(query, &record), Truth::True);
    assert_eq!(matching("\"a b a b a b\"~100", &record), Truth::True);
}
