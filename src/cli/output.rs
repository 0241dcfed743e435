//! How commands speak: tables, JSON, colours only where they belong, errors with what to do next.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::args::ColorChoice;
use crate::domain::SentimentLabel;

/// Marks of emphasis.
pub const BOLD: Style = Style::new().bold();
/// What is less important.
pub const DIM: Style = Style::new().dimmed();
/// What matched a query.
pub const MATCH: Style = Style::new()
    .bold()
    .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
const ERROR: Style = Style::new()
    .bold()
    .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
const NEGATIVE: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
const POSITIVE: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Blue)));

/// Standard output as a person or a script wants it.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    styled: bool,
    styled_errors: bool,
}

impl Output {
    /// Decides on colours by choice, terminal and `NO_COLOR`.
    #[must_use]
    pub fn new(choice: ColorChoice) -> Self {
        let wanted = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self {
            styled: wanted(std::io::stdout().is_terminal()),
            styled_errors: wanted(std::io::stderr().is_terminal()),
        }
    }

    /// The text in a style, where stdout gets colours.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        if self.styled {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// A sentiment's sign with its colour: never colour alone.
    #[must_use]
    pub fn sentiment(&self, label: Option<SentimentLabel>) -> String {
        match label {
            Some(SentimentLabel::Negative) => self.paint(NEGATIVE, "-"),
            Some(SentimentLabel::Neutral) => self.paint(DIM, "0"),
            Some(SentimentLabel::Positive) => self.paint(POSITIVE, "+"),
            None => " ".to_owned(),
        }
    }

    /// Words in the colour of a sentiment, where stdout gets colours.
    #[must_use]
    pub fn toned(&self, label: SentimentLabel, text: &str) -> String {
        match label {
            SentimentLabel::Negative => self.paint(NEGATIVE.bold(), text),
            SentimentLabel::Neutral => self.paint(DIM, text),
            SentimentLabel::Positive => self.paint(POSITIVE.bold(), text),
        }
    }

    /// Writes text.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub fn print(&self, text: &str) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Writes one JSON document on one line.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub fn json(&self, value: &impl Serialize) -> anyhow::Result<()> {
        self.print(&serde_json::to_string(value)?)
    }

    /// A table without frames that fits the terminal.
    #[must_use]
    pub fn table(&self, header: &[&str]) -> Table {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(header.iter().map(|title| self.paint(BOLD, title)));
        table
    }

    /// Writes an error with its causes to stderr.
    pub fn error(&self, error: &anyhow::Error) {
        let label = if self.styled_errors {
            format!("{ERROR}error{ERROR:#}")
        } else {
            "error".to_owned()
        };
        let mut last = error.to_string();
        // The configuration's report names each of its errors so already.
        eprintln!("{label}: {}", last.strip_prefix("error: ").unwrap_or(&last));
        for cause in error.chain().skip(1) {
            let cause = cause.to_string();
            if !last.contains(&cause) {
                eprintln!("  because: {cause}");
            }
            last = cause;
        }
    }
}
