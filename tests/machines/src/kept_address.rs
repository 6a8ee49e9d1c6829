//! An address that no other process on this machine is given, also while no server listens there.
//!
//! A port that was free a moment ago goes to the next process that asks the kernel: a test that stops a server and
//! starts it again at the same address, or that must know an address before a server runs, loses it now and then.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};

/// The address; kept for as long as a copy of this lives.
///
/// A socket is bound to it and never listens. The kernel gives its port to none who asks for any port, refuses who
/// connects, and lets a server listen that sets `SO_REUSEADDR`, as nearly all do.
#[derive(Debug, Clone)]
pub struct KeptAddress {
    address: SocketAddr,
    _socket: Arc<OwnedFd>,
}

impl KeptAddress {
    /// One with a port of its own at this address of the machine.
    ///
    /// # Errors
    ///
    /// When the machine does not have the address, or no port is free.
    pub fn at(host: IpAddr) -> io::Result<Self> {
        let family = if host.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &SocketAddr::new(host, 0))?;
        let address = SocketAddr::try_from(getsockname(&socket)?)?;
        Ok(Self { address, _socket: Arc::new(socket) })
    }

    /// The address itself.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl fmt::Display for KeptAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread;

    use super::*;

    #[test]
    fn a_server_listens_there_whenever_it_wants_and_no_other_process_is_given_the_port() {
        let kept = KeptAddress::at(Ipv4Addr::LOCALHOST.into()).expect("a port is free");
        for _ in 0..3 {
            // What another test is starting at this moment holds the server's socket until it has begun.
            while TcpStream::connect(kept.address()).is_ok() {
                thread::yield_now();
            }
            let server = TcpListener::bind(kept.address()).expect("it is kept for this one");
            TcpListener::bind(kept.address()).expect_err("one listens there");
            TcpStream::connect(kept.address()).expect("it listens");
            drop(server);
        }
        let others: Vec<_> = (0..200).map(|_| KeptAddress::at(Ipv4Addr::LOCALHOST.into())).collect();
        let given = others.iter().map(|other| other.as_ref().expect("a port is free").port());
        assert!(given.into_iter().all(|port| port != kept.port()));
    }
}
