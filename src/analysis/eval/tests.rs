//! Figures against values worked out by hand.

use super::*;
use crate::domain::analysis::LabelScore;
use crate::domain::{EmotionScores, IntentScores, ModelId, Sentiment, SentimentLabel};

const NO_BOOTSTRAP: Bootstrap = Bootstrap {
    resamples: 0,
    seed: 7,
};

fn judged(negative: f64, neutral: f64, positive: f64) -> Judged {
    Judged {
        analysis: Some(Analysis {
            model: ModelId::parse("fake-1@00").unwrap(),
            supported: true,
            sentiment: Sentiment {
                label: SentimentLabel::Neutral,
                score: positive - negative,
                negative,
                neutral,
                positive,
            },
            emotions: EmotionScores::default(),
            intents: IntentScores::default(),
            urgency: 0,
            entities: vec![],
            embedding: vec![],
        }),
        language: Language {
            code: "en".to_owned(),
            confidence: 0.9,
        },
    }
}

/// A post with intents as (name, probability), present from one half.
fn with_intents(intents: &[(&str, f64)]) -> Judged {
    let mut judged = judged(0.0, 1.0, 0.0);
    let scores = intents.iter().map(|(label, probability)| LabelScore {
        label: (*label).to_owned(),
        probability: *probability,
        present: *probability >= 0.5,
    });
    judged.analysis.as_mut().unwrap().intents = IntentScores(scores.collect());
    judged
}

fn gold(set: &str, cells: &[&str]) -> (LabelSet, Gold) {
    let set = LabelSet::parse(set).unwrap();
    let groups = [
        ("annoyance", "anger"),
        ("joy", "joy"),
        ("neutral", "neutral"),
    ];
    let groups = groups.map(|(fine, group)| (fine.to_owned(), group.to_owned()));
    let gold = Gold::read(&set, cells, &BTreeMap::new(), &groups.into()).unwrap();
    (set, gold)
}

fn report(set: &str, cells: &[&str], judged: &[Judged]) -> Report {
    let (set, gold) = gold(set, cells);
    measure(&set, &gold, judged, NO_BOOTSTRAP).unwrap()
}

fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-9, "{found}, not {wanted}");
}

#[test]
fn sentiment_has_the_figures_of_its_confusion() {
    let said = [
        judged(0.8, 0.1, 0.1),
        judged(0.2, 0.6, 0.2),
        judged(0.1, 0.6, 0.3),
        judged(0.0, 0.1, 0.9),
        judged(0.7, 0.1, 0.2),
    ];
    let report = report("sentiment", &["-1", "-1", "0", "1", "1"], &said);
    let Figures::Classes {
        accuracy,
        macro_f1,
        macro_recall,
        ece,
        classes,
        confusion,
    } = report.figures
    else {
        panic!("classes");
    };
    assert_eq!(
        classes.iter().map(|c| c.label.as_str()).collect::<Vec<_>>(),
        ["negative", "neutral", "positive"]
    );
    assert_eq!(confusion, [[1, 1, 0], [0, 1, 0], [1, 0, 1]]);
    near(accuracy, 0.6);
    near(macro_recall, (0.5 + 1.0 + 0.5) / 3.0);
    near(macro_f1, (0.5 + 2.0 / 3.0 + 2.0 / 3.0) / 3.0);
    // Bins: .8 and .7 apart in theirs (12, 10), two of .6 (9: 1.2 against 1), .9 (13).
    near(ece.unwrap(), (0.2 + 0.7 + 0.2 + 0.1) / 5.0);
    assert_eq!(report.models["fake-1@00"], 5);
}

#[test]
fn a_file_of_two_classes_is_judged_between_them() {
    let said = [judged(0.3, 0.6, 0.1), judged(0.1, 0.7, 0.2)];
    let Figures::Classes { accuracy, ece, .. } = report("sentiment", &["0", "1"], &said).figures
    else {
        panic!("classes");
    };
    near(accuracy, 1.0);
    // 3/4 in bin 11 and 2/3 in bin 9 or 10, both right.
    near(ece.unwrap(), (0.25 + 1.0 / 3.0) / 2.0);
}

#[test]
fn a_file_of_one_class_can_be_missed() {
    let said = [judged(0.3, 0.1, 0.6), judged(0.6, 0.3, 0.1)];
    let Figures::Classes {
        accuracy,
        macro_recall,
        ..
    } = report("sentiment", &["negative", "negative"], &said).figures
    else {
        panic!("classes");
    };
    near(accuracy, 0.5);
    near(macro_recall, 0.5);
}

#[test]
fn one_intent_is_two_classes() {
    let said = [
        with_intents(&[("complaint", 0.9)]),
        with_intents(&[("complaint", 0.6), ("spam", 0.9)]),
        with_intents(&[("complaint", 0.1)]),
    ];
    let cells = ["complaint|bug_report", "0", "praise"];
    let Figures::Classes {
        macro_f1, classes, ..
    } = report("complaint", &cells, &said).figures
    else {
        panic!("classes");
    };
    assert_eq!(
        (
            classes[0].label.as_str(),
            classes[0].hits,
            classes[0].predicted
        ),
        ("complaint", 1, 2)
    );
    near(macro_f1, (2.0 / 3.0 + 2.0 / 3.0) / 2.0);
}

