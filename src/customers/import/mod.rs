//! Reads customers from CSV and JSON. A bad row is a reject with its line and reason; it never fails the rest.
//!
//! CSV has a header with `id` and `name`, and any of `emails`, `handles`, `urls`, `segment`, `value`
//! and `tags`; several values in a cell are parted by `|`, a handle is `network:handle`. Other columns are
//! ignored. JSON is an array of objects, or one object a line, with the same fields; `handles` is a
//! list of `network:handle`, or an object from network to handle or handles.

mod csv;
mod json;

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use serde::Deserialize;

use super::identity::{email_identity, handle_identity, url_identity};
use crate::domain::{Customer, CustomerId};

/// The most that is read: a million customers with room to spare, and it fits into memory.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The longest cell or row field. Longer ones come from an unclosed quote.
const MAX_CELL_BYTES: usize = 64 * 1024;

/// The most identities or tags of one customer.
const MAX_VALUES: usize = 256;

/// How the customers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// Comma-separated values with a header.
    Csv,
    /// An array of objects, or one object a line.
    Json,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Import {
    /// The customers, each id once, in the order of their last row; identities sorted and normalised.
    pub customers: Vec<Customer>,
    /// The rows that could not be understood.
    pub rejects: Vec<ImportReject>,
    /// The rows that a later row with the same id replaced.
    pub duplicates: Vec<DuplicateRow>,
}

/// A row that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReject {
    /// The line on which it begins, 1 for the first.
    pub line: u64,
    /// Why, without the row's content.
    pub reason: String,
}

/// A row that a later one replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateRow {
    /// The id that both have.
    pub id: CustomerId,
    /// The line of the one that was dropped.
    pub line: u64,
    /// The line of the one that counts.
    pub replaced_by: u64,
}

/// Why nothing could be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The reader failed.
    #[error("cannot read the customers")]
    Io(#[from] std::io::Error),
    /// More than is read at once.
    #[error("the customers are more than {} MiB: import them in parts", MAX_BYTES / 1024 / 1024)]
    TooLarge,
    /// The CSV's first row does not name a column that is needed.
    #[error("the header has no column \"{0}\": id and name are needed")]
    MissingColumn(&'static str),
}

/// Reads all customers. An empty input is an empty import.
///
/// # Errors
/// When the reader fails, the input is too large, or a CSV header lacks `id` or `name`.
pub fn read_customers(reader: impl Read, format: ImportFormat) -> Result<Import, ImportError> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ImportError::TooLarge);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut rows = Rows::default();
    match format {
        ImportFormat::Csv => csv::read(bytes, &mut rows)?,
        ImportFormat::Json => json::read(bytes, &mut rows),
    }
    Ok(rows.finish())
}

/// A row before its values are checked.
#[derive(Deserialize, Default)]
struct RawCustomer {
    id: TextOrNumber,
    name: String,
    #[serde(default)]
    emails: Vec<String>,
    #[serde(default)]
    handles: RawHandles,
    #[serde(default)]
    urls: Vec<String>,
    segment: Option<String>,
    value: Option<f64>,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(serde_json::Number),
}

impl Default for TextOrNumber {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawHandles {
    List(Vec<String>),
    ByNetwork(BTreeMap<String, OneOrMany>),
}

impl Default for RawHandles {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Default)]
struct Rows {
    kept: Vec<Option<(u64, Customer)>>,
    places: HashMap<CustomerId, usize>,
    rejects: Vec<ImportReject>,
    duplicates: Vec<DuplicateRow>,
}

impl Rows {
    fn add(&mut self, line: u64, row: Result<RawCustomer, String>) {
        match row.and_then(check) {
            Err(reason) => self.rejects.push(ImportReject { line, reason }),
            Ok(customer) => {
                let place = self.kept.len();
                let earlier = self.places.insert(customer.id.clone(), place);
                let earlier = earlier.and_then(|place| self.kept[place].take());
                if let Some((dropped, _)) = earlier {
                    self.duplicates.push(DuplicateRow {
                        id: customer.id.clone(),
                        line: dropped,
                        replaced_by: line,
                    });
                }
                self.kept.push(Some((line, customer)));
            }
        }
    }

    fn finish(self) -> Import {
        let kept = self.kept.into_iter().flatten();
        Import {
            customers: kept.map(|(_, customer)| customer).collect(),
            rejects: self.rejects,
            duplicates: self.duplicates,
        }
    }
}

fn check(raw: RawCustomer) -> Result<Customer, String> {
    let id = match raw.id {
        TextOrNumber::Text(text) => text.trim().to_owned(),
        TextOrNumber::Number(number) => number.to_string(),
    };
    let id = CustomerId::parse(id)
        .map_err(|_| "the id is empty, too long or has control characters".to_owned())?;
    let name = raw.name.trim();
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    if raw.value.is_some_and(|value| !value.is_finite()) {
        return Err("the value is not a number".to_owned());
    }
    let handles = match raw.handles {
        RawHandles::List(list) => list
            .iter()
            .map(|text| split_handle(text))
            .collect::<Result<Vec<_>, _>>()?,
        RawHandles::ByNetwork(map) => by_network(map),
    };
    let mut identities = Vec::new();
    for (number, email) in (1..).zip(&raw.emails) {
        let identity = email_identity(email);
        identities.push(identity.ok_or_else(|| format!("e-mail {number} is no address"))?);
    }
    for (number, (network, handle)) in (1..).zip(&handles) {
        let identity = handle_identity(network, handle);
        identities.push(identity.ok_or_else(|| format!("handle {number} is empty or has spaces"))?);
    }
    for (number, url) in (1..).zip(&raw.urls) {
        let identity = url_identity(url);
        identities.push(identity.ok_or_else(|| format!("url {number} is no http or https url"))?);
    }
    identities.sort();
    identities.dedup();
    let mut tags: Vec<_> = raw.tags.iter().map(|tag| tag.trim().to_owned()).collect();
    tags.retain(|tag| !tag.is_empty());
    tags.sort();
    tags.dedup();
    if identities.len() > MAX_VALUES || tags.len() > MAX_VALUES {
        return Err(format!("more than {MAX_VALUES} identities or tags"));
    }
    let too_long = |text: &str| text.len() > MAX_CELL_BYTES;
    let segment = raw
        .segment
        .as_deref()
        .map(str::trim)
        .filter(|s| !s.is_empty());
    if too_long(name) || segment.is_some_and(too_long) || tags.iter().any(|tag| too_long(tag)) {
        return Err(too_long_reason());
    }
    Ok(Customer {
        id,
        name: name.to_owned(),
        identities,
        segment: segment.map(str::to_owned),
        value: raw.value,
        tags,
    })
}

fn too_long_reason() -> String {
    format!("a value is longer than {} KiB", MAX_CELL_BYTES / 1024)
}

fn split_handle(text: &str) -> Result<(String, String), String> {
    let (network, handle) = text
        .split_once(':')
        .ok_or("a handle is not written network:handle")?;
    Ok((network.to_owned(), handle.to_owned()))
}

fn by_network(map: BTreeMap<String, OneOrMany>) -> Vec<(String, String)> {
    let mut handles = Vec::new();
    for (network, values) in map {
        let values = match values {
            OneOrMany::One(handle) => vec![handle],
            OneOrMany::Many(list) => list,
        };
        handles.extend(values.into_iter().map(|handle| (network.clone(), handle)));
    }
    handles
}

#[cfg(test)]
mod tests;
