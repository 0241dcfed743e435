//! A thousand monitors against each post, and NEAR beside a plain phrase.
//!
//! `cargo bench --bench monitors`. Monitors are made as people make them: a brand with its spellings and
//! handles, often tied by AND or NEAR to a list of 20 to 200 words, with a few exclusions and now and then a
//! label or a wildcard. One thread cuts each post's words and judges it by all monitors, once through the
//! term map (as the daemon does) and once monitor by monitor; both must give the same answers. Then a NEAR
//! query and a phrase query are asked of an index of 100,000 posts by turns. Goal: 20,000 posts/s.

mod support;

use std::hint::black_box;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use overheard::config::{IndexConfig, MonitorConfig};
use overheard::domain::{
    Author, Body, BrandRole, MonitorId, Post, PostKey, PostRecord, RawPost, SourceId,
};
use overheard::index::{Index, IndexChange, IndexReader, SearchOptions};
use overheard::ingest::{Monitors, Verdict, normalize};
use overheard::query::{
    Candidate, Known, MatchContext, PostTokens, Query, Sort, Truth, matches_tokens,
};
use support::{NOW, Speaker, as_f64};

const MONITORS: usize = 1_000;
const POSTS: usize = 20_000;
const INDEXED: usize = 100_000;
const RUNS: usize = 5;

fn main() {
    let now: Timestamp = NOW.parse().expect("a time");
    let mut speaker = Speaker::new(7);
    let queries: Vec<String> = (0..MONITORS).map(|n| monitor(n, &mut speaker)).collect();
    let parsed: Vec<Query> = queries
        .iter()
        .map(|text| Query::parse(text).unwrap_or_else(|error| panic!("{}", error.render())))
        .collect();
    let leaves: usize = parsed.iter().map(words).sum();
    let before = resident_kib();
    let monitors = monitors(&queries);
    let memory = resident_kib().saturating_sub(before);
    let posts: Vec<Post> = (0..POSTS).map(|_| post(&mut speaker, now)).collect();
    println!(
        "{MONITORS} monitors of {} words each on average, {memory} KiB",
        leaves / MONITORS
    );

    let mut rates = Vec::new();
    let mut found = 0;
    for _ in 0..RUNS {
        let begin = Instant::now();
        found = posts
            .iter()
            .map(|post| matching(&monitors, post, now))
            .sum();
        rates.push(as_f64(POSTS) / begin.elapsed().as_secs_f64());
    }
    let all = median(rates);
    println!("through the term map   {all:>10.0} posts/s  {found} matches");

    let few = &posts[..POSTS / 20];
    let context = MatchContext {
        now,
        zone: TimeZone::UTC,
    };
    let begin = Instant::now();
    let one_by_one: usize = few.iter().map(|post| judge(&parsed, post, &context)).sum();
    let rate = as_f64(few.len()) / begin.elapsed().as_secs_f64();
    let same: usize = few.iter().map(|post| matching(&monitors, post, now)).sum();
    assert_eq!(one_by_one, same, "both judge alike");
    println!(
        "monitor by monitor     {rate:>10.0} posts/s  ratio {:.1}",
        all / rate
    );
    near(&mut speaker, now);
}

/// A brand of its own in each, a word list from what people say, exclusions.
fn monitor(number: usize, speaker: &mut Speaker) -> String {
    let brand = format!("brand{number}");
    let names = format!("({brand} OR \"{brand} inc\" OR #{brand} OR @{brand}_support)");
    let length = 20 + speaker.below(180);
    let mut topic: Vec<String> = Vec::with_capacity(length);
    while topic.len() < length {
        let word = speaker.word().to_owned();
        topic.push(match speaker.below(20) {
            0 => format!("\"{word} {}\"", speaker.word()),
            1 if word.len() >= 4 => format!("{}*", &word[..4]),
            _ => word,
        });
    }
    let topic = topic.join(" OR ");
    match number % 10 {
        // A brand whose name is a common word, known by what is said around it.
        0 => format!("({}) NEAR/5 ({topic})", speaker.word()),
        1 | 2 => format!("{names} NEAR/10 ({topic})"),
        3 => format!("{names} AND ({topic}) AND lang:en"),
        4 => format!("({topic}) AND {brand} AND NOT (giveaway OR \"follow me\")"),
        _ => format!("{names} AND ({topic}) AND NOT (casino OR giveaway)"),
    }
}

