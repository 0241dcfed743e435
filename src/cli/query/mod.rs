//! `overheard query`: what a query means and costs, and which posts of a stream match it.

mod args;

use std::io::{BufRead, BufReader, Write};

use anyhow::Context;
use jiff::Timestamp;

pub use args::QueryCommand;
use args::{ExplainArgs, MatchArgs};

use super::output::{BOLD, DIM, Output};
use super::search::printable;
use crate::analysis::{self, AnalyzerHandle, Outcome, Text};
use crate::app;
use crate::config::Config;
use crate::domain::{PostRecord, SourceId};
use crate::ingest::{normalize, scored_text};
use crate::insight::{Answer, Request};
use crate::query::explain::{LeafReport, cost, explain, needs_analysis};
use crate::query::{Candidate, MatchContext, Query, Truth, check_matchable, matches};
use crate::runtime::Clock;
use crate::sources::post_format::{Defaults, LineItem, parse_line};

/// Lines that are scored together.
const BATCH: usize = 256;

/// Runs the command.
///
/// # Errors
/// When the query is wrong, or what it is held against can't be read.
pub async fn run(config: &Config, command: QueryCommand, output: &Output) -> anyhow::Result<i32> {
    match command {
        QueryCommand::Explain(args) => explain_query(config, &args, output).await,
        QueryCommand::Match(args) => filter(config, &args).await,
    }
}

fn parse(words: &[String]) -> anyhow::Result<Query> {
    Query::parse(&words.join(" ")).map_err(|error| anyhow::anyhow!("{}", error.render()))
}

/// Refuses what can't be judged post by post.
fn matchable(query: &Query) -> anyhow::Result<()> {
    check_matchable(query).map_err(|error| anyhow::anyhow!("{}", error.render()))
}

