//! `overheard model score`: texts in, one JSON object a line out, in order.
//!
//! A thread reads lines into a bounded queue; what is there is scored together, at most `WINDOW` texts,
//! with two windows under way. So memory has a bound for any number of lines, and a single line that is
//! typed is answered at once.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::Instant;

use anyhow::Context;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::args::ScoreArgs;
use super::progress::Progress;
use super::scores::Scores;
use crate::analysis::{AnalyzerHandle, MAX_CHARS, Outcome, Text};
use crate::config::Config;
use crate::domain::Language;

/// Most texts that are sorted by length together.
const WINDOW: usize = 4096;
/// Windows under way: one is scored while the next is cut and the last is written.
const WINDOWS: usize = 2;
/// Most bytes of a line that are read: all that the model looks at, in the longest encoding.
const LINE_BYTES: u64 = 4 * MAX_CHARS as u64;

/// Scores stdin.
///
/// # Errors
/// When stdin can't be read, stdout not written, or the engine fails.
pub async fn run(config: &Config, args: &ScoreArgs) -> anyhow::Result<i32> {
    let handle = super::start(config, args.threads, config.analysis.cache_texts).await?;
    let progress = Progress::of_stdin();
    let begin = Instant::now();
    let (send, lines) = mpsc::channel(WINDOW);
    let (column, language) = (args.tsv.clone(), args.language.clone());
    let reader = std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || {
            read(
                std::io::stdin(),
                column.as_deref(),
                language.as_deref(),
                &send,
            )
        })?;
    let windows = stream::unfold(lines, |mut lines| async {
        let mut window = Vec::with_capacity(WINDOW);
        let number = lines.recv_many(&mut window, WINDOW).await;
        (number > 0).then_some((window, lines))
    });
    let mut scored = Box::pin(
        windows
            .map(|window| score(&handle, window))
            .buffered(WINDOWS),
    );
    let mut texts = 0;
    while let Some(window) = scored.next().await {
        let (lines, outcomes) = window?;
        write(&lines, &outcomes)?;
        texts += lines.len();
        progress.advance(lines.iter().map(|line| line.bytes).sum());
        progress.say(texts);
    }
    progress.done();
    // The reader has closed the queue, so it is at its end.
    reader
        .join()
        .map_err(|_| anyhow::anyhow!("reading stdin failed"))??;
    tracing::debug!(
        texts,
        seconds = begin.elapsed().as_secs_f64(),
        "scored stdin"
    );
    Ok(0)
}

/// A line of stdin.
#[derive(Debug, PartialEq)]
struct Line {
    text: Result<Text, String>,
    language: Language,
    /// What it took of stdin.
    bytes: usize,
}

/// Reads lines until stdin ends or nobody listens.
fn read(
    input: impl Read,
    column: Option<&str>,
    language: Option<&str>,
    lines: &mpsc::Sender<Line>,
) -> anyhow::Result<()> {
    let mut input = BufReader::new(input);
    let place = match column {
        Some(column) => Some(header(&mut input, column)?),
        None => None,
    };
    let mut buffer = Vec::new();
    loop {
        let bytes = next_line(&mut input, &mut buffer, place.is_none())?;
        if bytes == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&buffer);
        let text = match place {
            None => Ok(line.as_ref()),
            Some(place) => line
                .split('\t')
                .nth(place)
                .ok_or_else(|| format!("the line has fewer than {} columns", place + 1)),
        };
        let language = super::language_of(text.as_deref().unwrap_or_default(), language);
        let line = Line {
            text: text.map(|text| Text {
                text: text.to_owned(),
                language: language.code.clone(),
            }),
            language,
            bytes,
        };
        if lines.blocking_send(line).is_err() {
            return Ok(());
        }
    }
}

/// The place of a column in the header line.
fn header(input: &mut impl BufRead, column: &str) -> anyhow::Result<usize> {
    let mut buffer = Vec::new();
    next_line(input, &mut buffer, false)?;
    let header = String::from_utf8_lossy(&buffer);
    let header = header.trim_start_matches('\u{feff}');
    header.split('\t').position(|name| name == column).with_context(|| {
        format!("stdin has no column \"{column}\": its first line must name the columns, with tabs between them")
    })
}

