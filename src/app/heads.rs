//! Heads of one's own in the data directory: `heads.json`, and the ones before for who wants to go back.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::analysis::{self, Heads};
use crate::config::Config;
use crate::runtime::write_atomically;

/// The heads that count: none when there are none, or when they were fitted on another model than today's.
///
/// # Errors
/// When the file cannot be read or is none.
pub fn read_heads(config: &Config) -> anyhow::Result<Option<Heads>> {
    let Some(heads) = read(&current(config))? else {
        return Ok(None);
    };
    let (today, _) = analysis::embedded()?;
    if heads.base != today {
        tracing::warn!(
            heads.base = %heads.base,
            model = %today,
            "left out heads of another model: `overheard model tune` fits new ones"
        );
        return Ok(None);
    }
    Ok(Some(heads))
}

/// Puts new heads in place, and keeps the ones before.
///
/// # Errors
/// When the data directory cannot be written.
pub fn keep_heads(config: &Config, heads: &Heads) -> anyhow::Result<()> {
    let (current, previous) = (current(config), previous(config));
    match std::fs::read(&current) {
        Ok(content) => write_atomically(&previous, &content)?,
        Err(_) => remove(&previous)?,
    }
    write_atomically(&current, &serde_json::to_vec(heads)?)
        .with_context(|| format!("could not write {}", current.display()))
}

/// Goes back to the heads before, or to none. Whether there was anything to go back from.
///
/// # Errors
/// When the data directory cannot be written.
pub fn take_back_heads(config: &Config) -> anyhow::Result<bool> {
    let (current, previous) = (current(config), previous(config));
    if !current.exists() {
        return Ok(false);
    }
    if previous.exists() {
        std::fs::rename(&previous, &current)
            .with_context(|| format!("could not replace {}", current.display()))?;
    } else {
        remove(&current)?;
    }
    Ok(true)
}

fn read(path: &Path) -> anyhow::Result<Option<Heads>> {
    let content = match std::fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("could not read {}", path.display()));
        }
    };
    let heads = serde_json::from_slice(&content).with_context(|| {
        format!(
            "{} is damaged: `overheard model tune --back` removes it",
            path.display()
        )
    })?;
    Ok(Some(heads))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn current(config: &Config) -> PathBuf {
    config.data_dir.join("heads.json")
}

fn previous(config: &Config) -> PathBuf {
    config.data_dir.join("heads.previous.json")
}
