//! `overheard search`: a table for people, JSON and CSV for scripts.
//!
//! Reads the store and the index read-only; a running daemon is neither asked nor disturbed.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::args::SearchArgs;
use super::output::{BOLD, DIM, MATCH, Output};
use crate::app;
use crate::config::Config;
use crate::domain::PostRecord;
use crate::index::Facet;
use crate::insight::export;
use crate::insight::histogram::Bar;
use crate::insight::{Answer, Bucket, Histogram, Hit, HitDto, Request, SearchDto, Segment};
use crate::query::{Candidate, MatchContext, Query, Truth, check_matchable, matches};
use crate::runtime::Clock;
use crate::store::Store;

/// Searches and prints.
///
/// # Errors
/// When the query is wrong or there is nothing to read yet.
pub async fn run(config: &Config, args: &SearchArgs, output: &Output) -> anyhow::Result<i32> {
    let text = args.query.join(" ");
    let query = Query::parse(&text).map_err(|error| anyhow::anyhow!("{}", error.render()))?;
    if args.follow {
        check_matchable(&query).map_err(|error| anyhow::anyhow!("{}", error.render()))?;
    }
    let searcher = app::open_searcher(config).await?;
    let limit = if args.count { 0 } else { args.limit };
    let request = Request {
        after: args.after,
        sort: args.sort,
        facets: args.facets,
        histogram: args.histogram,
        ..Request::first(limit, Clock::system().now(), app::zone(config)?)
    };
    let zone = request.zone.clone();
    // Before the search, so that what comes between the two is shown twice rather than never.
    let seen = searcher.store.tip().borrow().change_seq;
    let answer = searcher.search(&query, &request).await?;
    if args.follow {
        for hit in answer.hits.iter().rev() {
            show(hit, &zone, args.json, output)?;
        }
        return follow(&searcher.store, &query, zone, seen, args.json, output).await;
    }
    if args.count {
        output.print(&answer.total.to_string())?;
    } else if args.json {
        output.json(&SearchDto::new(&query, &answer))?;
    } else if args.csv {
        output.print(&csv(&answer)?)?;
    } else {
        table(&query, &answer, &zone, output)?;
    }
    Ok(0)
}

/// How often `--follow` looks.
const LOOK: Duration = Duration::from_secs(1);
/// The most changes that it takes at a time.
const CHANGES: usize = 500;

/// Prints each match that is new after the change `seen`, until Ctrl-C. Judges in memory what was committed, so
/// that it waits for no index and an old post that is heard late is shown, too.
async fn follow(
    store: &Store,
    query: &Query,
    zone: TimeZone,
    mut seen: u64,
    json: bool,
    output: &Output,
) -> anyhow::Result<i32> {
    let clock = Clock::system();
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        let changes = store.changes_after(seen, CHANGES).await?;
        let waiting = changes.len() == CHANGES;
        for change in changes {
            seen = change.seq;
            let Some(record) = change.record.filter(|_| change.first) else {
                continue;
            };
            let context = MatchContext {
                now: clock.now(),
                zone: zone.clone(),
            };
            if matches(query, &Candidate::of(&record), &context) == Truth::True {
                show(&Hit::new(query, record, 0.0), &zone, json, output)?;
            }
        }
        if waiting {
            continue;
        }
        tokio::select! {
            _ = &mut stop => return Ok(0),
            () = clock.sleep(LOOK) => {}
        }
    }
}

/// One hit, as a line of JSON or as people read it.
fn show(hit: &Hit, zone: &TimeZone, json: bool, output: &Output) -> anyhow::Result<()> {
    match json {
        true => output.json(&HitDto::from(hit)),
        false => output.print(&entry(hit, zone, output)),
    }
}

fn table(query: &Query, answer: &Answer, zone: &TimeZone, output: &Output) -> anyhow::Result<()> {
    if answer.total == 0 {
        return output.print(&format!("No posts match {query}. Try fewer words, or `overheard sources list` to see what is heard."));
    }
    for hit in &answer.hits {
        output.print(&entry(hit, zone, output))?;
    }
    if let Some(histogram) = &answer.histogram {
        output.print(&bars(histogram, zone, output))?;
    }
    for facet in answer
        .facets
        .iter()
        .filter(|facet| !facet.values.is_empty())
    {
        output.print(&values(facet, output))?;
    }
    let more = match answer.next {
        Some(position) => format!("; --after {position} shows the next"),
        None => String::new(),
    };
    output.print(&output.paint(
        DIM,
        &format!(
            "{} of {} in {:.1} ms{more}",
            answer.hits.len(),
            answer.total,
            answer.took.as_secs_f64() * 1000.0
        ),
    ))
}

