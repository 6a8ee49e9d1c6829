//! The part of a network address that one client cannot easily change: what a share of a server is given to.
//!
//! A household or a rented machine has a whole IPv6 /56, and often neighbours in its IPv4 /24. A limit per address
//! would be no limit for the one and could be got around from the other, so limits count prefixes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bits of an IPv4 address that name its network.
const IPV4_BITS: u32 = 24;
/// Bits of an IPv6 address that name its network.
const IPV6_BITS: u32 = 56;

/// An IPv4 /24 or an IPv6 /56. An IPv6 address that stands for an IPv4 one belongs to the prefix of that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressPrefix(IpAddr);

impl From<IpAddr> for AddressPrefix {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => match embedded_v4(address) {
                Some(embedded) => Self::of_v4(embedded),
                None => {
                    Self(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6_BITS))).into())
                }
            },
        }
    }
}

impl AddressPrefix {
    /// The network of an address as text; empty where the address is not known.
    pub fn text_of(address: Option<IpAddr>) -> String {
        address.map_or_else(String::new, |address| Self::from(address).to_string())
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        Self(Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - IPV4_BITS))).into())
    }
}

impl fmt::Display for AddressPrefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.0.is_ipv4() { IPV4_BITS } else { IPV6_BITS };
        write!(out, "{}/{bits}", self.0)
    }
}

/// The IPv4 address within a mapped one, or one that NAT64 or 6to4 translates.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (high, low) = match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(address: &str) -> String {
        let address: IpAddr = address.parse().expect("the test writes a valid address");
        AddressPrefix::from(address).to_string()
    }

    #[test]
    fn neighbours_share_a_prefix() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.0/24"),
            ("192.0.2.255", "192.0.2.0/24"),
            ("192.0.3.1", "192.0.3.0/24"),
            ("2001:db8:1:2300::1", "2001:db8:1:2300::/56"),
            ("2001:db8:1:23ff:ffff:ffff:ffff:ffff", "2001:db8:1:2300::/56"),
            ("2001:db8:1:2400::1", "2001:db8:1:2400::/56"),
            ("::1", "::/56"),
        ] {
            assert_eq!(prefix(address), expected, "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_has_one_prefix_in_every_spelling() {
        for address in ["192.0.2.7", "::ffff:192.0.2.7", "64:ff9b::192.0.2.7", "2002:c000:207::1"] {
            assert_eq!(prefix(address), "192.0.2.0/24", "{address}");
        }
    }
}
