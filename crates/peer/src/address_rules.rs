//! Which network addresses a server is willing to call when others name them.
//!
//! Anyone may send a mirroring request and many may create a webhook, so their URLs could point at things only
//! this server can reach. Private ranges are allowed because mirrors and build servers live there; addresses with a
//! special meaning are not, unless the operator lists them. The rules are applied to the addresses a name resolves to, by
//! the resolver that the connection itself uses, so that a name cannot change its mind between the check and the call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;
use url::{Host, Url};

use crate::network::{Network, OutgoingNetworks};

/// Instance metadata of large clouds, inside otherwise allowed ranges.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042),
];
const LOOPBACK: &str = "loopback";
const DENIED: &str = "denied";

/// What may be called. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRules {
    loopback: Loopback,
    listed: Arc<[(Network, Verdict)]>,
}

/// Whether this machine itself may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loopback {
    Refused,
    /// The server itself is reached from this machine only.
    Allowed,
}

/// What the operator says of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Denied,
}

/// An address that must not be called.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{address} is a {kind} address, which this server does not call unless its --outgoing-allow names it"
)]
pub struct AddressRefused {
    address: IpAddr,
    kind: &'static str,
}

impl AddressRules {
    /// Rules for a server with this base URL that listens at this address. One that others can reach does not call what
    /// only this machine can, whatever it calls itself.
    pub fn for_server(base_url: &Url, listen: IpAddr, networks: &OutgoingNetworks) -> Self {
        let loopback = if is_local_only(base_url, listen) { Loopback::Allowed } else { Loopback::Refused };
        let listed = |networks: &[Network], verdict| {
            networks.iter().map(move |network| (*network, verdict)).collect::<Vec<_>>()
        };
        let allowed = listed(&networks.allowed, Verdict::Allowed);
        Self { loopback, listed: [listed(&networks.denied, Verdict::Denied), allowed].concat().into() }
    }

    /// Checks one resolved address, and the one that it stands for, if any.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let refused = |kind| Err(AddressRefused { address, kind });
        let address_itself = address.to_canonical();
        for spelling in [Some(address_itself), translated(address_itself)].into_iter().flatten() {
            match (self.listed(spelling), kind_of(spelling)) {
                (Some(Verdict::Allowed), _) | (None, None) => {}
                (None, Some(LOOPBACK)) if self.loopback == Loopback::Allowed => {}
                (Some(Verdict::Denied), _) => return refused(DENIED),
                (None, Some(kind)) => return refused(kind),
            }
        }
        Ok(())
    }

    /// What the operator says of an address: of the networks that it is in, the smallest counts, and a denied one
    /// before an allowed one of the same size.
    fn listed(&self, address: IpAddr) -> Option<Verdict> {
        let containing = self.listed.iter().rev().filter(|(network, _)| network.contains(address));
        containing.max_by_key(|(network, _)| network.prefix_bits()).map(|(_, verdict)| *verdict)
    }

    /// Checks a URL whose host is an address; names are checked when they are resolved.
    pub fn check_literal(&self, url: &Url) -> Result<(), AddressRefused> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

