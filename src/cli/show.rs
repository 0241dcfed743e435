//! `overheard show`: one mention with everything known of it. Reads the files alone.

use super::args::ShowArgs;
use super::output::{BOLD, DIM, Output};
use super::search::{printable, when};
use crate::app;
use crate::config::Config;
use crate::domain::PostRecord;
use crate::domain::analysis::MAX_URGENCY;
use crate::insight::MentionDto;

/// Shows a mention.
///
/// # Errors
/// When there is no such mention.
pub async fn run(config: &Config, args: &ShowArgs, output: &Output) -> anyhow::Result<i32> {
    let store = app::open_store_read_only(config).await?;
    let record = store.record(&args.id.post()).await?.ok_or_else(|| {
        anyhow::anyhow!(
            "there is no mention {}: `overheard search` prints ids",
            args.id
        )
    })?;
    if args.json {
        output.json(&MentionDto::from(&record))?;
        return Ok(0);
    }
    let zone = app::zone(config)?;
    let post = &record.post;
    if let Some(title) = &post.title {
        output.print(&output.paint(BOLD, &printable(title)))?;
    }
    let author = post
        .author
        .as_ref()
        .map_or("unknown".to_owned(), |author| printable(author.label()));
    output.print(&output.paint(
        DIM,
        &format!("{author} on {}, {}", post.key.network, when(&record, &zone)),
    ))?;
    output.print("")?;
    for line in post.text.lines() {
        output.print(&printable(line))?;
    }
    output.print("")?;
    for (name, value) in facts(&record, output) {
        output.print(&format!(
            "{}  {value}",
            output.paint(DIM, &format!("{name:<10}"))
        ))?;
    }
    Ok(0)
}

fn facts(record: &PostRecord, output: &Output) -> Vec<(&'static str, String)> {
    let post = &record.post;
    let mut facts = Vec::new();
    if let Some(analysis) = &record.analysis {
        let sentiment = &analysis.sentiment;
        if analysis.supported {
            facts.push((
                "sentiment",
                format!(
                    "{} {} ({:+.2})",
                    output.sentiment(Some(sentiment.label)),
                    sentiment.label.as_str(),
                    sentiment.score
                ),
            ));
            let intents: Vec<String> = analysis
                .intents
                .0
                .iter()
                .filter(|intent| intent.present)
                .map(|intent| format!("{} {:.2}", intent.label, intent.probability))
                .collect();
            if !intents.is_empty() {
                facts.push(("intents", intents.join(", ")));
            }
            if analysis.urgency > 0 {
                facts.push(("urgency", format!("{} of {MAX_URGENCY}", analysis.urgency)));
            }
            let emotions: Vec<&str> = analysis.present_emotions().collect();
            if !emotions.is_empty() {
                facts.push(("emotions", emotions.join(", ")));
            }
        } else {
            facts.push((
                "sentiment",
                format!(
                    "not scored: the model does not serve language \"{}\"",
                    post.language.code
                ),
            ));
        }
        facts.push(("model", analysis.model.to_string()));
    }
    facts.push((
        "language",
        format!("{} ({:.2})", post.language.code, post.language.confidence),
    ));
    if let Some(rating) = post.rating {
        facts.push(("rating", format!("{} of {}", rating.value, rating.best)));
    }
    if post.engagement.total() > 0 {
        facts.push(("engagement", post.engagement.total().to_string()));
    }
    if record.is_mention() {
        let monitors: Vec<&str> = record
            .monitors
            .iter()
            .map(|monitor| monitor.as_str())
            .collect();
        facts.push(("monitors", monitors.join(", ")));
    }
    if let Some((customer, link)) = &record.customer {
        facts.push((
            "customer",
            format!(
                "{} {} ({:.2}: {})",
                customer.id,
                printable(&customer.name),
                link.confidence,
                printable(&link.evidence)
            ),
        ));
    }
    if let Some(first) = &record.duplicate_of {
        facts.push(("copy of", first.mention().to_string()));
    }
    facts.push(("source", post.source.to_string()));
    if let Some(url) = &post.url {
        facts.push(("url", printable(url)));
    }
    facts
}
