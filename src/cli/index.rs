//! `overheard index rebuild`: the index anew, from the store.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::daemon::{self, Writer};
use super::output::Output;
use crate::app;
use crate::config::Config;
use crate::fetch::local::LocalClient;
use crate::runtime::Clock;

/// Between two looks at how far the daemon is.
const LOOK: Duration = Duration::from_millis(200);

/// Rebuilds the index; through the daemon if one is running, which serves the old one meanwhile.
///
/// # Errors
/// When store or index can't be used.
pub async fn rebuild(config: &Config, output: &Output) -> anyhow::Result<i32> {
    daemon::heard(config)?;
    match daemon::writer(config)? {
        Writer::Daemon(client) => {
            let answer = client
                .post("/api/v1/index/rebuild", "application/json", Vec::new())
                .await?;
            daemon::accepted(&answer)?;
            let posts = watch(&client).await?;
            output.print(&format!(
                "The running daemon built the index anew: {posts} posts."
            ))?;
        }
        Writer::Files(_lock) => {
            let bar = bar()?;
            let posts = app::rebuild_index(config, |done, total| {
                bar.set_length(total);
                bar.set_position(done);
            })
            .await?;
            bar.finish_and_clear();
            output.print(&format!("Built the index anew: {posts} posts."))?;
        }
    }
    Ok(0)
}

/// Shows how far the daemon is until it is done; the number of posts.
async fn watch(client: &LocalClient) -> anyhow::Result<u64> {
    let (bar, clock) = (bar()?, Clock::system());
    loop {
        let answer = client.get("/api/v1/index").await?;
        let body = daemon::accepted(&answer)?;
        let number = |name: &str| body["rebuild"][name].as_u64().unwrap_or_default();
        let posts = number("posts");
        bar.set_length(number("total"));
        bar.set_position(posts);
        if body["rebuild"]["is_running"] != Value::Bool(true) {
            bar.finish_and_clear();
            let error = body["rebuild"]["error"].as_str();
            return error.map_or(Ok(posts), |error| Err(anyhow::anyhow!("{error}")));
        }
        clock.sleep(LOOK).await;
    }
}

fn bar() -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} posts  {per_sec}  {eta} left")?;
    Ok(ProgressBar::new(0).with_style(style))
}
