//! How values stand in columns: times, hash ids, fingerprints, names of enums. Both directions, nothing else.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Fault, Sql};

/// Reads a row's columns in the order in which the statement selects them.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Columns<'a> {
    /// Begins with the first column.
    pub(super) fn new(row: &'a Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(super) fn next<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }
}

/// The column's form of a time. What is finer than a microsecond is dropped.
pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The column's form of a time that may be missing.
pub(super) fn micros_opt(time: Option<Timestamp>) -> Option<i64> {
    time.map(micros)
}

/// The time in a column.
pub(super) fn time(micros: i64) -> Sql<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| Fault::Damaged("a time out of range".into()))
}

/// The time in a column that may be null.
pub(super) fn time_opt(micros: Option<i64>) -> Sql<Option<Timestamp>> {
    micros.map(time).transpose()
}

/// The time as the store will give it back.
pub(super) fn to_the_microsecond(moment: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment)
}

/// The 16 bytes of a hash id: `post_` and 32 hexadecimal digits.
pub(super) fn hash_bytes(id: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let hex = id.rsplit_once('_').map_or(id, |(_, hex)| hex);
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = pair
            .iter()
            .fold(0, |value, digit| value << 4 | hex_value(*digit));
    }
    bytes
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 0,
    }
}

/// The text of the hash id with this prefix and these bytes.
pub(super) fn hash_text(prefix: &str, bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(prefix.len() + 2 * bytes.len());
    text.push_str(prefix);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Reads a hash id: `id(PostId::parse, "post_", bytes)`.
pub(super) fn id<T, E>(
    parse: impl FnOnce(String) -> Result<T, E>,
    prefix: &str,
    bytes: &[u8],
) -> Sql<T> {
    name(parse, hash_text(prefix, bytes))
}

/// Reads an id that a person chose: `name(SourceId::parse, text)`.
pub(super) fn name<T, E>(parse: impl FnOnce(String) -> Result<T, E>, text: String) -> Sql<T> {
    parse(text).map_err(|_| Fault::Damaged("an id that is none".into()))
}

/// The signed integer with the same bits.
pub(super) fn bits(value: u64) -> i64 {
    value.cast_signed()
}

/// The unsigned integer with the same bits.
pub(super) fn unbits(value: i64) -> u64 {
    value.cast_unsigned()
}

/// The column's form of a count; counts beyond 2^63 do not occur and are capped.
pub(super) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The column's form of a count that may be unknown.
pub(super) fn count_opt(value: Option<u64>) -> Option<i64> {
    value.map(count)
}

/// The count in a column that may be null.
pub(super) fn uncount_opt(value: Option<i64>) -> Option<u64> {
    value.map(uncount)
}

/// The count in a column.
pub(super) fn uncount(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A limit of rows as SQLite takes it.
pub(super) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The JSON of a column.
pub(super) fn json<T: Serialize>(value: &T) -> Sql<String> {
    serde_json::to_string(value).map_err(|_| Fault::Refused("a value that is no JSON".into()))
}

/// The value in a JSON column.
pub(super) fn unjson<T: DeserializeOwned>(text: &str) -> Sql<T> {
    serde_json::from_str(text).map_err(|_| Fault::Damaged("a column that is no JSON".into()))
}

/// The serde name of a unit variant, which is also its name in columns and the API.
pub(super) fn variant<T: Serialize>(value: &T) -> Sql<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        _ => Err(Fault::Refused("a variant without a name".into())),
    }
}

/// The unit variant with this serde name.
pub(super) fn unvariant<T: DeserializeOwned>(name: String) -> Sql<T> {
    serde_json::from_value(serde_json::Value::String(name))
        .map_err(|_| Fault::Damaged("an unknown name of a variant".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LinkState, PostId};

    #[test]
    fn ids_fingerprints_and_variants_come_back() {
        let post = PostId::derive("n", "s", "1");
        let bytes = hash_bytes(post.as_str());
        assert_eq!(id(PostId::parse, "post_", &bytes).unwrap(), post);
        assert_eq!(unbits(bits(u64::MAX)), u64::MAX);
        assert_eq!(variant(&LinkState::Suggested).unwrap(), "suggested");
        assert_eq!(
            unvariant::<LinkState>("refused".into()).unwrap(),
            LinkState::Refused
        );
        assert!(unvariant::<LinkState>("else".into()).is_err());
    }

    #[test]
    fn times_keep_microseconds() {
        let moment: Timestamp = "2026-11-22T10:00:00.123456789Z".parse().unwrap();
        let kept: Timestamp = "2026-11-22T10:00:00.123456Z".parse().unwrap();
        assert_eq!(time(micros(moment)).unwrap(), kept);
        assert_eq!(to_the_microsecond(moment), kept);
        assert!(time(i64::MAX).is_err());
    }
}
