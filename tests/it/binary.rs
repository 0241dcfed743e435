//! The binary as it is shipped: what it links, how soon it is ready, how much memory it takes.

use std::fmt::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::daemon::{Home, PATIENCE, pause, until};

/// From the start to the first 200 of `/readyz`, with the model.
const READY: Duration = Duration::from_secs(3);
/// With the model, after scoring.
const MODEL_KIB: u64 = 250 * 1024;
/// Without a model.
const PLAIN_KIB: u64 = 64 * 1024;
/// Posts that are scored before memory is looked at.
const POSTS: usize = 200;

/// An unoptimised binary says nothing of speed and memory.
fn skipped() -> bool {
    if cfg!(debug_assertions) {
        println!("skipped: only a release build is measured");
    }
    cfg!(debug_assertions)
}

#[test]
fn it_links_the_c_runtime_alone() {
    let listed = Command::new("ldd")
        .arg(env!("CARGO_BIN_EXE_overheard"))
        .output()
        .expect("ldd runs");
    let listed = String::from_utf8(listed.stdout).expect("UTF-8");
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(|path| path.rsplit('/').next().unwrap_or(path))
        .collect();
    assert!(
        names.iter().any(|name| name.starts_with("libc.")),
        "{listed}"
    );
    let known = [
        "libc.",
        "libm.",
        "libgcc_s.",
        "ld-linux",
        "linux-vdso",
        "linux-gate",
    ];
    for name in names {
        assert!(
            known.iter().any(|known| name.starts_with(known)),
            "{name} in:\n{listed}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_model_it_is_ready_soon_and_stays_small() {
    if skipped() {
        return;
    }
    let home = Home::new("");
    home.configure(&settings(&home, "embedded"));
    // The first start reads the binary from disk; the second is what a restart costs.
    let mut cold = home.start();
    cold.ready().await;
    cold.end("TERM").await;
    let began = Instant::now();
    let mut daemon = home.start();
    while daemon.get("/readyz") != Some(200) {
        assert!(began.elapsed() < PATIENCE, "{}", daemon.log());
        pause().await;
    }
    let ready = began.elapsed();
    scored(
        &home,
        "sentiment:positive OR sentiment:negative OR sentiment:neutral",
    )
    .await;
    let memory = daemon.memory("VmRSS");
    println!(
        "ready after {:.2} s; {} MiB with the model after {POSTS} posts, {} MiB at most",
        ready.as_secs_f64(),
        memory / 1024,
        daemon.memory("VmHWM") / 1024
    );
    assert!(ready < READY, "{ready:?}");
    assert!(memory <= MODEL_KIB, "{memory} KiB");
    let (status, _) = daemon.end("TERM").await;
    assert_eq!(status, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_model_it_is_smaller_still() {
    if skipped() {
        return;
    }
    let home = Home::new("");
    home.configure(&settings(&home, "none"));
    let mut daemon = home.start();
    daemon.ready().await;
    scored(&home, "since:1990-01-01").await;
    let memory = daemon.memory("VmRSS");
    println!("{} MiB without the model", memory / 1024);
    assert!(memory <= PLAIN_KIB, "{memory} KiB");
}

/// Waits until all posts are found by this query.
async fn scored(home: &Home, query: &str) {
    let found = async || {
        let counted = home.run(&["search", "--count", query]);
        (counted.stdout.trim() == POSTS.to_string()).then_some(())
    };
    until(PATIENCE, found, || format!("{query} did not find {POSTS}")).await;
}

fn settings(home: &Home, engine: &str) -> String {
    let mut posts = String::new();
    for number in 0..POSTS {
        writeln!(
            posts,
            r#"{{"v":1,"id":"{number}","language":"en","text":"Scooter number {number} of the fleet lost its charge {number} minutes after the start, and nobody at the hotline could tell me why that is."}}"#
        )
        .expect("a string");
    }
    let path = home.file("posts.ndjson", posts);
    format!(
        r#"
[analysis]
engine = "{engine}"
[[monitors]]
id = "scooters"
query = "scooter"
[[sources]]
id = "posts"
type = "file"
interval_secs = 1
path = "{}"
"#,
        path.display()
    )
}
