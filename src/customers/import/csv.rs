//! Customers as comma-separated values. Knows columns and cells; what a cell must hold is checked in `mod`.

use std::collections::HashMap;

use super::{
    ImportError, MAX_CELL_BYTES, RawCustomer, RawHandles, Rows, TextOrNumber, too_long_reason,
};

/// Where each known column stands.
struct Header {
    width: usize,
    places: HashMap<String, usize>,
}

/// Reads all rows below the header.
pub(super) fn read(bytes: &[u8], rows: &mut Rows) -> Result<(), ImportError> {
    let mut reader = ::csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(bytes);
    let header = match reader.byte_headers() {
        Ok(header) if header.is_empty() => return Ok(()),
        Ok(header) => header.clone(),
        Err(error) => return Err(ImportError::Io(error.into())),
    };
    let names = header.iter().enumerate().map(|(place, name)| {
        let name = String::from_utf8_lossy(name).trim().to_lowercase();
        (name, place)
    });
    let header = Header {
        width: header.len(),
        places: names.collect(),
    };
    for needed in ["id", "name"] {
        if !header.places.contains_key(needed) {
            return Err(ImportError::MissingColumn(needed));
        }
    }
    let mut record = ::csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line = record.position().map_or(0, ::csv::Position::line);
                rows.add(line, csv_row(&header, &record));
            }
            Err(error) => return Err(ImportError::Io(error.into())),
        }
    }
}

fn csv_row(header: &Header, record: &::csv::ByteRecord) -> Result<RawCustomer, String> {
    if record.len() != header.width {
        let (found, width) = (record.len(), header.width);
        return Err(format!("{found} cells where the header has {width}"));
    }
    if record.iter().any(|cell| cell.len() > MAX_CELL_BYTES) {
        return Err(too_long_reason());
    }
    let cell = |name: &str| -> Result<&str, String> {
        let place = header.places.get(name);
        let bytes = place.and_then(|place| record.get(*place)).unwrap_or(b"");
        let text = std::str::from_utf8(bytes);
        Ok(text
            .map_err(|_| format!("column {name} is not utf-8"))?
            .trim())
    };
    let list = |name: &str| -> Result<Vec<String>, String> {
        let values = cell(name)?.split('|').map(str::trim);
        Ok(values
            .filter(|v| !v.is_empty())
            .map(str::to_owned)
            .collect())
    };
    let value = match cell("value")? {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| "the value is not a number".to_owned())?,
        ),
    };
    Ok(RawCustomer {
        id: TextOrNumber::Text(cell("id")?.to_owned()),
        name: cell("name")?.to_owned(),
        emails: list("emails")?,
        handles: RawHandles::List(list("handles")?),
        urls: list("urls")?,
        segment: Some(cell("segment")?.to_owned()),
        value,
        tags: list("tags")?,
    })
}
