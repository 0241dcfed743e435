//! Rules that every source file keeps.

use std::fs;

use crate::support::{files_below, root};

#[test]
fn no_source_file_is_long_and_each_says_what_it_is() {
    let files = files_below(&root().join("src"), "rs");
    assert!(files.len() > 20);
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let lines = text.lines().count();
        assert!(
            lines <= 500,
            "{}: {lines} lines; the most is 500",
            file.display()
        );
        assert!(
            text.starts_with("//! "),
            "{}: does not open with //!",
            file.display()
        );
    }
}
