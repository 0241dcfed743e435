//! Reads one `[[sources]]` block: the keys that all have, then the connector's own.
//!
//! `SourceConfig` derives `Deserialize` with `flatten`, which forgets where a value stood; reading
//! the two halves one by one keeps places and finds all mistakes.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::de::DeTable;

use super::explain::suggestion;
use super::layers::Findings;
use super::read::{Draft, Section};
use super::{SourceConfig, SourceKind};
use crate::domain::SourceId;

/// The connectors, as `type` names them.
pub(super) const TYPES: [&str; 7] = [
    "feed",
    "page",
    "json",
    "mastodon",
    "hackernews",
    "appstore",
    "file",
];

const COMMON_KEYS: [&str; 5] = [
    "id",
    "type",
    "interval_secs",
    "max_interval_secs",
    "enabled",
];

#[derive(Deserialize)]
struct Common {
    id: SourceId,
    interval_secs: Option<u64>,
    max_interval_secs: Option<u64>,
    enabled: Option<bool>,
}

/// A source with the places of its keys.
pub(super) struct ReadSource<'a> {
    pub(super) config: SourceConfig,
    common: Section<'a, Common>,
    own: Section<'a, ()>,
}

impl ReadSource<'_> {
    /// The place of a key's value.
    pub(super) fn span(&self, key: &str) -> std::ops::Range<usize> {
        if COMMON_KEYS.contains(&key) {
            self.common.span(key)
        } else {
            self.own.span(key)
        }
    }
}

/// Reads one block; `None` when its type is missing or unknown.
pub(super) fn read<'a>(mut draft: Draft<'a>, findings: &mut Findings) -> Option<ReadSource<'a>> {
    let kind = draft.table.remove_entry("type");
    let mut common_table = DeTable::new();
    for key in COMMON_KEYS {
        if let Some((key, value)) = draft.table.remove_entry(key) {
            common_table.insert(key, value);
        }
    }
    let name = draft.name.clone();
    let common: Option<Section<'a, Common>> = Draft {
        name: name.clone(),
        span: draft.span.clone(),
        table: common_table,
        defaults: DeTable::new(),
        also_known: &[],
    }
    .read(findings);

    let Some((_, kind)) = kind else {
        findings.add_with_help(
            draft.span,
            format!("{name} lacks the key \"type\""),
            format!("use one of {}", TYPES.join(", ")),
        );
        return None;
    };
    let Some(kind_name) = kind.get_ref().as_str() else {
        findings.add(kind.span(), "\"type\" must be a text in quotes");
        return None;
    };
    draft.name = format!("a source of type \"{kind_name}\"");
    draft.also_known = &COMMON_KEYS;
    let (kind, own) = match kind_name {
        "feed" => own(draft, findings, SourceKind::Feed),
        "page" => own(draft, findings, SourceKind::Page),
        "json" => own(draft, findings, SourceKind::Json),
        "mastodon" => own(draft, findings, SourceKind::Mastodon),
        "hackernews" => own(draft, findings, SourceKind::HackerNews),
        "appstore" => own(draft, findings, SourceKind::AppStore),
        "file" => own(draft, findings, SourceKind::File),
        unknown => {
            let known = TYPES.map(str::to_owned);
            let help = suggestion(unknown, &known);
            findings.note(
                kind.span(),
                format!("there is no source of type \"{unknown}\""),
                help,
            );
            return None;
        }
    }?;
    let common = common?;
    Some(ReadSource {
        config: SourceConfig {
            id: common.value.id.clone(),
            interval_secs: common
                .value
                .interval_secs
                .unwrap_or_else(SourceConfig::default_interval_secs),
            max_interval_secs: common.value.max_interval_secs,
            enabled: common.value.enabled.unwrap_or(true),
            kind,
        },
        common,
        own,
    })
}

fn own<'a, T: DeserializeOwned>(
    draft: Draft<'a>,
    findings: &mut Findings,
    wrap: fn(T) -> SourceKind,
) -> Option<(SourceKind, Section<'a, ()>)> {
    let (value, places) = draft.read::<T>(findings)?.into_parts();
    Some((wrap(value), places))
}
