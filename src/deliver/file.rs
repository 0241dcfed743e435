//! Events in a file, one JSON object a line, for those who load them into a warehouse.
//!
//! **Contract.** A line is whole, or it is not there: what a kill left of one is cut off before the next is written. Lines are on
//! disk before their deliveries count as done, so a line may come twice (with the same `id`), and none is lost. The file under
//! the configured name grows; a closed one has the time of its end in its name and is never touched again, but for the oldest
//! ones beyond `keep_files`. Keeps nothing open: whoever moves the file away gets it whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::EndpointConfig;

const MIB: u64 = 1024 * 1024;
const HOUR: i64 = 3600;
/// The owner writes, a loader in the daemon's group reads; the process's umask may take that away.
const MODE: u32 = 0o640;
/// How the end of a closed file's name is written: sorts as time does.
const STAMP: &str = "%Y%m%dT%H%M%SZ";
/// Read at once when the last line's beginning is looked for.
const CHUNK: u64 = 64 * 1024;

/// Where lines go.
#[derive(Debug, Clone)]
pub struct EventFile {
    path: PathBuf,
    max_bytes: u64,
    hours: i64,
    keep: Option<usize>,
}

impl EventFile {
    /// The file of an endpoint's configuration, which has one.
    pub(super) fn new(path: PathBuf, config: &EndpointConfig) -> Self {
        Self {
            path,
            max_bytes: config.rotate_mib * MIB,
            hours: i64::from(config.rotate_hours.max(1)),
            keep: config.keep_files,
        }
    }