#[test]
fn several_labels_a_row_have_micro_and_macro_figures() {
    let said = [
        with_intents(&[("complaint", 0.9), ("question", 0.8), ("spam", 0.0)]),
        with_intents(&[("complaint", 0.2), ("question", 0.1), ("spam", 0.0)]),
    ];
    let report = report("intents", &["complaint", "complaint, question"], &said);
    let Figures::Sets {
        macro_f1,
        micro_f1,
        exact,
        ece,
        classes,
        ..
    } = report.figures
    else {
        panic!("sets");
    };
    assert_eq!(classes.len(), 8);
    // complaint: 1 of 2 found; question: 1 of 1 wrong; the rest occur nowhere.
    near(macro_f1, (2.0 / 3.0 + 0.0) / 2.0);
    near(micro_f1, 2.0 / 5.0);
    near(exact, 0.0);
    // .9 right, .8 wrong, .2 right, .1 right, two of 0 wrong, each in a bin of its own.
    near(ece.unwrap(), (0.1 + 0.8 + 0.8 + 0.9 + 0.0) / 6.0);
}

#[test]
fn fine_emotions_count_for_their_group() {
    let (_, gold) = gold("emotions", &["annoyance|joy", "anger", ""]);
    let Gold::Sets { names, rows } = gold else {
        panic!("sets");
    };
    assert_eq!((names[0].as_str(), names[3].as_str()), ("anger", "joy"));
    assert_eq!(rows, [Some(0b1001), Some(0b0001), Some(0)]);
}

#[test]
fn strength_is_a_correlation() {
    let said = [
        judged(0.5, 0.5, 0.0),
        judged(0.0, 1.0, 0.0),
        judged(0.0, 0.0, 1.0),
    ];
    let Figures::Numbers {
        pearson_r,
        spearman_rho,
    } = report("strength", &["-1.5", "0", "3"], &said).figures
    else {
        panic!("numbers");
    };
    near(pearson_r, 1.0);
    near(spearman_rho, 1.0);
    let Figures::Numbers {
        pearson_r,
        spearman_rho,
    } = report("strength", &["3", "0", "0"], &said).figures
    else {
        panic!("numbers");
    };
    // (3, -.5), (0, 0), (0, 1): covariance -2 over the root of 6 * 7/6.
    near(pearson_r, -2.0 / 7.0_f64.sqrt());
    near(spearman_rho, -0.75_f64.sqrt());
}

#[test]
fn languages_are_classes() {
    let said = [judged(0.0, 1.0, 0.0), judged(0.0, 1.0, 0.0)];
    let Figures::Classes {
        accuracy,
        macro_recall,
        ..
    } = report("language", &["EN", "de"], &said).figures
    else {
        panic!("classes");
    };
    near(accuracy, 0.5);
    near(macro_recall, 0.5);
}

#[test]
fn rows_without_label_or_score_are_left_out_and_counted() {
    let set = LabelSet::Sentiment;
    let map = [("mixed", ""), ("bad", "negative")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let gold = Gold::read(
        &set,
        &["bad", "mixed", "neutral"],
        &map.into(),
        &BTreeMap::new(),
    )
    .unwrap();
    let faulty = Judged {
        analysis: None,
        ..judged(0.0, 1.0, 0.0)
    };
    let said = [judged(1.0, 0.0, 0.0), judged(1.0, 0.0, 0.0), faulty.clone()];
    let report = measure(&set, &gold, &said, NO_BOOTSTRAP).unwrap();
    assert_eq!((report.rows, report.dropped, report.faults), (1, 1, 1));
    let nothing = measure(
        &set,
        &gold,
        &[faulty.clone(), faulty.clone(), faulty],
        NO_BOOTSTRAP,
    );
    assert_eq!(nothing.unwrap_err(), GoldError::Nothing);
}

#[test]
fn a_label_that_is_none_is_named_with_its_row() {
    let read = |set: &str, cells: &[&str]| {
        let set = LabelSet::parse(set).unwrap();
        let error = Gold::read(&set, cells, &BTreeMap::new(), &BTreeMap::new()).unwrap_err();
        error.to_string()
    };
    let message = read("sentiment", &["negative", "mixed"]);
    assert!(
        message.starts_with("row 2: \"mixed\" is no label of sentiment: use negative"),
        "{message}"
    );
    assert!(
        message.ends_with("write --map 'mixed=LABEL', or --map 'mixed=' to leave such rows out"),
        "{message}"
    );
    assert!(read("urgency", &["4"]).contains("from 0 to 3"));
    assert!(read("strength", &["NaN"]).contains("use a number"));
    assert!(read("intents", &["moan"]).contains("churn_risk"));
    assert!(read("complaint", &["moan"]).contains("use 1 or complaint"));
    assert!(LabelSet::parse("mood").unwrap_err().contains("goemotions"));
}
