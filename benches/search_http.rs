//! `GET /api/v1/search` over HTTP on loopback against bare tantivy on the same index.
//!
//! `cargo bench --bench search_http [-- POSTS]`. Overheard's side is all that a client waits for: keep-alive
//! connection, token, query language, index, 25 records from the store, marked snippets, JSON. Bare tantivy
//! is what the index alone costs: the same query built by hand, `Count` and the newest 25 in one search, their
//! ids loaded; where facets are wanted, also a terms aggregation over the same nine columns; for NEAR, which it does not have, the
//! phrase of the same two words. Between the two stands the library: index, records and snippets without HTTP. One request at
//! a time; a question is asked of one side after the other, by turns of who comes first, so that all see the same machine. Words are
//! drawn as posts use them. It asserts that all find equally much, not speeds.

#[path = "support/site.rs"]
mod site;
mod support;

use std::ops::Bound;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use overheard::domain::correction::Correction;
use overheard::domain::{Body, Cursor, MonitorId, PostKey, RawPost, SentimentLabel, SourceId};
use overheard::index::{FACETS, facet_column};
use overheard::ingest::{Indexer, follow, normalize};
use overheard::insight::{Request, Searcher};
use overheard::query::LabelField;
use overheard::query::time::time_key;
use overheard::runtime::Clock;
use overheard::store::{BatchCommit, PostCommit, Store};
use site::{INDEX, Served, fill, index, scored, serve, status};
use support::{NOW, Speaker, as_f64};
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::{AggContextParams, AggregationCollector};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, Occur, PhraseQuery, Query, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{Order, Searcher as BareSearcher, TantivyDocument, Term};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const POSTS: usize = 100_000;
/// Questions of each kind.
const QUESTIONS: usize = 400;
/// As the API's default.
const LIMIT: usize = 25;
fn main() {
    let posts = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(POSTS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("runtime starts");
    runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let now: Timestamp = NOW.parse().expect("a time");
        let begin = Instant::now();
        let store = Store::open(dir.path(), now).expect("store opens");
        let mut speaker = Speaker::new(42);
        let pairs = fill(&store, &mut speaker, posts, now).await;
        let (searcher, indexer) = index(dir.path(), &store).await;
        println!(
            "posts          {posts:>8}   stored and indexed in {:.1} s",
            begin.elapsed().as_secs_f64()
        );
        let mut client = Client::start(&store, searcher.clone(), now).await;
        let bare = Bare::open(&dir.path().join("index"));
        println!(
            "               {QUESTIONS} questions a kind, {LIMIT} hits an answer, times in ms"
        );
        println!(
            "{:<18}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "kind",
            "matches",
            "API p50",
            "p99",
            "lib p50",
            "p99",
            "bare p50",
            "p99",
            "ratio",
            "p99 diff"
        );
        for kind in Kind::ALL {
            let sides = (&mut client, &searcher, &bare);
            compare(kind, sides, &mut speaker, &pairs, posts).await;
        }
        visible(&store, indexer, &mut client).await;
    });
}

// Questions -------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Kind {
    Word,
    Both,
    Phrase,
    Filter,
    Since,
    Facets,
    Near,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Word,
        Self::Both,
        Self::Phrase,
        Self::Filter,
        Self::Since,
        Self::Facets,
        Self::Near,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Both => "a AND b",
            Self::Phrase => "phrase",
            Self::Filter => "filter + word",
            Self::Since => "since: + word",
            Self::Facets => "word, facets",
            Self::Near => "NEAR/5, a phrase",
        }
    }
}

/// A question in both languages.
struct Question {
    text: String,
    bare: Box<dyn Query>,
}

