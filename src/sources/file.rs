//! Posts on disk, NDJSON or CSV, and on stdin.
//!
//! Position: JSON with `offset` (bytes read), `head` (a hash of the file's first bytes) and `head_len`.
//! A file that grew is read on; one that shrank or begins otherwise was rotated and is read anew. A
//! last line without line end waits until the file has been left alone for a while. The file is never
//! written, and never read whole.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::post_format::{Defaults, LineItem, parse_line};
use super::seen::stable_id;
use super::{PollError, Source, SourceFault, SourceSetupError, file_csv, resource};
use crate::config::{FileConfig, FileFormat};
use crate::domain::{Batch, Cursor, HttpKey, Reject, SourceId};
use crate::runtime::Clock;

/// Bytes of one poll; a longer line is a reject.
const MAX_CHUNK: usize = 1024 * 1024;
/// Lines of one poll, so that a batch is committed in one short transaction.
const MAX_LINES: usize = 500;
/// Bytes by which a file is recognised.
const HEAD: u64 = 1024;
/// A last line without line end is taken when nobody wrote for so long, in seconds.
const SETTLED_SECS: i64 = 5;

/// A file of posts.
pub(super) struct FileSource {
    id: SourceId,
    path: PathBuf,
    format: FileFormat,
    clock: Clock,
    stdin: Option<Arc<Mutex<Box<dyn BufRead + Send>>>>,
}

impl FileSource {
    pub fn new(
        id: &SourceId,
        config: &FileConfig,
        clock: &Clock,
    ) -> Result<Self, SourceSetupError> {
        let is_stdin = config.path == Path::new("-");
        let ending = config.path.extension().and_then(|ending| ending.to_str());
        let format = match (config.format, ending) {
            (Some(format), _) => format,
            (None, Some("csv")) => FileFormat::Csv,
            (None, Some("ndjson" | "jsonl")) => FileFormat::Ndjson,
            (None, _) if is_stdin => FileFormat::Ndjson,
            (None, _) => {
                let problem = "the ending tells no format; set format = \"ndjson\" or \"csv\"";
                return Err(resource::setup(
                    id,
                    "path",
                    &config.path.display().to_string(),
                    problem.to_owned(),
                ));
            }
        };
        let stdin = is_stdin.then(|| {
            let reader: Box<dyn BufRead + Send> = Box::new(BufReader::new(std::io::stdin()));
            Arc::new(Mutex::new(reader))
        });
        Ok(Self {
            id: id.clone(),
            path: config.path.clone(),
            format,
            clock: clock.clone(),
            stdin,
        })
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            network: "file".to_owned(),
            scope: self.id.to_string(),
        }
    }
}

#[async_trait]
impl Source for FileSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        "file"
    }

    fn http_key(&self) -> Option<HttpKey> {
        None
    }

    async fn poll(&self, cursor: &Cursor) -> Result<Batch, PollError> {
        let (path, format, defaults) = (self.path.clone(), self.format, self.defaults());
        let (position, now) = (cursor.position.clone(), self.clock.now());
        let stdin = self.stdin.clone();
        let read = tokio::task::spawn_blocking(move || match stdin {
            Some(stdin) => read_stream(&stdin, format, &defaults, position.as_deref()),
            None => read_file(&path, format, &defaults, position.as_deref(), now),
        });
        let problem = match read.await {
            Ok(Ok(batch)) => return Ok(batch),
            Ok(Err(problem)) => problem,
            Err(_) => Problem::Form("the reader failed on it".to_owned()),
        };
        let path = self.path.clone();
        Err(match problem {
            // It may appear later: backfills and logs are written by others.
            Problem::Io(error) => PollError::Transient(SourceFault::File { path, error }),
            Problem::Form(problem) => PollError::Permanent(SourceFault::FileForm { path, problem }),
        })
    }
}

#[derive(Debug)]
enum Problem {
    Io(std::io::Error),
    Form(String),
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Position {
    offset: u64,
    head: String,
    head_len: u64,
    /// Inside a line that is too long: all up to the next line end is left out.
    #[serde(default)]
    skipping: bool,
}

impl Position {
    fn encode(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

fn read_file(
    path: &Path,
    format: FileFormat,
    defaults: &Defaults,
    position: Option<&str>,
    now: Timestamp,
) -> Result<Batch, Problem> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Problem::Form("is not a file".to_owned()));
    }
    let length = metadata.len();
    let mut position: Position = position
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    if length < position.offset || head(&mut file, position.head_len)? != position.head {
        position = Position::default();
    }
    let header = match format {
        FileFormat::Csv => match csv_header(&mut file)? {
            Some((header, end)) => {
                position.offset = position.offset.max(end);
                Some(header)
            }
            None => return Ok(Batch::default()),
        },
        FileFormat::Ndjson => None,
    };
    file.seek(SeekFrom::Start(position.offset))?;
    let mut chunk = Vec::new();
    file.by_ref()
        .take(MAX_CHUNK as u64)
        .read_to_end(&mut chunk)?;
    let at_end = position.offset + chunk.len() as u64 >= length;
    let settled = metadata.modified().is_ok_and(|modified| {
        let age = Timestamp::try_from(modified).map(|modified| now.duration_since(modified));
        age.is_ok_and(|age| age.as_secs() >= SETTLED_SECS)
    });
    let mut batch = Batch::default();
    let taken = take(
        &mut batch,
        &mut position.skipping,
        &chunk,
        header.as_ref(),
        defaults,
        at_end && settled,
    );
    position.offset += taken as u64;
    position.head_len = position.offset.min(HEAD);
    position.head = head(&mut file, position.head_len)?;
    // Lines are left, not counting a last one that is still being written.
    batch.more = taken > 0 && position.offset < length;
    batch.cursor.position = position.encode();
    Ok(batch)
}

