//! Standard Webhooks 1.0.0, symmetric scheme `v1`: HMAC-SHA256 over `id.timestamp.body`.
//!
//! Never reads a clock: the time is an argument. Never shows a secret, not even in `Debug`. Own code
//! because the `standardwebhooks` crate reads the wall clock; it is the oracle in the tests.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// Header with the event's id, constant over attempts.
pub const HEADER_ID: &str = "webhook-id";
/// Header with the attempt's time, in whole seconds since 1970.
pub const HEADER_TIMESTAMP: &str = "webhook-timestamp";
/// Header with the signatures, separated by spaces.
pub const HEADER_SIGNATURE: &str = "webhook-signature";

/// How far a receiver lets the sender's clock be off, either way.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1";
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Says what is wrong with a signing secret, without showing any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none.
    #[error(
        "there is no secret: write one, such as the output of `echo whsec_$(openssl rand -base64 32)`"
    )]
    Empty,
    /// An ed25519 key was given.
    #[error(
        "the secret is an ed25519 key, which is not supported: use whsec_ and the base64 of 24 to 64 bytes"
    )]
    Asymmetric,
    /// The prefix is missing.
    #[error("the secret does not begin with whsec_: use whsec_ and the base64 of 24 to 64 bytes")]
    Prefix,
    /// What follows the prefix is not base64.
    #[error(
        "the secret is not base64 after whsec_: use the standard alphabet with padding, without spaces or quotes"
    )]
    Base64,
    /// Too short or too long.
    #[error("the secret has {bytes} bytes after decoding: use 24 to 64")]
    Length {
        /// Decoded bytes.
        bytes: usize,
    },
}

/// Says why a signed request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// `webhook-timestamp` is not a whole number of seconds.
    #[error("the timestamp is not a whole number of seconds")]
    Timestamp,
    /// Signed more than five minutes ago.
    #[error("the timestamp is more than 5 minutes old")]
    TooOld,
    /// Signed more than five minutes from now.
    #[error("the timestamp is more than 5 minutes in the future")]
    TooNew,
    /// No `v1` signature fits.
    #[error("no signature fits")]
    Signature,
}

/// A symmetric signing key.
pub struct Secret {
    key: SecretSlice<u8>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

impl Secret {
    /// Parses `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// When the text has another form; the error never holds the text.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        if text.starts_with("whsk_") || text.starts_with("whpk_") {
            return Err(SecretError::Asymmetric);
        }
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let key = STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?;
        let bytes = key.len();
        let secret = Self { key: key.into() };
        if KEY_BYTES.contains(&bytes) {
            Ok(secret)
        } else {
            Err(SecretError::Length { bytes })
        }
    }

    /// Parses the secrets in a text, separated by white space: two while a secret is being replaced.
    ///
    /// # Errors
    /// When there is none or one has another form.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, SecretError> {
        let secrets: Vec<Self> = text
            .split_whitespace()
            .map(Self::parse)
            .collect::<Result<_, _>>()?;
        if secrets.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(secrets)
    }

    fn mac(&self, id: &str, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose_secret())
            .expect("invariant: HMAC takes keys of any length");
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

/// Signs a body with each secret: the value of `webhook-signature`.
#[must_use]
pub fn sign(secrets: &[Secret], id: &str, at: Timestamp, body: &[u8]) -> String {
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let mac = secret.mac(id, at.as_second(), body).finalize();
            format!("{VERSION},{}", STANDARD.encode(mac.into_bytes()))
        })
        .collect();
    signatures.join(" ")
}

