//! `overheard webhook` as the writer of a receiver meets it.

use crate::daemon::{Ended, ended, overheard};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Runs `overheard webhook` with these arguments and this body on stdin.
fn webhook(arguments: &[&str], body: &[u8]) -> Ended {
    ended(overheard(&[&["webhook"], arguments].concat()), body)
}

fn sign(secret: &str, body: &[u8]) -> String {
    let output = webhook(
        &[
            "sign",
            "--secret",
            secret,
            "--id",
            "evt_1",
            "--timestamp",
            "1700000000",
        ],
        body,
    );
    assert_eq!(output.status, Some(0), "{output:?}");
    output
        .stdout
        .strip_suffix('\n')
        .expect("one line")
        .to_owned()
}

/// The exit status, and what was said on stderr.
fn verify(secret: &str, timestamp: &str, now: &str, header: &str, body: &[u8]) -> (i32, String) {
    let output = webhook(
        &[
            "verify",
            "--secret",
            secret,
            "--id",
            "evt_1",
            "--timestamp",
            timestamp,
            "--signature",
            header,
            "--now",
            now,
        ],
        body,
    );
    (output.status.expect("no signal"), output.stderr)
}

#[test]
fn a_body_is_signed_byte_for_byte() {
    let output = webhook(
        &[
            "sign",
            "--secret",
            SECRET,
            "--id",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            "--timestamp",
            "1649367553",
        ],
        br#"{"email":"test@example.com","username":"test_user"}"#,
    );
    // The example of the Standard Webhooks specification's libraries.
    assert_eq!(
        output.stdout,
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=\n"
    );
    for body in [
        &b""[..],
        b"\n",
        b"{}\n",
        b"\xff\x00\xfe",
        "käse 🧀".as_bytes(),
    ] {
        let header = sign(SECRET, body);
        assert_eq!(
            verify(SECRET, "1700000000", "1700000300", &header, body).0,
            0
        );
        let longer = [body, b"\n"].concat();
        assert_eq!(
            verify(SECRET, "1700000000", "1700000300", &header, &longer).0,
            1
        );
    }
}

#[test]
fn what_is_not_to_be_believed_says_why() {
    let header = sign(SECRET, b"{}");
    let said = |timestamp, now, header: &str| verify(SECRET, timestamp, now, header, b"{}");
    for (timestamp, now, why) in [
        ("1700000000", "1700000301", "more than 5 minutes old"),
        (
            "1700000000",
            "1699999699",
            "more than 5 minutes in the future",
        ),
        ("1700000001", "1700000000", "no signature fits"),
        ("soon", "1700000000", "not a whole number of seconds"),
        ("", "1700000000", "not a whole number of seconds"),
    ] {
        let (status, message) = said(timestamp, now, &header);
        assert_eq!(status, 1, "{timestamp} at {now}");
        assert!(message.contains(why), "{message}");
    }
    for header in ["", "v1,", "v2,x", "v1,AAAA v1a,AAAA"] {
        assert_eq!(said("1700000000", "1700000000", header).0, 1, "{header}");
    }
}

#[test]
fn new_keys_sign_and_verify() {
    let made = |arguments: &[&str]| {
        let output = webhook(arguments, b"");
        output.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let secret = made(&["secret"]);
    assert_ne!(secret, made(&["secret"]));
    let header = sign(&secret[0], b"{}");
    assert_eq!(
        verify(&secret[0], "1700000000", "1700000000", &header, b"{}").0,
        0
    );
    assert_eq!(
        verify(SECRET, "1700000000", "1700000000", &header, b"{}").0,
        1
    );

    let pair = made(&["secret", "--ed25519"]);
    let header = sign(&pair[0], b"{}");
    assert!(header.starts_with("v1a,"), "{header}");
    for key in &pair {
        assert_eq!(
            verify(key, "1700000000", "1700000000", &header, b"{}").0,
            0,
            "{key}"
        );
    }

    // In a rotation each secret verifies alone.
    let both = sign(&format!("{SECRET} {}", secret[0]), b"{}");
    assert_eq!(both.split(' ').count(), 2);
    for key in [SECRET, &secret[0]] {
        assert_eq!(verify(key, "1700000000", "1700000000", &both, b"{}").0, 0);
    }
}

#[test]
fn a_bad_key_is_explained_and_not_repeated() {
    let output = webhook(
        &[
            "sign",
            "--secret",
            "whsec_c2VjcmV0",
            "--id",
            "e",
            "--timestamp",
            "1",
        ],
        b"",
    );
    output.refused(&["has 6 bytes after decoding: use 24 to 64"]);
    assert!(!output.stderr.contains("c2VjcmV0"), "{output:?}");
    let public = webhook(
        &[
            "sign",
            "--secret",
            "whpk_AAAA",
            "--id",
            "e",
            "--timestamp",
            "1",
        ],
        b"",
    );
    public.refused(&["signs nothing"]);
}
