//! `overheard sources add`: finds the feed of a page, shows what would be read, and writes its block.
//!
//! Changes nothing but the configuration file, and that only with `--write`; a running daemon reads it at
//! its next reload.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;

use super::args::{AddArgs, Global};
use super::config_path;
use super::feed::{get, web_url};
use super::output::Output;
use crate::config::{Config, SourceKind};
use crate::domain::SourceId;
use crate::fetch::{Response, Url};
use crate::sources::feed::{Feed, FeedFault, read_feed};
use crate::text::html_to_text;

/// Titles that are shown of a feed.
const SHOWN_TITLES: usize = 3;

/// What was found, for scripts.
#[derive(Debug, Serialize)]
struct Found {
    url: String,
    title: Option<String>,
    version: &'static str,
    entries: usize,
    newest: Option<Timestamp>,
    /// All feeds that the page names; empty when the URL was a feed itself.
    feeds: Vec<String>,
    block: String,
    written: Option<PathBuf>,
}

/// Finds a feed and prints or writes its block.
///
/// # Errors
/// When no feed is there, the source exists already, or the file can't be written.
pub async fn run(
    global: &Global,
    config: &Config,
    args: AddArgs,
    output: &Output,
) -> anyhow::Result<i32> {
    let asked = web_url(&args.url)?;
    let (url, feed, feeds) = find(config, asked, usize::from(args.pick)).await?;
    if let Some(known) = config
        .sources
        .iter()
        .find(|source| matches!(&source.kind, SourceKind::Feed(known) if known.url == url.as_str()))
    {
        anyhow::bail!("source \"{}\" reads {url} already", known.id);
    }
    let id = match args.id {
        Some(id) => id,
        None => free_id(config, &url)?,
    };
    anyhow::ensure!(
        config.sources.iter().all(|source| source.id != id),
        "there is a source \"{id}\" already: give another name with --id"
    );
    let block = block(&id, &url);
    let written = if args.write {
        Some(append(global, &block)?)
    } else {
        None
    };
    let found = Found {
        title: feed.title.as_ref().map(|title| words(title.body.as_str())),
        version: feed.version,
        entries: feed.entries.len(),
        newest: feed
            .entries
            .iter()
            .filter_map(|entry| entry.published)
            .max(),
        url: url.into(),
        feeds,
        block,
        written,
    };
    if args.json {
        output.json(&found)?;
    } else {
        show(&found, &feed, args.pick, output)?;
    }
    Ok(0)
}

/// The feed at a URL, or the one that the page there names in place `pick`; and all that it names.
async fn find(
    config: &Config,
    asked: Url,
    pick: usize,
) -> anyhow::Result<(Url, Feed, Vec<String>)> {
    let response = get(config, &asked).await?;
    let links = match read(response).await? {
        Ok(feed) => return Ok((asked, feed, Vec::new())),
        Err(FeedFault::Page { links }) => links,
        Err(fault) => anyhow::bail!("{asked} is no feed: {fault}"),
    };
    let Some(link) = links.get(pick - 1) else {
        anyhow::ensure!(
            !links.is_empty(),
            "{asked} is a page that names no feed: look for one on the page, or read the page itself with a `page` source (`overheard config` shows one)"
        );
        anyhow::bail!(
            "{asked} names {} feeds, so there is no number {pick}:\n{}",
            links.len(),
            numbered(&links)
        );
    };
    let url = web_url(link)?;
    match read(get(config, &url).await?).await? {
        Ok(feed) => Ok((url, feed, links)),
        Err(fault) => anyhow::bail!(
            "{asked} names {url}, but {fault}; it names:\n{}",
            numbered(&links)
        ),
    }
}

async fn read(response: Response) -> anyhow::Result<Result<Feed, FeedFault>> {
    tokio::task::spawn_blocking(move || {
        let content_type = response.content_type.as_deref();
        read_feed(&response.body, content_type, Some(&response.url))
    })
    .await
    .context("the reader failed on the answer")
}

