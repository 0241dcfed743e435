//! Secrets come from files: the operator's, or systemd's credentials.
//!
//! Never from the environment, never printed, and never from a file that others could read or change.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use thiserror::Error;

/// The most that a secret file may hold, in bytes.
const MAX_SECRET: u64 = 64 * 1024;
/// Others may do nothing; the group may read, as systemd's credentials and container mounts need.
const FORBIDDEN_MODE: u32 = 0o027;

/// A secret could not be had. The message names the file and never shows what is in it.
#[derive(Debug, Error)]
pub enum SecretError {
    /// It is not there or cannot be read.
    #[error("secret file {} cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `%d/...` outside systemd.
    #[error("secret file {}: there is no credentials directory, because systemd did not start this with LoadCredential=", path.display())]
    NoCredentials {
        /// As configured.
        path: PathBuf,
    },
    /// A directory or a device.
    #[error("secret file {} is not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Too many may read or change it.
    #[error("secret file {} has mode {mode:04o}: others could read or change it; run `chmod 600` on it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Nothing in it.
    #[error("secret file {} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// More than 64 KiB, or bytes that are no text.
    #[error("secret file {} does not hold a secret: it is {what}", path.display())]
    NoSecret {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
}

/// Reads a secret; line ends at its end are no part of it.
///
/// `credentials` is `$CREDENTIALS_DIRECTORY`. In it lie `%d/name`, always, and a bare `name`, if there
/// is such a file; any other path is taken as it is.
///
/// # Errors
/// Missing, empty, oversized or exposed files.
pub fn read_secret(path: &Path, credentials: Option<&Path>) -> Result<SecretString, SecretError> {
    let path = resolve(path, credentials)?;
    let io_error = |source| SecretError::Io {
        path: path.clone(),
        source,
    };
    let file = File::open(&path).map_err(io_error)?;
    // Asked of the open file: the path could lead elsewhere a moment later.
    let metadata = file.metadata().map_err(io_error)?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile { path });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & FORBIDDEN_MODE != 0 {
        return Err(SecretError::Exposed { path, mode });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_SECRET + 1)
        .read_to_end(&mut bytes)
        .map_err(io_error)?;
    if bytes.len() as u64 > MAX_SECRET {
        return Err(SecretError::NoSecret {
            path,
            what: "larger than 64 KiB",
        });
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(SecretError::NoSecret {
            path,
            what: "not text",
        });
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        return Err(SecretError::Empty { path });
    }
    Ok(SecretString::from(secret))
}

fn resolve(path: &Path, credentials: Option<&Path>) -> Result<PathBuf, SecretError> {
    if let Ok(name) = path.strip_prefix("%d") {
        return match credentials {
            Some(dir) => Ok(dir.join(name)),
            None => Err(SecretError::NoCredentials {
                path: path.to_owned(),
            }),
        };
    }
    let mut components = path.components();
    if let (Some(Component::Normal(name)), None) = (components.next(), components.next())
        && let Some(dir) = credentials
    {
        let credential = dir.join(name);
        if credential.exists() {
            return Ok(credential);
        }
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use super::*;

    fn write(dir: &Path, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn reads_a_private_file_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "token", b" abc def \r\n\n", 0o600);
        let secret = read_secret(&path, None).unwrap();
        assert_eq!(secret.expose_secret(), " abc def ");
        let group = write(dir.path(), "group", b"x", 0o440);
        assert_eq!(read_secret(&group, None).unwrap().expose_secret(), "x");
    }

    #[test]
    fn refuses_files_that_others_could_read_or_change() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o604, 0o602, 0o601, 0o620, 0o644, 0o666] {
            let path = write(dir.path(), &format!("{mode:o}"), b"hush", mode);
            let error = read_secret(&path, None).unwrap_err();
            assert!(
                matches!(error, SecretError::Exposed { mode: found, .. } if found == mode),
                "{mode:o}: {error}"
            );
            assert!(!error.to_string().contains("hush"));
        }
    }

    #[test]
    fn names_what_is_wrong_with_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let empty = write(dir.path(), "empty", b" \n", 0o600);
        let binary = write(dir.path(), "binary", &[0xff, 0xfe], 0o600);
        let large = write(dir.path(), "large", &[b'a'; 65_537], 0o600);
        for (path, message) in [
            (dir.path().join("gone"), "cannot be read"),
            (empty, "is empty"),
            (binary, "does not hold a secret: it is not text"),
            (large, "does not hold a secret: it is larger than 64 KiB"),
            (dir.path().to_owned(), "is not a regular file"),
        ] {
            let expected = format!("secret file {} {message}", path.display());
            assert_eq!(read_secret(&path, None).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn bare_names_and_percent_d_are_credentials() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "crm", b"from systemd", 0o400);
        for name in ["crm", "%d/crm"] {
            let secret = read_secret(Path::new(name), Some(dir.path())).unwrap();
            assert_eq!(secret.expose_secret(), "from systemd");
        }
        assert!(matches!(
            read_secret(Path::new("%d/crm"), None).unwrap_err(),
            SecretError::NoCredentials { .. }
        ));
        assert_eq!(
            resolve(Path::new("absent"), Some(dir.path())).unwrap(),
            Path::new("absent")
        );
        assert_eq!(
            resolve(Path::new("sub/crm"), Some(dir.path())).unwrap(),
            Path::new("sub/crm")
        );
    }
}
