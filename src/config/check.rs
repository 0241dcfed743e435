//! What the types cannot say: ranges, zones, URLs, references, duplicates.
//!
//! Every check notes what it finds and goes on. Nothing here opens a file or a connection.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use jiff::civil::Time;
use jiff::tz::{self, TimeZone};
use url::Url;

use super::explain::suggestion;
use super::layers::{Findings, NOWHERE};
use super::load::Top;
use super::read::Section;
use super::report::nearest;
use super::{
    AnalysisConfig, DeliverConfig, DigestConfig, FetchConfig, IndexConfig, IngestConfig, LogConfig,
    MonitorConfig, WebConfig,
};

/// The locales that digests can be written in.
const LOCALES: [&str; 2] = ["en", "de"];

pub(super) fn top(top: &Section<'_, Top>, findings: &mut Findings) {
    zone(&top.value.time_zone, top.span("time_zone"), findings);
    if let Some(text) = &top.value.public_url {
        web_url("public_url", text, top.span("public_url"), &[], findings);
    }
}

pub(super) fn fetch(fetch: &Section<'_, FetchConfig>, findings: &mut Findings) {
    let config = &fetch.value;
    let contact = config.contact_url.as_str();
    let usable =
        Url::parse(contact).is_ok_and(|url| ["http", "https", "mailto"].contains(&url.scheme()));
    if !contact.is_empty() && !usable {
        findings.add_with_help(
            fetch.span("contact_url"),
            format!("\"contact_url\" is not an address that people can reach: \"{contact}\""),
            "write https://... or mailto:..., or leave it empty",
        );
    }
    within(
        fetch,
        "timeout_secs",
        config.timeout_secs,
        1..=600,
        findings,
    );
    within(
        fetch,
        "max_body_mib",
        config.max_body_mib,
        1..=1024,
        findings,
    );
    within(
        fetch,
        "host_spacing_ms",
        config.host_spacing_ms,
        0..=3_600_000,
        findings,
    );
    within(
        fetch,
        "backoff_secs",
        config.backoff_secs,
        1..=86_400,
        findings,
    );
    within(
        fetch,
        "max_backoff_secs",
        config.max_backoff_secs,
        1..=604_800,
        findings,
    );
    within(
        fetch,
        "max_interval_secs",
        config.max_interval_secs,
        1..=2_592_000,
        findings,
    );
    if config.max_backoff_secs < config.backoff_secs {
        findings.add(
            fetch.span("max_backoff_secs"),
            format!(
                "\"max_backoff_secs\" ({}) is less than \"backoff_secs\" ({})",
                config.max_backoff_secs, config.backoff_secs
            ),
        );
    }
    for (index, network) in config.allow_private.iter().enumerate() {
        if network.parse::<ipnet::IpNet>().is_err() {
            let help = match network.parse::<std::net::IpAddr>() {
                Ok(std::net::IpAddr::V4(_)) => format!("did you mean \"{network}/32\"?"),
                Ok(std::net::IpAddr::V6(_)) => format!("did you mean \"{network}/128\"?"),
                Err(_) => "write it like \"10.0.0.0/8\"".to_owned(),
            };
            findings.add_with_help(
                fetch.item_span("allow_private", index),
                format!("\"{network}\" is not a network"),
                help,
            );
        }
    }
    if let Some(index) = config.allow_ports.iter().position(|port| *port == 0) {
        findings.add_with_help(
            fetch.item_span("allow_ports", index),
            "0 is not a port",
            "an empty list allows any port",
        );
    }
}

pub(super) fn ingest(ingest: &Section<'_, IngestConfig>, findings: &mut Findings) {
    let config = &ingest.value;
    within(
        ingest,
        "keep_unmatched_days",
        config.keep_unmatched_days,
        0..=3650,
        findings,
    );
    within(
        ingest,
        "queue_batches",
        config.queue_batches,
        1..=1024,
        findings,
    );
}

pub(super) fn engine_room(
    analysis: &Section<'_, AnalysisConfig>,
    index: &Section<'_, IndexConfig>,
    findings: &mut Findings,
) {
    within(
        analysis,
        "threads",
        analysis.value.threads,
        0..=256,
        findings,
    );
    within(
        analysis,
        "cache_texts",
        analysis.value.cache_texts,
        0..=10_000_000,
        findings,
    );
    within(
        index,
        "commit_interval_ms",
        index.value.commit_interval_ms,
        10..=60_000,
        findings,
    );
    within(
        index,
        "writer_memory_mib",
        index.value.writer_memory_mib,
        15..=4096,
        findings,
    );
}

pub(super) fn outlets(
    web: &Section<'_, WebConfig>,
    deliver: &Section<'_, DeliverConfig>,
    log: &Section<'_, LogConfig>,
    findings: &mut Findings,
) {
    if !web.value.listen.ip().is_loopback() && !web.value.behind_proxy {
        findings.add_with_help(
            web.span("listen"),
            format!("{} can be reached by others without TLS", web.value.listen),
            "listen on 127.0.0.1, or set behind_proxy = true when a proxy that speaks TLS stands in front",
        );
    }
    within(
        deliver,
        "timeout_secs",
        deliver.value.timeout_secs,
        1..=120,
        findings,
    );
    within(
        deliver,
        "concurrency",
        deliver.value.concurrency,
        1..=256,
        findings,
    );
    within(
        deliver,
        "max_waiting",
        deliver.value.max_waiting,
        1..=10_000_000,
        findings,
    );
    if tracing_subscriber::EnvFilter::try_new(&log.value.filter).is_err() {
        findings.add_with_help(
            log.span("filter"),
            format!("\"{}\" is not a log filter", log.value.filter),
            "write a level such as \"info\", or levels by module such as \"info,overheard::fetch=debug\"",
        );
    }
}

