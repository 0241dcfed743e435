//! Keys of webhooks in Standard Webhooks' spelling: `whsec_` (HMAC), `whsk_` and `whpk_` (ed25519).
//!
//! Never shows a secret, not even in `Debug`, and no error holds the text that was refused.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

const SYMMETRIC: &str = "whsec_";
const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";

/// Bytes of a symmetric secret (Standard Webhooks 1.0.0, "Signature scheme").
const SYMMETRIC_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Bytes of an ed25519 seed and of a public key (RFC 8032, 5.1.5).
const ED25519_BYTES: usize = 32;

/// The schemes by their names in `webhook-signature`.
const HMAC_SHA256: &str = "v1";
const ASYMMETRIC: &str = "v1a";

/// Says what is wrong with a key, without showing any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none.
    #[error("there is no secret: write one, such as the output of `overheard webhook secret`")]
    Empty,
    /// A public key was given where something is to be signed.
    #[error("this is a public key, which signs nothing: use the whsk_ key that belongs to it")]
    Public,
    /// The prefix is missing.
    #[error(
        "the secret begins with neither whsec_ nor whsk_: use the output of `overheard webhook secret`, or whsec_ and the base64 of 24 to 64 bytes"
    )]
    Prefix,
    /// What follows the prefix is not base64.
    #[error(
        "the secret is not base64 after {prefix}: use the standard alphabet with padding, without spaces or quotes"
    )]
    Base64 {
        /// `whsec_`, `whsk_` or `whpk_`.
        prefix: &'static str,
    },
    /// Too short or too long.
    #[error("the secret has {bytes} bytes after decoding: use {expected}")]
    Length {
        /// Decoded bytes.
        bytes: usize,
        /// What would be right.
        expected: &'static str,
    },
    /// The two halves of a private key do not belong together.
    #[error(
        "the whsk_ key's public half does not belong to its private half: it was cut or mixed up"
    )]
    Pair,
}

/// What is signed with.
pub enum Secret {
    /// Shared with the receiver: `v1`.
    Symmetric(SecretSlice<u8>),
    /// The receiver has the public half: `v1a`.
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

impl Secret {
    /// Parses `whsec_` and the base64 of 24 to 64 bytes, or `whsk_` and the base64 of an ed25519 seed
    /// (32 bytes), alone or with the public key behind it (64 bytes).
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.starts_with(PUBLIC) {
            return Err(KeyError::Public);
        }
        if let Some(encoded) = text.strip_prefix(PRIVATE) {
            return parse_private(encoded).map(Self::Ed25519);
        }
        let encoded = text.strip_prefix(SYMMETRIC).ok_or(KeyError::Prefix)?;
        parse_symmetric(encoded).map(Self::Symmetric)
    }

    /// Parses the secrets in a text, separated by white space: two while a secret is being replaced.
    ///
    /// # Errors
    /// When there is none or one has another form.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, KeyError> {
        let secrets: Vec<Self> = text
            .split_whitespace()
            .map(Self::parse)
            .collect::<Result<_, _>>()?;
        if secrets.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(secrets)
    }

    /// The scheme's name in `webhook-signature`.
    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Symmetric(_) => HMAC_SHA256,
            Self::Ed25519(_) => ASYMMETRIC,
        }
    }

    /// The signature of `content`: 32 bytes (HMAC) or 64 (ed25519).
    pub(super) fn sign(&self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Symmetric(key) => mac(key, content).finalize().into_bytes().to_vec(),
            Self::Ed25519(pair) => pair.sign(content).as_ref().to_vec(),
        }
    }
}

/// What signatures are verified with.
pub enum VerifyKey {
    /// The shared secret.
    Symmetric(SecretSlice<u8>),
    /// The sender's public key.
    Ed25519(UnparsedPublicKey<[u8; ED25519_BYTES]>),
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyKey([redacted])")
    }
}

impl VerifyKey {
    /// Parses what [`Secret::parse`] takes, or `whpk_` and the base64 of an ed25519 public key.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let Some(encoded) = text.strip_prefix(PUBLIC) else {
            return Secret::parse(text).map(|secret| match secret {
                Secret::Symmetric(key) => Self::Symmetric(key),
                Secret::Ed25519(pair) => Self::public(public_bytes(&pair)),
            });
        };
        let bytes = decode(PUBLIC, encoded)?;
        let key = <[u8; ED25519_BYTES]>::try_from(bytes.as_slice());
        key.map(Self::public).map_err(|_| KeyError::Length {
            bytes: bytes.len(),
            expected: "32, a public key",
        })
    }

    fn public(key: [u8; ED25519_BYTES]) -> Self {
        Self::Ed25519(UnparsedPublicKey::new(&ED25519, key))
    }

    /// The scheme's name in `webhook-signature`.
    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Symmetric(_) => HMAC_SHA256,
            Self::Ed25519(_) => ASYMMETRIC,
        }
    }

    /// Whether `signature` is the key's signature of `content`.
    pub(super) fn fits(&self, content: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Symmetric(key) => mac(key, content).verify_slice(signature).is_ok(),
            Self::Ed25519(key) => key.verify(content, signature).is_ok(),
        }
    }
}

