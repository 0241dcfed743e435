//! Text functions: the one tokeniser, plain text out of HTML, canonical URLs, the language and the
//! fingerprint of a text.
//!
//! Pure: no IO, no clock, nothing is logged. Every function takes hostile input and never panics.

pub mod fingerprint;
mod fold;
pub mod html;
mod html_scan;
pub mod language;
pub mod plain;
pub mod sanitize;
pub mod tokenize;
pub mod url;

pub use fingerprint::{fingerprint, simhash_distance};
pub use fold::fold;
pub use html::{HtmlText, html_to_text};
pub use html_scan::excess as html_excess;
pub use language::detect_language;
pub use plain::plain_text;
pub use sanitize::{plain_html, sanitize_feed_html, sanitize_html};
pub use tokenize::{MAX_TOKEN_BYTES, TOKENIZER_VERSION, Token, Tokens, tokenize};
pub use url::canonical_url;

/// How long this thread has had a processor: what runs beside a test does not count. Linux's scheduler tells it.
#[cfg(test)]
pub(crate) fn processor_time() -> std::time::Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos = told.split(' ').next().and_then(|nanos| nanos.parse().ok());
    std::time::Duration::from_nanos(nanos.unwrap())
}