impl Resolve for AddressRules {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.clone();
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            for address in &addresses {
                rules.check(address.ip())?;
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Whether only this machine reaches a server with this base URL that listens at this address.
pub fn is_local_only(base_url: &Url, listen: IpAddr) -> bool {
    is_on_loopback(base_url) && listen.to_canonical().is_loopback()
}

/// Whether a URL names this machine.
fn is_on_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

fn kind_of(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    if METADATA_V4.contains(&address) {
        return Some("metadata service");
    }
    match address.octets() {
        [127, ..] => Some(LOOPBACK),
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
    if METADATA_V6.contains(&address) {
        return Some("metadata service");
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(LOOPBACK),
        // The second is Teredo's, among others, in which an IPv4 address hides with its bits turned over.
        [0x64, 0xff9b, 1, ..] | [0x2001, 0..=0x01ff, ..] => Some("protocol assignment"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("site-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("documentation"),
        [0x100, 0, 0, 0, ..] => Some("discard-only"),
        _ => None,
    }
}

/// The IPv4 address that something on the way makes of an IPv6 one: by SIIT, NAT64, 6to4 or ISATAP, or because it is
/// written within it as was done of old.
fn translated(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let (high, low) = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTSIDE: &str = "https://git.example.com";
    const INSIDE: &str = "http://127.0.0.1:7990";

    fn rules_at(base_url: &str, listen: &str, allowed: &[&str], denied: &[&str]) -> AddressRules {
        let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a network")).collect();
        let networks = OutgoingNetworks { allowed: networks(allowed), denied: networks(denied) };
        let base_url = Url::parse(base_url).expect("the test writes a valid URL");
        AddressRules::for_server(&base_url, listen.parse().expect("an address"), &networks)
    }

    fn kind_by(rules: &AddressRules, address: &str) -> Option<&'static str> {
        let address = address.parse().expect("the test writes a valid address");
        rules.check(address).err().map(|refused| refused.kind)
    }

    fn kind(address: &str) -> Option<&'static str> {
        kind_by(&rules_at(OUTSIDE, "0.0.0.0", &[], &[]), address)
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
            "2001:4860:4860::8888",
            "fd12:3456::1",
            "::ffff:10.0.0.7",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(kind(address), None, "{address}");
        }
    }

    #[test]
    fn special_addresses_are_refused_in_every_spelling() {
        for (address, expected) in [
            ("127.8.9.1", "loopback"),
            ("::1", "loopback"),
            ("::127.0.0.1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:0:127.0.0.1", "loopback"),
            ("64:ff9b::7f00:1", "loopback"),
            ("2002:7f00:1::", "loopback"),
            ("2606:4700::5efe:7f00:1", "loopback"),
            ("2606:4700::200:5efe:7f00:1", "loopback"),
            ("0.0.0.0", "unspecified"),
            ("::", "unspecified"),
            ("169.254.169.254", "link-local"),
            ("::ffff:169.254.169.254", "link-local"),
            ("64:ff9b::169.254.169.254", "link-local"),
            ("2002:a9fe:a9fe::1", "link-local"),
            ("fe80::1", "link-local"),
            ("100.100.100.200", "metadata service"),
            ("::ffff:100.100.100.200", "metadata service"),
            ("168.63.129.16", "metadata service"),
            ("2002:a83f:8110::", "metadata service"),
            ("fd00:ec2::254", "metadata service"),
            ("fd20:ce::254", "metadata service"),
            ("64:ff9b:1::7f00:1", "protocol assignment"),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", "protocol assignment"),
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
    fn loopback_is_for_servers_that_only_this_machine_reaches() {
        for (base_url, listen, expected) in [
            ("http://localhost:7990", "127.0.0.1", None),
            ("http://127.0.0.1:7990/git", "127.0.0.1", None),
            ("http://[::1]:7990", "::1", None),
            ("http://localhost:7990", "::ffff:127.0.0.1", None),
            (INSIDE, "0.0.0.0", Some(LOOPBACK)),
            (INSIDE, "::", Some(LOOPBACK)),
            (INSIDE, "10.0.0.1", Some(LOOPBACK)),
            (OUTSIDE, "127.0.0.1", Some(LOOPBACK)),
            ("https://10.0.0.1", "127.0.0.1", Some(LOOPBACK)),
        ] {
            let rules = rules_at(base_url, listen, &[], &[]);
            assert_eq!(kind_by(&rules, "127.0.0.1"), expected, "{base_url} at {listen}");
            assert_eq!(kind_by(&rules, "169.254.169.254"), Some("link-local"), "{base_url} at {listen}");
        }
    }

    #[test]
    fn what_the_operator_lists_counts_and_the_smaller_network_before_the_larger_one() {
        let rules = rules_at(
            INSIDE,
            "127.0.0.1",
            &["169.254.0.0/16", "10.1.0.0/16", "127.0.0.7", "fe80::/10"],
            &["0.0.0.0/0", "169.254.169.254", "10.1.0.0/16", "127.0.0.7"],
        );
        for (address, expected) in [
            ("169.254.1.1", None),
            ("64:ff9b::169.254.1.1", None),
            ("169.254.169.254", Some(DENIED)),
            ("::ffff:169.254.169.254", Some(DENIED)),
            ("2002:a9fe:a9fe::", Some(DENIED)),
            ("8.8.8.8", Some(DENIED)),
            ("10.1.2.3", Some(DENIED)),
            ("127.0.0.1", Some(DENIED)),
            ("127.0.0.7", Some(DENIED)),
            ("fe80::1", None),
            ("2606:4700::1111", None),
        ] {
            assert_eq!(kind_by(&rules, address), expected, "{address}");
        }
        // An address that is allowed as it is written does not open what it stands for.
        let rules = rules_at(OUTSIDE, "::", &["64:ff9b::/96"], &[]);
        assert_eq!(kind_by(&rules, "64:ff9b::127.0.0.1"), Some(LOOPBACK));
    }

    #[test]
    fn literal_hosts_cannot_hide_in_odd_notations() {
        let rules = rules_at(OUTSIDE, "0.0.0.0", &[], &[]);
        for url in ["http://0x7f.1/", "http://2130706433/", "http://[::ffff:7f00:1]/"] {
            let url = Url::parse(url).expect("the test writes a valid URL");
            assert!(rules.check_literal(&url).is_err(), "{url}");
        }
    }
}
