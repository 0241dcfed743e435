//! Posts in CSV: a header line names the columns, in any order.
//!
//! Columns: those of the NDJSON format, flat: `author_id`, `author_handle`, `author_name`,
//! `author_url`, `author_bio`, `followers`, `likes`, `replies`, `shares`, `rating`, `rating_best`.
//! Unknown columns are left out. Pure.

use super::post_format::{AuthorLine, Defaults, LineItem, PostLine, VERSION};
use crate::domain::{Engagement, PostKind, Rating, Reject};

/// The end of the last whole row in `chunk`: a line end outside quotes, as byte offset after it.
pub(super) fn last_row_end(chunk: &[u8]) -> usize {
    let (mut quoted, mut end) = (false, 0);
    for (index, byte) in chunk.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => end = index + 1,
            _ => {}
        }
    }
    end
}

/// The end of each of the first `max` rows, as byte offset after it.
pub(super) fn row_ends(chunk: &[u8], max: usize) -> Vec<usize> {
    let mut quoted = false;
    let mut ends = Vec::new();
    for (index, byte) in chunk.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => ends.push(index + 1),
            _ => {}
        }
        if ends.len() == max {
            break;
        }
    }
    ends
}

/// Reads the header row. The error says what is missing.
pub(super) fn header(row: &[u8]) -> Result<csv::StringRecord, String> {
    let row = row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(row);
    let mut reader = reader(row);
    let mut record = csv::StringRecord::new();
    let read = reader
        .read_record(&mut record)
        .map_err(|error| error.to_string())?;
    record.trim();
    if !read
        || !record
            .iter()
            .any(|name| matches!(name, "text" | "html" | "title"))
    {
        return Err("the header line names neither `text`, `html` nor `title`".to_owned());
    }
    Ok(record)
}

/// Reads rows that follow the header.
pub(super) fn parse(
    header: &csv::StringRecord,
    rows: &[u8],
    defaults: &Defaults,
) -> Vec<Result<LineItem, Reject>> {
    let mut items = Vec::new();
    let mut reader = reader(rows);
    for record in reader.byte_records() {
        match record {
            Ok(record) => {
                let record = csv::StringRecord::from_byte_record_lossy(record);
                items.push(item(header, &record, defaults));
            }
            Err(error) => items.push(Err(Reject::new(None, error.to_string(), ""))),
        }
    }
    items
}

fn reader(bytes: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes)
}

fn item(
    header: &csv::StringRecord,
    record: &csv::StringRecord,
    defaults: &Defaults,
) -> Result<LineItem, Reject> {
    let excerpt = || record.iter().collect::<Vec<_>>().join(",");
    let field = |name: &str| {
        let index = header.iter().position(|column| column == name)?;
        record
            .get(index)
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(neutral)
    };
    let refuse = |name: &str, text: &str| {
        Reject::new(
            field("id"),
            format!("{name} \"{}\" is not usable", short(text)),
            &excerpt(),
        )
    };
    let count = |name: &'static str| match field(name) {
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| refuse(name, &text)),
        None => Ok(None),
    };
    let number = |name: &'static str| match field(name) {
        Some(text) => text
            .parse::<f64>()
            .map(Some)
            .map_err(|_| refuse(name, &text)),
        None => Ok(None),
    };
    let kind = match field("kind") {
        Some(name) => Some(PostKind::from_name(&name).ok_or_else(|| refuse("kind", &name))?),
        None => None,
    };
    let best = number("rating_best")?.unwrap_or(5.0);
    let rating = number("rating")?.map(|value| Rating { value, best });
    let author = AuthorLine {
        id: field("author_id"),
        handle: field("author_handle"),
        name: field("author_name"),
        url: field("author_url"),
        bio: field("author_bio"),
        followers: count("followers")?,
        verified: false,
    };
    let line = PostLine {
        v: VERSION,
        network: field("network"),
        scope: field("scope"),
        id: field("id"),
        deleted: field("deleted").as_deref() == Some("true"),
        kind,
        url: field("url"),
        title: field("title"),
        text: field("text"),
        html: field("html"),
        language: field("language"),
        author: Some(author),
        engagement: Some(Engagement {
            likes: count("likes")?,
            replies: count("replies")?,
            shares: count("shares")?,
        }),
        rating,
        parent_id: field("parent_id"),
        thread_id: field("thread_id"),
        repost_of: field("repost_of"),
        published_at: field("published_at"),
    };
    let id = line.id.clone();
    line.into_item(defaults)
        .map_err(|reason| Reject::new(id, reason, &excerpt()))
}

/// Takes off the apostrophe that spreadsheets and our own export put before a formula's sign.
fn neutral(text: &str) -> String {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => rest.to_owned(),
        _ => text.to_owned(),
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_posts_and_bad_ones_rejects() {
        let header = header(b"\xef\xbb\xbfid, text ,rating,kind,author_handle,extra\n").unwrap();
        let defaults = Defaults {
            network: "file".into(),
            scope: "s".into(),
        };
        let rows = b"1,\"two\nlines, \"\"quoted\"\"\",4,review,mo,x\n2,,,,,\n3,ok,9,,,\n4,ok,many,,,\n5,\xff,1\n6,'=1+1,,,,\n";
        let items = parse(&header, rows, &defaults);
        assert_eq!(items.len(), 6);
        let Ok(LineItem::Post(post)) = &items[0] else {
            panic!()
        };
        assert_eq!(post.body.as_str(), "two\nlines, \"quoted\"");
        assert_eq!(post.rating, Rating::new(4.0, 5.0));
        assert_eq!(post.author.as_ref().unwrap().handle, "mo");
        let reasons: Vec<_> = items
            .iter()
            .filter_map(|item| item.as_ref().err())
            .map(|r| r.reason.as_str())
            .collect();
        assert_eq!(
            reasons,
            vec![
                "neither `text`, `html` nor `title`",
                "a `rating` outside 0 to `best`",
                "rating \"many\" is not usable"
            ]
        );
        let Ok(LineItem::Post(post)) = &items[5] else {
            panic!()
        };
        assert_eq!(post.body.as_str(), "=1+1");
    }

    #[test]
    fn rows_end_outside_quotes_only() {
        assert_eq!(last_row_end(b"a,\"b\nc\"\nd,\"e\n"), 8);
        assert_eq!(row_ends(b"a\n\"b\n\"\nc", 10), vec![2, 7]);
        assert!(self::header(b"id,name\n").is_err());
    }
}
