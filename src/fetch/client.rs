//! The one place that builds HTTP clients.
//!
//! A client from here follows no redirects, sends no Referer, keeps no cookies, uses no proxy from
//! the environment, retries nothing and connects only to addresses that the guard allows. It never
//! sets a limit on the body; whoever reads one does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::CertificateResult;

use super::error::FetchSetupError;
use super::guard::GuardedResolver;

/// How long a connection attempt may take; a total deadline applies beside it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Polls of one host are minutes apart, so a connection is kept for robots.txt, redirects and pages
/// of one poll only; thousands of idle ones would eat the file descriptors.
const GET_IDLE: Duration = Duration::from_secs(10);
/// Deliveries to one endpoint come in runs.
const POST_IDLE: Duration = Duration::from_secs(60);

/// Who we say we are: product, version and where to complain.
pub(super) fn user_agent(contact_url: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    if contact_url.is_empty() {
        format!("overheard/{version}")
    } else {
        format!("overheard/{version} (+{contact_url})")
    }
}

/// The client for fetching; compressed answers are decoded.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that builds clients"
)]
pub(super) fn get_client(
    user_agent: &str,
    resolver: GuardedResolver,
    tls: ClientConfig,
) -> Result<Client, reqwest::Error> {
    common(Client::builder(), user_agent, resolver, tls)
        .pool_idle_timeout(GET_IDLE)
        .pool_max_idle_per_host(1)
        .build()
}

/// The client for webhooks. Answers stay as they came, since a few bytes of them are enough and a
/// compressed one can be a bomb.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that builds clients"
)]
pub(super) fn post_client(
    user_agent: &str,
    resolver: GuardedResolver,
    tls: ClientConfig,
) -> Result<Client, reqwest::Error> {
    common(Client::builder(), user_agent, resolver, tls)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .pool_idle_timeout(POST_IDLE)
        .build()
}

fn common(
    builder: reqwest::ClientBuilder,
    user_agent: &str,
    resolver: GuardedResolver,
    tls: ClientConfig,
) -> reqwest::ClientBuilder {
    builder
        .user_agent(user_agent)
        .tls_backend_preconfigured(tls)
        // Hops are followed by hand, because each one must pass the guard.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // A proxy from the environment would connect to addresses that nobody checked.
        .no_proxy()
        // A retried delivery would be one that the outbox does not know of.
        .retry(reqwest::retry::never())
        .dns_resolver(resolver)
        // One request, one connection: what hangs holds nothing that another could want. With one
        // request at a time to a host, HTTP/2 would bring nothing.
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
}

/// TLS with the machine's trusted roots, or the bundled ones on a machine that has none.
pub(super) fn tls_config(native: CertificateResult) -> Result<ClientConfig, FetchSetupError> {
    client_config(trusted_roots(native))
}

fn client_config(roots: RootCertStore) -> Result<ClientConfig, FetchSetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(FetchSetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // Some servers refuse a client that names no protocol.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn trusted_roots(native: CertificateResult) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let (usable, ignored) = roots.add_parsable_certificates(native.certs);
    if usable == 0 {
        tracing::debug!(ignored, "no system roots, using the bundled ones");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// The client for the daemon on this machine, over its Unix socket. It trusts no certificate, because it never speaks TLS.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that builds clients"
)]
pub(super) fn local_client(socket: &Path, timeout: Duration) -> Result<Client, FetchSetupError> {
    let tls = client_config(RootCertStore::empty())?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .unix_socket(socket)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
        .map_err(FetchSetupError::Client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_certificates_uses_the_bundled_roots() {
        let empty = CertificateResult::default();
        let roots = trusted_roots(empty);
        assert_eq!(roots.len(), webpki_roots::TLS_SERVER_ROOTS.len());
        assert!(roots.len() > 50);
        assert!(tls_config(CertificateResult::default()).is_ok());
    }

    #[test]
    fn the_user_agent_names_product_version_and_contact() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(user_agent(""), format!("overheard/{version}"));
        assert_eq!(
            user_agent("https://example.org/bot"),
            format!("overheard/{version} (+https://example.org/bot)")
        );
    }
}
