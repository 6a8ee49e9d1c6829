//! Whom a request comes from when a proxy hands it on.
//!
//! Behind a proxy all connections come from one address, and limits per network would make its clients pay for each other.
//! A proxy that the operator trusts says in `X-Forwarded-For` who its client is: each proxy appends the address that it
//! sees, so the last one that is no trusted proxy is true. What others send there is not believed.

use std::net::IpAddr;

use heliostat_peer::Network;
use poem::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Most addresses of one request that are looked at.
const MAX_PROXIES: usize = 16;

/// The proxies that are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Trusts all callers from these networks.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether a connection from this address may speak for others.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// The address behind a request that came from `peer`, if that is a proxy and says so.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.trusts(peer) {
            return None;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
        let mut client = None;
        for text in lines.flat_map(|line| line.rsplit(',')).take(MAX_PROXIES) {
            let Some(address) = address_in(text.trim()) else { break };
            client = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn address_in(text: &str) -> Option<IpAddr> {
    let address =
        text.parse::<IpAddr>().or_else(|_| text.parse().map(|socket: std::net::SocketAddr| socket.ip()));
    let address = address.or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is behind a request from `peer` with these headers.
    fn client(trusted: &[&str], peer: &str, lines: &[&'static str]) -> Option<String> {
        let networks = trusted.iter().map(|text| text.parse().expect("a network")).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, poem::http::HeaderValue::from_static(line));
        }
        let peer = peer.parse().expect("an address");
        TrustedProxies::new(networks).client(peer, &headers).map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxy_is_the_client() {
        let trusted = ["127.0.0.0/8", "10.0.0.0/8", "::1"];
        for (lines, expected) in [
            (&["192.0.2.7"][..], Some("192.0.2.7")),
            (&["198.51.100.1, 192.0.2.7"], Some("192.0.2.7")),
            (&["198.51.100.1", "192.0.2.7, 10.0.0.3"], Some("192.0.2.7")),
            (&["10.0.0.4, 10.0.0.3"], Some("10.0.0.4")),
            (&["192.0.2.7:4711"], Some("192.0.2.7")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["::ffff:192.0.2.7"], Some("192.0.2.7")),
            (&["192.0.2.7, unknown"], None),
            (&["192.0.2.7, unknown, 10.0.0.3"], Some("10.0.0.3")),
            (&[""], None),
            (&[], None),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(client(&trusted, "127.0.0.1", lines), expected, "{lines:?}");
            assert_eq!(client(&trusted, "::ffff:127.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn no_other_caller_is_believed() {
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.1"]), None);
        assert_eq!(client(&[], "127.0.0.1", &["198.51.100.1"]), None);
    }
}
