//! A bar on a terminal, nothing elsewhere.

use std::os::fd::AsFd;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far a long run is, on stderr. Hidden where stderr is no terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar over so many texts.
    pub fn of_texts(total: usize) -> Self {
        let bar = ProgressBar::new(total as u64);
        Self::styled(
            bar,
            "{wide_bar} {human_pos}/{human_len} texts, {per_sec}, {eta} left",
        )
    }

    /// A count of what was done, with its speed.
    pub fn of_history() -> Self {
        Self::styled(
            ProgressBar::new_spinner(),
            "{spinner} {human_pos} posts, {per_sec}, {elapsed}",
        )
    }

    /// A bar over the bytes of stdin where it is a file, else a count of what was done.
    pub fn of_stdin() -> Self {
        match stdin_bytes() {
            Some(bytes) => Self::styled(
                ProgressBar::new(bytes),
                "{wide_bar} {percent} %, {eta} left{msg}",
            ),
            None => Self::styled(ProgressBar::new_spinner(), "{spinner} {elapsed}{msg}"),
        }
    }

    fn styled(bar: ProgressBar, template: &str) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// So many more texts or bytes are done.
    pub fn advance(&self, by: usize) {
        self.0.inc(by as u64);
    }

    /// So many texts are done.
    pub fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Says so many texts are done.
    pub fn say(&self, texts: usize) {
        self.0.set_message(format!(", {texts} texts"));
    }

    /// Removes the bar.
    pub fn done(&self) {
        self.0.finish_and_clear();
    }
}

fn stdin_bytes() -> Option<u64> {
    let descriptor = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    let metadata = std::fs::File::from(descriptor).metadata().ok()?;
    metadata.is_file().then_some(metadata.len())
}
