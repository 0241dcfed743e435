//! Limits failed logins by address. Addresses are forgotten with their window; the table is bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

const WINDOW: SignedDuration = SignedDuration::from_secs(60);
const FAILURES: u32 = 10;
/// More addresses than this at once are an attack by many; all unknown ones then wait.
const ADDRESSES: usize = 4096;

/// Failed logins by address within the last minute.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<Option<IpAddr>, Window>>);

#[derive(Debug)]
struct Window {
    began: Timestamp,
    failures: u32,
}

impl Attempts {
    /// When this address may try again; `None` means now.
    #[must_use]
    pub fn blocked_until(&self, address: Option<IpAddr>, now: Timestamp) -> Option<Timestamp> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        windows.retain(|_, window| window.is_open(now));
        match windows.get(&address) {
            Some(window) if window.failures >= FAILURES => Some(window.began + WINDOW),
            None if windows.len() >= ADDRESSES => Some(now + WINDOW),
            _ => None,
        }
    }

    /// Counts a failure.
    pub fn failed(&self, address: Option<IpAddr>, now: Timestamp) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(address).or_insert(Window {
            began: now,
            failures: 0,
        });
        if !window.is_open(now) {
            *window = Window {
                began: now,
                failures: 0,
            };
        }
        window.failures = window.failures.saturating_add(1);
    }
}

impl Window {
    /// A clock that went back closes the window as well.
    fn is_open(&self, now: Timestamp) -> bool {
        now >= self.began && now.duration_since(self.began) < WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_in_a_minute_block_one_address_until_the_minute_is_over() {
        let attempts = Attempts::default();
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let address = Some("192.0.2.1".parse().unwrap());
        for _ in 0..9 {
            attempts.failed(address, start);
        }
        assert_eq!(attempts.blocked_until(address, start), None);
        attempts.failed(address, start);
        let end = start + WINDOW;
        assert_eq!(attempts.blocked_until(address, start), Some(end));
        assert_eq!(attempts.blocked_until(None, start), None);
        assert_eq!(attempts.blocked_until(address, end), None);
    }
}
