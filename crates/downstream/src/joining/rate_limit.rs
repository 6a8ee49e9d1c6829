//! Rate limit for unauthenticated registration.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

/// Requests that one address may place at once before it has to wait.
const BURST: f64 = 20.0;
/// Requests that one address may place per second in the long run.
const PER_SECOND: f64 = 0.5;
/// Addresses that are counted at the same time; beyond, those that have waited long enough are forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// One token bucket for each address that has asked lately.
#[derive(Default)]
pub(super) struct RegistrationRateLimit(Mutex<HashMap<Option<IpAddr>, Bucket>>);

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
    /// Takes one token of this address; false if it has none left.
    pub(super) fn admit(&self, address: Option<IpAddr>, now_ms: i64) -> bool {
        let mut buckets = self.0.lock();
        if buckets.len() >= MAX_ADDRESSES {
            buckets.retain(|_, bucket| bucket.refilled(now_ms).tokens < BURST);
        }
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&address) {
            return false;
        }
        let full = Bucket { tokens: BURST, filled_at_ms: now_ms };
        let bucket = buckets.entry(address).or_insert(full);
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
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let limit = RegistrationRateLimit::default();
        let address = Some(IpAddr::from([10, 0, 0, 1]));
        let admitted = (0..100).filter(|_| limit.admit(address, 0)).count();
        assert_eq!(admitted, 20);
        assert!(!limit.admit(address, 1_000));
        assert!(limit.admit(address, 3_000));
        assert!(limit.admit(Some(IpAddr::from([10, 0, 0, 2])), 0), "others are not affected");
    }

    #[test]
    fn memory_is_bounded() {
        let limit = RegistrationRateLimit::default();
        for number in 0..=MAX_ADDRESSES {
            let number = u32::try_from(number).expect("a small number");
            limit.admit(Some(IpAddr::from(number.to_be_bytes())), 0);
        }
        assert!(limit.0.lock().len() <= MAX_ADDRESSES);
        assert!(limit.admit(None, 10_000), "those that have waited make room");
    }
}