fn question(
    kind: Kind,
    bare: &Bare,
    speaker: &mut Speaker,
    pairs: &[[String; 2]],
    posts: usize,
) -> Question {
    let word = speaker.word().to_owned();
    let all = |clauses: Vec<Box<dyn Query>>| -> Box<dyn Query> {
        Box::new(BooleanQuery::new(
            clauses
                .into_iter()
                .map(|clause| (Occur::Must, clause))
                .collect(),
        ))
    };
    match kind {
        Kind::Word | Kind::Facets => Question {
            bare: bare.word(&word),
            text: format!("\"{word}\""),
        },
        Kind::Both => {
            let other = speaker.word().to_owned();
            Question {
                bare: all(vec![bare.word(&word), bare.word(&other)]),
                text: format!("\"{word}\" AND \"{other}\""),
            }
        }
        Kind::Phrase => {
            let [first, second] = &pairs[speaker.below(pairs.len())];
            Question {
                bare: bare.phrase(first, second),
                text: format!("\"{first} {second}\""),
            }
        }
        Kind::Near => {
            let [first, second] = &pairs[speaker.below(pairs.len())];
            Question {
                bare: bare.phrase(first, second),
                text: format!("\"{first}\" NEAR/5 \"{second}\""),
            }
        }
        Kind::Filter => {
            let label = SentimentLabel::ALL[speaker.below(3)].as_str();
            let term = Term::from_field_text(bare.sentiment, label);
            let filter = ConstScoreQuery::new(
                Box::new(TermQuery::new(term, IndexRecordOption::Basic)),
                0.0,
            );
            Question {
                bare: all(vec![Box::new(filter), bare.word(&word)]),
                text: format!("sentiment:{label} AND \"{word}\""),
            }
        }
        Kind::Since => {
            // Up to the age of the oldest post, which is a minute a post.
            let hours = 1 + speaker.below(posts / 60 + 1);
            let from = time_key(
                bare.now - SignedDuration::from_hours(i64::try_from(hours).expect("hours")),
            );
            let from = Bound::Included(Term::from_field_i64(bare.ordered_at, from));
            let range =
                ConstScoreQuery::new(Box::new(RangeQuery::new(from, Bound::Unbounded)), 0.0);
            Question {
                bare: all(vec![Box::new(range), bare.word(&word)]),
                text: format!("since:{hours}h AND \"{word}\""),
            }
        }
    }
}

async fn compare(
    kind: Kind,
    (client, searcher, bare): (&mut Client, &Searcher, &Bare),
    speaker: &mut Speaker,
    pairs: &[[String; 2]],
    posts: usize,
) {
    let (mut api, mut library, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    let facets = matches!(kind, Kind::Facets);
    let mut matches = 0;
    for number in 0..QUESTIONS {
        let question = question(kind, bare, speaker, pairs, posts);
        let (mut total, mut count, mut ids) = ([0, 0], 0, Vec::new());
        // Who comes first finds the caches cold.
        for turn in number..number + 3 {
            let begin = Instant::now();
            match turn % 3 {
                0 => {
                    total[0] = client.search(&question.text, facets).await;
                    api.push(begin.elapsed());
                }
                1 => {
                    let query = overheard::query::Query::parse(&question.text).expect("a query");
                    let request = Request {
                        facets,
                        ..Request::first(LIMIT, bare.now, TimeZone::UTC)
                    };
                    let answer = searcher.search(&query, &request).await.expect("searched");
                    library.push(begin.elapsed());
                    total[1] = usize::try_from(answer.total).expect("few");
                }
                _ => {
                    (count, ids) = bare.search(&*question.bare, facets);
                    alone.push(begin.elapsed());
                }
            }
        }
        let [total, other] = total;
        assert_eq!(total, other);
        if matches!(kind, Kind::Near) {
            assert!(total >= count, "{}", question.text);
        } else {
            assert_eq!(total, count, "{}", question.text);
        }
        assert_eq!(ids.len(), count.min(LIMIT));
        matches += total;
    }
    let [api_50, api_99] = percentiles(api);
    let [library_50, library_99] = percentiles(library);
    let [bare_50, bare_99] = percentiles(alone);
    println!(
        "{:<18}{:>9.0}{api_50:>9.2}{api_99:>9.2}{library_50:>9.2}{library_99:>9.2}{bare_50:>9.2}{bare_99:>9.2}{:>9.1}{:>9.2}",
        kind.name(),
        as_f64(matches) / as_f64(QUESTIONS),
        api_50 / bare_50,
        api_99 - bare_99,
    );
}

/// The middle and the 99th of a hundred, in milliseconds.
fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort();
    [times.len() / 2, times.len() * 99 / 100].map(|place| times[place].as_secs_f64() * 1e3)
}

