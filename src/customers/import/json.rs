//! Customers as JSON. Knows where a row begins and ends; what it must hold is checked in `mod`.

use super::{ImportReject, Rows};

/// Reads an array of objects, or one object a line.
pub(super) fn read(bytes: &[u8], rows: &mut Rows) {
    match bytes.iter().position(|byte| !byte.is_ascii_whitespace()) {
        None => {}
        Some(start) if bytes[start] == b'[' => read_array(bytes, start + 1, rows),
        Some(_) => {
            for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
                if !text.trim_ascii().is_empty() {
                    rows.add(line, serde_json::from_slice(text).map_err(json_reason));
                }
            }
        }
    }
}

/// Reads element by element, so that one of the wrong shape costs itself alone. After a syntax error
/// nobody knows where the next element begins: the rest is one reject.
fn read_array(bytes: &[u8], start: usize, rows: &mut Rows) {
    let mut at = start;
    let mut lines = LineCounter::default();
    loop {
        at += skip(&bytes[at..], |byte| {
            byte.is_ascii_whitespace() || byte == b','
        });
        let line = lines.line_at(bytes, at);
        if bytes.get(at) == Some(&b']') {
            return;
        }
        let mut values =
            serde_json::Deserializer::from_slice(&bytes[at..]).into_iter::<serde_json::Value>();
        match values.next() {
            Some(Ok(value)) => {
                rows.add(line, serde_json::from_value(value).map_err(json_reason));
                at += values.byte_offset();
            }
            Some(Err(_)) | None => {
                let reason = "not json from here on, the rest was not read".to_owned();
                rows.rejects.push(ImportReject { line, reason });
                return;
            }
        }
    }
}

fn skip(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| wanted(**byte)).count()
}

/// Says what kind of mistake it is; serde's own words would quote the row.
fn json_reason(error: serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            "a field is missing or of the wrong type: id and name are needed".to_owned()
        }
        _ => "not json".to_owned(),
    }
}

#[derive(Default)]
struct LineCounter {
    counted_to: usize,
    newlines: u64,
}

impl LineCounter {
    fn line_at(&mut self, bytes: &[u8], at: usize) -> u64 {
        let new = &bytes[self.counted_to..at];
        self.newlines += new.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted_to = at;
        self.newlines + 1
    }
}
