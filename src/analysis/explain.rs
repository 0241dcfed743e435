//! What moved a score: each word is left out in turn, and what changes is what the word did (occlusion,
//! Zeiler and Fergus 2014).
//!
//! It works with any analyzer, because it looks at results alone. All variants of a text are one call, so
//! that a pass over them is one batch. A long text is taken in runs of words: the work has a bound.

use super::{AnalyzeError, Analyzer, Input, TextFault};
use crate::domain::Analysis;

/// Most runs of words that are left out in turn.
const MAX_RUNS: usize = 48;
/// Most tokens of all variants together, as far as they can be guessed: well below a tenth of a second on
/// two cores, which take about 11,000 tokens a second.
const MAX_TOKENS: usize = 900;
/// Most tokens that the model reads of one text.
const TEXT_TOKENS: usize = 128;
/// Characters of an English token, about.
const TOKEN_CHARS: usize = 4;

/// Why a text got its scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What the model says of the whole text.
    pub analysis: Analysis,
    /// Each word, or run of words, in the order of the text.
    pub words: Vec<WordEffect>,
}

/// What a word did.
#[derive(Debug, Clone, PartialEq)]
pub struct WordEffect {
    /// The word's place in the text, in bytes.
    pub start: usize,
    /// The end of it, in bytes.
    pub end: usize,
    /// By how much the sentiment score is higher with the word than without, -2 to 2.
    pub sentiment: f64,
    /// By how much each intent's probability is higher with the word than without, -1 to 1, in the
    /// order of the analysis.
    pub intents: Vec<f64>,
}

/// Explains a text's scores.
///
/// # Errors
/// When the engine fails, or (inside) when the text itself cannot be scored.
pub fn explain(
    analyzer: &mut dyn Analyzer,
    text: &str,
    language: &str,
) -> Result<Result<Explanation, TextFault>, AnalyzeError> {
    let runs = runs(text);
    let mut variants = vec![text.to_owned()];
    variants.extend(runs.iter().map(|&(start, end)| without(text, start, end)));
    let inputs: Vec<Input<'_>> = variants
        .iter()
        .map(|text| Input { text, language })
        .collect();
    let mut results = analyzer.analyze(&inputs)?.into_iter();
    let whole = match results.next() {
        Some(Ok(whole)) => whole,
        Some(Err(fault)) => return Ok(Err(fault)),
        None => return Err(AnalyzeError::Run("no result for the text".to_owned())),
    };
    let words = runs
        .into_iter()
        .zip(results)
        .map(|(place, result)| effect(place, &whole, result.ok().as_ref()))
        .collect();
    Ok(Ok(Explanation {
        analysis: whole,
        words,
    }))
}

/// A text of which nothing is left without the word (`rest` is none) has all its scores from it.
fn effect((start, end): (usize, usize), whole: &Analysis, rest: Option<&Analysis>) -> WordEffect {
    let rest_intent = |place: usize| {
        rest.and_then(|rest| rest.intents.0.get(place))
            .map_or(0.0, |score| score.probability)
    };
    WordEffect {
        start,
        end,
        sentiment: whole.sentiment.score - rest.map_or(0.0, |rest| rest.sentiment.score),
        intents: (whole.intents.0.iter().enumerate())
            .map(|(place, score)| score.probability - rest_intent(place))
            .collect(),
    }
}

/// Words between spaces as byte ranges; in a long text, runs of as many words as the bound asks for.
fn runs(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (c.is_whitespace(), start) {
            (false, None) => start = Some(at),
            (true, Some(begin)) => {
                words.push((begin, at));
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|begin| (begin, text.len())));
    let tokens = (text.chars().count() / TOKEN_CHARS + 2)
        .max(words.len() + 2)
        .min(TEXT_TOKENS);
    let most = (MAX_TOKENS / tokens).saturating_sub(1).clamp(1, MAX_RUNS);
    let length = words.len().div_ceil(most).max(1);
    words
        .chunks(length)
        .filter_map(|run| Some((run.first()?.0, run.last()?.1)))
        .collect()
}

fn without(text: &str, start: usize, end: usize) -> String {
    format!("{}{}", &text[..start], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::analysis::LabelScore;
    use crate::domain::{EmotionScores, IntentScores, ModelId, Sentiment, SentimentLabel};

    /// "love" is worth 0.5, "broken" -0.75 and a complaint, each once.
    struct Lexicon(ModelId);

    impl Analyzer for Lexicon {
        fn model(&self) -> &ModelId {
            &self.0
        }

        fn analyze(
            &mut self,
            inputs: &[Input<'_>],
        ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError> {
            Ok(inputs.iter().map(|input| self.one(input.text)).collect())
        }
    }

    impl Lexicon {
        fn one(&self, text: &str) -> Result<Analysis, TextFault> {
            if text.trim().is_empty() {
                return Err(TextFault::Empty);
            }
            let (love, broken) = (text.contains("love"), text.contains("broken"));
            let score = f64::from(u8::from(love)) * 0.5 - f64::from(u8::from(broken)) * 0.75;
            Ok(Analysis {
                model: self.0.clone(),
                supported: true,
                sentiment: Sentiment {
                    label: SentimentLabel::Neutral,
                    score,
                    negative: 0.0,
                    neutral: 1.0,
                    positive: 0.0,
                },
                emotions: EmotionScores::default(),
                intents: IntentScores(vec![LabelScore {
                    label: "complaint".to_owned(),
                    probability: f64::from(u8::from(broken)),
                    present: broken,
                }]),
                urgency: 0,
                entities: vec![],
                embedding: vec![],
            })
        }
    }

    fn explained(text: &str) -> Explanation {
        let mut lexicon = Lexicon(ModelId::parse("lexicon-1@00").unwrap());
        explain(&mut lexicon, text, "en").unwrap().unwrap()
    }

    #[test]
    fn words_get_what_is_missing_without_them() {
        let text = "I love it,  größer but\nbroken";
        let explanation = explained(text);
        assert_eq!(explanation.analysis.model.as_str(), "lexicon-1@00");
        let effects: Vec<(&str, f64, f64)> = explanation
            .words
            .iter()
            .map(|word| (&text[word.start..word.end], word.sentiment, word.intents[0]))
            .collect();
        assert_eq!(
            effects,
            [
                ("I", 0.0, 0.0),
                ("love", 0.5, 0.0),
                ("it,", 0.0, 0.0),
                ("größer", 0.0, 0.0),
                ("but", 0.0, 0.0),
                ("broken", -0.75, 1.0),
            ]
        );
    }

    #[test]
    fn the_only_word_did_it_all_and_nothing_is_a_fault() {
        assert_eq!(explained(" broken ").words[0].sentiment, -0.75);
        let mut lexicon = Lexicon(ModelId::parse("lexicon-1@00").unwrap());
        assert_eq!(
            explain(&mut lexicon, " ", "en").unwrap(),
            Err(TextFault::Empty)
        );
    }

    #[test]
    fn a_long_text_is_taken_in_runs_that_cover_it() {
        for words in [1, 20, 25, 80, 5000] {
            let text = "word ".repeat(words);
            let runs = runs(&text);
            let tokens = (words + 2).min(TEXT_TOKENS);
            assert!(
                (runs.len() + 1) * tokens <= MAX_TOKENS,
                "{words}: {}",
                runs.len()
            );
            assert_eq!(runs[0].0, 0);
            assert_eq!(runs[runs.len() - 1].1, text.trim_end().len());
            assert_eq!(runs.len() == words, words <= 25, "{words}: {}", runs.len());
        }
    }
}