/// Reads a line without its end, and how many bytes it took; 0 at the end of the input. Of a line that is
/// cut, only the first `LINE_BYTES` are kept.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, cut: bool) -> anyhow::Result<usize> {
    line.clear();
    let limit = if cut { LINE_BYTES } else { u64::MAX };
    let mut bytes = input
        .by_ref()
        .take(limit)
        .read_until(b'\n', line)
        .context("could not read stdin")?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if bytes as u64 == limit {
        bytes += input.skip_until(b'\n').context("could not read stdin")?;
    }
    Ok(bytes)
}

async fn score(
    handle: &AnalyzerHandle,
    lines: Vec<Line>,
) -> anyhow::Result<(Vec<Line>, Vec<Outcome>)> {
    let texts = lines.iter().filter_map(|line| line.text.as_ref().ok());
    let outcomes = handle.analyze(texts.cloned().collect()).await?;
    Ok((lines, outcomes))
}

fn write(lines: &[Line], outcomes: &[Outcome]) -> anyhow::Result<()> {
    let mut out = Vec::new();
    let mut outcomes = outcomes.iter();
    for line in lines {
        let scores = match &line.text {
            Err(missing) => Scores::missing(missing.clone(), &line.language),
            Ok(_) => match outcomes.next() {
                Some(Outcome::Scored(analysis)) => Scores::of(analysis, &line.language),
                Some(Outcome::Fault(fault)) => Scores::fault(*fault, &line.language),
                Some(Outcome::Off) | None => {
                    anyhow::bail!("the engine left a text without an answer")
                }
            },
        };
        serde_json::to_writer(&mut out, &scores)?;
        out.push(b'\n');
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&out)?;
    stdout.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8], column: Option<&str>) -> anyhow::Result<Vec<Line>> {
        let (send, mut received) = mpsc::channel(100);
        read(input, column, Some("en"), &send)?;
        drop(send);
        let mut lines = Vec::new();
        while let Some(line) = received.blocking_recv() {
            lines.push(line);
        }
        Ok(lines)
    }

    fn texts(lines: &[Line]) -> Vec<Result<&str, &str>> {
        let texts = lines.iter().map(|line| line.text.as_ref());
        texts
            .map(|text| text.map(|text| text.text.as_str()).map_err(String::as_str))
            .collect()
    }

    #[test]
    fn lines_keep_their_order_and_their_bytes_add_up() {
        let input = b"one\r\n\ntw\xffo\nlast";
        let lines = lines(input, None).unwrap();
        assert_eq!(
            texts(&lines),
            [Ok("one"), Ok(""), Ok("tw\u{fffd}o"), Ok("last")]
        );
        assert_eq!(
            lines.iter().map(|line| line.bytes).sum::<usize>(),
            input.len()
        );
    }

    #[test]
    fn a_line_without_end_is_cut_and_the_next_begins_after_it() {
        let mut input = vec![b'a'; 3 * 4 * MAX_CHARS];
        input.extend(b"\nnext\n");
        let lines = lines(&input, None).unwrap();
        assert_eq!(texts(&lines)[0].unwrap().len(), 4 * MAX_CHARS);
        assert_eq!(texts(&lines)[1..], [Ok("next")]);
        assert_eq!(
            lines.iter().map(|line| line.bytes).sum::<usize>(),
            input.len()
        );
    }

    #[test]
    fn a_column_is_found_by_name_and_short_lines_say_so() {
        let input = "\u{feff}id\ttext\r\n1\tgood\r\n2\n3\t\n".as_bytes();
        let lines = lines(input, Some("text")).unwrap();
        let short = Err("the line has fewer than 2 columns");
        assert_eq!(texts(&lines), [Ok("good"), short, Ok("")]);
    }

    #[test]
    fn a_column_that_is_not_there_is_named() {
        let error = lines(b"id\ttext\n", Some("body")).unwrap_err().to_string();
        assert!(error.contains("no column \"body\""), "{error}");
    }
}