// How soon a change is seen ---------------------------------------------------------------------

/// From the commit in the store until a search shows it, with the indexer that the daemon runs.
async fn visible(store: &Store, indexer: Indexer, client: &mut Client) {
    let (indexer, clock, stop) = (
        Mutex::new(indexer),
        Clock::system(),
        CancellationToken::new(),
    );
    let mut following = JoinSet::new();
    following.spawn({
        let (clock, tip, stop) = (clock.clone(), store.tip(), stop.clone());
        let interval = Duration::from_millis(INDEX.commit_interval_ms);
        async move { follow(&indexer, tip, &clock, interval, &stop).await }
    });
    let source = SourceId::parse("town").expect("an id");
    let now = clock.now();
    let mut times: [Vec<Duration>; 3] = Default::default();
    for number in 0..20 {
        let word = format!("zzvisible{number}");
        let key = PostKey {
            network: "mastodon".to_owned(),
            scope: String::new(),
            native_id: word.clone(),
        };
        let raw = RawPost::new(key, Body::Plain(word.clone()));
        let post = normalize(raw, &source, now).expect("a post");
        let id = post.id.clone();
        let commit = |posts, deleted| BatchCommit {
            source: source.clone(),
            cursor: Cursor::default(),
            status: status(&source, now),
            posts,
            rejects: Vec::new(),
            deleted,
            forgotten: Vec::new(),
            events: Vec::new(),
            now,
        };
        let new = PostCommit {
            post,
            analysis: Some(scored(SentimentLabel::Negative)),
            monitors: vec![MonitorId::parse("all").expect("an id")],
            duplicate_of: None,
            links: Vec::new(),
            events: Vec::new(),
        };
        store
            .commit_batch(commit(vec![new], vec![]))
            .await
            .expect("store works");
        times[0].push(seen(client, &word, 1).await);
        let correction = Correction {
            sentiment: Some(SentimentLabel::Positive),
            ..Correction::default()
        };
        store
            .correct(std::slice::from_ref(&id), correction, now)
            .await
            .expect("store works");
        times[1].push(seen(client, &format!("{word} sentiment:positive"), 1).await);
        store
            .commit_batch(commit(vec![], vec![id]))
            .await
            .expect("store works");
        times[2].push(seen(client, &word, 0).await);
    }
    stop.cancel();
    following.abort_all();
    for (what, times) in ["insert", "correction", "deletion"].into_iter().zip(times) {
        let most = times.iter().max().copied().unwrap_or_default();
        let [middle, _] = percentiles(times);
        println!(
            "visible after  {what:<11}{middle:>9.0} ms, {:.0} at most",
            most.as_secs_f64() * 1e3
        );
    }
}

/// How long it takes until the query finds so many.
async fn seen(client: &mut Client, query: &str, wanted: usize) -> Duration {
    let begin = Instant::now();
    while client.search(query, false).await != wanted {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{query} is never seen"
        );
        Clock::system().sleep(Duration::from_millis(5)).await;
    }
    begin.elapsed()
}

// Bare tantivy ----------------------------------------------------------------------------------

struct Bare {
    searcher: BareSearcher,
    id: Field,
    title: Field,
    text: Field,
    sentiment: Field,
    ordered_at: Field,
    now: Timestamp,
}

