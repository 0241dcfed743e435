//! A smoke test: tiny corpora in the form of the real ones give the numbers that they must.

use std::fs;

use super::measure;

#[test]
fn right_and_wrong_cases_are_told_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write(
        "feedparser/cases/a.xml",
        "<rss><channel><title>1 &lt; 2</title><item><link>/x</link><pubDate>2026-03-01</pubDate></item></channel></rss>",
    );
    let case = |path: &str, value: &str| {
        format!(
            "{{\"file\":\"cases/a.xml\",\"core\":true,\"mode\":\"value\",\"asserts\":[{{\"path\":{path},\"op\":\"eq\",\"value\":{value}}}]}}"
        )
    };
    let cases = [
        case("[\"feed\",\"title\"]", "\"1 < 2\""),
        case("[\"feed\",\"title\"]", "\"1 < 3\""),
        case("[\"entries\",0,\"link\"]", "\"http://127.0.0.1:8097/x\""),
        case(
            "[\"entries\",0,\"published_parsed\"]",
            "{\"$utc\":\"2026-03-01T00:00:00Z\"}",
        ),
        case("[\"feed\",\"cloud\"]", "\"x\""),
    ];
    write(
        "feedparser/expectations.json",
        &format!("[{}]", cases.join(",")),
    );
    write(
        "feed-dates/dates.json",
        "[{\"input\":\"2026-03-01\",\"utc\":null},{\"input\":\"soon\",\"utc\":null}]",
    );
    write(
        "xss-dompurify/cases.json",
        "[{\"n\":1,\"payload\":\"<img src=x onerror=alert(1)>\"}]",
    );
    let rows = measure(folder.path());
    let found: Vec<_> = rows
        .iter()
        .filter(|row| row.cases > 0)
        .map(|row| (row.corpus, row.cases, row.equal, row.not_shown, row.panics))
        .collect();
    assert_eq!(
        found,
        [
            ("feedparser core", 4, 3, 1, 0),
            ("feed-dates", 2, 1, 0, 0),
            ("xss-dompurify", 1, 1, 0, 0),
        ]
    );
}
