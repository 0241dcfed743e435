//! The worker with a fake analyzer, and the handle with the real one switched off.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::domain::{EmotionScores, IntentScores, Sentiment, SentimentLabel};

/// Scores a text with its length; panics on "poison", fails on "broken".
struct Fake {
    model: ModelId,
}

impl Analyzer for Fake {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn analyze(
        &mut self,
        inputs: &[Input<'_>],
    ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError> {
        if inputs.iter().any(|input| input.text == "broken") {
            return Err(AnalyzeError::Run("broken".to_owned()));
        }
        Ok(inputs
            .iter()
            .map(|input| {
                assert_ne!(input.text, "poison");
                if input.text.is_empty() {
                    return Err(TextFault::Empty);
                }
                Ok(analysis(&self.model, input.text.len()))
            })
            .collect())
    }
}

#[allow(clippy::cast_precision_loss)]
fn analysis(model: &ModelId, length: usize) -> Analysis {
    Analysis {
        model: model.clone(),
        supported: true,
        sentiment: Sentiment {
            label: SentimentLabel::Neutral,
            score: length as f64,
            negative: 0.0,
            neutral: 1.0,
            positive: 0.0,
        },
        emotions: EmotionScores::default(),
        intents: IntentScores::default(),
        embedding: vec![],
    }
}

fn fake(workers: usize) -> (AnalyzerHandle, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let factory: Factory = Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let model = ModelId::parse("fake-1@00").unwrap();
        Ok(Box::new(Fake { model }))
    });
    (AnalyzerHandle::start(factory, workers).unwrap(), made)
}

fn texts(of: &[&str]) -> Vec<Text> {
    of.iter()
        .map(|text| Text {
            text: (*text).to_owned(),
            language: "en".to_owned(),
        })
        .collect()
}

fn lengths(outcomes: &[Outcome]) -> Vec<Result<f64, TextFault>> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Scored(analysis) => Ok(analysis.sentiment.score),
            Outcome::Fault(fault) => Err(*fault),
            Outcome::Off => panic!("scoring is on"),
        })
        .collect()
}

#[tokio::test]
async fn a_poisoned_text_fails_alone_and_the_worker_goes_on() {
    let (handle, made) = fake(1);
    let outcomes = handle
        .analyze(texts(&["a", "poison", "ccc", "", "bb"]))
        .await
        .unwrap();
    assert_eq!(
        lengths(&outcomes),
        [
            Ok(1.0),
            Err(TextFault::Panicked),
            Ok(3.0),
            Err(TextFault::Empty),
            Ok(2.0)
        ]
    );
    // At the start, after the chunk's panic, after the text's own.
    assert_eq!(made.load(Ordering::SeqCst), 3);
    let outcomes = handle.analyze(texts(&["dddd"])).await.unwrap();
    assert_eq!(lengths(&outcomes), [Ok(4.0)]);
    assert_eq!(made.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn order_is_kept_over_chunks_and_workers() {
    let (handle, _) = fake(3);
    let of: Vec<String> = (0..1000).map(|n| "x".repeat(1 + n * 7919 % 300)).collect();
    let of: Vec<&str> = of.iter().map(String::as_str).collect();
    let outcomes = handle.analyze(texts(&of)).await.unwrap();
    for (text, outcome) in of.iter().zip(lengths(&outcomes)) {
        #[allow(clippy::cast_precision_loss)]
        let expected = text.len() as f64;
        assert_eq!(outcome, Ok(expected));
    }
}

#[tokio::test]
async fn an_engine_error_reaches_the_caller() {
    let (handle, _) = fake(1);
    let result = handle.analyze(texts(&["a", "broken"])).await;
    assert!(matches!(result, Err(AnalyzeError::Run(reason)) if reason == "broken"));
    let outcomes = handle.analyze(texts(&["a"])).await.unwrap();
    assert_eq!(lengths(&outcomes), [Ok(1.0)]);
}

#[tokio::test]
async fn engine_none_scores_nothing() {
    let config = crate::config::AnalysisConfig {
        engine: crate::config::AnalysisEngine::None,
        threads: 0,
        cache_texts: 0,
    };
    let handle = crate::analysis::build(&config).unwrap();
    assert_eq!(handle.model(), None);
    let outcomes = handle.analyze(texts(&["a", "b"])).await.unwrap();
    assert_eq!(outcomes, [Outcome::Off, Outcome::Off]);
}

#[test]
fn chunks_cover_every_row_once_longest_first() {
    let of: Vec<String> = (1..=100).map(|n| "x".repeat(n)).collect();
    let of: Vec<&str> = of.iter().map(String::as_str).collect();
    let chunks = chunks(&texts(&of), 2);
    assert_eq!(chunks.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50]);
    assert_eq!(chunks.concat(), (0..100).rev().collect::<Vec<_>>());
}
