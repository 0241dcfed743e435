//! The address guard: which URLs and addresses may be reached at all.
//!
//! Every hop of every request passes `check_url`; every name is resolved by `GuardedResolver`, which
//! hands the HTTP client only addresses that passed, so that what was checked is what is connected
//! to. It never decides by a host's name. (The client does not ask a resolver about IP literals;
//! those are checked in `check_url`.)

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::{Host, Url};

use super::error::{FetchSetupError, Refusal};
use crate::config::FetchConfig;

/// What may be reached.
#[derive(Debug, Clone)]
pub struct Guard {
    allow_private: Vec<IpNet>,
    allow_ports: Vec<u16>,
}

impl Guard {
    /// A guard with the configured openings.
    ///
    /// # Errors
    /// An entry of `allow_private` that is no network; a lone address counts as one.
    pub fn new(config: &FetchConfig) -> Result<Self, FetchSetupError> {
        let mut allow_private = Vec::new();
        for text in &config.allow_private {
            let net = text
                .parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| FetchSetupError::Network(text.clone()))?;
            allow_private.push(net);
        }
        Ok(Self {
            allow_private,
            allow_ports: config.allow_ports.clone(),
        })
    }

    /// Checks scheme, user-info, port, and the address if the host is one.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        let port = url.port_or_known_default().ok_or(Refusal::NoHost)?;
        if !self.allow_ports.is_empty() && !self.allow_ports.contains(&port) {
            return Err(Refusal::Port(port));
        }
        let address = match url.host() {
            None => return Err(Refusal::NoHost),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        if self.allows(address) {
            Ok(())
        } else {
            Err(Refusal::Address(address))
        }
    }

    /// Whether an address may be connected to.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_opened(address)
    }

    /// Whether an address is reached only because `allow_private` opens it.
    #[must_use]
    pub fn is_opened(&self, address: IpAddr) -> bool {
        !is_public(address)
            && self
                .allow_private
                .iter()
                .any(|net| net.contains(&address) || net.contains(&address.to_canonical()))
    }
}

/// Whether an address belongs to the public internet. Forms that carry an IPv4 address inside
/// (mapped, compatible, NAT64, 6to4, Teredo) are refused as a whole: nothing public needs them, and
/// each is a way around the table.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By the IANA special-purpose registry for IPv4.
fn is_public_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // "This network", the unspecified address among it.
        [0, ..] => false,
        // Private (RFC 1918).
        [10, ..] | [192, 168, ..] => false,
        [172, second, ..] if (16..=31).contains(&second) => false,
        // Carrier-grade NAT (RFC 6598).
        [100, second, ..] if (64..=127).contains(&second) => false,
        // Loopback and link-local, cloud metadata among it.
        [127, ..] | [169, 254, ..] => false,
        // Protocol assignments, the old 6to4 relays, AS112 and AMT.
        [192, 0, 0, _] | [192, 88, 99, _] | [192, 31, 196, _] | [192, 52, 193, _] => false,
        [192, 175, 48, _] => false,
        // Documentation.
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => false,
        // Benchmarks.
        [198, 18 | 19, ..] => false,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => false,
        _ => true,
    }
}

/// By the IANA special-purpose registry for IPv6: of what is allocated, only 2000::/3 is public,
/// with holes.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // 2001::/23, protocol assignments: Teredo, benchmarks, ORCHID and others.
        [0x2001, second, ..] if second < 0x0200 => false,
        // Documentation.
        [0x2001, 0x0db8, ..] => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        // 6to4.
        [0x2002, ..] => false,
        // AS112.
        [0x2620, 0x004f, 0x8000, ..] => false,
        // Everything else is unicast only inside 2000::/3. Outside it lie loopback, unspecified,
        // IPv4-mapped and -compatible, NAT64 (64:ff9b::/96 and 64:ff9b:1::/48), discard (100::/64),
        // SRv6, unique local, link-local, site-local, multicast.
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

/// Resolves names for the HTTP client and hands over only addresses that the guard allows.
#[derive(Debug, Clone)]
pub(super) struct GuardedResolver {
    guard: Arc<Guard>,
    lookup: Lookup,
}

