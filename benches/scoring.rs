//! Posts per second of the scoring pipeline against the bare runtime.
//!
//! `cargo bench --bench scoring [-- POSTS]`, or `-- --texts FILE [--python PYTHON --f32 DIR]`. The pipeline is what the
//! daemon runs: handle, queue, preparation, tokenizer, buckets, model, calibration. The bare runtime gets the same
//! texts already tokenised and bucketed, on the same number of single threads. With a Python that has them (see
//! `models/train/compare_speed.py`), onnxruntime and transformers score the same texts in the same run. Runs are
//! interleaved, because machines drift; medians are compared. That all engines find about as many negative texts is asserted, no
//! speed is: the goals stand in `models/README.md`. Without a file texts are made by seeded code; their lengths
//! follow posts (about 25 tokens on average, with a long tail).

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use overheard::analysis::{self, Outcome, Scorer, Text};
use overheard::config::{AnalysisConfig, AnalysisEngine};
use overheard::domain::SentimentLabel;
use rten::ThreadPool;

const RUNS: usize = 5;
const BATCH_TEXTS: usize = 8;
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let count = arguments.iter().find_map(|argument| argument.parse().ok());
    let file = after("--texts").map(PathBuf::from);
    let texts = match &file {
        Some(file) => texts_of(file),
        None => made_texts(count.unwrap_or(2048)),
    };
    let posts = texts.len();
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(2);

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
    let outcomes = runtime
        .block_on(handle.analyze(texts.clone()))
        .expect("pipeline runs");
    let negative = outcomes
        .iter()
        .filter(|outcome| is_negative(outcome))
        .count();
    if let Some(rss) = resident_mib() {
        println!("resident       {rss:>8} MiB, pipeline alone");
    }
    let scorer = Arc::new(Scorer::embedded(0).expect("model loads"));
    explain(&config, &texts);
    let buckets = buckets(&scorer, &texts);
    let tokens: usize = buckets.iter().flatten().map(Vec::len).sum();
    let mut python = after("--python").map(|python| {
        let (file, f32) = (file.as_ref(), after("--f32"));
        let (file, f32) = file
            .zip(f32.as_ref())
            .expect("--python needs --texts and --f32");
        Python::start(&python, file, f32, workers)
    });

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
        if let Some(python) = &mut python {
            python.run(posts, negative);
        }
    }
    let pipeline = median(pipeline);
    println!(
        "posts          {posts:>8}   {:.1} tokens each, {workers} workers",
        per(tokens, posts)
    );
    println!("pipeline       {pipeline:>8.0} posts/s");
    let mut others = vec![("bare runtime, already tokenised".to_owned(), median(bare))];
    others.extend(python.into_iter().flat_map(Python::medians));
    for (name, rate) in others {
        println!(
            "{name:<32} {rate:>8.0} posts/s, ratio {:>6.2}",
            pipeline / rate
        );
    }
}

fn is_negative(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Scored(analysis) => analysis.sentiment.label == SentimentLabel::Negative,
        _ => false,
    }
}

/// What an explanation takes, on texts of all lengths.
fn explain(config: &AnalysisConfig, texts: &[Text]) {
    let mut analyzer = analysis::single(config, &[], None).expect("model loads");
    let mut times: Vec<f64> = texts
        .iter()
        .step_by((texts.len() / 50).max(1))
        .map(|text| {
            let begin = Instant::now();
            let explained = analysis::explain(analyzer.as_mut(), &text.text, &text.language);
            assert!(explained.expect("an engine that works").is_ok());
            begin.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let most = times.last().copied().unwrap_or_default();
    println!(
        "explain        {:>8.0} ms, most {most:.0} ms, of {} texts",
        median(times.clone()),
        times.len()
    );
}

/// Other engines, in a process that scores the same texts when it is told.
struct Python {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    engines: Vec<String>,
    rates: Vec<Vec<f64>>,
}

impl Python {
    fn start(python: &str, texts: &std::path::Path, f32: &str, threads: usize) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/models/train/compare_speed.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(texts)
            .args(["--f32", f32, "--threads", &threads.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let stdin = child.stdin.take().expect("a pipe");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let engines: Vec<String> = serde_json::from_str(&line(&mut stdout)).expect("engines");
        let rates = vec![Vec::new(); engines.len()];
        Self {
            child,
            stdin,
            stdout,
            engines,
            rates,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn run(&mut self, posts: usize, negative: usize) {
        for (engine, rates) in self.engines.iter().zip(&mut self.rates) {
            writeln!(self.stdin, "{engine}").expect("Python listens");
            let told: serde_json::Value =
                serde_json::from_str(&line(&mut self.stdout)).expect("seconds");
            let seconds = told["seconds"].as_f64().expect("seconds");
            let found = told["negative"].as_u64().expect("a count") as f64;
            let difference = (found - negative as f64).abs() / posts as f64;
            assert!(
                difference < 0.02,
                "{engine}: {found} negative, not {negative}"
            );
            rates.push(posts as f64 / seconds);
        }
    }

    fn medians(mut self) -> Vec<(String, f64)> {
        drop(self.stdin);
        self.child.wait().expect("Python ends");
        let rates = self.rates.into_iter().map(median);
        self.engines.into_iter().zip(rates).collect()
    }
}

fn line(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert!(!line.is_empty(), "Python ended");
    line
}

/// The lines of a file.
fn texts_of(file: &std::path::Path) -> Vec<Text> {
    let content = std::fs::read_to_string(file).expect("a file of texts");
    let text = |line: &str| Text {
        text: line.to_owned(),
        language: "en".to_owned(),
    };
    content.lines().map(text).collect()
}

fn made_texts(posts: usize) -> Vec<Text> {
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
