//! Standard Webhooks 1.0.0: `v1` is HMAC-SHA256, `v1a` is ed25519, both over `id.timestamp.body`.
//!
//! Never reads a clock: the time is an argument. Own code because the `standardwebhooks` crate has no
//! ed25519 and reads the wall clock; it is the oracle in the tests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::keys::{Secret, VerifyKey};

/// Header with the event's id, constant over attempts.
pub const HEADER_ID: &str = "webhook-id";
/// Header with the attempt's time, in whole seconds since 1970.
pub const HEADER_TIMESTAMP: &str = "webhook-timestamp";
/// Header with the signatures, separated by spaces.
pub const HEADER_SIGNATURE: &str = "webhook-signature";

/// How far a receiver lets the sender's clock be off, either way.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

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
    /// No signature of the key's scheme fits.
    #[error("no signature fits")]
    Signature,
}

/// Signs a body with each secret: the value of `webhook-signature`.
#[must_use]
pub fn sign<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> String {
    let content = signed_content(id, &at.as_second().to_string(), body);
    let signatures: Vec<String> = secrets
        .into_iter()
        .map(|secret| {
            let signature = STANDARD.encode(secret.sign(&content));
            format!("{},{signature}", secret.scheme())
        })
        .collect();
    signatures.join(" ")
}

/// Verifies the three headers and the body as received; symmetric signatures are compared in constant time.
///
/// # Errors
/// When the time is off by more than [`TOLERANCE`] or no signature of the key's scheme fits.
pub fn verify(
    key: &VerifyKey,
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
    // The header's own spelling is what was signed, be it `+7` or `007`.
    let content = signed_content(id, timestamp, body);
    let fits = signatures.split_ascii_whitespace().any(|signature| {
        signature
            .split_once(',')
            .filter(|(scheme, _)| *scheme == key.scheme())
            .and_then(|(_, encoded)| STANDARD.decode(encoded).ok())
            .is_some_and(|decoded| key.fits(&content, &decoded))
    });
    if fits {
        Ok(())
    } else {
        Err(VerifyError::Signature)
    }
}

fn signed_content(id: &str, seconds: &str, body: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(id.len() + seconds.len() + body.len() + 2);
    for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
        content.extend_from_slice(part);
    }
    content
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    use super::*;
    use crate::deliver::keys::{ed25519_keys, symmetric_secret};

    const TEXT: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret() -> Secret {
        Secret::parse(TEXT).unwrap()
    }

    fn key(text: &str) -> VerifyKey {
        VerifyKey::parse(text).unwrap()
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
            let key = VerifyKey::parse(&text).unwrap();
            let seconds_text = seconds.to_string();
            let verified = verify(&key, "evt_1", &seconds_text, &ours, body.as_bytes(), at(seconds));
            prop_assert_eq!(verified, Ok(()));
        }
    }

    #[test]
    fn item_03_in_rotation_each_secret_verifies_alone() {
        let secrets = Secret::parse_all(&format!("{TEXT}\n{OTHER}\n")).unwrap();
        let header = sign(&secrets, "evt_1", at(100), b"{}");
        assert_eq!(header.split(' ').count(), 2);
        for text in [TEXT, OTHER] {
            assert_eq!(
                verify(&key(text), "evt_1", "100", &header, b"{}", at(100)),
                Ok(())
            );
        }
        let stranger = key(&symmetric_secret(&[7; 32]));
        assert_eq!(
            verify(&stranger, "evt_1", "100", &header, b"{}", at(100)),
            Err(VerifyError::Signature)
        );
    }

    #[test]
    fn a_changed_part_or_a_stale_time_is_refused() {
        let header = sign(&[secret()], "evt_1", at(1000), b"{}");
        let check = |id, timestamp, signatures: &str, body: &[u8], now| {
            verify(&key(TEXT), id, timestamp, signatures, body, at(now))
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

    /// RFC 8032, 7.1, test 1: the key pair; the signature is of our content, so only the keys are the RFC's.
    #[test]
    fn an_asymmetric_signature_verifies_with_the_public_key_alone() {
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec,
            0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03,
            0x1c, 0xae, 0x7f, 0x60,
        ];
        let (private, public) = ed25519_keys(&seed).unwrap();
        assert_eq!(public, "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
        let seed_alone = format!("whsk_{}", STANDARD.encode(seed));
        let header = sign(&[Secret::parse(&private).unwrap()], "evt_1", at(100), b"{}");
        assert!(header.starts_with("v1a,"), "{header}");
        for text in [&public, &private, &seed_alone] {
            assert_eq!(
                verify(&key(text), "evt_1", "100", &header, b"{}", at(100)),
                Ok(())
            );
        }
        let wrong = Err(VerifyError::Signature);
        let (_, stranger) = ed25519_keys(&[7; 32]).unwrap();
        assert_eq!(
            verify(&key(&stranger), "evt_1", "100", &header, b"{}", at(100)),
            wrong
        );
        assert_eq!(
            verify(&key(&public), "evt_1", "100", &header, b"{ }", at(100)),
            wrong
        );
        // A signature counts in its own scheme alone.
        assert_eq!(
            verify(
                &key(&public),
                "evt_1",
                "100",
                &header.replace("v1a,", "v1,"),
                b"{}",
                at(100)
            ),
            wrong
        );
    }

    #[test]
    fn both_schemes_stand_side_by_side() {
        let (private, public) = ed25519_keys(&[9; 32]).unwrap();
        let secrets = Secret::parse_all(&format!("{TEXT} {private}")).unwrap();
        let header = sign(&secrets, "evt_1", at(100), b"");
        for text in [TEXT, &public] {
            assert_eq!(
                verify(&key(text), "evt_1", "100", &header, b"", at(100)),
                Ok(())
            );
        }
    }
}