/// Verifies the three headers and the body as received; signatures are compared in constant time.
///
/// # Errors
/// When the time is off by more than [`TOLERANCE`] or no `v1` signature fits.
pub fn verify(
    secret: &Secret,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    let seconds: i64 = timestamp.parse().map_err(|_| VerifyError::Timestamp)?;
    let age = now.as_second().saturating_sub(seconds);
    if age > TOLERANCE.as_secs() {
        return Err(VerifyError::TooOld);
    }
    if age < -TOLERANCE.as_secs() {
        return Err(VerifyError::TooNew);
    }
    for signature in signatures.split(' ') {
        let Some((VERSION, encoded)) = signature.split_once(',') else {
            continue;
        };
        let Ok(expected) = STANDARD.decode(encoded) else {
            continue;
        };
        if secret
            .mac(id, seconds, body)
            .verify_slice(&expected)
            .is_ok()
        {
            return Ok(());
        }
    }
    Err(VerifyError::Signature)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    use super::*;

    const TEXT: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret() -> Secret {
        Secret::parse(TEXT).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_published_example_signs_as_published() {
        let signature = sign(
            &[secret()],
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            at(1_649_367_553),
            br#"{"email":"test@example.com","username":"test_user"}"#,
        );
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    proptest! {
        #[test]
        fn every_body_signs_as_the_oracle_signs_it(
            body in ".{0,200}",
            seconds in 0_i64..4_000_000_000,
            key in prop::collection::vec(any::<u8>(), 24..=64),
        ) {
            let text = format!("whsec_{}", STANDARD.encode(&key));
            let secret = Secret::parse(&text).unwrap();
            let ours = sign(&[secret], "evt_1", at(seconds), body.as_bytes());
            let oracle = Webhook::new(&text).unwrap();
            prop_assert_eq!(&ours, &oracle.sign("evt_1", seconds, body.as_bytes()).unwrap());
            let secret = Secret::parse(&text).unwrap();
            let seconds_text = seconds.to_string();
            let verified = verify(&secret, "evt_1", &seconds_text, &ours, body.as_bytes(), at(seconds));
            prop_assert_eq!(verified, Ok(()));
        }
    }

    #[test]
    fn in_rotation_each_secret_verifies_alone() {
        let secrets = Secret::parse_all(&format!("{TEXT}\n{OTHER}\n")).unwrap();
        let header = sign(&secrets, "evt_1", at(100), b"{}");
        assert_eq!(header.split(' ').count(), 2);
        for secret in &secrets {
            assert_eq!(
                verify(secret, "evt_1", "100", &header, b"{}", at(100)),
                Ok(())
            );
        }
        let stranger = Secret::parse(&format!("whsec_{}", STANDARD.encode([7; 32]))).unwrap();
        assert_eq!(
            verify(&stranger, "evt_1", "100", &header, b"{}", at(100)),
            Err(VerifyError::Signature)
        );
    }

    #[test]
    fn a_changed_part_or_a_stale_time_is_refused() {
        let header = sign(&[secret()], "evt_1", at(1000), b"{}");
        let check = |id, timestamp, signatures: &str, body: &[u8], now| {
            verify(&secret(), id, timestamp, signatures, body, at(now))
        };
        assert_eq!(check("evt_1", "1000", &header, b"{}", 1300), Ok(()));
        assert_eq!(check("evt_1", "1000", &header, b"{}", 700), Ok(()));
        assert_eq!(
            check("evt_1", "1000", &header, b"{}", 1301),
            Err(VerifyError::TooOld)
        );
        assert_eq!(
            check("evt_1", "1000", &header, b"{}", 699),
            Err(VerifyError::TooNew)
        );
        assert_eq!(
            check("evt_1", "1e3", &header, b"{}", 1000),
            Err(VerifyError::Timestamp)
        );
        let wrong = Err(VerifyError::Signature);
        assert_eq!(check("evt_2", "1000", &header, b"{}", 1000), wrong);
        assert_eq!(check("evt_1", "1001", &header, b"{}", 1000), wrong);
        assert_eq!(check("evt_1", "1000", &header, b"{ }", 1000), wrong);
        assert_eq!(check("evt_1", "1000", &header[..10], b"{}", 1000), wrong);
        assert_eq!(
            check("evt_1", "1000", &header.replace("v1,", "v2,"), b"{}", 1000),
            wrong
        );
        assert_eq!(check("evt_1", "1000", "v1,", b"{}", 1000), wrong);
        assert_eq!(check("evt_1", "1000", "", b"{}", 1000), wrong);
    }

    #[test]
    fn a_bad_secret_says_what_would_be_right() {
        let error = |text: &str| Secret::parse(text).unwrap_err();
        assert_eq!(error(""), SecretError::Empty);
        assert_eq!(error("whsk_C2FVsBQIhrscChlQIMV"), SecretError::Asymmetric);
        assert_eq!(
            error("C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
            SecretError::Prefix
        );
        assert_eq!(error("whsec_%%%"), SecretError::Base64);
        for (bytes, valid) in [(23, false), (24, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(Secret::parse(&text).is_ok(), valid, "{bytes} bytes");
        }
        assert_eq!(
            error("whsec_AAAA").to_string(),
            "the secret has 3 bytes after decoding: use 24 to 64"
        );
        assert_eq!(Secret::parse_all(" \n").unwrap_err(), SecretError::Empty);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", secret()), "Secret([redacted])");
    }
}
