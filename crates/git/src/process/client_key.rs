//! Among whom work is shared fairly.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A client that work is done for. Never part of what an answer depends on.
///
/// Only a client whose credentials were found right has a share of its own. Everybody else counts by the network that
/// they call from, whatever name they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKey {
    number: u64,
    is_verified: bool,
}

impl ClientKey {
    /// A client whose credentials are right; the same for the same account.
    pub fn verified(account: &str) -> Self {
        Self { number: number_of(account), is_verified: true }
    }

    /// Any other client; the same for the same network.
    pub fn unverified(network: &str) -> Self {
        Self { number: number_of(network), is_verified: false }
    }

    /// This server itself.
    pub fn server() -> Self {
        Self::verified("this server")
    }

    /// Whether its credentials are known to be right.
    pub(crate) fn is_verified(self) -> bool {
        self.is_verified
    }
}

fn number_of(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
