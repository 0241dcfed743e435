//! Files that are either the old or the new one, whole, whatever happens.
//!
//! Never leaves a half-written file under the final name. Blocking; call it off the async threads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Names tried for the temporary file; more writers of one file at a time are a fault.
const MAX_NAMES: u32 = 100;

/// Writes a file beside its final place, flushes it to disk, renames it and flushes the directory.
/// When this returns, the content survives a power cut.
///
/// # Errors
/// Any step failed; the old file is then untouched, unless only the last flush failed.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let (Some(dir), Some(_)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path names no file",
        ));
    };
    // The parent of a bare name is the empty path.
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    let (temporary, file) = create_beside(path)?;
    let renamed = fill(file, content).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = renamed {
        // The first error is the one that matters; a leftover is hidden and harmless.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(dir)?.sync_all()
}

fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let mut last = None;
    for number in 0..MAX_NAMES {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}-{number}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
        {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists)))
}

fn fill(mut file: File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("digest.md");
        write_atomically(&path, b"a long first version").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(dir.path()), ["digest.md"]);
    }

    #[test]
    fn a_failure_leaves_the_old_and_no_leftover() {
        let dir = tempfile::tempdir().unwrap();
        let occupied = dir.path().join("digest.md");
        fs::create_dir(&occupied).unwrap();
        assert!(write_atomically(&occupied, b"x").is_err());
        assert_eq!(names(dir.path()), ["digest.md"]);
        assert_eq!(
            write_atomically(Path::new("/"), b"x").unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_leftover_of_a_crash_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let leftover = format!(".a.{}-0.tmp", std::process::id());
        fs::write(dir.path().join(leftover), b"half").unwrap();
        write_atomically(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