fn numbered(links: &[String]) -> String {
    let lines: Vec<String> = links
        .iter()
        .enumerate()
        .map(|(index, link)| format!("  {}. {link}", index + 1))
        .collect();
    lines.join("\n")
}

/// What goes into the configuration.
fn block(id: &SourceId, url: &Url) -> String {
    let url = toml::Value::from(url.as_str());
    format!("[[sources]]\nid = \"{id}\"\ntype = \"feed\"\nurl = {url}\n")
}

/// A name made of the host that no source has yet.
fn free_id(config: &Config, url: &Url) -> anyhow::Result<SourceId> {
    let host = url.host_str().unwrap_or("feed");
    let host = host.strip_prefix("www.").unwrap_or(host);
    let name: String = host
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = name.trim_matches('-');
    for number in 1..1000 {
        let candidate = if number == 1 {
            name.to_owned()
        } else {
            format!("{name}-{number}")
        };
        let taken = config
            .sources
            .iter()
            .any(|source| source.id.as_str() == candidate);
        if !taken {
            return SourceId::parse(&candidate)
                .map_err(|error| anyhow::anyhow!("{error}: give a name with --id"));
        }
    }
    anyhow::bail!("\"{name}\" is taken a thousand times: give a name with --id")
}

/// Appends the block to the configuration file, when what comes out is a good configuration.
fn append(global: &Global, block: &str) -> anyhow::Result<PathBuf> {
    let path = config_path(global)
        .context("there is no configuration file to write to: name one with --config")?;
    let before = std::fs::read_to_string(&path)
        .with_context(|| format!("could not read {}", path.display()))?;
    let gap = if before.is_empty() || before.ends_with("\n\n") {
        ""
    } else if before.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    };
    let name = path.display().to_string();
    Config::from_toml(&name, &format!("{before}{gap}{block}"), std::env::vars()).with_context(
        || format!("the block does not fit into {name}, so nothing was written; it is:\n{block}"),
    )?;
    std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(format!("{gap}{block}").as_bytes()))
        .with_context(|| format!("could not write {name}; the block is:\n{block}"))?;
    Ok(path)
}

/// What was found goes to stderr, so that stdout holds the block alone.
fn show(found: &Found, feed: &Feed, pick: u16, output: &Output) -> anyhow::Result<()> {
    let title = found.title.as_deref().unwrap_or("(no title)");
    let newest = found
        .newest
        .map(|at| format!(", newest {}", at.strftime("%Y-%m-%d %H:%M UTC")))
        .unwrap_or_default();
    let entries = match found.entries {
        1 => "1 entry".to_owned(),
        number => format!("{number} entries"),
    };
    eprintln!("{}", found.url);
    eprintln!("  {title}: {}, {}{newest}", found.version, entries);
    for entry in feed.entries.iter().take(SHOWN_TITLES) {
        let text = [&entry.title, &entry.content, &entry.summary];
        let text = text.into_iter().flatten().next();
        let line: String = text
            .map(|text| words(text.body.as_str()))
            .unwrap_or_else(|| "(empty)".to_owned())
            .chars()
            .take(90)
            .collect();
        eprintln!("  - {line}");
    }
    if found.feeds.len() > 1 {
        eprintln!(
            "The page names {} feeds; this is number {pick} (--pick takes another):",
            found.feeds.len()
        );
        eprintln!("{}", numbered(&found.feeds));
    }
    eprintln!();
    match &found.written {
        Some(path) => output.print(&format!(
            "Added to {}. A running daemon takes it in with SIGHUP (systemctl reload overheard).",
            path.display()
        )),
        None => {
            output.print(&found.block)?;
            eprintln!("Add this to the configuration file, or let --write do it.");
            Ok(())
        }
    }
}

/// The words of a text that may hold markup, on one line.
fn words(html: &str) -> String {
    let text = html_to_text(html).text;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
