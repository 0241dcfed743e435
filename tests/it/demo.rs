//! The demo as CI runs it, and as a person stops it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::daemon::{PATIENCE, ended, overheard, pause, signal};

#[test]
fn every_stage_of_the_demo_sees_something() {
    let dir = TempDir::new().expect("a directory");
    let mut command = overheard(&["demo", "--for", "12s", "--json", "--data"]);
    command.arg(dir.path());
    let demo = ended(command, b"");
    demo.speaks(&[]);
    let summary = demo.json();
    assert_eq!(demo.stdout.lines().count(), 1, "{demo:?}");
    for key in [
        "requests",
        "posts",
        "mentions",
        "linked",
        "indexed",
        "webhooks_delivered",
        "webhooks_verified",
        "digests",
        "first_hit_secs",
    ] {
        assert!(summary[key].as_f64() > Some(0.0), "{key} in {summary}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_the_demo_at_once() {
    let dir = TempDir::new().expect("a directory");
    let out = dir.path().join("out");
    let mut demo = overheard(&["demo", "--data"])
        .arg(dir.path().join("state"))
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).expect("a file"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let began = Instant::now();
    let said = || std::fs::read_to_string(&out).expect("the file");
    while !said().contains("Ctrl-C stops it.") {
        assert!(began.elapsed() < PATIENCE, "{}", said());
        assert_eq!(demo.try_wait().expect("a child"), None, "{}", said());
        pause().await;
    }
    assert!(said().contains("/login?token="), "{}", said());
    let pressed = Instant::now();
    signal(demo.id(), "INT");
    let status = loop {
        if let Some(status) = demo.try_wait().expect("a child") {
            break status;
        }
        if pressed.elapsed() > PATIENCE {
            demo.kill().expect("kill");
        }
        pause().await;
    };
    let took = pressed.elapsed();
    println!("stopped after {:.2} s", took.as_secs_f64());
    // 1 says that some stage saw nothing yet; it is no crash.
    assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(said().contains("The state is in"), "{}", said());
}
