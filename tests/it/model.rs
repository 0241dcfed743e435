//! `overheard model` on the real binary with the real model.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use overheard::domain::SentimentLabel;
use overheard::domain::correction::Correction;
use serde_json::Value;

use crate::daemon::{Ended, Home, ended, overheard};

const BAD: &str = "Terrible customer service, I waited three weeks for a reply";
const GOOD: &str = "Thank you so much, the support team was wonderful";

fn model(arguments: &[&str], stdin: &str) -> Ended {
    ended(
        overheard(&[&["model"], arguments].concat()),
        stdin.as_bytes(),
    )
}

fn lines(ended: &Ended) -> Vec<Value> {
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let lines = ended.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn keys(value: &Value) -> Vec<&str> {
    let keys = value.as_object().expect("an object").keys();
    keys.map(String::as_str).collect()
}

#[test]
fn each_line_is_answered_in_order_with_all_that_is_promised() {
    let polish = "Bateria padła po dwóch dniach i nikt nie odpowiada";
    let stdin = format!("{BAD}\n\n{polish}\n{GOOD}");
    let lines = lines(&model(&["score"], &stdin));
    assert_eq!(lines.len(), 4);
    let first = &lines[0];
    let text = first.to_string();
    for (path, count) in [("/emotions", 7), ("/goemotions", 28), ("/intents", 8)] {
        let scores = first.pointer(path).expect(path).as_object().expect(path);
        assert_eq!(scores.len(), count, "{path}: {text}");
        for (label, score) in scores {
            let score = score.as_f64().expect(label);
            assert!((0.0..=1.0).contains(&score), "{label}: {score}");
        }
    }
    let all = [
        "emotions",
        "goemotions",
        "intents",
        "labels",
        "language",
        "model",
        "sentiment",
        "supported",
        "urgency",
    ];
    assert_eq!(keys(first), all);
    assert_eq!(keys(&first["language"]), ["code", "confidence"]);
    assert_eq!(
        keys(&first["labels"]),
        ["emotions", "goemotions", "intents"]
    );
    assert_eq!(
        keys(&first["sentiment"]),
        ["label", "negative", "neutral", "positive", "score"]
    );
    assert_eq!(first["language"]["code"], "en");
    assert_eq!(first["sentiment"]["label"], "negative");
    assert_eq!(first["supported"], true);
    assert!(
        first["urgency"]
            .as_u64()
            .is_some_and(|urgency| urgency <= 3),
        "{text}"
    );
    let complaint = Value::from("complaint");
    let intents = first["labels"]["intents"].as_array().expect("labels");
    assert!(intents.contains(&complaint), "{text}");

    assert_eq!(lines[1]["error"], "text is empty after preparation");
    assert_eq!(
        (&lines[1]["sentiment"], &lines[1]["supported"]),
        (&Value::Null, &Value::from(false))
    );
    assert_eq!(lines[2]["language"]["code"], "pl");
    assert_eq!(lines[2]["supported"], false);
    assert_eq!(keys(&lines[2]), all);
    assert_eq!(lines[3]["sentiment"]["label"], "positive");
    assert!(lines[3].get("error").is_none());
}

#[test]
fn many_lines_keep_their_order() {
    let stdin: String = (0..1000)
        .map(|n| format!("{}\n", if n % 3 == 0 { BAD } else { GOOD }))
        .collect();
    let lines = lines(&model(&["score"], &stdin));
    assert_eq!(lines.len(), 1000);
    for (n, line) in lines.iter().enumerate() {
        let wanted = if n % 3 == 0 { "negative" } else { "positive" };
        assert_eq!(line["sentiment"]["label"], wanted, "line {n}");
    }
}

#[test]
fn a_typed_line_is_answered_before_the_next() {
    let mut child = overheard(&["model", "score"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("stdin");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
    for (text, label) in [(BAD, "negative"), (GOOD, "positive")] {
        writeln!(stdin, "{text}").expect("it listens");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it answers");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line["sentiment"]["label"], label);
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_column_of_a_table_is_scored() {
    let table = format!("id\ttext\n1\t{GOOD}\n2\n3\t{BAD}\n");
    let scored = lines(&model(
        &["score", "--tsv", "text", "--language", "en"],
        &table,
    ));
    assert_eq!(scored.len(), 3);
    assert_eq!(scored[0]["sentiment"]["label"], "positive");
    assert_eq!(scored[0]["language"]["confidence"], 1.0);
    assert_eq!(scored[1]["error"], "the line has fewer than 2 columns");
    assert_eq!(scored[2]["sentiment"]["label"], "negative");
    let missing = model(&["score", "--tsv", "body"], &table);
    missing.refused(&["no column \"body\"", "name the columns"]);
}

#[test]
fn without_an_engine_there_is_nothing_to_score_with() {
    let home = Home::new("[analysis]\nengine = \"none\"\n");
    for command in [&["score"][..], &["explain", "x"]] {
        home.run(&[&["model"], command].concat())
            .refused(&["switched off", "engine = \"embedded\""]);
    }
}

#[cfg(not(feature = "rust-bert"))]
#[test]
fn an_engine_that_is_not_built_says_how_to_build_it() {
    let home = Home::new("[analysis]\nengine = \"rust-bert\"\n");
    for command in [
        &["model", "score"][..],
        &["model", "list"],
        &["run", "--once"],
    ] {
        home.run(command)
            .refused(&["without rust-bert", "--features rust-bert"]);
    }
}

#[test]
fn a_file_of_labels_is_measured() {
    let home = Home::new("");
    let table = format!(
        "text\tlabel\n{BAD}\tnegative\n{GOOD}\tpositive\n\
         My battery died after two days, never buying this again\tnegative\nNice\tmixed\n"
    );
    let file = home.file("posts.tsv", table).display().to_string();
    let wrong = model(&["eval", &file], "");
    wrong.refused(&[
        "row 4",
        "\"mixed\" is no label of sentiment",
        "--map 'mixed='",
    ]);
    let report = model(
        &[
            "eval",
            &file,
            "--map",
            "mixed=",
            "--resamples",
            "50",
            "--json",
        ],
        "",
    )
    .json();
    assert_eq!(report["rows"], 3);
    assert_eq!(report["dropped"], 1);
    assert_eq!(report["accuracy"], 1.0);
    assert_eq!(report["confusion"], serde_json::json!([[2, 0], [0, 1]]));
    assert_eq!(report["intervals"]["accuracy"]["low"], 1.0);
    assert_eq!(
        report["bootstrap"],
        serde_json::json!({"resamples": 50, "seed": 7})
    );
    assert!(
        report["texts_per_second"]
            .as_f64()
            .is_some_and(|speed| speed > 0.0)
    );
    let shown = model(&["eval", &file, "--map", "mixed="], "");
    assert!(shown.stdout.contains("macro_recall  1.0000"), "{shown:?}");
    assert!(shown.stdout.contains("said negative"), "{shown:?}");

    let table = format!(
        "body\tintents\n{BAD}\tcomplaint\n{GOOD}\tpraise\nHow do I reset my password?\tquestion\n"
    );
    let arguments = [
        "eval", "-", "--text", "body", "--label", "intents", "--json", "--labels",
    ];
    let report = model(&[&arguments[..], &["intents"]].concat(), &table).json();
    let complaint = &report["classes"][0];
    assert_eq!(
        (&complaint["label"], &complaint["hits"]),
        (&"complaint".into(), &1.into())
    );
    let report = model(&[&arguments[..], &["complaint"]].concat(), &table).json();
    assert_eq!(report["classes"][0]["recall"], 1.0);
    model(&["eval", "-"], &table).refused(&["no column \"text\"", "--text"]);
    model(&["eval", "-", "--labels", "mood"], &table)
        .refused(&["no label set \"mood\"", "goemotions"]);
}

#[test]
fn a_score_is_explained_by_its_words() {
    let text = "The screen is great but I hate the battery";
    let explained = model(&["explain", "--json", text], "").json();
    let words = explained["words"].as_array().expect("words");
    let shown: Vec<&str> = words
        .iter()
        .filter_map(|word| word["text"].as_str())
        .collect();
    assert_eq!(shown, text.split(' ').collect::<Vec<_>>());
    let effect = |word: &str| {
        let found = words.iter().find(|found| found["text"] == word);
        found
            .and_then(|found| found["sentiment"].as_f64())
            .expect(word)
    };
    assert!(effect("great") > 0.05, "{explained}");
    assert!(effect("hate") < -0.05, "{explained}");
    assert_eq!(words[0]["intents"].as_object().expect("intents").len(), 8);
    let plain = model(&["explain", text], "");
    assert!(
        plain.stdout.contains(text) && !plain.stdout.contains('\u{1b}'),
        "{plain:?}"
    );
    let coloured = model(&["explain", text, "--color", "always"], "");
    assert!(coloured.stdout.contains('\u{1b}'), "{coloured:?}");
    model(&["explain", " "], "").refused(&["cannot be explained", "empty"]);
}

#[test]
fn an_explanation_takes_less_than_a_tenth_of_a_second() {
    if cfg!(debug_assertions) {
        println!("skipped: only a release build is measured");
        return;
    }
    let post = "Ordered the new scooter two weeks ago and it still has not been delivered, \
                support keeps sending me the same reply and nobody can tell me where it is";
    let runs = (0..5).map(|_| model(&["explain", "--json", post], "").json());
    let fastest = runs
        .filter_map(|run| run["milliseconds"].as_f64())
        .fold(f64::INFINITY, f64::min);
    assert!(fastest < 100.0, "{fastest} ms");
}

#[test]
fn the_models_are_listed_and_their_files_are_whole() {
    let models = model(&["list", "--json"], "").json();
    assert!(
        models[0]["model"]
            .as_str()
            .is_some_and(|id| id.starts_with("overheard-minilm-"))
    );
    assert_eq!(models[0]["languages"], serde_json::json!(["en"]));
    let others = models[1]["languages"].as_array().expect("languages");
    assert!(others.contains(&Value::from("de")) && !others.contains(&Value::from("en")));
    let files = model(&["verify", "--json"], "").json();
    let files = files.as_array().expect("files");
    assert!(files.iter().any(|file| file["file"] == "overheard.onnx"));
    assert!(files.iter().all(|file| file["good"] == true), "{files:?}");
    assert!(
        model(&["verify"], "")
            .stdout
            .contains("  overheard.onnx: OK\n")
    );
}

/// A home in which two posts were heard and scored by the real model.
fn scored_home() -> Home {
    let home = Home::new("");
    let posts = format!(
        "{}\n{}\n",
        serde_json::json!({"v": 1, "id": "1", "text": BAD, "language": "en"}),
        serde_json::json!({"v": 1, "id": "2", "text": GOOD, "language": "en"}),
    );
    let path = home.file("posts.ndjson", posts).display().to_string();
    home.configure(&format!(
        "[[monitors]]\nid = \"all\"\nquery = \"support OR service\"\n\
         [[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{path}\"\n"
    ));
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    home
}

fn mention(home: &Home, word: &str) -> Value {
    let found = home.run(&["search", word, "--json"]).json();
    assert_eq!(found["total"], 1, "{found}");
    found["hits"][0]["mention"].clone()
}

#[test]
fn a_correction_is_shown_found_measured_and_survives_scoring_again() {
    let home = scored_home();
    home.run(&["model", "eval", "--corrections"])
        .refused(&["nobody corrected sentiment yet"]);
    let id = mention(&home, "wonderful")["mention_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let correct =
        |arguments: &[&str]| home.run(&[&["mentions", "correct", &id], arguments].concat());
    correct(&[]).refused(&["needs a sentiment, intents or an urgency"]);
    correct(&["--intents", "moan"]).refused(&["\"moan\" is not an intent", "complaint"]);
    correct(&["--urgency", "4"]).refused(&["urgency 4 is not 0 to 3"]);
    correct(&["--sentiment", "bad"]).refused(&["negative, neutral or positive"]);
    let none = format!("mention_{}", "0".repeat(32));
    home.run(&["mentions", "correct", &none, "--sentiment", "neutral"])
        .refused(&["there is no mention"]);
    let done = correct(&[
        "--sentiment",
        "negative",
        "--intents",
        "complaint,spam",
        "--urgency",
        "2",
    ]);
    assert_eq!(done.status, Some(0), "{done:?}");

    let listed = home.run(&["mentions", "corrections", "--json"]).json();
    assert_eq!(listed[0]["mention"], id.as_str());
    assert_eq!(
        listed[0]["intents"],
        serde_json::json!(["complaint", "spam"])
    );
    let measured = home
        .run(&["model", "eval", "--corrections", "--json"])
        .json();
    // The model still says positive.
    assert_eq!(
        (&measured["rows"], &measured["accuracy"]),
        (&1.into(), &0.0.into())
    );
    let measured = home
        .run(&[
            "model",
            "eval",
            "--corrections",
            "--labels",
            "intents",
            "--json",
        ])
        .json();
    assert_eq!(measured["rows"], 1);
    home.run(&["model", "eval", "--corrections", "--labels", "goemotions"])
        .refused(&["nothing to measure goemotions on"]);

    // Another model said all of this, once.
    let store = rusqlite::Connection::open(home.data().join("store.sqlite3")).expect("a store");
    store
        .execute("UPDATE models SET id = 'older-0.0.1@00'", ())
        .expect("an update");
    drop(store);
    let again = home.run(&["model", "rescore", "--json"]).json();
    assert_eq!(
        (&again["rescored"], &again["failed"]),
        (&2.into(), &0.into())
    );
    assert_eq!(again["other_sentiment"], 0);
    let nothing = home.run(&["model", "rescore", "--json"]).json();
    assert_eq!(nothing["rescored"], 0);
    let shown = home.run(&["show", &id, "--json"]).json();
    let analysis = &shown["analysis"];
    assert!(
        analysis["model"]
            .as_str()
            .is_some_and(|id| id.starts_with("overheard-minilm-")),
        "{analysis}"
    );
    assert_eq!(
        (&analysis["sentiment"]["score"], &analysis["urgency"]),
        (&(-1.0).into(), &2.into())
    );
    // The index learns of it with the next run.
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    mention(&home, "wonderful sentiment:negative intent:spam");
}

#[tokio::test]
async fn what_people_corrected_is_learned_and_can_be_taken_back() {
    let home = Home::new("");
    let mut posts = String::new();
    for n in 0..40 {
        let shelf = if n % 2 == 0 { "blue" } else { "red" };
        let text = format!("Item {n} is on the {shelf} shelf in the storage room");
        posts.push_str(&format!(
            "{}\n",
            serde_json::json!({"v": 1, "id": n.to_string(), "text": text, "language": "en"})
        ));
    }
    let path = home.file("posts.ndjson", posts).display().to_string();
    home.configure(&format!(
        "[[monitors]]\nid = \"all\"\nquery = \"shelf\"\n\
         [[sources]]\nid = \"posts\"\ntype = \"file\"\ninterval_secs = 1\npath = \"{path}\"\n"
    ));
    let tune = |arguments: &[&str]| home.run(&[&["model", "tune"], arguments].concat());
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    tune(&[]).refused(&["nobody corrected anything yet"]);

    let now = overheard::runtime::Clock::system().now();
    let store = overheard::store::Store::open(&home.data(), now).expect("a store");
    for record in store
        .mentions(None, 100, None)
        .await
        .expect("mentions")
        .records
    {
        let blue = record.post.text.contains("blue");
        let correction = Correction {
            sentiment: Some(if blue {
                SentimentLabel::Negative
            } else {
                SentimentLabel::Positive
            }),
            ..Correction::default()
        };
        store
            .correct(std::slice::from_ref(&record.post.id), correction, now)
            .await
            .expect("a correction");
    }
    store.close().await;

    let tuned = tune(&["--json"]).json();
    let trial = &tuned["sentiment"];
    assert_eq!(
        (&trial["lessons"], &trial["kept"]),
        (&40.into(), &true.into()),
        "{tuned}"
    );
    assert!(
        trial["after"].as_f64() > trial["before"].as_f64(),
        "{tuned}"
    );
    assert_eq!(
        (&tuned["intents"]["lessons"], &tuned["intents"]["kept"]),
        (&0.into(), &false.into())
    );
    let score = || {
        let command = home.command(&["model", "score"]);
        lines(&ended(
            command,
            b"Item 99 is on the blue shelf in the storage room\n",
        ))
        .remove(0)
    };
    let own = score();
    assert_eq!(own["model"], tuned["model"]);
    assert_eq!(own["sentiment"]["label"], "negative");
    assert_eq!(
        home.run(&["model", "list", "--json"]).json()[0]["model"],
        tuned["model"]
    );
    assert_eq!(
        home.run(&["model", "rescore", "--json"]).json()["rescored"],
        40
    );

    assert!(tune(&["--back"]).stdout.contains("Went back"));
    let shipped = score();
    assert!(
        shipped["model"]
            .as_str()
            .is_some_and(|id| !id.contains("+own")),
        "{shipped}"
    );
    assert_ne!(shipped["sentiment"], own["sentiment"]);
    assert!(tune(&["--back"]).stdout.contains("nothing to go back from"));
}

#[tokio::test]
async fn history_is_scored_again_beside_a_running_daemon() {
    let home = Home::new("");
    let posts = home.file(
        "posts.ndjson",
        "{\"v\":1,\"id\":\"1\",\"text\":\"My battery died after two days\",\"language\":\"en\"}\n{\"v\":1,\"id\":\"2\",\"text\":\"I love this battery\",\"language\":\"en\"}\n",
    );
    home.configure(&format!(
        "[[sources]]\nid = \"posts\"\ntype = \"file\"\npath = \"{}\"\n[[monitors]]\nid = \"all\"\nquery = \"battery\"\n",
        posts.display()
    ));
    let once = home.run(&["run", "--once"]);
    assert_eq!(once.status, Some(0), "{once:?}");
    let store = rusqlite::Connection::open(home.data().join("store.sqlite3")).expect("a store");
    store
        .execute("UPDATE models SET id = 'older-0.0.1@00'", ())
        .expect("an update");
    drop(store);

    let mut daemon = home.start();
    daemon.ready().await;
    let again = home
        .run(&["model", "rescore", "--per-second", "100", "--json"])
        .json();
    assert_eq!(
        (
            &again["rescored"],
            &again["other_sentiment"],
            &again["failed"]
        ),
        (&2.into(), &0.into(), &0.into())
    );
    let nothing = home.run(&["model", "rescore", "--json"]).json();
    assert_eq!(nothing["rescored"], 0);
    assert!(daemon.log().contains("scored history again"));
    let noted = home.run(&["audit", "list", "--json"]).json();
    assert_eq!(noted[0]["action"], "POST /api/v1/model/rescore");
}
