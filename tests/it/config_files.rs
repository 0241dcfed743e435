//! Bad configuration files and exactly what people are told about them.
//!
//! Each `tests/fixtures/config/X.toml` has an `X.expected` (how to renew it: `support`).

use std::fs;

use overheard::config::Config;
use proptest::prelude::*;

use crate::support::{check_expected, files_below, no_env, root};

#[test]
fn bad_files_are_explained_word_by_word() {
    let files = files_below(&root().join("tests/fixtures/config"), "toml");
    assert!(files.len() >= 8);
    for file in files {
        let text = fs::read_to_string(&file).expect("a fixture");
        let errors = Config::from_toml("overheard.toml", &text, no_env())
            .expect_err("the fixture is wrong on purpose");
        let name = file.file_stem().expect("a name").to_string_lossy();
        check_expected(&format!("config/{name}.expected"), &format!("{errors}\n"));
    }
}

#[test]
fn a_missing_file_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("none.toml");
    let told = Config::load(Some(&path), no_env())
        .expect_err("it is missing")
        .to_string();
    assert_eq!(
        told.replace(&path.display().to_string(), "PATH"),
        "error: there is no configuration file PATH\n  = help: name another with --config, or make one: every key has a default, so it may be empty\n\n\
         1 problem in the configuration"
    );
}

#[test]
fn a_directory_and_bytes_that_are_no_text_say_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let told = Config::load(Some(dir.path()), no_env())
        .expect_err("a directory")
        .to_string();
    assert!(
        told.contains("is a directory, not a configuration file"),
        "{told}"
    );

    let path = dir.path().join("latin1.toml");
    fs::write(&path, b"# fine\ntime_zone = \"\xe4\"\n").expect("a file");
    let told = Config::load(Some(&path), no_env())
        .expect_err("not UTF-8")
        .to_string();
    assert!(told.contains("is not UTF-8 at line 2"), "{told}");
    assert!(told.contains("save it as UTF-8"), "{told}");
}

#[test]
fn a_good_file_overrides_only_what_it_names() {
    let text = "\u{feff}time_zone = \"Europe/Berlin\"\r\n[fetch]\r\ntimeout_secs = 5\r\n";
    let config = Config::from_toml("a.toml", text, no_env()).expect("a good file");
    let defaults = Config::load(None, no_env()).expect("the defaults are good");
    assert_eq!(config.fetch.timeout_secs, 5);
    assert_eq!(config.fetch.max_body_mib, defaults.fetch.max_body_mib);
    assert_eq!(config.time_zone, "Europe/Berlin");
    assert_eq!(defaults.time_zone, "UTC");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = Config::from_toml("any.toml", &text, no_env()).map_err(|errors| errors.to_string());
    }

    #[test]
    fn no_text_of_the_right_shape_makes_it_panic(
        section in "\\[{1,2}(fetch|web|sources|monitors|digests|endpoints|log)\\]{1,2}",
        lines in prop::collection::vec(
            "(id|type|url|at|monitors|query|listen|timeout_secs|rating_best|allow_ports|filter|item)( )?= ?(\"[^\\n]{0,12}\"|[0-9a-z.\\-]{1,6}|\\[.{0,5}\\])",
            0..6,
        ),
    ) {
        let text = format!("{section}\n{}\n", lines.join("\n"));
        let _ = Config::from_toml("any.toml", &text, no_env()).map_err(|errors| errors.to_string());
    }
}