/// Characters of the longest bar.
const BAR: u64 = 40;
/// Values of a label that are printed.
const SHOWN_VALUES: usize = 10;

/// A line a bar: when, how many, and the bar.
fn bars(histogram: &Histogram, zone: &TimeZone, output: &Output) -> String {
    let most = histogram
        .bars
        .iter()
        .map(|bar| bar.count)
        .max()
        .unwrap_or(0);
    let form = match histogram.bucket {
        Bucket::Hour => "%Y-%m-%d %H:00",
        Bucket::Day | Bucket::Week => "%Y-%m-%d",
        Bucket::Month => "%Y-%m",
        Bucket::Year => "%Y",
    };
    let line = |bar: &Bar| {
        let from = bar.from.to_zoned(zone.clone()).strftime(form).to_string();
        let length = (bar.count * BAR).div_ceil(most.max(1));
        let drawn = "█".repeat(usize::try_from(length).unwrap_or(0));
        format!(
            "{}  {:>7}  {}\n",
            output.paint(DIM, &from),
            bar.count,
            drawn
        )
    };
    histogram.bars.iter().map(line).collect()
}

/// The field and its most frequent values on a line.
fn values(facet: &Facet, output: &Output) -> String {
    let values: Vec<String> = facet
        .values
        .iter()
        .take(SHOWN_VALUES)
        .map(|(value, count)| format!("{} {count}", printable(value)))
        .collect();
    format!("{}  {}", output.paint(BOLD, facet.field), values.join(", "))
}

/// One hit as three lines: what and who, the words around the match, where to look further.
fn entry(hit: &Hit, zone: &TimeZone, output: &Output) -> String {
    let record = &hit.record;
    let post = &record.post;
    let analysis = record.analysis.as_ref();
    let mut head = vec![
        output.sentiment(analysis.and_then(|analysis| analysis.sentiment_label())),
        when(record, zone),
        output.paint(
            BOLD,
            &post
                .author
                .as_ref()
                .map_or("unknown".to_owned(), |author| printable(author.label())),
        ),
        post.key.network.clone(),
    ];
    if let Some(rating) = post.rating {
        head.push(format!("{}/{}", rating.value, rating.best));
    }
    let intents: Vec<&str> = analysis
        .into_iter()
        .flat_map(|analysis| analysis.present_intents())
        .collect();
    if !intents.is_empty() {
        head.push(intents.join(", "));
    }
    if let Some((customer, _)) = &record.customer {
        head.push(output.paint(
            BOLD,
            &format!("customer {} ({})", customer.id, printable(&customer.name)),
        ));
    }
    let mut lines = vec![head.join("  ")];
    if !hit.title.is_empty() {
        lines.push(format!("   {}", marked(&hit.title, output)));
    }
    lines.push(format!("   {}", marked(&hit.snippet, output)));
    let link = post.url.as_deref().map(printable).unwrap_or_default();
    lines.push(output.paint(DIM, &format!("   {}  {link}", post.id.mention())));
    lines.join("\n") + "\n"
}

/// The local time of a record.
#[must_use]
pub fn when(record: &PostRecord, zone: &TimeZone) -> String {
    record
        .post
        .ordered_at()
        .to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// The text with its marks in colour, on one line.
fn marked(segments: &[Segment], output: &Output) -> String {
    segments
        .iter()
        .map(|segment| {
            let text = printable(&segment.text);
            if segment.marked {
                output.paint(MATCH, &text)
            } else {
                text
            }
        })
        .collect()
}

/// A post may hold escape sequences: what a stranger wrote must not steer the terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn csv(answer: &Answer) -> anyhow::Result<String> {
    let head = std::iter::once(export::COLUMNS.map(str::to_owned));
    let rows = answer.hits.iter().map(|hit| export::cells(&hit.record));
    Ok(export::csv(head.chain(rows))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_strangers_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a [31mb ");
    }
}
