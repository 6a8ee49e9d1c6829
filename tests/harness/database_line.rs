//! The line to the database server that this run tests with, so that a test can cut it.

use std::net::ToSocketAddrs;

use heliostat_machines::Relay;
use url::Url;

/// A relay in front of the PostgreSQL server; `None`, and a line that says so, when there is none.
pub fn relay_to_the_database() -> Option<Relay> {
    let administrator = std::env::var("HELIOSTAT_TEST_DATABASE").unwrap_or_default();
    let Ok(url) = Url::parse(&administrator) else {
        eprintln!("skipped: only a database that is a server of its own can be away");
        return None;
    };
    let host = (url.host_str().expect("has a host"), url.port().unwrap_or(5432));
    let target = host.to_socket_addrs().expect("is an address").next().expect("leads somewhere");
    Some(Relay::start(target))
}
