//! Networks as an operator lists them: `10.0.0.0/8`, `fd00::/8`, or one address.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is neither an address nor a network such as 10.0.0.0/8 or fd00::/8")]
pub struct InvalidNetwork(String);

/// Which networks a server may call, and which it must not, when others name addresses in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutgoingNetworks {
    /// May be called, also where addresses have a special meaning.
    pub allowed: Vec<Network>,
    /// Must not be called, also where addresses are ordinary.
    pub denied: Vec<Network>,
}

impl Network {
    /// Whether an address belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// How many bits all its addresses share.
    pub(crate) fn prefix_bits(&self) -> u8 {
        self.0.prefix_len()
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(|network| Self(network.trunc())).map_err(|_| InvalidNetwork(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_addresses_are_read() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            (" 10.1.2.3/16", "10.1.0.0", "10.2.0.0"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::1", "::1", "::2"),
        ] {
            let network: Network = text.parse().expect("a network");
            let contains = |address: &str| network.contains(address.parse().expect("an address"));
            assert!(contains(inside) && !contains(outside), "{text}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0", "example.com", "10.0.0.0-10.0.0.9"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
