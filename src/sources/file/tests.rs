//! Growth, rotation, partial lines, bad lines and bounds of post files.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, SystemTime};

use super::*;

fn defaults() -> Defaults {
    Defaults {
        network: "file".into(),
        scope: "s".into(),
    }
}

struct Log {
    _folder: tempfile::TempDir,
    path: PathBuf,
    position: Option<String>,
    format: FileFormat,
}

impl Log {
    fn new(format: FileFormat) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("posts");
        std::fs::write(&path, "").unwrap();
        Self {
            _folder: folder,
            path,
            position: None,
            format,
        }
    }

    fn append(&self, bytes: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().append(true).open(&self.path).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    fn age(&self, secs: u64) {
        let file = OpenOptions::new().append(true).open(&self.path).unwrap();
        file.set_modified(now_system() - Duration::from_secs(secs))
            .unwrap();
    }

    fn poll(&mut self) -> Batch {
        let now = Timestamp::try_from(now_system()).unwrap();
        let batch = read_file(
            &self.path,
            self.format,
            &defaults(),
            self.position.as_deref(),
            now,
        )
        .unwrap();
        if batch.cursor.position.is_some() {
            self.position.clone_from(&batch.cursor.position);
        }
        batch
    }

    fn ids(&mut self) -> Vec<String> {
        self.poll()
            .posts
            .into_iter()
            .map(|post| post.key.native_id)
            .collect()
    }
}

fn now_system() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000)
}

fn line(id: u32) -> String {
    format!("{{\"v\":1,\"id\":\"{id}\",\"text\":\"t\"}}\n")
}

#[test]
fn growth_is_followed_and_a_partial_line_waits() {
    let mut log = Log::new(FileFormat::Ndjson);
    log.append(line(1) + &line(2) + "{\"v\":1,\"id\":\"3\"");
    log.age(0);
    assert_eq!(log.ids(), ["1", "2"]);
    let again = log.poll();
    assert_eq!(
        (again.posts.len(), again.rejects.len(), again.more),
        (0, 0, false)
    );
    log.append(",\"text\":\"t\"}\n");
    assert_eq!(log.ids(), ["3"]);
}

#[test]
fn a_last_line_without_end_counts_once_the_file_is_left_alone() {
    for (format, content) in [
        (FileFormat::Ndjson, line(1) + line(2).trim()),
        (FileFormat::Csv, "id,text\n1,t\n2,t".into()),
    ] {
        let mut log = Log::new(format);
        log.append(content);
        log.age(0);
        assert_eq!(log.ids(), ["1"]);
        log.age(60);
        assert_eq!(log.ids(), ["2"]);
        assert_eq!(log.ids(), Vec::<String>::new());
    }
}

#[test]
fn truncation_and_rotation_are_noticed() {
    let mut log = Log::new(FileFormat::Ndjson);
    log.append(line(1) + &line(2));
    assert_eq!(log.ids(), ["1", "2"]);
    std::fs::write(&log.path, line(3)).unwrap();
    assert_eq!(log.ids(), ["3"]);
    // Longer than before, but it begins otherwise.
    std::fs::write(&log.path, line(4) + &line(5) + &line(6)).unwrap();
    assert_eq!(log.ids(), ["4", "5", "6"]);
}

#[test]
fn batches_are_bounded_and_bad_lines_are_rejects() {
    let mut log = Log::new(FileFormat::Ndjson);
    for id in 0..MAX_LINES as u32 + 7 {
        log.append(line(id));
    }
    log.append(b"nonsense\n\xff\xfe\n\n{\"v\":1,\"id\":\"gone\",\"deleted\":true}\n");
    let first = log.poll();
    assert_eq!((first.posts.len(), first.more), (MAX_LINES, true));
    let second = log.poll();
    assert_eq!(
        (second.posts.len(), second.rejects.len(), second.more),
        (7, 2, false)
    );
    assert_eq!(second.deleted[0].native_id, "gone");
}

#[test]
fn a_line_without_end_in_sight_is_one_reject() {
    let mut log = Log::new(FileFormat::Ndjson);
    log.append("x".repeat(MAX_CHUNK * 2 + 10) + "\n" + &line(1));
    let (mut rejects, mut ids) = (0, Vec::new());
    for _ in 0..5 {
        let batch = log.poll();
        rejects += batch.rejects.len();
        ids.extend(batch.posts.into_iter().map(|post| post.key.native_id));
    }
    assert_eq!((rejects, ids), (1, vec!["1".to_owned()]));
}

#[test]
fn csv_grows_and_keeps_its_header() {
    let mut log = Log::new(FileFormat::Csv);
    log.append("id,te");
    assert_eq!(log.ids(), Vec::<String>::new());
    log.append("xt\n1,\"a\nb\"\n2,\"c\n");
    log.age(0);
    assert_eq!(log.ids(), ["1"]);
    log.append("d\"\n");
    log.age(0);
    let batch = log.poll();
    assert_eq!(batch.posts[0].body.as_str(), "c\nd");
    let mut wrong = Log::new(FileFormat::Csv);
    wrong.append("a,b\n1,2\n");
    let error = read_file(
        &wrong.path,
        FileFormat::Csv,
        &defaults(),
        None,
        Timestamp::UNIX_EPOCH,
    );
    assert!(matches!(error, Err(Problem::Form(_))));
    wrong.position = None;
}

#[test]
fn a_stream_is_read_to_its_end() {
    let text = "id,text\n".to_owned() + &"1,t\n".repeat(MAX_LINES) + "2,\"two\nlines\"";
    let reader: Box<dyn BufRead + Send> = Box::new(std::io::Cursor::new(text.into_bytes()));
    let stream = Mutex::new(reader);
    let first = read_stream(&stream, FileFormat::Csv, &defaults(), None).unwrap();
    assert!(first.more);
    let second = read_stream(
        &stream,
        FileFormat::Csv,
        &defaults(),
        first.cursor.position.as_deref(),
    )
    .unwrap();
    assert!(!second.more);
    assert_eq!(first.posts.len() + second.posts.len(), MAX_LINES + 1);
    assert_eq!(second.posts.last().unwrap().body.as_str(), "two\nlines");
}
