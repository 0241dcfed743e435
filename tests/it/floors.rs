//! The floors of the house: a module uses only what lies below it (docs/ARCHITECTURE.md).

use std::fs;
use std::path::Path;

use crate::support::{files_below, root};

/// Modules with their floors. A new module must be added here, and to the architecture page.
const FLOORS: [(&str, u8); 21] = [
    ("domain", 0),
    ("config", 1),
    ("text", 1),
    ("query", 1),
    ("customers", 1),
    ("fetch", 2),
    ("runtime", 2),
    ("sources", 3),
    ("analysis", 3),
    ("store", 3),
    ("index", 3),
    ("ingest", 4),
    ("insight", 4),
    ("digest", 4),
    ("deliver", 4),
    ("crm", 4),
    ("web", 5),
    ("app", 6),
    ("cli", 6),
    ("demo", 6),
    ("main", 6),
];

/// Uses within a floor that are allowed; all of the top floor is one.
const SIDEWAYS: [(&str, &str); 4] = [
    ("query", "text"),
    ("config", "query"),
    ("fetch", "runtime"),
    ("crm", "deliver"),
];

fn floor(module: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == module)
        .map(|(_, floor)| *floor)
}

/// The modules of the crate that a source text names. Test modules at the end of a file may use anything.
fn used_modules(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let mut used = Vec::new();
    for start in ["crate::", "use overheard::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                None => used.push(first_word(rest)),
                Some(group) => used.extend(top_names(group)),
            }
        }
    }
    used.sort();
    used.dedup();
    used.retain(|name| !name.is_empty());
    used
}

fn first_word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The first names in `a::b, c::{d, e}}`, up to the closing brace.
fn top_names(group: &str) -> Vec<String> {
    let mut names = vec![first_word(group.trim_start())];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(first_word(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

/// What a file of `module` may not use.
fn violations(module: &str, text: &str) -> Vec<String> {
    let own = floor(module).unwrap_or_else(|| panic!("module {module} has no floor"));
    used_modules(text)
        .into_iter()
        .filter(|used| used != module)
        .filter_map(|used| Some((floor(&used)?, used)))
        .filter(|(theirs, used)| {
            let sideways = own == 6 || SIDEWAYS.contains(&(module, used.as_str()));
            *theirs > own || (*theirs == own && !sideways)
        })
        .map(|(_, used)| used)
        .collect()
}

fn module_of(file: &Path) -> String {
    let relative = file
        .strip_prefix(root().join("src"))
        .expect("a file below src");
    let first = relative.components().next().expect("a file name");
    let name = first.as_os_str().to_string_lossy();
    name.trim_end_matches(".rs").to_owned()
}

#[test]
fn every_module_uses_only_lower_floors() {
    for file in files_below(&root().join("src"), "rs") {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        let found = violations(&module, &text);
        assert!(
            found.is_empty(),
            "{}: {module} may not use {found:?}",
            file.display()
        );
    }
}

#[test]
fn a_violation_is_found() {
    assert_eq!(violations("domain", "use crate::store::Store;"), ["store"]);
    assert_eq!(
        violations("sources", "fn f() { crate::index::open() }"),
        ["index"]
    );
    assert_eq!(
        violations(
            "text",
            "use crate::{\n    domain::Post,\n    config::{Config, web},\n    query,\n};"
        ),
        ["config", "query"]
    );
    assert_eq!(violations("text", "use crate::query::Query;"), ["query"]);
    assert!(violations("query", "use crate::text::tokenize;").is_empty());
    assert!(violations("store", "// use crate::web::x;\nuse crate::domain::Post;").is_empty());
    assert!(violations("domain", "#[cfg(test)]\nmod tests { use crate::app::App; }").is_empty());
    assert!(violations("cli", "use crate::app::App;").is_empty());
}