    /// The file that grows.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines, each without its end, and waits until they are on disk: all of them, or none.
    ///
    /// # Errors
    /// When the file cannot be written; it is as it was before then.
    pub(super) fn append(&self, lines: &[Vec<u8>], now: Timestamp) -> io::Result<()> {
        self.close_if_due(now)?;
        let is_new = !self.path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(MODE)
            .open(&self.path)?;
        let length = cut_torn_line(&mut file)?;
        let mut text = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let written = file.write_all(&text).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // If this fails too, the next writer cuts the torn line.
            let _ = file.set_len(length);
            return Err(error);
        }
        // When a file is full is told by our clock.
        file.set_modified(SystemTime::from(now))?;
        if is_new {
            self.sync_directory()?;
        }
        Ok(())
    }

    /// Closes the file when it is large enough, or its part of the day is over. An empty one stays.
    ///
    /// # Errors
    /// When the directory cannot be read or written.
    pub(super) fn close_if_due(&self, now: Timestamp) -> io::Result<()> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let written_at = Timestamp::try_from(metadata.modified()?).unwrap_or(now);
        let is_over = self.part(written_at) < self.part(now);
        if metadata.len() == 0 || (metadata.len() < self.max_bytes && !is_over) {
            return Ok(());
        }
        let mut file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        if cut_torn_line(&mut file)? == 0 {
            return Ok(());
        }
        fs::rename(&self.path, self.closed_name(written_at)?)?;
        self.sync_directory()?;
        self.drop_oldest()
    }

    /// The number of the part of the day, so that equal numbers mean the same part of the same day (UTC).
    fn part(&self, at: Timestamp) -> (i64, i64) {
        let seconds = at.as_second();
        let (day, second) = (seconds.div_euclid(24 * HOUR), seconds.rem_euclid(24 * HOUR));
        (day, second / (self.hours * HOUR))
    }

    /// A free name for the file that was written last at this time.
    fn closed_name(&self, at: Timestamp) -> io::Result<PathBuf> {
        let (stem, extension) = self.name_parts();
        let stamp = at.to_zoned(TimeZone::UTC).strftime(STAMP).to_string();
        for number in 1..1000 {
            let more = if number == 1 {
                String::new()
            } else {
                format!("-{number:03}")
            };
            let name = format!("{stem}-{stamp}{more}{extension}");
            let path = self.path.with_file_name(name);
            if !path.exists() {
                return Ok(path);
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    /// The name up to its last dot, and from there on.
    fn name_parts(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| part.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let extension = match text(self.path.extension()) {
            extension if extension.is_empty() => extension,
            extension => format!(".{extension}"),
        };
        (text(self.path.file_stem()), extension)
    }

    fn drop_oldest(&self) -> io::Result<()> {
        let Some(keep) = self.keep else {
            return Ok(());
        };
        let mut closed = self.closed()?;
        closed.sort();
        closed.truncate(closed.len().saturating_sub(keep));
        closed.iter().try_for_each(fs::remove_file)
    }

    /// The closed files that are still there.
    fn closed(&self) -> io::Result<Vec<PathBuf>> {
        let (stem, extension) = self.name_parts();
        let mut closed = Vec::new();
        for entry in fs::read_dir(self.directory())? {
            let name = entry?.file_name();
            let stamp = name.to_str().and_then(|name| {
                name.strip_prefix(&format!("{stem}-"))?
                    .strip_suffix(&extension)
            });
            if stamp.is_some_and(is_stamp) {
                closed.push(self.path.with_file_name(name));
            }
        }
        Ok(closed)
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// A new name is on disk only when its directory is.
    fn sync_directory(&self) -> io::Result<()> {
        File::open(self.directory())?.sync_all()
    }
}

/// Whether this stands between the name and its end in a closed file's name.
fn is_stamp(text: &str) -> bool {
    let (stamp, number) = text.split_once('-').unwrap_or((text, "002"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    stamp.len() == 16
        && stamp.as_bytes().get(8) == Some(&b'T')
        && stamp.ends_with('Z')
        && stamp.chars().filter(char::is_ascii_digit).count() == 14
        && number.len() == 3
        && digits(number)
}

/// Cuts off what stands behind the last line's end, and returns the length that is left.
fn cut_torn_line(file: &mut File) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = length;
    while end > 0 {
        let begin = end.saturating_sub(if end == length { 1 } else { CHUNK });
        file.seek(SeekFrom::Start(begin))?;
        let mut chunk = Vec::new();
        Read::take(&mut *file, end - begin).read_to_end(&mut chunk)?;
        if let Some(place) = chunk.iter().rposition(|byte| *byte == b'\n') {
            end = begin + place as u64 + 1;
            break;
        }
        end = begin;
    }
    if end < length {
        file.set_len(end)?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EndpointId;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn event_file(dir: &tempfile::TempDir, keep_files: Option<usize>) -> EventFile {
        let config = EndpointConfig {
            keep_files,
            rotate_mib: 1,
            ..EndpointConfig::webhook(EndpointId::parse("lake").unwrap(), "", None)
        };
        EventFile::new(dir.path().join("events.ndjson"), &config)
    }

    fn append(file: &EventFile, lines: &[&str], now: &str) {
        let lines: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        file.append(&lines, at(now)).unwrap();
    }

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(dir.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_torn_line_is_cut_and_whole_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let file = event_file(&dir, None);
        for (torn, kept) in [
            ("", ""),
            ("{\"id\":", ""),
            ("{}\n{\"a\":1}\n", "{}\n{\"a\":1}\n"),
            ("{}\n{\"a\"", "{}\n"),
            (&format!("{{}}\n{}", "x".repeat(200_000)), "{}\n"),
        ] {
            let torn_at = |now: &str| {
                fs::write(file.path(), torn).unwrap();
                let written = File::open(file.path()).unwrap();
                written.set_modified(SystemTime::from(at(now))).unwrap();
            };
            torn_at("2026-01-05T10:00:00Z");
            append(&file, &["{\"b\":2}"], "2026-01-05T10:00:01Z");
            let text = fs::read_to_string(file.path()).unwrap();
            assert_eq!(text, format!("{kept}{{\"b\":2}}\n"));

            torn_at("2026-01-05T10:00:00Z");
            file.close_if_due(at("2026-01-06T10:00:00Z")).unwrap();
            let closed = dir.path().join("events-20260105T100000Z.ndjson");
            assert_eq!(fs::read_to_string(&closed).unwrap_or_default(), kept);
            let _ = fs::remove_file(closed);
        }
    }

    #[test]
    fn a_file_is_closed_when_its_day_is_over_or_it_is_full() {
        let dir = tempfile::tempdir().unwrap();
        let file = event_file(&dir, None);
        append(&file, &["1", "2"], "2026-01-05T10:00:00Z");
        append(&file, &["3"], "2026-01-05T23:59:59Z");
        assert_eq!(names(&dir), ["events.ndjson"]);
        file.close_if_due(at("2026-01-06T00:00:00Z")).unwrap();
        assert_eq!(names(&dir), ["events-20260105T235959Z.ndjson"]);
        file.close_if_due(at("2026-01-07T00:00:00Z")).unwrap();
        let large = "x".repeat(1 << 20);
        append(&file, &[&large], "2026-01-07T10:00:00Z");
        append(&file, &[&large], "2026-01-07T10:00:00Z");
        append(&file, &["4"], "2026-01-07T10:00:00Z");
        assert_eq!(
            names(&dir),
            [
                "events-20260105T235959Z.ndjson",
                "events-20260107T100000Z-002.ndjson",
                "events-20260107T100000Z.ndjson",
                "events.ndjson"
            ]
        );
        let day = fs::read_to_string(dir.path().join("events-20260105T235959Z.ndjson")).unwrap();
        assert_eq!(day, "1\n2\n3\n");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "4\n");
    }

    #[test]
    fn only_our_closed_files_are_dropped_and_only_the_oldest() {
        let dir = tempfile::tempdir().unwrap();
        let file = event_file(&dir, Some(2));
        for name in ["events-notes.ndjson", "events-20260101T100000Z.ndjson.gz"] {
            fs::write(dir.path().join(name), "mine").unwrap();
        }
        for day in 1..=5 {
            append(&file, &["1"], &format!("2026-01-0{day}T10:00:00Z"));
        }
        assert_eq!(
            names(&dir),
            [
                "events-20260101T100000Z.ndjson.gz",
                "events-20260103T100000Z.ndjson",
                "events-20260104T100000Z.ndjson",
                "events-notes.ndjson",
                "events.ndjson"
            ]
        );
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let config = EndpointConfig::webhook(EndpointId::parse("lake").unwrap(), "", None);
        let gone = EventFile::new(dir.path().join("gone").join("events"), &config);
        let error = gone.append(&[b"1".to_vec()], at("2026-01-05T10:00:00Z"));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
        // A name without a dot has no end.
        let bare = EventFile::new(dir.path().join("events"), &config);
        append(&bare, &["1"], "2026-01-05T10:00:00Z");
        bare.close_if_due(at("2026-01-06T10:00:00Z")).unwrap();
        assert_eq!(names(&dir), ["events-20260105T100000Z"]);
    }
}
