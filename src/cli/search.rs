//! `overheard search`: a table for people, JSON and CSV for scripts.
//!
//! Reads the store and the index read-only; a running daemon is neither asked nor disturbed.

use jiff::tz::TimeZone;

use super::args::SearchArgs;
use super::output::{BOLD, DIM, MATCH, Output};
use crate::app;
use crate::config::Config;
use crate::domain::PostRecord;
use crate::index::Sort;
use crate::insight::search::Request;
use crate::insight::{Answer, Hit, SearchDto, Segment};
use crate::query::Query;
use crate::runtime::Clock;

/// Searches and prints.
///
/// # Errors
/// When the query is wrong or there is nothing to read yet.
pub async fn run(config: &Config, args: &SearchArgs, output: &Output) -> anyhow::Result<i32> {
    let text = args.query.join(" ");
    let query = Query::parse(&text).map_err(|error| anyhow::anyhow!("{}", error.render()))?;
    let searcher = app::open_searcher(config).await?;
    let request = Request {
        limit: if args.count { 1 } else { args.limit },
        offset: args.offset,
        sort: if args.relevance {
            Sort::Relevance
        } else {
            Sort::Newest
        },
        now: Clock::system().now(),
        zone: app::zone(config)?,
    };
    let zone = request.zone.clone();
    let answer = searcher.search(&query, &request).await?;
    if args.count {
        output.print(&answer.total.to_string())?;
    } else if args.json {
        output.json(&SearchDto::new(&query, &answer))?;
    } else if args.csv {
        output.print(&csv(&answer)?)?;
    } else {
        table(&query, &answer, &zone, args.offset, output)?;
    }
    Ok(0)
}

fn table(
    query: &Query,
    answer: &Answer,
    zone: &TimeZone,
    offset: usize,
    output: &Output,
) -> anyhow::Result<()> {
    if answer.total == 0 {
        return output.print(&format!("No posts match {query}. Try fewer words, or `overheard sources list` to see what is heard."));
    }
    for hit in &answer.hits {
        output.print(&entry(hit, zone, output))?;
    }
    let shown = offset + answer.hits.len();
    let more = if (shown as u64) < answer.total {
        format!("; --offset {shown} shows the next")
    } else {
        String::new()
    };
    output.print(&output.paint(
        DIM,
        &format!(
            "{}-{shown} of {} in {:.1} ms{more}",
            offset + 1,
            answer.total,
            answer.took.as_secs_f64() * 1000.0
        ),
    ))
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
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "id",
        "published_at",
        "network",
        "source",
        "author",
        "sentiment",
        "score",
        "intents",
        "rating",
        "language",
        "customer",
        "url",
        "title",
        "text",
    ])?;
    for hit in &answer.hits {
        let record = &hit.record;
        let post = &record.post;
        let analysis = record.analysis.as_ref();
        let row = [
            post.id.mention().to_string(),
            post.ordered_at().to_string(),
            post.key.network.clone(),
            post.source.to_string(),
            post.author
                .as_ref()
                .map_or(String::new(), |author| author.label().to_owned()),
            analysis
                .and_then(|analysis| analysis.sentiment_label())
                .map_or("", |label| label.as_str())
                .to_owned(),
            analysis
                .filter(|analysis| analysis.supported)
                .map_or(String::new(), |analysis| {
                    format!("{:.3}", analysis.sentiment.score)
                }),
            analysis
                .into_iter()
                .flat_map(|analysis| analysis.present_intents())
                .collect::<Vec<_>>()
                .join("|"),
            post.rating
                .map_or(String::new(), |rating| rating.value.to_string()),
            post.language.code.clone(),
            record
                .customer
                .as_ref()
                .map_or(String::new(), |(customer, _)| customer.id.to_string()),
            post.url.clone().unwrap_or_default(),
            post.title.clone().unwrap_or_default(),
            post.text.clone(),
        ];
        writer.write_record(row.iter().map(|cell| neutral_cell(cell)))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// A cell that a spreadsheet would run as a formula gets an apostrophe (OWASP, CSV injection). Numbers stay numbers.
fn neutral_cell(cell: &str) -> String {
    let formula =
        cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && cell.parse::<f64>().is_err();
    if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_neutralised_and_a_number_is_not() {
        assert_eq!(neutral_cell("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(neutral_cell("-0.93"), "-0.93");
        assert_eq!(neutral_cell("@ann"), "'@ann");
        assert_eq!(neutral_cell("fine"), "fine");
    }

    #[test]
    fn escape_sequences_of_strangers_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a [31mb ");
    }
}
