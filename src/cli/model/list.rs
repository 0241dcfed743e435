//! `overheard model list` and `overheard model verify`.

use serde::Serialize;

use super::super::output::Output;
use crate::analysis;
use crate::app;
use crate::config::Config;

/// Lists the models that score.
///
/// # Errors
/// When labels do not fit the program, a directory of the configuration is not good, or stdout can't be written.
pub fn list(config: &Config, json: bool, output: &Output) -> anyhow::Result<i32> {
    let models = analysis::models(
        &config.analysis,
        &config.models,
        app::read_heads(config)?.as_ref(),
    )?;
    if json {
        output.json(&models)?;
        return Ok(0);
    }
    let mut table = output.table(&["model", "bytes", "says", "languages"]);
    for model in models {
        table.add_row([
            model.model,
            model.bytes.to_string(),
            model.labels.join(", "),
            model.languages.join(", "),
        ]);
    }
    output.print(&table.to_string())?;
    Ok(0)
}

#[derive(Serialize)]
struct FileDto {
    file: &'static str,
    bytes: usize,
    sha256: String,
    good: bool,
}

/// Checks the embedded files; 1 when one is not what the sums say.
///
/// # Errors
/// When stdout can't be written.
pub fn verify(json: bool, output: &Output) -> anyhow::Result<i32> {
    let files: Vec<FileDto> = analysis::shipped_files()
        .into_iter()
        .map(|file| FileDto {
            file: file.name,
            bytes: file.bytes,
            good: file.is_good(),
            sha256: file.sha256,
        })
        .collect();
    let good = files.iter().all(|file| file.good);
    if json {
        output.json(&files)?;
    } else {
        for file in &files {
            let verdict = if file.good { "OK" } else { "DIFFERS" };
            output.print(&format!("{}  {}: {verdict}", file.sha256, file.file))?;
        }
    }
    if !good {
        eprintln!("This program's model is not the one that was released: install it anew.");
    }
    Ok(i32::from(!good))
}
