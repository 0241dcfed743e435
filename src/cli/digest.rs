//! `overheard digest`: a day's digest now, whenever it is. Reads the store; a running daemon is not disturbed.
//!
//! It does not count as the daily run: that one is written and announced by the daemon.

use anyhow::Context;
use jiff::civil::Date;

use super::args::DigestArgs;
use super::output::Output;
use crate::app;
use crate::config::Config;
use crate::digest::{self, DigestPlan};
use crate::runtime::Clock;

/// Writes digests, or prints them.
///
/// # Errors
/// When the day makes no sense, or there is no such digest.
pub async fn run(config: &Config, args: &DigestArgs, output: &Output) -> anyhow::Result<i32> {
    let wanted: Vec<_> = config
        .digests
        .iter()
        .filter(|digest| args.digest.as_ref().is_none_or(|id| *id == digest.id))
        .collect();
    if wanted.is_empty() {
        let names: Vec<&str> = config
            .digests
            .iter()
            .map(|digest| digest.id.as_str())
            .collect();
        match &args.digest {
            Some(id) => anyhow::bail!(
                "there is no digest \"{id}\"; the configuration has: {}",
                names.join(", ")
            ),
            None => anyhow::bail!(
                "the configuration has no [[digests]] block: `overheard config` shows one"
            ),
        }
    }
    let store = app::open_store_read_only(config).await?;
    let monitors = app::monitors(config, &store).await?;
    let now = Clock::system().now();
    for digest_config in wanted {
        let plan = DigestPlan::new(digest_config, &config.time_zone, &config.data_dir)?;
        let date = day(&args.date, now.to_zoned(plan.zone.clone()).date())?;
        let digest = digest::collect(&plan, date, &monitors, &store, now).await?;
        if args.stdout {
            output.print(&digest::to_markdown(&digest, plan.locale.catalogue()))?;
        } else {
            for file in digest::write(&plan, digest)?.files {
                output.print(&file.display().to_string())?;
            }
        }
    }
    Ok(0)
}

fn day(text: &str, today: Date) -> anyhow::Result<Date> {
    match text {
        "today" => Ok(today),
        "yesterday" => Ok(today.yesterday()?),
        _ => text.parse().ok().with_context(|| {
            format!("\"{text}\" is not a day: write YYYY-MM-DD, today or yesterday")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_day_is_a_date_or_a_word() {
        let today = date(2026, 3, 1);
        assert_eq!(day("today", today).unwrap(), today);
        assert_eq!(day("yesterday", today).unwrap(), date(2026, 2, 28));
        assert_eq!(day("2026-11-21", today).unwrap(), date(2026, 11, 21));
        let error = day("last week", today).unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"last week\" is not a day: write YYYY-MM-DD, today or yesterday"
        );
    }
}
