//! What is read, what is rejected and with which line.

use super::*;

fn csv(text: &str) -> Import {
    read_customers(text.as_bytes(), ImportFormat::Csv).unwrap()
}

fn json(text: &str) -> Import {
    read_customers(text.as_bytes(), ImportFormat::Json).unwrap()
}

fn rejects(import: &Import) -> Vec<(u64, &str)> {
    let rejects = import.rejects.iter();
    rejects.map(|r| (r.line, r.reason.as_str())).collect()
}

fn ann() -> Customer {
    Customer {
        id: CustomerId::parse("C1").unwrap(),
        name: "Ann, Lee".into(),
        identities: vec![
            handle_identity("mastodon", "ann@example.social").unwrap(),
            handle_identity("reddit", "ann").unwrap(),
            url_identity("example.com/ann").unwrap(),
            email_identity("ann@example.com").unwrap(),
        ],
        segment: Some("gold".into()),
        value: Some(12.5),
        tags: vec!["press".into(), "vip".into()],
    }
}

#[test]
fn csv_and_both_jsons_read_the_same() {
    let table = [
        (
            ImportFormat::Csv,
            "\u{feff}id,name,emails,handles,urls,segment,value,tags\r\n\
             C1,\"Ann, Lee\",Ann@example.com,mastodon:@Ann@example.social|reddit:u/ann,https://www.example.com/ann/,gold,12.5,vip|press\r\n",
        ),
        (
            ImportFormat::Json,
            r#"[{"id":"C1","name":"Ann, Lee","emails":["ann@example.com"],
                "handles":{"mastodon":"ann@example.social","reddit":["ann"]},
                "urls":["example.com/ann"],"segment":"gold","value":12.5,"tags":["vip","press"]}]"#,
        ),
        (
            ImportFormat::Json,
            "{\"id\":\"C1\",\"name\":\"Ann, Lee\",\"emails\":[\"ann@example.com\"],\"handles\":[\"mastodon:ann@example.social\",\"reddit:ann\"],\"urls\":[\"example.com/ann\"],\"segment\":\"gold\",\"value\":12.5,\"tags\":[\"vip\",\"press\"],\"more\":1}\r\n",
        ),
    ];
    for (format, text) in table {
        let import = read_customers(text.as_bytes(), format).unwrap();
        assert_eq!(rejects(&import), []);
        let mut customer = ann();
        customer.identities.sort();
        assert_eq!(import.customers, vec![customer]);
    }
}

#[test]
fn a_bad_csv_row_costs_itself_alone() {
    let huge = "x".repeat(MAX_CELL_BYTES + 1);
    let text = format!(
        "name,id,value,handles,emails,urls,ignored\n\
         Ann,1,,,,,\n\
         ,2,,,,,\n\
         Cid,,,,,,\n\
         Dan,4,lots,,,,\n\
         Eve,5,inf,,,,\n\
         Fay,6,,ann,,,\n\
         Gus,7,,x:a b,,,\n\
         \"Hal\nI.\",8,,,nobody,,\n\
         Ida,9,,,,ftp://a.b,\n\
         Jon,10\n\
         {huge},11,,,,,\n\
         Kim,12,1e3,,,,"
    );
    let import = csv(&text);
    let names: Vec<_> = import.customers.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["Ann", "Kim"]);
    assert_eq!(import.customers[1].value, Some(1000.0));
    assert_eq!(
        rejects(&import),
        [
            (3, "the name is empty"),
            (4, "the id is empty, too long or has control characters"),
            (5, "the value is not a number"),
            (6, "the value is not a number"),
            (7, "a handle is not written network:handle"),
            (8, "handle 1 is empty or has spaces"),
            (9, "e-mail 1 is no address"),
            (11, "url 1 is no http or https url"),
            (12, "2 cells where the header has 7"),
            (13, "a value is longer than 64 KiB"),
        ]
    );
}

#[test]
fn bytes_that_are_no_text_cost_their_row() {
    let import = read_customers(&b"id,name\n1,\xff\n2,Bo\n"[..], ImportFormat::Csv).unwrap();
    assert_eq!(rejects(&import), [(2, "column name is not utf-8")]);
    assert_eq!(import.customers.len(), 1);
    let text = &b"{\"id\":1,\"name\":\"\xff\"}\n{\"id\":2,\"name\":\"Bo\"}"[..];
    let import = read_customers(text, ImportFormat::Json).unwrap();
    assert_eq!(rejects(&import), [(1, "not json")]);
    assert_eq!(import.customers[0].id.as_str(), "2");
}

#[test]
fn the_last_row_of_an_id_wins_and_the_first_is_reported() {
    let import = csv("id,name\n1,Ann\n2,Bo\n1,Anna\n");
    let names: Vec<_> = import.customers.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["Bo", "Anna"]);
    let id = CustomerId::parse("1").unwrap();
    let (line, replaced_by) = (2, 4);
    assert_eq!(
        import.duplicates,
        [DuplicateRow {
            id,
            line,
            replaced_by
        }]
    );
}

#[test]
fn a_bad_element_costs_itself_and_bad_syntax_the_rest() {
    let import =
        json("[\n{\"id\":1,\"name\":\"Ann\"},\n{\"id\":2},\n7,\n{\"id\":3,\"name\":\"Cid\"}\n]");
    let wrong = "a field is missing or of the wrong type: id and name are needed";
    assert_eq!(rejects(&import), [(3, wrong), (4, wrong)]);
    assert_eq!(import.customers.len(), 2);
    let import = json("[{\"id\":1,\"name\":\"Ann\"},\n{oops");
    let rest = "not json from here on, the rest was not read";
    assert_eq!(rejects(&import), [(2, rest)]);
    assert_eq!(import.customers.len(), 1);
}

#[test]
fn nothing_is_an_empty_import_and_a_wrong_header_an_error() {
    for format in [ImportFormat::Csv, ImportFormat::Json] {
        for text in ["", "\u{feff}", "\n \n"] {
            let import = read_customers(text.as_bytes(), format);
            if format == ImportFormat::Csv && text == "\n \n" {
                assert!(matches!(import, Err(ImportError::MissingColumn("id"))));
            } else {
                assert_eq!(import.unwrap(), Import::default());
            }
        }
    }
    let error = read_customers(&b"id;name\n1;Ann\n"[..], ImportFormat::Csv).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the header has no column \"id\": id and name are needed"
    );
}
