//! Sealing: secrets that must be kept in the store are unreadable without a key that is not in it.
//!
//! AES-256-GCM with a random nonce (NIST SP 800-38D), by ring. Whoever copies the store alone (a backup, a bug report) has no
//! secrets; whoever reads the key's file has. Never shows a key or what was sealed.

use std::fmt;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use super::secret::{SecretError, read_secret};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// What the file's content is hashed with, so that the key serves this alone.
const PURPOSE: &[u8] = b"overheard: sealed secrets of the store\n";

/// What is sealed cannot be opened: with another key, for something else, or it was damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "its secrets cannot be opened: the key is another one than when they were sealed; bring the old key back, or set its url and rotate its secret"
)]
pub struct SealError;

/// There is no key.
#[derive(Debug, thiserror::Error)]
pub enum SealKeyError {
    /// The file cannot be used.
    #[error("the key of the secrets in the store cannot be had")]
    File(#[source] SecretError),
    /// It is so short that it could be guessed.
    #[error(
        "key file {path} holds {bytes} bytes: write 32 or more random ones, such as the output of `overheard webhook secret`"
    )]
    Short {
        /// The file.
        path: String,
        /// How many.
        bytes: usize,
    },
    /// A new one could not be written.
    #[error("could not write the key file {path}")]
    Create {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// Seals and opens.
pub struct SealKey(LessSafeKey);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey([redacted])")
    }
}

impl SealKey {
    /// The key in a file; any text of 32 bytes or more will do. `credentials` is `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn read(path: &Path, credentials: Option<&Path>) -> Result<Self, SealKeyError> {
        let text = read_secret(path, credentials).map_err(SealKeyError::File)?;
        let text = text.expose_secret().trim();
        if text.len() < KEY_BYTES {
            return Err(SealKeyError::Short {
                path: path.display().to_string(),
                bytes: text.len(),
            });
        }
        Ok(Self::of(text))
    }

    /// The key in a file of our own, which is made when it is not there.
    ///
    /// # Errors
    /// When the file cannot be used or made.
    pub fn read_or_create(path: &Path) -> Result<Self, SealKeyError> {
        match create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => {
                return Err(SealKeyError::Create {
                    path: path.display().to_string(),
                    source,
                });
            }
        }
        Self::read(path, None)
    }

    fn of(text: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(PURPOSE);
        hash.update(text.as_bytes());
        let bytes = Zeroizing::new(<[u8; KEY_BYTES]>::from(hash.finalize()));
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice());
        Self(LessSafeKey::new(
            key.expect("invariant: the key has the cipher's length"),
        ))
    }

    /// Seals a text for a purpose, without which it cannot be opened: nonce, ciphertext, tag.
    #[must_use]
    pub fn seal(&self, purpose: &str, text: &str) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce);
        let mut sealed = nonce.to_vec();
        let mut content = text.as_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(nonce, Aad::from(purpose), &mut content)
            .expect("invariant: the text is shorter than 64 GiB");
        sealed.append(&mut content);
        sealed
    }

    /// Opens what was sealed for this purpose.
    ///
    /// # Errors
    /// When it was sealed with another key or for something else, or is damaged.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<String>, SealError> {
        let (nonce, content) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut content = Zeroizing::new(content.to_vec());
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(purpose), &mut content);
        let text = std::str::from_utf8(opened.map_err(|_| SealError)?);
        Ok(Zeroizing::new(text.map_err(|_| SealError)?.to_owned()))
    }
}

/// Random bytes of the system.
pub fn fill(bytes: &mut [u8]) {
    SystemRandom::new()
        .fill(bytes)
        .expect("invariant: the system has random numbers");
}

fn create(path: &Path) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    fill(bytes.as_mut_slice());
    let text = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_for_its_purpose_alone() {
        let key = SealKey::of("0123456789abcdef0123456789abcdef");
        let sealed = key.seal("endpoint crm", "https://a.example\nwhsec_x");
        assert!(!sealed.windows(6).any(|part| part == b"whsec_"));
        assert_ne!(
            sealed,
            key.seal("endpoint crm", "https://a.example\nwhsec_x")
        );
        let opened = key.open("endpoint crm", &sealed).unwrap();
        assert_eq!(opened.as_str(), "https://a.example\nwhsec_x");
        assert_eq!(key.open("endpoint crm2", &sealed), Err(SealError));
        let other = SealKey::of("0123456789abcdef0123456789abcdeg");
        assert_eq!(other.open("endpoint crm", &sealed), Err(SealError));
        for length in [0, 5, NONCE_LEN, sealed.len() - 1] {
            assert_eq!(key.open("endpoint crm", &sealed[..length]), Err(SealError));
        }
        assert_eq!(format!("{key:?}"), "SealKey([redacted])");
    }

    #[test]
    fn a_key_file_is_made_once_for_us_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("endpoints.key");
        let first = SealKey::read_or_create(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let again = SealKey::read_or_create(&path).unwrap();
        assert_eq!(
            again.open("a", &first.seal("a", "b")).unwrap().as_str(),
            "b"
        );

        let weak = dir.path().join("weak");
        std::fs::write(&weak, "short\n").unwrap();
        std::fs::set_permissions(&weak, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = SealKey::read(&weak, None).unwrap_err().to_string();
        assert!(error.contains("holds 5 bytes: write 32"), "{error}");
        let error = SealKey::read_or_create(&dir.path().join("no/key")).unwrap_err();
        assert!(error.to_string().contains("could not write"), "{error}");
    }
}
