//! Helpers that several tests share.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a directory with this ending, sorted.
pub fn files_below(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// No environment.
pub fn no_env() -> Vec<(String, String)> {
    Vec::new()
}

/// Asserts that a text is word by word what stands in a file below `tests/fixtures`. With the
/// variable `OVERHEARD_TEST_ACCEPT` it writes the file instead, for somebody to read and commit.
pub fn check_expected(file: &str, actual: &str) {
    let path = root().join("tests/fixtures").join(file);
    if std::env::var_os("OVERHEARD_TEST_ACCEPT").is_some() {
        fs::write(&path, actual).expect("the fixtures can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{file}:\n--- expected\n{expected}\n--- actual\n{actual}"
    );
}
