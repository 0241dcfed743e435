//! The worker with a fake analyzer, and the handle with the real one switched off.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::domain::{EmotionScores, IntentScores, Sentiment, SentimentLabel};

/// Scores a text with its length; panics on "poison", refuses "odd", is down from "broken" on.
struct Fake {
    model: ModelId,
    down: bool,
    seen: Arc<Mutex<Vec<usize>>>,
}

impl Analyzer for Fake {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn analyze(
        &mut self,
        inputs: &[Input<'_>],
    ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError> {
        self.seen.lock().unwrap().push(inputs.len());
        self.down |= inputs.iter().any(|input| input.text == "broken");
        if self.down || inputs.iter().any(|input| input.text == "odd") {
            return Err(AnalyzeError::Run("refused".to_owned()));
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
        urgency: 0,
        entities: vec![],
        embedding: vec![],
    }
}

/// A handle, how many analyzers were made, and the sizes of all calls to them.
struct World {
    handle: AnalyzerHandle,
    made: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<usize>>>,
}

fn fake(workers: usize) -> World {
    let made = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (count, calls) = (Arc::clone(&made), Arc::clone(&seen));
    let factory: Factory = Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Fake {
            model: ModelId::parse("fake-1@00").unwrap(),
            down: false,
            seen: Arc::clone(&calls),
        }))
    });
    let handle = AnalyzerHandle::start(factory, workers).unwrap();
    World { handle, made, seen }
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
    let World { handle, made, .. } = fake(1);
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
    let World { handle, .. } = fake(3);
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
async fn a_refused_text_fails_alone() {
    let World { handle, .. } = fake(1);
    let outcomes = handle.analyze(texts(&["a", "odd", "ccc"])).await.unwrap();
    assert_eq!(
        lengths(&outcomes),
        [Ok(1.0), Err(TextFault::Refused), Ok(3.0)]
    );
}

#[tokio::test]
async fn an_engine_that_fails_on_a_good_text_too_is_an_error() {
    let World { handle, .. } = fake(1);
    let result = handle.analyze(texts(&["a", "broken"])).await;
    assert!(matches!(result, Err(AnalyzeError::Run(reason)) if reason == "refused"));
}

#[test]
fn each_worker_is_warmed_up_and_a_dead_engine_does_not_start() {
    let World { seen, made, .. } = fake(3);
    assert_eq!(made.load(Ordering::SeqCst), 3);
    assert_eq!(*seen.lock().unwrap(), [1, 1, 1]);
    let factory: Factory = Arc::new(|| {
        Ok(Box::new(Fake {
            model: ModelId::parse("fake-1@00").unwrap(),
            down: true,
            seen: Arc::default(),
        }))
    });
    let started = AnalyzerHandle::start(factory, 1);
    assert!(matches!(started, Err(AnalyzeError::Run(_))));
}

/// Does not answer before it is told to.
struct Slow {
    fake: Fake,
    go: std::sync::mpsc::Receiver<()>,
}

impl Analyzer for Slow {
    fn model(&self) -> &ModelId {
        self.fake.model()
    }

    fn analyze(
        &mut self,
        inputs: &[Input<'_>],
    ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError> {
        if inputs != [PROBE] {
            self.go.recv().unwrap();
        }
        self.fake.analyze(inputs)
    }
}

#[tokio::test]
async fn who_calls_a_busy_worker_waits_and_what_nobody_waits_for_is_not_scored() {
    let (go, wait) = std::sync::mpsc::channel();
    let slow = Mutex::new(Some(wait));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let calls = Arc::clone(&seen);
    let factory: Factory = Arc::new(move || {
        Ok(Box::new(Slow {
            fake: Fake {
                model: ModelId::parse("slow-1@00").unwrap(),
                down: false,
                seen: Arc::clone(&calls),
            },
            go: slow.lock().unwrap().take().unwrap(),
        }))
    });
    let handle = AnalyzerHandle::start(factory, 1).unwrap();
    // One chunk is with the worker, the queue holds `QUEUE_PER_WORKER`, the next caller waits.
    let mut calls = Vec::new();
    for n in 0..4 {
        let call = handle.analyze(texts(&["x".repeat(n + 1).as_str()]));
        let mut call = Box::pin(call);
        // The worker takes the first chunk out of the queue at its own time.
        assert!(futures_util::poll!(&mut call).is_pending());
        let queue = &handle.running.as_ref().unwrap().queue;
        while n == 0 && queue.capacity() < QUEUE_PER_WORKER {
            std::thread::yield_now();
        }
        calls.push(call);
    }
    assert_eq!(handle.running.as_ref().unwrap().queue.capacity(), 0);
    let last = calls.pop().unwrap();
    // The second caller goes away while its chunk waits.
    drop(calls.remove(1));
    for _ in 0..3 {
        go.send(()).unwrap();
    }
    let (first, third) = (calls.remove(0).await, calls.remove(0).await);
    assert_eq!(lengths(&first.unwrap()), [Ok(1.0)]);
    assert_eq!(lengths(&third.unwrap()), [Ok(3.0)]);
    assert_eq!(lengths(&last.await.unwrap()), [Ok(4.0)]);
    // The probe and three texts; the second was dropped.
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn engine_none_scores_nothing() {
    let config = crate::config::AnalysisConfig {
        engine: crate::config::AnalysisEngine::None,
        threads: 0,
        cache_texts: 0,
    };
    let handle = crate::analysis::build(&config, &[], None).unwrap();
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
