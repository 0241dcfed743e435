//! `overheard index rebuild`: the index anew, from the store.

use indicatif::{ProgressBar, ProgressStyle};

use super::daemon::{self, Writer};
use super::output::Output;
use crate::app;
use crate::config::Config;

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
            let body = daemon::accepted(&answer)?;
            let message = body
                .get("message")
                .and_then(|message| message.as_str())
                .unwrap_or("done");
            output.print(&format!("The running daemon {message}."))?;
        }
        Writer::Files(_lock) => {
            let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
                "{bar:40} {pos}/{len} posts  {per_sec}  {eta} left",
            )?);
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
