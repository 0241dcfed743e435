//! Checks of `[[endpoints]]`: each format has its own keys, and what belongs to another one is a mistake.

use lettre::message::Mailbox;
use url::Url;

use super::check::{not_empty, unique, web_url, within};
use super::layers::Findings;
use super::read::Section;
use super::{EndpointConfig, WebhookFormat};

pub(super) fn endpoints(
    endpoints: &[Section<'_, EndpointConfig>],
    ports: &[u16],
    findings: &mut Findings,
) {
    unique(
        "endpoint",
        endpoints
            .iter()
            .map(|endpoint| (&endpoint.value.id, endpoint.span("id"))),
        findings,
    );
    for endpoint in endpoints {
        address(endpoint, ports, findings);
        secret(endpoint, findings);
        foreign_keys(endpoint, findings);
        match endpoint.value.format {
            WebhookFormat::Email => mail(endpoint, findings),
            WebhookFormat::Ndjson => file(endpoint, findings),
            _ => {}
        }
    }
}

/// The URL, or the file that holds it.
fn address(endpoint: &Section<'_, EndpointConfig>, ports: &[u16], findings: &mut Findings) {
    let value = &endpoint.value;
    let span = endpoint.span("url");
    if value.format == WebhookFormat::Ndjson {
        return;
    }
    match (&value.url_file, value.url.is_empty()) {
        (Some(_), true) => {}
        (Some(_), false) => findings.add(span, "\"url\" and \"url_file\" are both there"),
        (None, _) if value.format == WebhookFormat::Email => smtp_url(endpoint, findings),
        (None, _) => {
            let url = web_url("url", &value.url, span.clone(), ports, findings);
            if url.is_some_and(|url| url.scheme() == "http") && !value.allow_http {
                findings.add_with_help(
                    span,
                    format!("endpoint \"{}\" would be told over plain http", value.id),
                    "use https, or set allow_http = true for a receiver on this machine",
                );
            }
        }
    }
}

fn smtp_url(endpoint: &Section<'_, EndpointConfig>, findings: &mut Findings) {
    let span = endpoint.span("url");
    let url = Url::parse(&endpoint.value.url);
    let Some(url) = url
        .ok()
        .filter(|url| ["smtp", "smtps"].contains(&url.scheme()))
    else {
        let help = "write it like \"smtps://mail.example.com\" or \"smtp://localhost\"";
        findings.add_with_help(span, "\"url\" names no mail server", help);
        return;
    };
    if url.password().is_some() {
        let help = "put the whole URL into a file that only the daemon's user can read, and name it in \"url_file\"";
        findings.add_with_help(span, "\"url\" holds a password", help);
    }
}

fn secret(endpoint: &Section<'_, EndpointConfig>, findings: &mut Findings) {
    let span = endpoint.span("secret_file");
    let secret = endpoint.value.secret_file.clone().unwrap_or_default();
    let secret = secret.to_string_lossy();
    if endpoint.value.format.is_signed() {
        not_empty("secret_file", &secret, span.clone(), findings);
    }
    if secret.starts_with("whsec_") {
        findings.add_with_help(
            span,
            "\"secret_file\" holds a secret where the name of a file belongs",
            "put the secret into a file that only the daemon's user can read, and name it here",
        );
    }
}

/// Notes keys of other formats: who writes them expects something of them.
fn foreign_keys(endpoint: &Section<'_, EndpointConfig>, findings: &mut Findings) {
    let value = &endpoint.value;
    let (is_mail, is_file) = (
        value.format == WebhookFormat::Email,
        value.format == WebhookFormat::Ndjson,
    );
    let messages = "set format = \"slack\", \"teams\" or \"email\", or leave it out";
    let mails = "set format = \"email\", or leave it out";
    let files = "set format = \"ndjson\", or leave it out";
    let others = "a file has no address: leave it out, or set another format";
    let has_url = !value.url.is_empty() || value.url_file.is_some();
    let keys = [
        (
            "message",
            value.message.is_some() && !value.format.is_message(),
            messages,
        ),
        ("to", !value.to.is_empty() && !is_mail, mails),
        ("from", value.from.is_some() && !is_mail, mails),
        ("file", value.file.is_some() && !is_file, files),
        ("keep_files", value.keep_files.is_some() && !is_file, files),
        ("url", has_url && is_file, others),
    ];
    for (key, is_foreign, help) in keys {
        if is_foreign {
            let problem = format!("\"{key}\" means nothing to this format");
            findings.add_with_help(endpoint.span(key), problem, help);
        }
    }
}

fn mail(endpoint: &Section<'_, EndpointConfig>, findings: &mut Findings) {
    let value = &endpoint.value;
    let help = "write it like \"team@example.com\" or \"The team <team@example.com>\"";
    let from = value.from.clone().unwrap_or_default();
    if from.parse::<Mailbox>().is_err() {
        findings.add_with_help(endpoint.span("from"), "\"from\" is no mailbox", help);
    }
    if value.to.is_empty() || value.to.iter().any(|to| to.parse::<Mailbox>().is_err()) {
        let problem = "\"to\" is no list of mailboxes";
        findings.add_with_help(endpoint.span("to"), problem, help);
    }
}

fn file(endpoint: &Section<'_, EndpointConfig>, findings: &mut Findings) {
    let value = &endpoint.value;
    let path = value.file.clone().unwrap_or_default();
    let span = endpoint.span("file");
    if path.file_name().is_none() {
        let help = "write it like \"/var/lib/overheard/events.ndjson\"";
        findings.add_with_help(span, "\"file\" names no file", help);
    }
    within(
        endpoint,
        "rotate_mib",
        value.rotate_mib,
        1..=100_000,
        findings,
    );
    within(
        endpoint,
        "rotate_hours",
        value.rotate_hours,
        1..=24,
        findings,
    );
}
