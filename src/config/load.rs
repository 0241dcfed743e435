//! Loading: defaults, file and environment into a checked [`Config`], or everything that is wrong.
//!
//! Reads the one file that it is given. Never reads the process's environment, the clock or the network.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::layers::{Findings, NOWHERE, Texts, merge, parse};
use super::read::{Draft, Section};
use super::report::{ConfigErrors, ConfigProblem};
use super::{
    AnalysisConfig, Config, DeliverConfig, DigestConfig, EndpointConfig, FetchConfig, IndexConfig,
    IngestConfig, LogConfig, ModelConfig, MonitorConfig, WebConfig, env, load_source,
};
use super::{check, check_endpoint, check_query, check_source, model};

/// The commented file with every key, which is also the layer of defaults.
pub const DEFAULT_CONFIG: &str = include_str!("../../config/overheard.toml");

/// A configuration file is written by hand; anything larger is not one.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The top level: its own keys, and that there are no others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Top {
    data_dir: PathBuf,
    pub(super) time_zone: String,
    pub(super) public_url: Option<String>,
    #[serde(rename = "fetch")]
    _fetch: IgnoredAny,
    #[serde(rename = "ingest")]
    _ingest: IgnoredAny,
    #[serde(rename = "analysis")]
    _analysis: IgnoredAny,
    #[serde(rename = "index")]
    _index: IgnoredAny,
    #[serde(rename = "web")]
    _web: IgnoredAny,
    #[serde(rename = "deliver")]
    _deliver: IgnoredAny,
    #[serde(rename = "log")]
    _log: IgnoredAny,
    #[serde(rename = "sources")]
    _sources: Option<IgnoredAny>,
    #[serde(rename = "models")]
    _models: Option<IgnoredAny>,
    #[serde(rename = "monitors")]
    _monitors: Option<IgnoredAny>,
    #[serde(rename = "endpoints")]
    _endpoints: Option<IgnoredAny>,
    #[serde(rename = "digests")]
    _digests: Option<IgnoredAny>,
}

impl Config {
    /// Loads the defaults, then the file if one is named, then the overrides among `env`.
    ///
    /// `env` holds all variables of the process, or those that shall count; names without the
    /// prefix `OVERHEARD_` are ignored.
    ///
    /// # Errors
    /// Everything that is wrong, at once: syntax, keys, types, values, references and queries.
    pub fn load(
        path: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        match path {
            None => Self::from_toml("", "", env),
            Some(path) => {
                let text = read_file(path)?;
                Self::from_toml(&path.display().to_string(), &text, env)
            }
        }
    }

    /// The same for a text in memory; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(
        name: &str,
        text: &str,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let mut texts = Texts::default();
        texts.add("built-in defaults", DEFAULT_CONFIG.to_owned(), true);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        texts.add(name, text.to_owned(), true);
        env::add_texts(env, &mut texts);

        let mut findings = Findings::default();
        let config = assemble(&texts, &mut findings);
        match config {
            Some(config) if findings.is_empty() => Ok(config),
            _ => Err(ConfigErrors::new(findings.into_problems(&texts))),
        }
    }
}

/// Merges the texts and reads every table; `None` when a part could not be read at all.
fn assemble(texts: &Texts, findings: &mut Findings) -> Option<Config> {
    let mut parts = texts.texts.iter();
    let defaults = parse(parts.next()?, findings);
    let mut tree = defaults.clone();
    merge(&mut tree, parse(parts.next()?, findings));
    // What follows a syntax error is a guess; complaints about it would mislead.
    if !findings.is_empty() {
        return None;
    }
    for variable in parts {
        env::overlay(variable, &defaults, &mut tree, findings);
    }

    let mut loader = Loader {
        tree,
        defaults,
        findings,
    };
    let fetch = loader.section::<FetchConfig>("fetch");
    let ingest = loader.section::<IngestConfig>("ingest");
    let analysis = loader.section::<AnalysisConfig>("analysis");
    let index = loader.section::<IndexConfig>("index");
    let web = loader.section::<WebConfig>("web");
    let deliver = loader.section::<DeliverConfig>("deliver");
    let log = loader.section::<LogConfig>("log");
    let models = loader.list::<ModelConfig>("models");
    let monitors = loader.list::<MonitorConfig>("monitors");
    let endpoints = loader.list::<EndpointConfig>("endpoints");
    let digests = loader.list::<DigestConfig>("digests");
    let sources: Vec<_> = loader
        .drafts("sources")
        .into_iter()
        .filter_map(|draft| load_source::read(draft, loader.findings))
        .collect();
    let top = loader.top()?;

    let (fetch, ingest, analysis, index) = (fetch?, ingest?, analysis?, index?);
    let (web, deliver, log) = (web?, deliver?, log?);
    check::top(&top, findings);
    check::fetch(&fetch, findings);
    check::ingest(&ingest, findings);
    check::engine_room(&analysis, &index, findings);
    check::outlets(&web, &deliver, &log, findings);
    check_source::sources(&sources, &fetch.value.allow_ports, findings);
    model::check(&models, findings);
    check::monitors(&monitors, findings);
    check_query::monitors(&monitors, texts, findings);
    check_endpoint::endpoints(&endpoints, &fetch.value.allow_ports, findings);
    check_query::filters(&endpoints, texts, findings);
    check::digests(&digests, &monitors, findings);

    Some(Config {
        data_dir: top.value.data_dir,
        time_zone: top.value.time_zone,
        public_url: top.value.public_url,
        fetch: fetch.value,
        ingest: ingest.value,
        analysis: analysis.value,
        index: index.value,
        web: web.value,
        deliver: deliver.value,
        log: log.value,
        sources: sources.into_iter().map(|source| source.config).collect(),
        models: values(models),
        monitors: values(monitors),
        endpoints: values(endpoints),
        digests: values(digests),
    })
}

