//! Which network addresses a server is willing to call when others name them.
//!
//! Anyone may send a mirroring request and many may create a webhook, so their URLs could point at things only
//! this server can reach. Private ranges are allowed because mirrors and build servers live there; addresses with a
//! special meaning are not. The rules are applied to the addresses a name resolves to, by the resolver that the
//! connection itself uses, so that a name cannot change its mind between the check and the call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::{Host, Url};

/// Instance metadata of a large cloud, inside the otherwise allowed unique-local range.
const METADATA_SERVICE: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// What may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressRules {
    /// Ordinary addresses only.
    Ordinary,
    /// Ordinary addresses and this machine itself: for a server that is itself reached over loopback.
    OrdinaryAndLoopback,
    /// Everything, by the operator's decision.
    Anything,
}

/// An address that must not be called.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{address} is a {kind} address, which this server does not call")]
pub struct AddressRefused {
    address: IpAddr,
    kind: &'static str,
}

impl AddressRules {
    /// Rules for a server with this base URL.
    pub fn for_server_at(base_url: &Url) -> Self {
        let on_loopback = match base_url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if on_loopback { Self::OrdinaryAndLoopback } else { Self::Ordinary }
    }

    /// Checks one resolved address.
    pub fn check(self, address: IpAddr) -> Result<(), AddressRefused> {
        let kind = match address {
            IpAddr::V4(address) => special_v4(address),
            IpAddr::V6(address) => special_v6(address),
        };
        match (self, kind) {
            (_, None) | (Self::Anything, _) | (Self::OrdinaryAndLoopback, Some("loopback")) => Ok(()),
            (_, Some(kind)) => Err(AddressRefused { address, kind }),
        }
    }

    /// Checks a URL whose host is an address; names are checked when they are resolved.
    pub fn check_literal(self, url: &Url) -> Result<(), AddressRefused> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

impl Resolve for AddressRules {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = *self;
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &addresses {
                rules.check(address.ip())?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [127, ..] => Some("loopback"),
        [0, ..] => Some("unspecified"),
        [169, 254, ..] => Some("link-local"),
        [224..=239, ..] => Some("multicast"),
        [255, 255, 255, 255] => Some("broadcast"),
        [240..=255, ..] => Some("reserved"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("documentation"),
        [198, 18..=19, ..] => Some("benchmarking"),
        [192, 0, 0, _] | [192, 88, 99, _] => Some("protocol assignment"),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address == METADATA_SERVICE {
        return Some("metadata service");
    }
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        // Addresses that stand for an IPv4 one: mapped, compatible, and translated by NAT64 or 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded_v4(high, low)
        }
        [0x2002, high, low, ..] => embedded_v4(high, low),
        [0x64, 0xff9b, 1, ..] => Some("protocol assignment"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("site-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("documentation"),
        [0x100, 0, 0, 0, ..] => Some("discard-only"),
        _ => None,
    }
}

fn embedded_v4(high: u16, low: u16) -> Option<&'static str> {
    special_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> Option<&'static str> {
        let address = address.parse().expect("the test writes a valid address");
        AddressRules::Ordinary.check(address).err().map(|refused| refused.kind)
    }

    #[test]
    fn ordinary_and_private_addresses_pass() {
        for address in [
            "1.1.1.1",
            "10.0.0.7",
            "172.16.3.4",
            "192.168.1.1",
            "100.64.0.1",
            "2606:4700::1111",
            "fd12:3456::1",
            "::ffff:10.0.0.7",
        ] {
            assert_eq!(kind(address), None, "{address}");
        }
    }

    #[test]
    fn special_addresses_are_refused_in_every_spelling() {
        for (address, expected) in [
            ("127.8.9.1", "loopback"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("64:ff9b::7f00:1", "loopback"),
            ("2002:7f00:1::", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("169.254.169.254", "link-local"),
            ("::ffff:169.254.169.254", "link-local"),
            ("fe80::1", "link-local"),
            ("fd00:ec2::254", "metadata service"),
            ("224.0.0.1", "multicast"),
            ("ff02::1", "multicast"),
            ("255.255.255.255", "broadcast"),
            ("250.1.2.3", "reserved"),
            ("192.0.2.1", "documentation"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.1", "documentation"),
            ("2001:db8::1", "documentation"),
            ("198.19.0.1", "benchmarking"),
        ] {
            assert_eq!(kind(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn loopback_is_for_upstreams_on_loopback() {
        for (base_url, rules) in [
            ("http://localhost:7990", AddressRules::OrdinaryAndLoopback),
            ("http://127.0.0.1:7990/git", AddressRules::OrdinaryAndLoopback),
            ("http://[::1]:7990", AddressRules::OrdinaryAndLoopback),
            ("https://git.example.com", AddressRules::Ordinary),
            ("https://10.0.0.1", AddressRules::Ordinary),
        ] {
            let base_url = Url::parse(base_url).expect("the test writes a valid URL");
            assert_eq!(AddressRules::for_server_at(&base_url), rules, "{base_url}");
        }
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let link_local = IpAddr::from([169, 254, 169, 254]);
        assert!(AddressRules::OrdinaryAndLoopback.check(loopback).is_ok());
        assert!(AddressRules::OrdinaryAndLoopback.check(link_local).is_err());
        assert!(AddressRules::Anything.check(link_local).is_ok());
    }

    #[test]
    fn literal_hosts_cannot_hide_in_odd_notations() {
        for url in ["http://0x7f.1/", "http://2130706433/", "http://[::ffff:7f00:1]/"] {
            let url = Url::parse(url).expect("the test writes a valid URL");
            assert!(AddressRules::Ordinary.check_literal(&url).is_err(), "{url}");
        }
    }
}