/// Reads a bounded piece of a stream that cannot be read twice; its end is the end of the source.
fn read_stream(
    stream: &Mutex<Box<dyn BufRead + Send>>,
    format: FileFormat,
    defaults: &Defaults,
    position: Option<&str>,
) -> Result<Batch, Problem> {
    let mut stream = stream
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut chunk = Vec::new();
    let mut lines = 0;
    while lines < MAX_LINES && chunk.len() < MAX_CHUNK {
        if stream
            .by_ref()
            .take(MAX_CHUNK as u64)
            .read_until(b'\n', &mut chunk)?
            == 0
        {
            break;
        }
        lines += 1;
        // A row may hold line ends; it is whole when its quotes are.
        if format == FileFormat::Csv && file_csv::last_row_end(&chunk) != chunk.len() {
            lines -= 1;
        }
    }
    let ended = lines < MAX_LINES && chunk.len() < MAX_CHUNK;
    // The position holds the CSV header, which comes once.
    let mut header = position.map(str::to_owned);
    let mut rows = &chunk[..];
    if format == FileFormat::Csv && header.is_none() && !rows.is_empty() {
        let end = file_csv::row_ends(rows, 1)
            .first()
            .copied()
            .unwrap_or(rows.len());
        header = Some(String::from_utf8_lossy(&rows[..end]).into_owned());
        rows = &rows[end..];
    }
    let columns = match (&header, format) {
        (Some(header), FileFormat::Csv) => {
            Some(file_csv::header(header.as_bytes()).map_err(Problem::Form)?)
        }
        _ => None,
    };
    let mut batch = Batch::default();
    take(
        &mut batch,
        &mut false,
        rows,
        columns.as_ref(),
        defaults,
        true,
    );
    batch.more = !ended;
    batch.cursor.position = header.or_else(|| Some("stdin".to_owned()));
    Ok(batch)
}

/// Puts the lines of `chunk` into the batch and says how many bytes they were.
fn take(
    batch: &mut Batch,
    skipping: &mut bool,
    chunk: &[u8],
    header: Option<&csv::StringRecord>,
    defaults: &Defaults,
    last_line_counts: bool,
) -> usize {
    let mut start = 0;
    if *skipping {
        match chunk.iter().position(|byte| *byte == b'\n') {
            Some(index) => (start, *skipping) = (index + 1, false),
            None => return chunk.len(),
        }
    }
    let mut ends: Vec<usize> = match header {
        Some(_) => file_csv::row_ends(&chunk[start..], MAX_LINES),
        None => {
            let line_ends = chunk[start..]
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b'\n');
            line_ends
                .map(|(index, _)| index + 1)
                .take(MAX_LINES)
                .collect()
        }
    };
    let whole = ends.last().copied().unwrap_or(0);
    if last_line_counts && ends.len() < MAX_LINES && start + whole < chunk.len() {
        ends.push(chunk.len() - start);
    } else if ends.is_empty() && chunk.len() >= MAX_CHUNK {
        let reason = format!("a line of over {MAX_CHUNK} bytes");
        batch.rejects.push(Reject::new(
            None,
            reason,
            &String::from_utf8_lossy(&chunk[..Reject::MAX_EXCERPT]),
        ));
        *skipping = true;
        return chunk.len();
    }
    let end = start + ends.last().copied().unwrap_or(0);
    let items = match header {
        Some(header) => file_csv::parse(header, &chunk[start..end], defaults),
        None => chunk[start..end]
            .split(|byte| *byte == b'\n')
            .map(|line| line.trim_ascii())
            .map(|line| line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line))
            .filter(|line| !line.is_empty())
            .map(|line| match std::str::from_utf8(line) {
                Ok(line) => parse_line(line, defaults),
                Err(_) => Err(Reject::new(
                    None,
                    "not UTF-8",
                    &String::from_utf8_lossy(line),
                )),
            })
            .collect(),
    };
    for item in items {
        match item {
            Ok(LineItem::Post(post)) => batch.posts.push(*post),
            Ok(LineItem::Deleted(key)) => batch.deleted.push(key),
            Err(reject) => batch.rejects.push(reject),
        }
    }
    end
}

/// The header and the offset after it; `None` while its line is not whole.
fn csv_header(file: &mut File) -> Result<Option<(csv::StringRecord, u64)>, Problem> {
    file.seek(SeekFrom::Start(0))?;
    let mut start = Vec::new();
    file.by_ref().take(64 * 1024).read_to_end(&mut start)?;
    match file_csv::row_ends(&start, 1).first() {
        Some(end) => {
            let header = file_csv::header(&start[..*end]).map_err(Problem::Form)?;
            Ok(Some((header, *end as u64)))
        }
        None => Ok(None),
    }
}

/// A hash of the file's first `length` bytes; empty for none.
fn head(file: &mut File, length: u64) -> std::io::Result<String> {
    if length == 0 {
        return Ok(String::new());
    }
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.by_ref()
        .take(length.min(HEAD))
        .read_to_end(&mut bytes)?;
    Ok(stable_id(&[&String::from_utf8_lossy(&bytes)]))
}

#[cfg(test)]
mod tests;