fn values<T>(sections: Vec<Section<'_, T>>) -> Vec<T> {
    sections.into_iter().map(|section| section.value).collect()
}

/// Takes the tables out of the tree.
struct Loader<'a, 'f> {
    tree: DeTable<'a>,
    defaults: DeTable<'a>,
    findings: &'f mut Findings,
}

impl<'a> Loader<'a, '_> {
    fn top(&mut self) -> Option<Section<'a, Top>> {
        let draft = Draft {
            name: "the top level".to_owned(),
            span: NOWHERE,
            table: self.tree.clone(),
            defaults: self.defaults.clone(),
            also_known: &[],
        };
        draft.read(self.findings)
    }

    fn section<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<Section<'a, T>> {
        let default = self.defaults.get(name)?.clone();
        let DeValue::Table(defaults) = default.clone().into_inner() else {
            return None;
        };
        let value = self.tree.get(name)?.clone();
        let span = value.span();
        let table = match value.into_inner() {
            DeValue::Table(table) => table,
            _ => {
                self.findings.add_with_help(
                    span.clone(),
                    format!("\"{name}\" must be a table of keys"),
                    format!("write [{name}] on a line of its own and its keys below it"),
                );
                defaults.clone()
            }
        };
        let draft = Draft {
            name: format!("[{name}]"),
            span,
            table,
            defaults,
            also_known: &[],
        };
        draft.read(self.findings)
    }

    fn list<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Vec<Section<'a, T>> {
        self.drafts(name)
            .into_iter()
            .filter_map(|draft| draft.read(self.findings))
            .collect()
    }

    /// The tables of a list, each with the span of its header.
    fn drafts(&mut self, name: &str) -> Vec<Draft<'a>> {
        let Some(value) = self.tree.get(name).cloned() else {
            return Vec::new();
        };
        let span = value.span();
        let items: Vec<Spanned<DeValue<'a>>> = match value.into_inner() {
            DeValue::Array(items) => items.into_iter().collect(),
            other => vec![Spanned::new(span, other)],
        };
        let is_single =
            items.len() == 1 && self.tree.get(name).is_some_and(|v| !v.get_ref().is_array());
        let mut drafts = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(table) if !is_single => drafts.push(Draft {
                    name: format!("[[{name}]]"),
                    span,
                    table,
                    defaults: DeTable::new(),
                    also_known: &[],
                }),
                _ => self.findings.add_with_help(
                    span,
                    format!("\"{name}\" must be a list of tables"),
                    format!(
                        "write [[{name}]] with two brackets on a line of its own, once for each"
                    ),
                ),
            }
        }
        drafts
    }
}

fn read_file(path: &Path) -> Result<String, ConfigErrors> {
    let problem = |message: String, help: String| {
        ConfigErrors::new(vec![ConfigProblem {
            message,
            place: None,
            help: Some(help),
        }])
    };
    let shown = path.display();
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => problem(
            format!("there is no configuration file {shown}"),
            "name another with --config, or make one: every key has a default, so it may be empty"
                .to_owned(),
        ),
        ErrorKind::PermissionDenied => problem(
            format!("the configuration file {shown} may not be read by this user"),
            format!("let the user that runs overheard read it, such as with: chmod o+r {shown}"),
        ),
        _ => problem(
            format!("the configuration file {shown} cannot be read ({error})"),
            "name another with --config".to_owned(),
        ),
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(problem(
            format!("{shown} is a directory, not a configuration file"),
            format!(
                "name the file in it, such as {}",
                path.join("overheard.toml").display()
            ),
        ));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(problem(
            format!("{shown} is too large to be a configuration file (more than 4 MiB)"),
            "name another with --config".to_owned(),
        ));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        problem(
            format!("the configuration file {shown} is not UTF-8 at line {line}"),
            "save it as UTF-8 in your editor".to_owned(),
        )
    })
}