pub(super) fn monitors(monitors: &[Section<'_, MonitorConfig>], findings: &mut Findings) {
    unique(
        "monitor",
        monitors
            .iter()
            .map(|monitor| (&monitor.value.id, monitor.span("id"))),
        findings,
    );
}

pub(super) fn digests(
    digests: &[Section<'_, DigestConfig>],
    monitors: &[Section<'_, MonitorConfig>],
    findings: &mut Findings,
) {
    unique(
        "digest",
        digests
            .iter()
            .map(|digest| (&digest.value.id, digest.span("id"))),
        findings,
    );
    let known: HashSet<&str> = monitors
        .iter()
        .map(|monitor| monitor.value.id.as_str())
        .collect();
    // A monitor whose own name is wrong was noted already; what refers to it is not at fault.
    let all_known = monitors.iter().all(|monitor| monitor.span("id") != NOWHERE);
    for digest in digests {
        for (index, monitor) in digest.value.monitors.iter().enumerate() {
            if all_known && !known.contains(monitor.as_str()) {
                let names: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
                let help = suggestion(monitor.as_str(), &sorted(names))
                    .unwrap_or_else(|| "there are no [[monitors]] yet".to_owned());
                findings.add_with_help(
                    digest.item_span("monitors", index),
                    format!("there is no monitor \"{monitor}\""),
                    help,
                );
            }
        }
        if let Some(name) = &digest.value.time_zone {
            zone(name, digest.span("time_zone"), findings);
        }
        if !LOCALES.contains(&digest.value.locale.as_str()) {
            findings.add_with_help(
                digest.span("locale"),
                format!(
                    "there are no words for the locale \"{}\"",
                    digest.value.locale
                ),
                "use \"en\" or \"de\"",
            );
        }
        if !is_time_of_day(&digest.value.at) {
            findings.add_with_help(
                digest.span("at"),
                format!("\"{}\" is not a time of day", digest.value.at),
                "write hours and minutes, such as \"06:00\"",
            );
        }
        if digest.value.formats.is_empty() {
            findings.add_with_help(
                digest.span("formats"),
                format!("digest \"{}\" would write no file", digest.value.id),
                "name at least one of \"markdown\", \"html\", \"json\"",
            );
        }
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

fn is_time_of_day(text: &str) -> bool {
    text.len() == 5 && text.is_ascii() && Time::strptime("%H:%M", text).is_ok()
}

fn zone(name: &str, span: Range<usize>, findings: &mut Findings) {
    if TimeZone::get(name).is_ok() && !name.is_empty() {
        return;
    }
    let names: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(zone) => format!("did you mean \"{zone}\"?"),
        None => "use an IANA name such as \"Europe/Berlin\"".to_owned(),
    };
    findings.add_with_help(span, format!("there is no time zone \"{name}\""), help);
}

/// Notes every name that stands twice.
pub(super) fn unique<'i, Id: Eq + std::hash::Hash + Display + 'i>(
    what: &str,
    names: impl Iterator<Item = (&'i Id, Range<usize>)>,
    findings: &mut Findings,
) {
    let mut seen = HashMap::new();
    for (name, span) in names.filter(|(_, span)| *span != NOWHERE) {
        if seen.insert(name, ()).is_some() {
            findings.add_with_help(
                span,
                format!("there are two {what}s \"{name}\""),
                "give each a name of its own",
            );
        }
    }
}

pub(super) fn not_empty(key: &str, text: &str, span: Range<usize>, findings: &mut Findings) {
    if text.trim().is_empty() {
        findings.add(span, format!("\"{key}\" is empty"));
    }
}

/// Notes a number outside its range.
pub(super) fn within<T, N: PartialOrd + Display + Copy>(
    section: &Section<'_, T>,
    key: &str,
    value: N,
    range: RangeInclusive<N>,
    findings: &mut Findings,
) {
    if !range.contains(&value) {
        findings.add(
            section.span(key),
            format!(
                "\"{key}\" must be from {} to {}, not {value}",
                range.start(),
                range.end()
            ),
        );
    }
}

/// The URL, when it is one that we would talk to; otherwise it is noted. Empty `ports` allow any.
pub(super) fn web_url(
    key: &str,
    text: &str,
    span: Range<usize>,
    ports: &[u16],
    findings: &mut Findings,
) -> Option<Url> {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            let help = if text.contains("://") {
                "write it like \"https://www.example.com/path\"".to_owned()
            } else {
                format!("did you mean \"https://{text}\"?")
            };
            findings.add_with_help(span, format!("\"{key}\" is not a URL: {error}"), help);
            return None;
        }
    };
    if !["http", "https"].contains(&url.scheme()) {
        findings.add(
            span,
            format!(
                "\"{key}\" must begin with https:// or http://, not {}:",
                url.scheme()
            ),
        );
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() {
        findings.add_with_help(
            span,
            format!("\"{key}\" holds a user name or password"),
            "secrets are read from files that keys ending in _file name",
        );
        return None;
    }
    let port = url.port_or_known_default().unwrap_or_default();
    if !ports.is_empty() && !ports.contains(&port) {
        findings.add_with_help(
            span,
            format!("\"{key}\" is on port {port}, which may not be reached"),
            format!("add {port} to allow_ports in [fetch]"),
        );
    }
    Some(url)
}
