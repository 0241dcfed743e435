//! `overheard check`: everything that can be wrong before the daemon starts, all at once.

use super::args::Global;
use super::output::Output;
use super::{config_path, load};
use crate::app;

/// Checks keys, values, references, monitors, connectors and secrets.
///
/// # Errors
/// When the configuration has mistakes; the error lists all of them.
pub fn run(global: &Global, output: &Output) -> anyhow::Result<i32> {
    let config = load(global)?;
    let faults = app::check(&config);
    if !faults.is_empty() {
        let list: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
        anyhow::bail!("the configuration reads well, but:\n{}", list.join("\n"));
    }
    let origin = config_path(global).map_or("the built-in defaults".to_owned(), |path| {
        path.display().to_string()
    });
    output.print(&format!(
        "{origin}: good ({}, {}, {}, {})",
        count(config.sources.len(), "source"),
        count(config.monitors.len(), "monitor"),
        count(config.endpoints.len(), "endpoint"),
        count(config.digests.len(), "digest"),
    ))?;
    if config.sources.is_empty() {
        output.print("There are no sources yet: add a [[sources]] block (`overheard config` shows one of each kind).")?;
    }
    Ok(0)
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
