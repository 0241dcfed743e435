//! What one round of polls was answered, for sources that share a URL.
//!
//! Lives in memory for the length of a round and is never a cache: nobody gets an answer of another round.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Fetched;
use crate::domain::HttpKey;

/// The answers of a round.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<HashMap<HttpKey, Fetched>>);

impl Memo {
    pub(super) fn recall(&self, key: &HttpKey) -> Option<Fetched> {
        self.answers(|answers| answers.get(key).cloned())
    }

    pub(super) fn keep(&self, key: HttpKey, fetched: &Fetched) {
        self.answers(|answers| answers.insert(key, fetched.clone()));
    }

    pub(super) fn clear(&self) {
        self.answers(HashMap::clear);
    }

    fn answers<T>(&self, work: impl FnOnce(&mut HashMap<HttpKey, Fetched>) -> T) -> T {
        // A map is whole after a panic as well.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
