//! Which part of the network a request comes from, for limits that clients share by it.

use std::net::{IpAddr, Ipv4Addr};

use heliostat_peer::AddressPrefix;
use poem::web::RemoteAddr;
use poem::{Addr, Request};

/// The prefix of the address behind a request; one and the same for all whose address is not known.
pub fn client_prefix(request: &Request) -> AddressPrefix {
    let RemoteAddr(address) = request.remote_addr();
    let address = match address {
        Addr::SocketAddr(address) => address.ip(),
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    address.into()
}
