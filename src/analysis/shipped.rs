//! The files of `models/` that are part of the binary, and whether they are what they should be.

use sha2::{Digest, Sha256};

use crate::domain::hex;

/// The graph of the embedded model.
pub(super) static GRAPH: &[u8] = include_bytes!("../../models/overheard.onnx");
pub(super) const LABELS: &str = include_str!("../../models/labels.json");
pub(super) const TOKENIZER: &[u8] = include_bytes!("../../models/tokenizer.json");
pub(super) const SUMS: &str = include_str!("../../models/SHA256SUMS");
/// The tables of the n-gram models, and what they mean.
pub(super) static NGRAMS: &[u8] = include_bytes!("../../models/ngrams.bin");
pub(super) const NGRAMS_LABELS: &str = include_str!("../../models/ngrams.json");
const EMOJI: &[u8] = include_bytes!("../../models/emoji.tsv");

/// One embedded file against its line of `models/SHA256SUMS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippedFile {
    /// Its name in `models/`.
    pub name: &'static str,
    /// Its size in bytes.
    pub bytes: usize,
    /// SHA-256 of what is embedded, in hex.
    pub sha256: String,
    /// What `SHA256SUMS` says; none when it has no such line.
    pub expected: Option<&'static str>,
}

impl ShippedFile {
    fn new(name: &'static str, content: &[u8]) -> Self {
        Self {
            name,
            bytes: content.len(),
            sha256: hex(&Sha256::digest(content)),
            expected: sum_of(SUMS, name),
        }
    }

    /// Whether the file is what `SHA256SUMS` says.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.expected == Some(self.sha256.as_str())
    }
}

/// Hashes all embedded files (about 25 MB: a tenth of a second).
#[must_use]
pub fn shipped_files() -> Vec<ShippedFile> {
    [
        ("overheard.onnx", GRAPH),
        ("labels.json", LABELS.as_bytes()),
        ("tokenizer.json", TOKENIZER),
        ("emoji.tsv", EMOJI),
        ("ngrams.bin", NGRAMS),
        ("ngrams.json", NGRAMS_LABELS.as_bytes()),
    ]
    .map(|(name, content)| ShippedFile::new(name, content))
    .to_vec()
}

/// The hash that `sums` (lines of `hash  name`) gives for a file.
pub(super) fn sum_of<'a>(sums: &'a str, name: &str) -> Option<&'a str> {
    sums.lines()
        .filter_map(|line| line.split_once("  "))
        .find(|(_, file)| *file == name)
        .map(|(hash, _)| hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_files_are_those_of_the_sums() {
        let files = shipped_files();
        for file in &files {
            assert!(file.is_good(), "{file:?}");
        }
        assert_eq!(files.len(), SUMS.lines().count(), "{SUMS}");
    }

    #[test]
    fn another_byte_is_another_sum() {
        let file = ShippedFile::new("emoji.tsv", &EMOJI[1..]);
        assert!(file.expected.is_some() && !file.is_good());
        assert!(!ShippedFile::new("other.bin", EMOJI).is_good());
        assert_eq!(sum_of("ab  x\ncd  xy\n", "xy"), Some("cd"));
    }
}
