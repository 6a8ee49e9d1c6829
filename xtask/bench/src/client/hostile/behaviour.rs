//! What hostile clients do, and how many do it.

/// One way to keep a server busy or waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Connects and says nothing.
    Silent,
    /// Sends a header, byte after byte.
    SlowHead,
    /// Sends a part of a fetch, and no more.
    HalfFetch,
    /// The same packed: what has come is short, and long when unpacked.
    HalfPackedFetch,
    /// Sends a part of a mirror's request to join, which needs no credentials.
    HalfRequest,
    /// Asks for a clone of everything, and reads nothing.
    DeafClone,
    /// Asks for what has to be computed, and reads nothing.
    DeafFetch,
    /// Asks for what has to be computed, again and again.
    FetchFlood,
    /// Shows one wrong password after the other.
    PasswordFlood,
    /// Connects and leaves, again and again.
    ConnectionFlood,
}

impl Behaviour {
    /// Whether it makes the server compute, and does not only keep a connection.
    pub fn makes_work(self) -> bool {
        match self {
            Self::Silent | Self::SlowHead | Self::HalfFetch | Self::HalfPackedFetch | Self::HalfRequest => {
                false
            }
            Self::DeafClone
            | Self::DeafFetch
            | Self::FetchFlood
            | Self::PasswordFlood
            | Self::ConnectionFlood => true,
        }
    }
}

/// How many clients do what: 10,000 together.
pub const CROWD: [(Behaviour, usize); 10] = [
    (Behaviour::Silent, 7_000),
    (Behaviour::SlowHead, 1_000),
    (Behaviour::HalfFetch, 800),
    (Behaviour::HalfPackedFetch, 200),
    (Behaviour::HalfRequest, 800),
    (Behaviour::DeafClone, 100),
    (Behaviour::DeafFetch, 76),
    (Behaviour::FetchFlood, 8),
    (Behaviour::PasswordFlood, 8),
    (Behaviour::ConnectionFlood, 8),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crowd_is_of_ten_thousand() {
        assert_eq!(CROWD.iter().map(|(_, clients)| clients).sum::<usize>(), 10_000);
    }
}
