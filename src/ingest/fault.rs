//! What a failed poll does to a source: how long it waits, when it stops for good, and what is told of it.
//!
//! Changes a status and makes an event; stores and sends nothing.

use jiff::{SignedDuration, Timestamp};

use super::schedule::PollSchedule;
use crate::domain::{Event, EventKind, SourceState, SourceStatus, Subject};
use crate::fetch::FetchError;
use crate::sources::{PollError, SourceFault};

/// How long a source answers 404 without a break before it is stopped.
const MISSING_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A poll that failed.
pub(super) struct Faulty<'a> {
    pub(super) error: &'a PollError,
    /// The source's URL, or empty where it has none of its own.
    pub(super) url: &'a str,
    pub(super) schedule: &'a PollSchedule,
    /// The request went to where redirects led, and not to the configured URL.
    pub(super) was_moved: bool,
    pub(super) now: Timestamp,
    /// In 0 to 1.
    pub(super) random: f64,
}

/// Puts the failure into the status. Returns what is told outside: that the source stopped, or that it is refused.
pub(super) fn record(status: &mut SourceStatus, faulty: &Faulty<'_>) -> Option<Event> {
    let Faulty {
        error,
        url,
        schedule,
        now,
        random,
        ..
    } = *faulty;
    let was_refused = status.coverage.refused_since.is_some();
    status.polled_at = Some(now);
    status.requests += 1;
    status.failures = status.failures.saturating_add(1);
    status.error = Some(chain(error));
    status.state = SourceState::Failing;
    status.not_before = None;
    status.coverage.errors += 1;
    status.coverage.failing_since.get_or_insert(now);
    let failures = status.failures;
    let mut is_told = false;
    match reaction(faulty) {
        Reaction::Wait(retry_at) => {
            let next = schedule.after_rate_limit(now, retry_at, failures, random);
            status.next_poll_at = Some(next);
            // Without a time of the server's, ours is what nobody may undercut.
            status.not_before = Some(next);
        }
        Reaction::Refused(refusal) => {
            let since = *status.coverage.refused_since.get_or_insert(now);
            status.next_poll_at = Some(schedule.after_refusal(now, failures, random));
            if refusal == Refusal::Missing && now.duration_since(since) >= MISSING_FOR {
                status.error = Some(format!(
                    "{}, for {} days now: it is not asked any more",
                    chain(error),
                    now.duration_since(since).as_hours() / 24
                ));
                stop(status);
                status.coverage.gone = Some(url.to_owned());
            }
            is_told = refusal == Refusal::Denied && !was_refused;
        }
        Reaction::Retry => {
            status.next_poll_at = Some(schedule.after_failure(now, failures, random));
        }
        Reaction::Stop => {
            stop(status);
            status.coverage.gone = (status_code(error) == Some(410)).then(|| url.to_owned());
        }
    }
    if !matches!(reaction(faulty), Reaction::Refused(_)) {
        status.coverage.refused_since = None;
    }
    is_told |= status.state == SourceState::Paused;
    is_told.then(|| {
        let subject = Subject::Source {
            id: status.id.clone(),
        };
        // A source fails again another day: the number of its failures tells one time from the next.
        Event::new(
            EventKind::SourceFailed,
            subject,
            status.coverage.errors,
            now,
        )
    })
}

/// Whether what redirects led to is gone, so that the configured URL is asked again.
pub(super) fn is_dead_end(error: &PollError) -> bool {
    matches!(status_code(error), Some(404 | 410))
        || matches!(
            fetch_error(error),
            Some(FetchError::Connect { .. } | FetchError::Refused { .. })
        )
}

fn stop(status: &mut SourceStatus) {
    status.state = SourceState::Paused;
    status.next_poll_at = None;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// 404.
    Missing,
    /// 401, 403.
    Denied,
}

enum Reaction {
    Wait(Option<Timestamp>),
    Refused(Refusal),
    Retry,
    Stop,
}

fn reaction(faulty: &Faulty<'_>) -> Reaction {
    match (faulty.error, status_code(faulty.error)) {
        (PollError::RateLimited { retry_at, .. }, _) => Reaction::Wait(*retry_at),
        // The configured URL may be well.
        (error, _) if faulty.was_moved && is_dead_end(error) => Reaction::Retry,
        (_, Some(404)) => Reaction::Refused(Refusal::Missing),
        (_, Some(401 | 403)) => Reaction::Refused(Refusal::Denied),
        (PollError::Permanent(_), _) => Reaction::Stop,
        (PollError::Transient(_), _) => Reaction::Retry,
    }
}

fn status_code(error: &PollError) -> Option<u16> {
    match fetch_error(error) {
        Some(FetchError::Status { status, .. }) => Some(*status),
        _ => None,
    }
}

fn fetch_error(error: &PollError) -> Option<&FetchError> {
    match error {
        PollError::Transient(SourceFault::Fetch(error))
        | PollError::Permanent(SourceFault::Fetch(error))
        | PollError::RateLimited { error, .. } => Some(error),
        PollError::Transient(_) | PollError::Permanent(_) => None,
    }
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Transparent errors say the same twice.
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