impl Bare {
    fn open(dir: &Path) -> Self {
        let index = tantivy::Index::open_in_dir(dir).expect("the index");
        let field = |name| index.schema().get_field(name).expect("a field");
        Self {
            searcher: index.reader().expect("a reader").searcher(),
            id: field("id"),
            title: field("title"),
            text: field("text"),
            sentiment: field("sentiment"),
            ordered_at: field("ordered_at"),
            now: NOW.parse().expect("a time"),
        }
    }

    fn word(&self, word: &str) -> Box<dyn Query> {
        self.anywhere(|field| {
            let term = Term::from_field_text(field, word);
            Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
        })
    }

    fn phrase(&self, first: &str, second: &str) -> Box<dyn Query> {
        self.anywhere(|field| {
            let terms = [first, second].map(|word| Term::from_field_text(field, word));
            Box::new(PhraseQuery::new(terms.to_vec()))
        })
    }

    fn anywhere(&self, query: impl Fn(Field) -> Box<dyn Query>) -> Box<dyn Query> {
        let clauses = [self.title, self.text].map(|field| (Occur::Should, query(field)));
        Box::new(BooleanQuery::new(clauses.into()))
    }

    fn search(&self, query: &dyn Query, facets: bool) -> (usize, Vec<String>) {
        let newest =
            TopDocs::with_limit(LIMIT).order_by_fast_field::<i64>("ordered_at", Order::Desc);
        let (count, found) = if facets {
            let wanted: Aggregations = serde_json::from_value(terms()).expect("aggregations");
            let terms = AggregationCollector::from_aggs(wanted, AggContextParams::default());
            let found = self.searcher.search(query, &(Count, newest, terms));
            let (count, found, terms) = found.expect("searched");
            assert_eq!(terms.0.len(), FACETS.len());
            (count, found)
        } else {
            let found = self.searcher.search(query, &(Count, newest));
            found.expect("searched")
        };
        let ids = found
            .into_iter()
            .map(|(_, address)| {
                let document: TantivyDocument = self.searcher.doc(address).expect("a document");
                let id = document.get_first(self.id).and_then(|id| id.as_str());
                id.expect("an id").to_owned()
            })
            .collect();
        (count, ids)
    }
}

/// The counts that `facets=true` asks for, in tantivy's own words.
fn terms() -> serde_json::Value {
    let of = |field: &LabelField| {
        let terms = serde_json::json!({"terms": {"field": facet_column(*field), "size": 20}});
        (field.as_str().to_owned(), terms)
    };
    FACETS.iter().map(of).collect()
}

// The served API --------------------------------------------------------------------------------

/// One keep-alive connection to the real router.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    served: Served,
}

impl Client {
    async fn start(store: &Store, searcher: Searcher, now: Timestamp) -> Self {
        let served = serve(store, searcher, now).await;
        let stream = TcpStream::connect(served.address).await.expect("connected");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            buffer: Vec::new(),
            served,
        }
    }

    /// Searches and returns `total`, once the whole answer is here.
    async fn search(&mut self, query: &str, facets: bool) -> usize {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let request = format!(
            "GET /api/v1/search?q={encoded}&facets={facets} HTTP/1.1\r\n{}",
            self.served.head
        );
        self.stream
            .write_all(request.as_bytes())
            .await
            .expect("sent");
        self.buffer.clear();
        let body = loop {
            let read = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .expect("answered");
            assert_ne!(read, 0, "the server closed");
            if let Some(body) = whole_body(&self.buffer) {
                break body;
            }
        };
        let total = body.split("\"total\":").nth(1).expect("a total");
        let digits = total.find(|c: char| !c.is_ascii_digit()).expect("more");
        total[..digits].parse().expect("a number")
    }
}

/// The body, once all of it is here.
fn whole_body(answer: &[u8]) -> Option<&str> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    let length: usize = length.parse().expect("a number");
    let body = answer.get(end + 4..end + 4 + length)?;
    Some(std::str::from_utf8(body).expect("text"))
}
