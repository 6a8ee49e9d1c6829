//! The options about clients that connect: how slow they may be, and how many; the same for both roles.

use std::time::Duration;

use clap::Args;
use heliostat_peer::Network;
use heliostat_server::{ConnectionOptions, TrustedProxies};

use super::{duration, size};

/// How slow clients may be, and how many connections there are.
#[derive(Debug, Args)]
pub struct ConnectionFlags {
    /// How long a client may send nothing of its request, or take nothing of its answer, before its connection is closed;
    /// a client that pushes may be silent for five times as long.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_CLIENT_TIMEOUT", default_value = "60s", value_parser = duration::parse_positive)]
    pub client_timeout: Duration,
    /// How much a client sends of its request or takes of its answer at least, per second and on average; 0 lets it be as
    /// slow as it likes.
    #[arg(long, value_name = "SIZE", env = "HELIOSTAT_CLIENT_MIN_SPEED", default_value = "1KiB", value_parser = size::parse)]
    pub client_min_speed: u64,
    /// How many connections are open at once, if as many files may be open: 8 to 100000. A further client takes the place
    /// of one that dawdles.
    #[arg(long, value_name = "NUMBER", env = "HELIOSTAT_MAX_CONNECTIONS", default_value = "4096", value_parser = parse_connections)]
    pub max_connections: usize,
    /// Networks of the proxies in front of this server, separated by commas: what they say in X-Forwarded-For is believed, so
    /// that limits per network are those of clients.
    #[arg(
        long,
        value_name = "NETWORKS",
        env = "HELIOSTAT_TRUSTED_PROXIES",
        default_value = "127.0.0.0/8,::1",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<Network>,
}

impl ConnectionFlags {
    /// What the server needs of them.
    pub fn connection_options(&self) -> ConnectionOptions {
        ConnectionOptions {
            stall_limit: self.client_timeout,
            min_bytes_per_second: self.client_min_speed,
            max_connections: self.max_connections,
        }
    }

    /// The proxies that are believed.
    pub fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies.clone())
    }
}

fn parse_connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 8..=100_000) => Ok(number),
        _ => Err("must be a number from 8 to 100000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_connections;

    #[test]
    fn connections_are_bounded() {
        assert_eq!(parse_connections("8"), Ok(8));
        for text in ["7", "100001", "-1", "many"] {
            assert!(parse_connections(text).is_err(), "{text}");
        }
    }
}
