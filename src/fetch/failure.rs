//! Names for what went wrong on the wire, found in the HTTP client's chains of causes.
//!
//! Pure. The client's own messages are never shown: they hold the URL.

use std::error::Error;
use std::io;
use std::time::Duration;

use url::Url;

use super::error::{FetchError, Refusal};
use super::guard::ResolveError;

/// Names what went wrong before an answer began.
pub(super) fn connect_error(url: &Url, after: Duration, error: reqwest::Error) -> FetchError {
    let url = url.clone();
    // The URL is known from the variant, and may hold secrets that a printed chain would show.
    let error = error.without_url();
    if let Some(ResolveError::Refused(address)) = cause::<ResolveError>(&error) {
        return FetchError::Refused {
            url,
            refusal: Refusal::ResolvedAddress(*address),
        };
    }
    if error.is_timeout() && !error.is_connect() {
        return FetchError::Timeout { url, after };
    }
    let problem = connect_problem(&error);
    FetchError::Connect {
        url,
        problem,
        source: error,
    }
}

fn connect_problem(error: &reqwest::Error) -> String {
    if cause::<ResolveError>(error).is_some() {
        return "has no address: the name cannot be resolved".to_owned();
    }
    if let Some(tls) = cause::<rustls::Error>(error) {
        return format!("has no working TLS: {tls}");
    }
    if error.is_timeout() {
        return "did not accept the connection in time".to_owned();
    }
    match cause::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "refused the connection",
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            "cannot be reached"
        }
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
        ) => "closed the connection without an answer",
        _ if error.is_connect() => "cannot be connected to",
        _ => "gave no HTTP answer",
    }
    .to_owned()
}

/// The first error of a type in a chain of causes. A wrapped `io::Error` is looked into as well:
/// its `source` skips the error that it wraps.
pub(super) fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        if let Some(inner) = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            let inner: &'a (dyn Error + 'static) = inner;
            if let Some(found) = cause::<E>(inner) {
                return Some(found);
            }
        }
        next = error.source();
    }
    None
}

/// Names what went wrong after an answer began.
pub(super) fn body_error(url: &Url, after: Duration, error: reqwest::Error) -> FetchError {
    let url = url.clone();
    if error.is_timeout() {
        return FetchError::Timeout { url, after };
    }
    // The client calls everything a fault of decoding. A decoder's own complaint is a bare
    // `io::Error`; that of the connection comes wrapped.
    let damaged = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() != io::ErrorKind::UnexpectedEof);
    let problem = if damaged {
        "its compression is damaged"
    } else {
        "it broke off"
    };
    FetchError::Decode {
        url,
        problem: problem.to_owned(),
        source: error.without_url(),
    }
}
