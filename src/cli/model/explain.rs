//! `overheard model explain`: the text with its words coloured, and a list of what moved most.

use std::time::Instant;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::super::output::{BOLD, DIM, Output};
use super::super::search::printable;
use super::args::ExplainArgs;
use super::scores::{ByName, SentimentScore, rounded};
use crate::analysis::{self, Explanation};
use crate::app;
use crate::config::Config;
use crate::domain::{Language, SentimentLabel};

/// A word that moves the sentiment less is not coloured.
const FAINT: f64 = 0.05;
/// A word that moves an intent less is not listed with it.
const FAINT_INTENT: f64 = 0.1;

/// Explains a text.
///
/// # Errors
/// When the text cannot be scored, or the model does not load.
pub fn run(config: &Config, args: &ExplainArgs, output: &Output) -> anyhow::Result<i32> {
    let text = args.text.join(" ");
    let mut analyzer = analysis::single(
        &super::wanted(config)?,
        &config.models,
        app::read_heads(config)?,
    )?;
    let language = super::language_of(&text, args.language.as_deref());
    let begin = Instant::now();
    let explanation = analysis::explain(analyzer.as_mut(), &text, &language.code)?
        .map_err(|fault| anyhow::anyhow!("the text cannot be explained: {fault}"))?;
    let millis = begin.elapsed().as_secs_f64() * 1000.0;
    if args.json {
        output.json(&Dto::new(&text, &language, &explanation, millis))?;
    } else {
        output.print(&shown(&text, &language, &explanation, output))?;
    }
    Ok(0)
}

fn shown(text: &str, language: &Language, explanation: &Explanation, output: &Output) -> String {
    let analysis = &explanation.analysis;
    let mut painted = String::new();
    let mut at = 0;
    for word in &explanation.words {
        painted.push_str(&printable(&text[at..word.start]));
        let shown = printable(&text[word.start..word.end]);
        painted.push_str(&match sign(word.sentiment) {
            Some(label) => output.toned(label, &shown),
            None => shown,
        });
        at = word.end;
    }
    painted.push_str(&printable(&text[at..]));
    let mut lines = vec![painted.trim().to_owned(), String::new()];
    lines.push(format!(
        "{} ({:+.2})",
        output.paint(BOLD, analysis.sentiment.label.as_str()),
        analysis.sentiment.score
    ));
    if !analysis.supported {
        lines.push(format!(
            "no model serves language \"{}\": this is a guess",
            language.code
        ));
    }
    let mut words: Vec<_> = explanation.words.iter().collect();
    words.sort_by(|a, b| b.sentiment.abs().total_cmp(&a.sentiment.abs()));
    for word in words.iter().filter(|word| sign(word.sentiment).is_some()) {
        lines.push(format!(
            "  {:+.2}  {}",
            word.sentiment,
            printable(&text[word.start..word.end])
        ));
    }
    for (place, intent) in analysis
        .intents
        .0
        .iter()
        .enumerate()
        .filter(|(_, intent)| intent.present)
    {
        lines.push(format!(
            "{} ({:.2})",
            output.paint(BOLD, &intent.label),
            intent.probability
        ));
        let effect = |word: &&analysis::WordEffect| word.intents.get(place).copied().unwrap_or(0.0);
        let mut words: Vec<_> = explanation.words.iter().collect();
        words.sort_by(|a, b| effect(b).abs().total_cmp(&effect(a).abs()));
        for word in words
            .iter()
            .filter(|word| effect(word).abs() >= FAINT_INTENT)
        {
            lines.push(format!(
                "  {:+.2}  {}",
                effect(word),
                printable(&text[word.start..word.end])
            ));
        }
    }
    lines.push(output.paint(DIM, analysis.model.as_str()));
    lines.join("\n")
}

fn sign(effect: f64) -> Option<SentimentLabel> {
    match effect {
        effect if effect >= FAINT => Some(SentimentLabel::Positive),
        effect if effect <= -FAINT => Some(SentimentLabel::Negative),
        _ => None,
    }
}

#[derive(Serialize)]
struct Dto<'a> {
    model: &'a str,
    language: &'a Language,
    supported: bool,
    sentiment: SentimentScore,
    intents: ByName<'a>,
    words: Vec<WordDto<'a>>,
    milliseconds: f64,
}

#[derive(Serialize)]
struct WordDto<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    sentiment: f64,
    intents: Effects<'a>,
}

/// Effects by the intent's name.
struct Effects<'a> {
    names: Vec<&'a str>,
    values: &'a [f64],
}

impl Serialize for Effects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (name, value) in self.names.iter().zip(self.values) {
            map.serialize_entry(name, &rounded(*value))?;
        }
        map.end()
    }
}

impl<'a> Dto<'a> {
    fn new(
        text: &'a str,
        language: &'a Language,
        explanation: &'a Explanation,
        millis: f64,
    ) -> Self {
        let analysis = &explanation.analysis;
        let names = || {
            analysis
                .intents
                .0
                .iter()
                .map(|score| score.label.as_str())
                .collect()
        };
        Self {
            model: analysis.model.as_str(),
            language,
            supported: analysis.supported,
            sentiment: (&analysis.sentiment).into(),
            intents: ByName(&analysis.intents.0),
            words: explanation
                .words
                .iter()
                .map(|word| WordDto {
                    text: &text[word.start..word.end],
                    start: word.start,
                    end: word.end,
                    sentiment: rounded(word.sentiment),
                    intents: Effects {
                        names: names(),
                        values: &word.intents,
                    },
                })
                .collect(),
            milliseconds: (millis * 10.0).round() / 10.0,
        }
    }
}
