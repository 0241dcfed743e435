//! Posts per second of the scoring pipeline against the bare runtime.
//!
//! `cargo bench --bench scoring [-- POSTS]`. The pipeline is what the daemon runs: handle, queue,
//! preparation, tokenizer, buckets, model, calibration. The bare runtime gets the same texts already
//! tokenised and bucketed, on the same number of single threads. Runs are interleaved, because
//! machines drift; medians are compared. It asserts nothing: the goal (ratio >= 0.9) stands in
//! `models/README.md`. Texts are made by seeded code; their lengths follow posts (about 25 tokens on
//! average, with a long tail).

use std::sync::Arc;
use std::time::Instant;

use overheard::analysis::{self, Scorer, Text};
use overheard::config::{AnalysisConfig, AnalysisEngine};
use rten::ThreadPool;

const RUNS: usize = 5;
const BATCH_TEXTS: usize = 32;
const WORDS: &[&str] = &[
    "my",
    "battery",
    "scooter",
    "the",
    "died",
    "after",
    "two",
    "days",
    "love",
    "it",
    "never",
    "again",
    "@shop",
    "support",
    "is",
    "great",
    "😡",
    "#BatteryFail",
    "app",
    "crashes",
    "when",
    "I",
    "login",
    "delivery",
    "late",
    "https://shop.example/x",
    "and",
    "nobody",
    "answers",
    "why",
    "do",
    "you",
    "charge",
    "twice",
    "please",
    "add",
    "dark",
    "mode",
    "❤️",
    "unlocking",
    "subscription",
];

fn main() {
    let posts = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(2048);
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(2);
    let texts = texts(posts);

    let config = AnalysisConfig {
        engine: AnalysisEngine::Embedded,
        threads: workers,
        cache_texts: 0,
    };
    let begin = Instant::now();
    let handle = analysis::build(&config, &[], None).expect("model loads");
    println!("load           {:>8.3} s", begin.elapsed().as_secs_f64());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("runtime starts");
    runtime
        .block_on(handle.analyze(texts.clone()))
        .expect("pipeline runs");
    if let Some(rss) = resident_mib() {
        println!("resident       {rss:>8} MiB, pipeline alone");
    }
    let scorer = Arc::new(Scorer::embedded(0).expect("model loads"));
    let buckets = buckets(&scorer, &texts);
    let tokens: usize = buckets.iter().flatten().map(Vec::len).sum();

    let mut pipeline = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..RUNS {
        let begin = Instant::now();
        let outcomes = runtime
            .block_on(handle.analyze(texts.clone()))
            .expect("pipeline runs");
        assert_eq!(outcomes.len(), posts);
        pipeline.push(rate(posts, begin));

        let begin = Instant::now();
        run_bare(&scorer, &buckets, workers);
        bare.push(rate(posts, begin));
    }
    let (pipeline, bare) = (median(pipeline), median(bare));
    println!(
        "posts          {posts:>8}   {:.1} tokens each, {workers} workers",
        per(tokens, posts)
    );
    println!("pipeline       {pipeline:>8.0} posts/s");
    println!("bare runtime   {bare:>8.0} posts/s");
    println!("ratio          {:>8.3}", pipeline / bare);
}

fn texts(posts: usize) -> Vec<Text> {
    // Numerical Recipes' linear congruential generator: the same texts everywhere.
    let mut state: u32 = 42;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % below
    };
    (0..posts)
        .map(|_| {
            let words = match next(10) {
                0..=5 => 3 + next(15),
                6..=8 => 12 + next(25),
                _ => 40 + next(80),
            };
            let text: Vec<&str> = (0..words).map(|_| WORDS[next(WORDS.len())]).collect();
            Text {
                text: text.join(" "),
                language: "en".to_owned(),
            }
        })
        .collect()
}

fn buckets(scorer: &Scorer, texts: &[Text]) -> Vec<Vec<Vec<u32>>> {
    let mut ids: Vec<Vec<u32>> = texts
        .iter()
        .map(|text| {
            scorer
                .tokenize(&scorer.prepare(&text.text))
                .expect("tokens")
        })
        .collect();
    ids.sort_by_key(Vec::len);
    ids.chunks(BATCH_TEXTS).map(<[Vec<u32>]>::to_vec).collect()
}

fn run_bare(scorer: &Scorer, buckets: &[Vec<Vec<u32>>], workers: usize) {
    std::thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || {
                let pool = Arc::new(ThreadPool::with_num_threads(1));
                for bucket in buckets.iter().skip(worker).step_by(workers) {
                    let batch: Vec<&[u32]> = bucket.iter().map(Vec::as_slice).collect();
                    scorer.run(&batch, &pool).expect("runtime runs");
                }
            });
        }
    });
}

#[allow(clippy::cast_precision_loss)]
fn per(total: usize, count: usize) -> f64 {
    total as f64 / count as f64
}

#[allow(clippy::cast_precision_loss)]
fn rate(posts: usize, begin: Instant) -> f64 {
    posts as f64 / begin.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn resident_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