async fn explain_query(
    config: &Config,
    args: &ExplainArgs,
    output: &Output,
) -> anyhow::Result<i32> {
    let query = parse(&args.query)?;
    let context = MatchContext {
        now: Clock::system().now(),
        zone: app::zone(config)?,
    };
    // A query can be explained before anything was heard, and costs what it costs in this index.
    let searcher = app::open_searcher(config).await.ok();
    let request = Request::first(0, context.now, context.zone.clone());
    let found = match &searcher {
        Some(searcher) => Some(searcher.search(&query, &request).await?),
        None => None,
    };
    if args.post.is_some() {
        matchable(&query)?;
    }
    let post = match (&args.post, &searcher) {
        (None, _) => None,
        (Some(id), Some(searcher)) => {
            let record = searcher.store.record(&id.post()).await?;
            Some(record.with_context(|| {
                format!("there is no mention {id}: `overheard search` prints ids")
            })?)
        }
        (Some(_), None) => anyhow::bail!(app::nothing_yet(config)),
    };
    let verdict = post.as_ref().map(|record| {
        let candidate = Candidate::of(record);
        let truth = matches(&query, &candidate, &context);
        (truth == Truth::True, explain(&query, &candidate, &context))
    });
    if args.json {
        output.json(&as_json(&query, found.as_ref(), verdict.as_ref()))?;
        return Ok(0);
    }
    output.print(&format!("{}  {query}", output.paint(DIM, "means   ")))?;
    let cost = cost(&query);
    let mut parts = vec![format!("{} of 1024 words and fields", cost.leaves)];
    for (count, one, many) in [
        (cost.wildcards, "wildcard", "wildcards"),
        (cost.proximities, "proximity", "proximities"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    if let Some(found) = &found {
        parts.push(format!(
            "{} posts in {:.1} ms",
            found.total,
            found.took.as_secs_f64() * 1000.0
        ));
    }
    output.print(&format!(
        "{}  {}",
        output.paint(DIM, "costs   "),
        parts.join(", ")
    ))?;
    if let (Some((matches, leaves)), Some(record)) = (&verdict, &post) {
        let word = if *matches {
            "matches"
        } else {
            "does not match"
        };
        let mention = record.post.id.mention();
        output.print(&format!(
            "{}  {} {mention}",
            output.paint(DIM, "decides "),
            output.paint(BOLD, word)
        ))?;
        for leaf in leaves {
            output.print(&line(leaf, record, output))?;
        }
    }
    Ok(0)
}

fn line(leaf: &LeafReport, record: &PostRecord, output: &Output) -> String {
    let sign = match leaf.truth {
        Truth::True => "yes",
        Truth::False => "no ",
        Truth::Unknown => "?  ",
    };
    let not = if leaf.positive { "" } else { "NOT " };
    let title = record.post.title.as_deref().unwrap_or_default();
    let places = [
        ("title", title, &leaf.title),
        ("text", record.post.text.as_str(), &leaf.text),
    ];
    let places: Vec<String> = places
        .iter()
        .flat_map(|(name, text, ranges)| {
            ranges.iter().take(5).map(move |range| {
                let words = text.get(range.clone()).unwrap_or_default();
                format!(
                    "{name} {}-{} \"{}\"",
                    range.start,
                    range.end,
                    printable(words)
                )
            })
        })
        .collect();
    format!(
        "  {sign}  {not}{}  {}",
        leaf.leaf,
        output.paint(DIM, &places.join(", "))
    )
}

fn as_json(
    query: &Query,
    found: Option<&Answer>,
    verdict: Option<&(bool, Vec<LeafReport>)>,
) -> serde_json::Value {
    let cost = cost(query);
    let leaf = |leaf: &LeafReport| {
        let ranges = |ranges: &[std::ops::Range<usize>]| -> Vec<[usize; 2]> {
            ranges
                .iter()
                .map(|range| [range.start, range.end])
                .collect()
        };
        serde_json::json!({
            "leaf": leaf.leaf,
            "negated": !leaf.positive,
            "matches": leaf.truth == Truth::True,
            "title": ranges(&leaf.title),
            "text": ranges(&leaf.text),
        })
    };
    serde_json::json!({
        "canonical": query.to_string(),
        "cost": {
            "leaves": cost.leaves,
            "wildcards": cost.wildcards,
            "proximities": cost.proximities,
            "matches": found.map(|found| found.total),
            "took_ms": found.map(|found| found.took.as_secs_f64() * 1000.0),
        },
        "post": verdict.map(|(matches, leaves)| serde_json::json!({
            "matches": matches,
            "leaves": leaves.iter().map(leaf).collect::<Vec<_>>(),
        })),
    })
}

/// Copies the lines of stdin whose post matches to stdout, as they came.
async fn filter(config: &Config, args: &MatchArgs) -> anyhow::Result<i32> {
    let query = parse(&args.query)?;
    matchable(&query)?;
    let context = MatchContext {
        now: Clock::system().now(),
        zone: app::zone(config)?,
    };
    let analyzer = match needs_analysis(&query) {
        true => analysis::build(&config.analysis, &config.models, app::read_heads(config)?)?,
        false => AnalyzerHandle::off(),
    };
    let defaults = Defaults {
        network: "file".to_owned(),
        scope: "stdin".to_owned(),
    };
    let source = SourceId::parse("stdin").context("a source's name")?;
    let mut out = std::io::stdout().lock();
    let mut refused = 0_u64;
    let mut batch: Vec<(String, PostRecord)> = Vec::with_capacity(BATCH);
    let mut number = 0_u64;
    for line in BufReader::new(std::io::stdin()).lines() {
        let line = line.context("could not read stdin")?;
        number += 1;
        if line.trim().is_empty() {
            continue;
        }
        match record(&line, &defaults, &source, context.now) {
            Ok(Some(record)) => batch.push((line, record)),
            Ok(None) => {}
            Err(reason) => {
                refused += 1;
                eprintln!("line {number}: {reason}");
            }
        }
        if batch.len() == BATCH {
            write(
                &mut batch,
                &query,
                &context,
                &analyzer,
                args.invert,
                &mut out,
            )
            .await?;
        }
    }
    write(
        &mut batch,
        &query,
        &context,
        &analyzer,
        args.invert,
        &mut out,
    )
    .await?;
    Ok(i32::from(refused > 0))
}

fn record(
    line: &str,
    defaults: &Defaults,
    source: &SourceId,
    now: Timestamp,
) -> Result<Option<PostRecord>, String> {
    match parse_line(line, defaults).map_err(|reject| reject.reason)? {
        LineItem::Deleted(_) => Ok(None),
        LineItem::Post(raw) => {
            let post = normalize(*raw, source, now).map_err(|reject| reject.reason)?;
            Ok(Some(PostRecord::new(post)))
        }
    }
}

async fn write(
    batch: &mut Vec<(String, PostRecord)>,
    query: &Query,
    context: &MatchContext,
    analyzer: &AnalyzerHandle,
    invert: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let text = |(_, record): &(String, PostRecord)| Text {
        text: scored_text(record.post.title.as_deref(), &record.post.text),
        language: record.post.language.code.clone(),
    };
    let outcomes = analyzer.analyze(batch.iter().map(text).collect()).await?;
    for ((line, mut record), outcome) in batch.drain(..).zip(outcomes) {
        if let Outcome::Scored(analysis) = outcome {
            record.analysis = Some(analysis);
        }
        let matched = matches(query, &Candidate::of(&record), context) == Truth::True;
        if matched != invert {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