/// Writes `bytes` as a symmetric secret: `whsec_...`.
#[must_use]
pub fn symmetric_secret(bytes: &[u8; 32]) -> String {
    format!("{SYMMETRIC}{}", STANDARD.encode(bytes))
}

/// Writes an ed25519 seed as a private key with its public half behind it, and the public key: `(whsk_..., whpk_...)`.
///
/// # Errors
/// Never for 32 bytes; the type of the error is the parser's.
pub fn ed25519_keys(seed: &[u8; ED25519_BYTES]) -> Result<(String, String), KeyError> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Pair)?;
    let public = public_bytes(&pair);
    let both = [seed.as_slice(), public.as_slice()].concat();
    Ok((
        format!("{PRIVATE}{}", STANDARD.encode(both)),
        format!("{PUBLIC}{}", STANDARD.encode(public)),
    ))
}

fn parse_symmetric(encoded: &str) -> Result<SecretSlice<u8>, KeyError> {
    let key = decode(SYMMETRIC, encoded)?;
    let bytes = key.len();
    if SYMMETRIC_BYTES.contains(&bytes) {
        return Ok(key.into());
    }
    Err(KeyError::Length {
        bytes,
        expected: "24 to 64",
    })
}

fn parse_private(encoded: &str) -> Result<Ed25519KeyPair, KeyError> {
    let key = decode(PRIVATE, encoded)?;
    let pair = match key.len() {
        ED25519_BYTES => Ed25519KeyPair::from_seed_unchecked(&key),
        64 => {
            let (seed, public) = key.split_at(ED25519_BYTES);
            Ed25519KeyPair::from_seed_and_public_key(seed, public)
        }
        bytes => {
            return Err(KeyError::Length {
                bytes,
                expected: "32, a seed, or 64, a seed and its public key",
            });
        }
    };
    pair.map_err(|_| KeyError::Pair)
}

fn decode(prefix: &'static str, encoded: &str) -> Result<Vec<u8>, KeyError> {
    let bytes = STANDARD.decode(encoded);
    bytes.map_err(|_| KeyError::Base64 { prefix })
}

fn public_bytes(pair: &Ed25519KeyPair) -> [u8; ED25519_BYTES] {
    let public = pair.public_key().as_ref();
    public
        .try_into()
        .expect("invariant: ed25519 public keys have 32 bytes")
}

fn mac(key: &SecretSlice<u8>, content: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret())
        .expect("invariant: HMAC takes keys of any length");
    mac.update(content);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_secret_says_what_would_be_right() {
        let error = |text: &str| Secret::parse(text).unwrap_err();
        assert_eq!(error(""), KeyError::Empty);
        assert_eq!(error("C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), KeyError::Prefix);
        assert_eq!(error("whsec_%%%"), KeyError::Base64 { prefix: "whsec_" });
        assert_eq!(error("whpk_AAAA"), KeyError::Public);
        for (prefix, bytes, valid) in [
            ("whsec_", 23, false),
            ("whsec_", 24, true),
            ("whsec_", 64, true),
            ("whsec_", 65, false),
            ("whsk_", 31, false),
            ("whsk_", 32, true),
            ("whsk_", 33, false),
        ] {
            let text = format!("{prefix}{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(
                Secret::parse(&text).is_ok(),
                valid,
                "{prefix} {bytes} bytes"
            );
        }
        assert_eq!(
            error("whsec_AAAA").to_string(),
            "the secret has 3 bytes after decoding: use 24 to 64"
        );
        assert_eq!(Secret::parse_all(" \n").unwrap_err(), KeyError::Empty);
    }

    #[test]
    fn halves_of_a_private_key_must_belong_together() {
        let (private, public) = ed25519_keys(&[7; 32]).unwrap();
        assert!(Secret::parse(&private).is_ok());
        assert!(VerifyKey::parse(&public).is_ok());
        let mixed = format!("whsk_{}", STANDARD.encode([7; 64]));
        assert_eq!(Secret::parse(&mixed).unwrap_err(), KeyError::Pair);
        let short = VerifyKey::parse("whpk_AAAA").unwrap_err();
        assert_eq!(
            short.to_string(),
            "the secret has 3 bytes after decoding: use 32, a public key"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = symmetric_secret(&[7; 32]);
        let shown = format!("{:?} {:?}", Secret::parse(&text), VerifyKey::parse(&text));
        assert_eq!(shown, "Ok(Secret([redacted])) Ok(VerifyKey([redacted]))");
    }
}