/// Where addresses come from.
#[derive(Debug, Clone)]
pub(super) enum Lookup {
    /// The operating system.
    System,
    /// A table; `tests` play name servers with it.
    #[cfg(test)]
    Table(Arc<std::collections::HashMap<String, Vec<IpAddr>>>),
}

/// Why a name led nowhere. Found again in the HTTP client's error chain.
#[derive(Debug, Error)]
pub(super) enum ResolveError {
    /// There are addresses, and none may be reached.
    #[error("address {0} is not public")]
    Refused(IpAddr),
    /// There is no address.
    #[error("no address for the name")]
    Empty,
    /// The look-up failed.
    #[error("the name cannot be resolved: {0}")]
    Failed(#[source] std::io::Error),
}

impl GuardedResolver {
    pub(super) fn new(guard: Arc<Guard>, lookup: Lookup) -> Self {
        Self { guard, lookup }
    }

    /// The addresses of a name that may be reached.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
        let found: Vec<SocketAddr> = match &self.lookup {
            Lookup::System => tokio::net::lookup_host((name, 0))
                .await
                .map_err(ResolveError::Failed)?
                .collect(),
            #[cfg(test)]
            Lookup::Table(table) => table
                .get(name)
                .map(|addresses| addresses.iter().map(|ip| SocketAddr::new(*ip, 0)).collect())
                .unwrap_or_default(),
        };
        let first = found.first().ok_or(ResolveError::Empty)?.ip();
        let allowed: Vec<SocketAddr> = found
            .into_iter()
            .filter(|address| self.guard.allows(address.ip()))
            .collect();
        if allowed.is_empty() {
            return Err(ResolveError::Refused(first));
        }
        Ok(allowed)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow_private: &[&str], allow_ports: &[u16]) -> Guard {
        Guard {
            allow_private: allow_private
                .iter()
                .map(|net| net.parse().unwrap())
                .collect(),
            allow_ports: allow_ports.to_vec(),
        }
    }

    #[test]
    fn only_public_addresses_pass() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:53aa:64c::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "2620:4f:8000::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2001:200::1",
            "2003::1",
            "2a00::1",
            "3fff:1000::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn urls_are_checked_for_scheme_user_port_and_every_spelling_of_an_address() {
        let guard = guard(&[], &[80, 443]);
        let address = |text: &str| Refusal::Address(text.parse().unwrap());
        for (url, refusal) in [
            ("ftp://example.org/", Refusal::Scheme("ftp".to_owned())),
            ("file:///etc/passwd", Refusal::Scheme("file".to_owned())),
            ("https://user@example.org/", Refusal::UserInfo),
            ("https://:secret@example.org/", Refusal::UserInfo),
            ("https://example.org:22/", Refusal::Port(22)),
            ("http://127.0.0.1/", address("127.0.0.1")),
            ("http://127.1/", address("127.0.0.1")),
            ("http://0x7f.1/", address("127.0.0.1")),
            ("http://2130706433/", address("127.0.0.1")),
            ("http://0177.0.0.1/", address("127.0.0.1")),
            ("http://127.0.0.1./", address("127.0.0.1")),
            ("http://[::1]/", address("::1")),
            (
                "http://[::ffff:169.254.169.254]/",
                address("::ffff:169.254.169.254"),
            ),
            ("http://[::127.0.0.1]/", address("::127.0.0.1")),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(guard.check_url(&url), Err(refusal), "{url}");
        }
        for url in [
            "https://example.org/",
            "http://8.8.8.8/",
            "http://example.org:443/",
        ] {
            assert_eq!(guard.check_url(&Url::parse(url).unwrap()), Ok(()), "{url}");
        }
    }

    #[test]
    fn private_networks_are_opened_on_purpose_and_one_by_one() {
        let opened = guard(&["10.0.0.0/8", "fd00::/8"], &[]);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"] {
            assert!(
                opened.allows(ip(address)) && opened.is_opened(ip(address)),
                "{address}"
            );
        }
        for address in ["192.168.0.1", "fc00::1", "127.0.0.1"] {
            assert!(!opened.allows(ip(address)), "{address}");
        }
        assert!(opened.allows(ip("8.8.8.8")) && !opened.is_opened(ip("8.8.8.8")));
        assert_eq!(
            opened.check_url(&Url::parse("http://10.0.0.1:9999/").unwrap()),
            Ok(())
        );
    }
}
