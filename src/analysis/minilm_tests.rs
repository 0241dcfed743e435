//! The real model on texts with clear expectations.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::*;
use crate::domain::SentimentLabel::{self, Negative, Positive};

fn analyzer() -> MiniLm {
    static SCORER: OnceLock<Arc<Scorer>> = OnceLock::new();
    let scorer = SCORER.get_or_init(|| Arc::new(Scorer::embedded(0).unwrap()));
    MiniLm::new(Arc::clone(scorer))
}

fn english(texts: &[&str]) -> Vec<Analysis> {
    let inputs: Vec<Input<'_>> = texts
        .iter()
        .map(|text| Input {
            text,
            language: "en",
        })
        .collect();
    let results = analyzer().analyze(&inputs).unwrap();
    results.into_iter().map(Result::unwrap).collect()
}

#[test]
fn clear_texts_get_their_sentiment_and_intents() {
    let cases: [(&str, Option<SentimentLabel>, &[&str]); 10] = [
        (
            "My battery died after two days, never buying this again",
            Some(Negative),
            &["complaint"],
        ),
        (
            "I absolutely love this scooter, best purchase ever!",
            Some(Positive),
            &["praise"],
        ),
        ("How do I reset my password?", None, &["question"]),
        (
            "The app crashes every time I open the settings page",
            Some(Negative),
            &["bug_report"],
        ),
        (
            "Cancelling my subscription today and switching to a competitor",
            None,
            &["churn_risk"],
        ),
        ("Please add a dark mode to the app", None, &["suggestion"]),
        (
            "Follow us and retweet to win a free phone! Use code WIN20 http://shop.example",
            None,
            &["spam"],
        ),
        (
            "I want to buy the new e-bike, where can I order it?",
            None,
            &["purchase_intent"],
        ),
        (
            "Terrible customer service, I waited three weeks for a reply",
            Some(Negative),
            &["complaint"],
        ),
        (
            "Thank you so much, the support team was wonderful",
            Some(Positive),
            &["praise"],
        ),
    ];
    let texts: Vec<&str> = cases.iter().map(|case| case.0).collect();
    for ((text, sentiment, intents), analysis) in cases.iter().zip(english(&texts)) {
        if let Some(label) = sentiment {
            assert_eq!(
                analysis.sentiment.label, *label,
                "{text}: {:?}",
                analysis.sentiment
            );
        }
        let present: Vec<&str> = analysis.present_intents().collect();
        for intent in *intents {
            assert!(present.contains(intent), "{text}: {:?}", analysis.intents);
        }
    }
}

#[test]
fn values_are_within_their_ranges() {
    let analysis = english(&["ok"]).remove(0);
    let s = analysis.sentiment;
    assert!((s.negative + s.neutral + s.positive - 1.0).abs() < 1e-9);
    assert!((s.score - (s.positive - s.negative)).abs() < 1e-12);
    assert_eq!(analysis.emotions.ekman.len(), 7);
    assert_eq!(analysis.emotions.fine.len(), 28);
    assert_eq!(analysis.intents.0.len(), 8);
    assert_eq!(analysis.embedding.len(), 384);
    let length: f64 = analysis
        .embedding
        .iter()
        .map(|&v| f64::from(v).powi(2))
        .sum();
    assert!((length.sqrt() / 127.0 - 1.0).abs() < 0.02, "{length}");
}

#[test]
fn order_is_kept_and_a_batch_agrees_with_single_texts() {
    let long = "the delivery was late and nobody answered the phone ".repeat(20);
    let texts = [
        "great",
        &long,
        "Where is my parcel?",
        "meh",
        "I love it so much ❤️",
        &long[..90],
    ];
    let batch = english(&texts);
    for (text, together) in texts.iter().zip(batch) {
        let alone = english(&[text]).remove(0);
        // Activations are quantised over the whole batch, so neighbours move a text a little.
        let apart = (alone.sentiment.score - together.sentiment.score).abs();
        assert!(apart < 0.15, "{text}: {apart}");
        let dot: f64 = alone
            .embedding
            .iter()
            .zip(&together.embedding)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum::<f64>()
            / (127.0 * 127.0);
        assert!(dot > 0.95, "{text}: {dot}");
    }
}

#[derive(serde::Deserialize)]
struct Reference {
    prepared: String,
    ids: Vec<u32>,
    sentiment: Vec<f32>,
    emotions: Vec<f32>,
    intents: Vec<f32>,
}