fn monitors(queries: &[String]) -> Monitors {
    let config = |(number, query): (usize, &String)| MonitorConfig {
        id: MonitorId::parse(format!("monitor-{number}")).expect("an id"),
        query: query.clone(),
        brand: None,
        role: BrandRole::default(),
    };
    let configs: Vec<_> = queries.iter().enumerate().map(config).collect();
    Monitors::parse(&configs, TimeZone::UTC).expect("monitors")
}

/// What is said, and in each third post a brand.
fn post(speaker: &mut Speaker, now: Timestamp) -> Post {
    let said = speaker.say();
    let mut text = said.text;
    if speaker.below(3) == 0 {
        text.push_str(&format!(" brand{}", speaker.below(MONITORS)));
    }
    let key = PostKey {
        network: "bench".into(),
        scope: String::new(),
        native_id: said.native_id,
    };
    let mut raw = RawPost::new(key, Body::Plain(text));
    raw.published_at = Some(said.at);
    raw.title = said.title.map(Body::Plain);
    raw.author = Some(Author {
        handle: said.author,
        ..Author::default()
    });
    let source = SourceId::parse("bench").expect("an id");
    normalize(raw, &source, now).expect("a post")
}

fn matching(monitors: &Monitors, post: &Post, now: Timestamp) -> usize {
    match monitors.verdict(&candidate(post), now) {
        Verdict::Mention(found) => found.len(),
        Verdict::Nothing | Verdict::Open => 0,
    }
}

fn judge(queries: &[Query], post: &Post, context: &MatchContext) -> usize {
    let tokens = PostTokens::new(post);
    let candidate = candidate(post);
    queries
        .iter()
        .filter(|query| matches_tokens(query, &candidate, &tokens, context) == Truth::True)
        .count()
}

fn candidate(post: &Post) -> Candidate<'_> {
    Candidate {
        post,
        analysis: Known::Yes(None),
        customer: Known::Yes(None),
        monitors: Known::NotYet,
        duplicate_of: Known::Yes(None),
    }
}

fn words(query: &Query) -> usize {
    query.to_string().matches(" OR ").count() + query.leaves().len()
}

// NEAR beside a phrase --------------------------------------------------------------------------

fn near(speaker: &mut Speaker, now: Timestamp) {
    let dir = tempfile::tempdir().expect("a directory");
    let config = IndexConfig {
        commit_interval_ms: 500,
        writer_memory_mib: 60,
    };
    let mut opened = Index::open(dir.path(), "bench", 0, &config).expect("index opens");
    for chunk in 0..INDEXED / 2_000 {
        let insert = |_| IndexChange::Insert(Box::new(PostRecord::new(post(speaker, now))));
        let changes: Vec<IndexChange> = (0..2_000).map(insert).collect();
        opened.writer.apply(&changes).expect("index works");
        opened.writer.commit(chunk as u64 + 1).expect("index works");
    }
    opened.reader.reload().expect("index works");
    println!("\nan index of {INDEXED} posts; milliseconds, median of 200");
    for (name, text) in [
        ("phrase", "\"customer service\""),
        ("AND", "customer AND service"),
        ("\"...\"~5", "\"customer service\"~5"),
        ("NEAR/5", "customer NEAR/5 service"),
        (
            "NEAR/5 of groups",
            "(battery OR phone OR charger) NEAR/5 (broken OR slow OR \"not working\")",
        ),
        ("NEAR/5 of common words", "the NEAR/5 to"),
        ("NEAR/5 of a wildcard", "batt* NEAR/5 dead"),
    ] {
        let (time, total) = time(&opened.reader, text, now);
        println!("  {name:<24}{time:>8.3}  {total:>7} posts");
    }
}

fn time(reader: &IndexReader, text: &str, now: Timestamp) -> (f64, u64) {
    let query = Query::parse(text).expect("a query");
    let options = SearchOptions {
        nearest: None,
        limit: 25,
        after: None,
        sort: Sort::Newest,
        facets: false,
        slots: false,
        now,
        zone: TimeZone::UTC,
    };
    let mut times = Vec::new();
    let mut total = 0;
    for _ in 0..200 {
        let begin = Instant::now();
        total = black_box(reader.search(&query, &options).expect("an answer")).total;
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    (median(times), total)
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
