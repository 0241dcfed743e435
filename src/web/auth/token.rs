//! API tokens: `ovh_`, 64 hexadecimal digits of randomness, 8 of checksum. The checksum lets a scanner
//! or a person see a truncated token without asking the store. A token is shown once and never kept.

use std::fmt;

use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::hex;

const PREFIX: &str = "ovh_";
const SECRET_DIGITS: usize = 64;
const CHECK_DIGITS: usize = 8;

/// The SHA-256 of a secret with 256 random bits; no salt is needed for so many.
#[derive(Clone, Copy, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Hashes a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether these are the bytes; takes the same time for all of them.
    #[must_use]
    pub fn is(&self, bytes: &[u8; 32]) -> bool {
        self.0.ct_eq(bytes).into()
    }

    /// The bytes, for the store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// Says what is wrong with the form of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Another kind of secret, or cut at the front.
    #[error("the token does not begin with \"ovh_\"")]
    Prefix,
    /// Cut or mistyped.
    #[error("the token is incomplete or mistyped: its checksum does not fit")]
    Checksum,
}

/// A token as its owner holds it.
#[derive(Debug, Clone)]
pub struct ApiToken(SecretString);

impl ApiToken {
    /// Makes a token of 256 random bits.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let secret = random_hex(rng);
        let check = checksum(&secret);
        Self(SecretString::from(format!("{PREFIX}{secret}{check}")))
    }

    /// Parses what a client sent.
    ///
    /// # Errors
    /// When prefix, length or checksum do not fit; no store was asked then.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let body = text.strip_prefix(PREFIX).ok_or(TokenError::Prefix)?;
        if body.len() != SECRET_DIGITS + CHECK_DIGITS || !body.is_ascii() {
            return Err(TokenError::Checksum);
        }
        let (secret, check) = body.split_at(SECRET_DIGITS);
        if checksum(secret) != check {
            return Err(TokenError::Checksum);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// What the store keeps.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(self.0.expose_secret())
    }

    /// The token itself, to show it once to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// 256 random bits as hexadecimal digits.
pub(super) fn random_hex(rng: &mut impl CryptoRng) -> String {
    let mut bytes = [0; SECRET_DIGITS / 2];
    rng.fill_bytes(&mut bytes);
    hex(&bytes)
}

fn checksum(secret: &str) -> String {
    let digest = Sha256::new()
        .chain_update(b"overheard token ")
        .chain_update(secret)
        .finalize();
    hex(&digest[..CHECK_DIGITS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_token_parses_and_hashes_alike() {
        let token = ApiToken::generate(&mut rand::rng());
        assert_eq!(token.expose().len(), 4 + 64 + 8);
        let parsed = ApiToken::parse(token.expose()).unwrap();
        assert_eq!(parsed.hash(), token.hash());
        let other = ApiToken::generate(&mut rand::rng());
        assert_ne!(other.hash(), token.hash());
        assert!(!format!("{token:?}{:?}", token.hash()).contains(&token.expose()[4..12]));
    }

    #[test]
    fn a_mistyped_token_is_named_as_such() {
        let token = ApiToken::generate(&mut rand::rng()).expose().to_owned();
        let mut flipped = token.clone();
        let last = if token.ends_with('0') { '1' } else { '0' };
        flipped.pop();
        flipped.push(last);
        assert_eq!(ApiToken::parse(&flipped).unwrap_err(), TokenError::Checksum);
        assert_eq!(
            ApiToken::parse(&token[..40]).unwrap_err(),
            TokenError::Checksum
        );
        assert_eq!(ApiToken::parse("ghp_abc").unwrap_err(), TokenError::Prefix);
        let wide = format!("ovh_{}", "é".repeat(36));
        assert_eq!(ApiToken::parse(&wide).unwrap_err(), TokenError::Checksum);
    }
}
