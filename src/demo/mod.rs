//! `overheard demo`: a town of fake networks, the real daemon with an ordinary configuration file, and a
//! fake CRM, in one process.
//!
//! The daemon is the same `App` that `overheard run` starts; nothing in it knows that it is a demo.

pub mod crm;
mod scene;
mod summary;
pub mod town;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use summary::DemoSummary;

use crate::app::{self, App, AppOptions, Running};
use crate::config::Config;
use crate::digest::{self, DigestPlan};
use crate::insight::search::Request;
use crate::query::Query;
use crate::runtime::Clock;
use crate::runtime::telemetry::{self, Metrics};
use crm::Notice;
use scene::Scene;
use town::Town;

/// What the demo shows first, and what it waits for before it says that it works.
const FIRST_QUERY: &str = "battery AND sentiment:negative";
/// How often it looks whether there is a hit, and tells what the CRM got.
const LOOK: Duration = Duration::from_millis(250);
/// How often what the CRM got is told, so that the terminal stays readable.
const TELL: Duration = Duration::from_secs(3);

/// What was asked for on the command line.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Where the state lives; a fresh directory for temporary files when absent.
    pub data: Option<PathBuf>,
    /// Stop after this time.
    pub duration: Option<Duration>,
    /// One line of JSON instead of words.
    pub json: bool,
    /// What the invented people say.
    pub seed: u64,
}

/// Runs the demo until its time is over or Ctrl-C, and returns the exit status: 1 when any stage saw nothing.
///
/// # Errors
/// When a part can't start.
pub async fn run(options: DemoOptions) -> anyhow::Result<i32> {
    let began = Instant::now();
    let clock = Clock::system();
    let dir = state_dir(options.data.as_deref());
    app::create_data_dir(&dir)?;
    let stop = CancellationToken::new();
    let scene = Scene::open(&dir, options.seed, clock.now())?;
    let town = scene.start_town(clock.now(), stop.clone()).await?;
    let (crm, notices) = scene.start_crm(clock.clone(), stop.clone()).await?;
    let scene = scene.keep(&town, &crm)?;
    let config_path = scene.write_config(&town, &crm)?;

    let config = load(&config_path)?;
    telemetry::init_logs(&config.log, |name| std::env::var_os(name))?;
    let metrics = Metrics::install(clock.clone())?;
    let listener = listen(&config).await?;
    let app_options = AppOptions {
        config_path: Some(config_path.clone()),
        listener: Some(listener),
    };
    let app = App::build(config, app_options, clock.clone()).await?;
    scene::import_customers(&app, clock.now()).await?;
    let running = app.start(metrics).await?;
    let say = |text: String| {
        if !options.json {
            println!("{text}")
        }
    };
    say(welcome(&running, &dir));

    let mut show = Show {
        running: &running,
        town: &town,
        notices,
        first_hit: None,
        began,
        digest: None,
        quiet: options.json,
    };
    show.run(options.duration, &clock).await?;

    let stopping = Instant::now();
    let counts = running.app().store().counts().await?;
    let indexed = running.app().searcher().index.documents();
    running.stop().await;
    stop.cancel();
    let summary = DemoSummary::new(
        &town,
        &crm,
        &counts,
        indexed,
        show.digests(),
        show.first_hit,
    );
    if options.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        println!(
            "\nStopped in {:.1} s. The state is in {}.",
            stopping.elapsed().as_secs_f64(),
            dir.display()
        );
        println!("{summary}");
    }
    Ok(i32::from(!summary.complete()))
}

fn state_dir(data: Option<&Path>) -> PathBuf {
    match data {
        Some(dir) => dir.to_owned(),
        None => std::env::temp_dir().join(format!("overheard-demo-{}", std::process::id())),
    }
}

fn load(path: &Path) -> anyhow::Result<Config> {
    Ok(Config::load(Some(path), std::iter::empty())?)
}

/// The configured port, or any when somebody has it.
async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(config.web.listen).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("could not listen on any port of 127.0.0.1"),
    }
}

