//! Which part of the network a request comes from, for limits that clients share by it.

use std::net::{IpAddr, Ipv4Addr};

use heliostat_peer::AddressPrefix;
use poem::Request;

/// The address behind a request, if it is known.
pub fn client_address(request: &Request) -> Option<IpAddr> {
    request.remote_addr().as_socket_addr().map(|address| address.ip())
}

/// The prefix of the address behind a request; one and the same for all whose address is not known.
pub fn client_prefix(request: &Request) -> AddressPrefix {
    client_address(request).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).into()
}