#[test]
fn agrees_with_the_runtime_that_trained_the_heads() {
    let analyzer = analyzer();
    let (mut texts, mut apart) = (0, Vec::new());
    for line in include_str!("../../tests/fixtures/scoring.jsonl").lines() {
        let expected: Reference = serde_json::from_str(line).unwrap();
        let ids = analyzer.scorer.tokenize(&expected.prepared).unwrap();
        assert_eq!(ids, expected.ids, "{}", expected.prepared);
        let outputs = analyzer.scorer.run(&[&ids], &analyzer.pool).unwrap();
        let wanted = [expected.sentiment, expected.emotions, expected.intents];
        for (found, wanted) in outputs.iter().zip(wanted) {
            for (found, wanted) in found.to_vec().into_iter().zip(wanted) {
                // Both quantise activations as they come, and a rounding that falls the other way goes on through the layers.
                apart.push((found - wanted).abs());
                assert!(
                    (found - wanted).abs() < 0.5,
                    "{}: {found} {wanted}",
                    expected.prepared
                );
            }
        }
        texts += 1;
    }
    assert!(texts >= 8, "{texts} texts");
    let mean = apart.iter().sum::<f32>() / apart.len() as f32;
    assert!(mean < 0.02, "{mean} on average");
}

#[test]
fn empty_texts_are_at_fault_alone() {
    let inputs = ["", " \u{200d}\n", "fine"].map(|text| Input {
        text,
        language: "en",
    });
    let results = analyzer().analyze(&inputs).unwrap();
    assert_eq!(results[0], Err(TextFault::Empty));
    assert_eq!(results[1], Err(TextFault::Empty));
    assert!(results[2].is_ok());
}

#[test]
fn a_huge_text_is_cut_quickly() {
    let huge = "the charger burned my desk ".repeat(40_000);
    english(&["the first text loads the model"]);
    let begin = Instant::now();
    let analysis = english(&[&huge]).remove(0);
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(analysis.sentiment.label, Negative);
    let ids = analyzer().scorer.tokenize(&huge[..4096]).unwrap();
    assert_eq!(ids.len(), 128);
}

#[test]
fn each_language_has_the_model_that_serves_it() {
    let inputs = [
        ("en", "The battery broke after two days, terrible"),
        (
            "de",
            "Die App stürzt seit dem Update ständig ab, ich bin so enttäuscht",
        ),
        ("pl", "Bateria padła po dwóch dniach, okropne"),
    ]
    .map(|(language, text)| Input { text, language });
    let mut results = analyzer().analyze(&inputs).unwrap().into_iter();
    let [english, german, polish] = [(); 3].map(|()| results.next().unwrap().unwrap());
    assert!(english.model.as_str().starts_with("overheard-minilm-"));
    assert!(english.supported && english.present_intents().count() > 0);
    assert!(
        german.model.as_str().starts_with("overheard-ngrams-"),
        "{german:?}"
    );
    assert_eq!(german.sentiment_label(), Some(Negative));
    assert_eq!(
        (
            german.present_intents().count(),
            german.present_emotions().count()
        ),
        (0, 0)
    );
    assert_eq!((german.urgency, german.intents.0.len()), (0, 8));
    assert!(polish.model.as_str().starts_with("overheard-minilm-"));
    assert!(!polish.supported);
    assert_eq!(polish.sentiment_label(), None);
}

#[test]
fn a_repost_comes_from_the_cache() {
    let mut analyzer = MiniLm::new(Arc::new(Scorer::embedded(10).unwrap()));
    let input = [Input {
        text: "my #BatteryFail @shop",
        language: "en",
    }];
    let first = analyzer.analyze(&input).unwrap().remove(0).unwrap();
    let key = TextKey::of("my Battery Fail @user");
    assert!(analyzer.scorer.cached(key).is_some());
    let again = analyzer.analyze(&input).unwrap().remove(0).unwrap();
    assert_eq!(first, again);
}

#[test]
fn batches_hold_texts_of_like_length_and_have_a_bound() {
    let limit = BatchLimit {
        texts: 3,
        tokens: 20,
    };
    let pending = |lengths: &[usize]| -> Vec<Pending> {
        let one = |length: &usize| Pending {
            row: 0,
            key: TextKey::of(""),
            ids: vec![0; *length],
        };
        lengths.iter().map(one).collect()
    };
    for (lengths, size) in [
        (&[1, 2, 3, 4][..], 3),
        (&[4, 5, 9], 2),
        (&[128, 128], 1),
        (&[5], 1),
    ] {
        assert_eq!(limit.of(&pending(lengths)), size, "{lengths:?}");
    }
}