fn welcome(running: &Running, dir: &Path) -> String {
    let program =
        std::env::current_exe().map_or("overheard".to_owned(), |path| path.display().to_string());
    let (program, data) = (quoted(&program), quoted(&dir.display().to_string()));
    format!(
        "Overheard is listening to a town of fake networks in which people talk about Voltra scooters.

  The page, already logged in (the link works once):
    {}

  In a second terminal:
    {program} search '{FIRST_QUERY}' --data {data}
    {program} search 'is:linked' --data {data}
    {program} customers show C-1001 --data {data}
    {program} sources list --data {data}
    {program} digest --date today --stdout --config {data}/overheard.toml

  State, configuration and digests live in {}
  Ctrl-C stops it.
",
        running.login_link(),
        dir.display(),
    )
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// What happens between start and stop.
struct Show<'a> {
    running: &'a Running,
    town: &'a Town,
    notices: mpsc::Receiver<Notice>,
    first_hit: Option<Duration>,
    began: Instant,
    digest: Option<digest::Written>,
    quiet: bool,
}

impl Show<'_> {
    async fn run(&mut self, duration: Option<Duration>, clock: &Clock) -> anyhow::Result<()> {
        let mut interrupt =
            signal(SignalKind::interrupt()).context("could not watch for Ctrl-C")?;
        let mut terminate =
            signal(SignalKind::terminate()).context("could not watch for SIGTERM")?;
        let query =
            Query::parse(FIRST_QUERY).map_err(|error| anyhow::anyhow!("{}", error.render()))?;
        let mut last_told = Instant::now();
        loop {
            let left = duration.map_or(LOOK, |duration| {
                duration.saturating_sub(self.began.elapsed())
            });
            if left.is_zero() {
                return Ok(());
            }
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                () = clock.sleep(left.min(LOOK)) => {}
            }
            self.town.advance(clock.now());
            if self.first_hit.is_none() {
                self.look(&query, clock).await?;
            }
            if last_told.elapsed() >= TELL {
                last_told = Instant::now();
                self.tell();
            }
        }
    }

    /// Looks whether the first query has hits; then there is something to digest as well.
    async fn look(&mut self, query: &Query, clock: &Clock) -> anyhow::Result<()> {
        let app = self.running.app();
        let request = Request::first(1, clock.now(), app.zone().clone());
        let total = app.searcher().search(query, &request).await?.total;
        if total == 0 {
            return Ok(());
        }
        let elapsed = self.began.elapsed();
        self.first_hit = Some(elapsed);
        self.digest = self.write_digest(clock).await?;
        if !self.quiet {
            println!(
                "  {:.1} s after the start, {FIRST_QUERY} finds {total} posts.",
                elapsed.as_secs_f64()
            );
            if let Some(written) = &self.digest {
                for file in &written.files {
                    println!("  Digest of today so far: {}", file.display());
                }
            }
        }
        Ok(())
    }

    /// The same as `overheard digest --date today`.
    async fn write_digest(&self, clock: &Clock) -> anyhow::Result<Option<digest::Written>> {
        let app = self.running.app();
        let Some(config) = app.config().digests.first() else {
            return Ok(None);
        };
        let plan = DigestPlan::new(config, &app.config().time_zone, &app.config().data_dir)?;
        let now = clock.now();
        let today = now.to_zoned(plan.zone.clone()).date();
        let digest = digest::collect(&plan, today, &app.monitors(), app.store(), now).await?;
        Ok(Some(digest::write(&plan, digest)?))
    }

    fn digests(&self) -> u64 {
        u64::from(self.digest.is_some())
    }

    /// Tells what the CRM got since the last time, in one line.
    fn tell(&mut self) {
        let mut verified: Vec<(String, u64)> = Vec::new();
        let mut refused = Vec::new();
        while let Ok(notice) = self.notices.try_recv() {
            if notice.problem.is_some() {
                refused.push(notice.to_string());
                continue;
            }
            match verified.iter_mut().find(|(kind, _)| *kind == notice.kind) {
                Some((_, count)) => *count += 1,
                None => verified.push((notice.kind, 1)),
            }
        }
        if self.quiet {
            return;
        }
        for refusal in refused {
            println!("  {refusal}");
        }
        if !verified.is_empty() {
            let list: Vec<String> = verified
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            println!("  fake CRM: verified {}", list.join(", "));
        }
    }
}
