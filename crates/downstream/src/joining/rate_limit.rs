//! Rate limit for unauthenticated registration.

use heliostat_peer::AddressPrefix;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Requests that one network may place at once before it has to wait.
const BURST: f64 = 20.0;
/// Requests that one network may place per second in the long run.
const PER_SECOND: f64 = 0.5;
/// Networks that are counted at the same time; beyond, those that have waited long enough are forgotten.
const MAX_NETWORKS: usize = 10_000;

/// One token bucket for each network that has asked lately.
#[derive(Default)]
pub(super) struct RegistrationRateLimit(Mutex<HashMap<Option<AddressPrefix>, Bucket>>);

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at_ms: i64,
}

impl Bucket {
    fn refilled(self, now_ms: i64) -> Self {
        let seconds = now_ms.saturating_sub(self.filled_at_ms).max(0) as f64 / 1_000.0;
        Self { tokens: (self.tokens + seconds * PER_SECOND).min(BURST), filled_at_ms: now_ms }
    }
}

impl RegistrationRateLimit {
    /// Takes one token of this network; false if it has none left.
    pub(super) fn admit(&self, network: Option<AddressPrefix>, now_ms: i64) -> bool {
        let mut buckets = self.0.lock();
        if buckets.len() >= MAX_NETWORKS {
            buckets.retain(|_, bucket| bucket.refilled(now_ms).tokens < BURST);
        }
        if buckets.len() >= MAX_NETWORKS && !buckets.contains_key(&network) {
            return false;
        }
        let full = Bucket { tokens: BURST, filled_at_ms: now_ms };
        let bucket = buckets.entry(network).or_insert(full);
        *bucket = bucket.refilled(now_ms);
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn network(address: [u8; 4]) -> Option<AddressPrefix> {
        Some(IpAddr::from(address).into())
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let limit = RegistrationRateLimit::default();
        let admitted = (0..100).filter(|host| limit.admit(network([10, 0, 0, *host]), 0)).count();
        assert_eq!(admitted, 20, "neighbours share");
        assert!(!limit.admit(network([10, 0, 0, 1]), 1_000));
        assert!(limit.admit(network([10, 0, 0, 1]), 3_000));
        assert!(limit.admit(network([10, 0, 1, 1]), 0), "others are not affected");
    }

    #[test]
    fn memory_is_bounded() {
        let limit = RegistrationRateLimit::default();
        for number in 0..=MAX_NETWORKS {
            let [_, high, middle, low] = u32::try_from(number).expect("a small number").to_be_bytes();
            limit.admit(network([high, middle, low, 0]), 0);
        }
        assert!(limit.0.lock().len() <= MAX_NETWORKS);
        assert!(limit.admit(None, 10_000), "those that have waited make room");
    }
}
