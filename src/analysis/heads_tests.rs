//! Heads on invented vectors, and the analyzer that uses them.

use super::*;
use crate::domain::analysis::LabelScore;
use crate::domain::{EmotionScores, IntentScores};

fn base() -> ModelId {
    ModelId::parse("base-1@00").unwrap()
}

/// The model calls everything neutral and no complaint; the first number of the vector says the truth.
fn analysis(first: i8, noise: i8) -> Analysis {
    Analysis {
        model: base(),
        supported: true,
        sentiment: Sentiment::of(0.3, 0.4, 0.3),
        emotions: EmotionScores::default(),
        intents: IntentScores(vec![LabelScore {
            label: "complaint".to_owned(),
            probability: 0.2,
            present: false,
        }]),
        urgency: 0,
        entities: vec![],
        embedding: vec![first, noise, 30],
    }
}

fn lessons(number: usize) -> Vec<Lesson> {
    (0..number)
        .map(|n| {
            let bad = n * 7 % 3 == 0;
            let first = if bad { 100 } else { -100 };
            let noise = i8::try_from(n * 37 % 120).unwrap();
            Lesson {
                analysis: analysis(first, noise),
                sentiment: Some(if bad {
                    SentimentLabel::Negative
                } else {
                    SentimentLabel::Positive
                }),
                intents: Some(vec![bad]),
            }
        })
        .collect()
}

#[test]
fn what_can_be_learned_is_kept_and_applied() {
    let (heads, sentiment, intents) = learn(&base(), &[0.5], &lessons(60));
    assert_eq!((sentiment.lessons, sentiment.before), (60, Some(0.0)));
    assert!(
        sentiment.kept && sentiment.after > Some(0.99),
        "{sentiment:?}"
    );
    assert!(intents.kept && intents.after > Some(0.99), "{intents:?}");
    assert!(!heads.is_empty());
    let mut bad = analysis(100, 5);
    heads.apply(&mut bad);
    assert_eq!(bad.sentiment.label, SentimentLabel::Negative);
    assert!(bad.intents.0[0].present);
    let s = bad.sentiment;
    assert!((s.negative + s.neutral + s.positive - 1.0).abs() < 1e-9);
    let mut good = analysis(-100, 5);
    heads.apply(&mut good);
    assert_eq!(
        (good.sentiment.label, good.intents.0[0].present),
        (SentimentLabel::Positive, false)
    );
}

#[test]
fn what_is_no_better_on_unseen_corrections_is_not_kept() {
    let right: Vec<Lesson> = (0..60)
        .map(|n| {
            let negative = n % 2 == 0;
            let mut analysis = analysis(
                if n % 4 < 2 { 100 } else { -100 },
                i8::try_from(n * 37 % 120).unwrap(),
            );
            analysis.sentiment = if negative {
                Sentiment::of(0.9, 0.05, 0.05)
            } else {
                Sentiment::of(0.05, 0.05, 0.9)
            };
            Lesson {
                analysis,
                sentiment: Some(if negative {
                    SentimentLabel::Negative
                } else {
                    SentimentLabel::Positive
                }),
                intents: None,
            }
        })
        .collect();
    let (heads, sentiment, intents) = learn(&base(), &[0.5], &right);
    assert_eq!((sentiment.before, sentiment.kept), (Some(1.0), false));
    assert_eq!(
        (intents.lessons, intents.before, intents.kept),
        (0, None, false)
    );
    assert!(heads.is_empty());
    let (heads, few, _) = learn(&base(), &[0.5], &lessons(FEWEST - 1));
    assert!(heads.is_empty() && few.after.is_none());
}

/// Answers with what it is given.
struct Fixed(ModelId, Vec<Analysis>);

impl Analyzer for Fixed {
    fn model(&self) -> &ModelId {
        &self.0
    }

    fn analyze(
        &mut self,
        _: &[Input<'_>],
    ) -> Result<Vec<Result<Analysis, TextFault>>, AnalyzeError> {
        Ok(self.1.iter().cloned().map(Ok).collect())
    }
}

#[test]
fn only_answers_of_the_model_that_was_corrected_are_moved() {
    let (heads, ..) = learn(&base(), &[0.5], &lessons(60));
    let mut other = analysis(100, 0);
    other.model = ModelId::parse("ngrams-1@00").unwrap();
    let mut guess = analysis(100, 0);
    guess.supported = false;
    let given = vec![analysis(100, 0), other, guess];
    let mut analyzer =
        WithHeads::new(Box::new(Fixed(base(), given.clone())), heads.clone()).unwrap();
    let said = analyzer.analyze(&[]).unwrap();
    assert_eq!(said[0].as_ref().unwrap().model, heads.model().unwrap());
    assert!(heads.model().unwrap().as_str().starts_with("base-1+own@"));
    assert_eq!(
        said[0].as_ref().unwrap().sentiment.label,
        SentimentLabel::Negative
    );
    assert_eq!(said[1].as_ref(), Ok(&given[1]));
    assert_eq!(said[2].as_ref(), Ok(&given[2]));
    let json = serde_json::to_string(&heads).unwrap();
    assert_eq!(serde_json::from_str::<Heads>(&json).unwrap(), heads);
}
