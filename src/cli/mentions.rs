//! `overheard mentions`: a person's word where the model was wrong.

use serde::Serialize;

use super::access;
use super::args::MentionsCommand;
use super::daemon::{self, Writer};
use super::output::Output;
use super::search::printable;
use crate::app;
use crate::config::Config;
use crate::domain::correction::Correction;
use crate::domain::{MentionId, SentimentLabel};
use crate::runtime::Clock;
use crate::store::{Corrected, Correcting};

/// Characters of a text that the list shows.
const SHOWN_CHARS: usize = 60;

/// Corrects a mention, or lists corrections.
///
/// # Errors
/// When the correction says nothing, or there is no such mention, or it has no score.
pub async fn run(
    config: &Config,
    command: MentionsCommand,
    output: &Output,
) -> anyhow::Result<i32> {
    match command {
        MentionsCommand::Correct {
            id,
            sentiment,
            intents,
            urgency,
        } => {
            let correction = Correction {
                sentiment,
                intents: intents.map(|names| named(&names)),
                urgency,
            };
            correct(config, &id, correction, output).await
        }
        MentionsCommand::Corrections { json } => list(config, json, output).await,
    }
}

async fn correct(
    config: &Config,
    id: &MentionId,
    correction: Correction,
    output: &Output,
) -> anyhow::Result<i32> {
    correction.check()?;
    daemon::heard(config)?;
    match daemon::writer(config)? {
        Writer::Daemon(client) => {
            let path = format!("/api/v1/mentions/{id}/correction");
            let body = serde_json::to_vec(&correction)?;
            daemon::accepted(&client.post(&path, "application/json", body).await?)?;
        }
        Writer::Files(_lock) => {
            let now = Clock::system().now();
            let store = app::open_store(config, now).await?;
            let correcting = store.correct(&[id.post()], correction, now).await?;
            access::note(&store, "mentions correct", &id.to_string()).await?;
            store.close().await;
            if correcting.contains(&Correcting::NoPost) {
                anyhow::bail!("there is no mention {id}: `overheard search` prints ids");
            }
            if correcting.contains(&Correcting::NoScore) {
                anyhow::bail!("mention {id} has no score yet, so there is nothing to correct");
            }
        }
    }
    output.print(&format!("Corrected {id}."))?;
    Ok(0)
}

#[derive(Serialize)]
struct CorrectedDto<'a> {
    mention: MentionId,
    at: String,
    #[serde(flatten)]
    correction: &'a Correction,
    text: &'a str,
}

async fn list(config: &Config, json: bool, output: &Output) -> anyhow::Result<i32> {
    let all = app::open_store_read_only(config)
        .await?
        .corrections()
        .await?;
    if json {
        let all: Vec<CorrectedDto<'_>> = all.iter().map(dto).collect();
        output.json(&all)?;
        return Ok(0);
    }
    if all.is_empty() {
        output.print("Nothing was corrected yet: `overheard mentions correct ID --sentiment negative` does it.")?;
        return Ok(0);
    }
    let mut table = output.table(&["mention", "sentiment", "intents", "urgency", "text"]);
    for corrected in &all {
        let correction = &corrected.correction;
        let text: String = corrected
            .record
            .post
            .text
            .chars()
            .take(SHOWN_CHARS)
            .collect();
        table.add_row([
            corrected.record.post.id.mention().to_string(),
            correction
                .sentiment
                .map_or("", SentimentLabel::as_str)
                .to_owned(),
            correction
                .intents
                .as_ref()
                .map_or(String::new(), |names| match names.is_empty() {
                    true => "none".to_owned(),
                    false => names.join(", "),
                }),
            correction
                .urgency
                .map_or(String::new(), |urgency| urgency.to_string()),
            printable(&text),
        ]);
    }
    output.print(&table.to_string())?;
    Ok(0)
}

fn dto(corrected: &Corrected) -> CorrectedDto<'_> {
    CorrectedDto {
        mention: corrected.record.post.id.mention(),
        at: corrected.at.to_string(),
        correction: &corrected.correction,
        text: &corrected.record.post.text,
    }
}

/// The names in `complaint,question`; `none` is none.
fn named(names: &str) -> Vec<String> {
    let names = names.split([',', '|']).map(str::trim);
    let names = names.filter(|name| !name.is_empty() && *name != "none");
    names.map(str::to_owned).collect()
}
