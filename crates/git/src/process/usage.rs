//! How much each client has had lately, so that those who had least come first.
//!
//! Without it, a client that asks for something without end would have as good a place in the round as one that asks
//! now and then.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::process::ClientKey;

/// After so long, what a client has had counts half.
const HALF_LIFE: Duration = Duration::from_secs(30);

/// A client that has had less than this is one that asks now and then.
const LITTLE: Duration = Duration::from_secs(1);

/// From so many clients on, those are forgotten that have had next to nothing.
const MANY_CLIENTS: usize = 4_096;

/// What counts as next to nothing.
const NEXT_TO_NOTHING: Duration = Duration::from_millis(10);

/// A client that has had nothing for so long is gone.
pub(super) const GONE_AFTER: Duration = Duration::from_secs(10);

/// For how long clients have held permits, the recent past most.
#[derive(Debug, Default)]
pub(super) struct Usage {
    clients: HashMap<ClientKey, Used>,
    /// Who had something last, and when.
    last: Option<(ClientKey, Instant)>,
    /// When another one than that had something.
    other: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Used {
    seconds: f64,
    at: Instant,
}

impl Usage {
    /// A client has held a permit for so long, until now.
    pub(super) fn note(&mut self, client: ClientKey, held_for: Duration, now: Instant) {
        if client != ClientKey::server()
            && let Some((last, at)) = self.last.replace((client, now))
            && last != client
        {
            self.other = Some(at);
        }
        if self.clients.len() >= MANY_CLIENTS && !self.clients.contains_key(&client) {
            self.clients.retain(|_, used| used.seconds_at(now) > NEXT_TO_NOTHING.as_secs_f64());
            if self.clients.len() >= MANY_CLIENTS {
                self.clients.clear();
            }
        }
        let used = self.clients.entry(client).or_insert(Used { seconds: 0.0, at: now });
        *used = Used { seconds: used.seconds_at(now) + held_for.as_secs_f64(), at: now };
    }

    /// 0 for a client that has had little; one more for each time that it has had twice as much.
    pub(super) fn rank(&self, client: ClientKey, now: Instant) -> u32 {
        let seconds = self.clients.get(&client).map_or(0.0, |used| used.seconds_at(now));
        let mut limit = LITTLE.as_secs_f64();
        let mut rank = 0;
        while seconds >= limit {
            limit *= 2.0;
            rank += 1;
        }
        rank
    }

    /// Whether another client has had something a moment ago.
    pub(super) fn has_others(&self, client: ClientKey, now: Instant) -> bool {
        let of_another = match self.last {
            Some((last, at)) if last != client => Some(at),
            _ => self.other,
        };
        of_another.is_some_and(|at| now.saturating_duration_since(at) < GONE_AFTER)
    }
}

impl Used {
    fn seconds_at(self, now: Instant) -> f64 {
        let half_lives = now.saturating_duration_since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.seconds * 0.5_f64.powf(half_lives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_has_had_counts_less_and_less() {
        let (mut usage, now, client) = (Usage::default(), Instant::now(), ClientKey::verified("ada"));
        assert_eq!(usage.rank(client, now), 0);
        usage.note(client, Duration::from_millis(900), now);
        assert_eq!(usage.rank(client, now), 0);
        usage.note(client, Duration::from_millis(7_200), now);
        assert_eq!(usage.rank(client, now), 4);
        assert_eq!(usage.rank(client, now + HALF_LIFE), 3);
        assert_eq!(usage.rank(client, now + 4 * HALF_LIFE), 0);
        assert_eq!(usage.rank(ClientKey::verified("bob"), now), 0);
    }

    #[test]
    fn a_client_has_others_beside_it_until_they_have_had_nothing_for_long() {
        let (mut usage, now) = (Usage::default(), Instant::now());
        let (ada, bob) = (ClientKey::verified("ada"), ClientKey::verified("bob"));
        usage.note(ada, LITTLE, now);
        usage.note(ada, LITTLE, now);
        assert!(!usage.has_others(ada, now) && usage.has_others(bob, now));
        usage.note(bob, LITTLE, now + GONE_AFTER / 2);
        usage.note(ada, LITTLE, now + GONE_AFTER);
        assert!(usage.has_others(ada, now + GONE_AFTER) && usage.has_others(bob, now + GONE_AFTER));
        assert!(!usage.has_others(ada, now + GONE_AFTER * 3 / 2));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut usage, now) = (Usage::default(), Instant::now());
        for number in 0..=3 * MANY_CLIENTS {
            usage.note(ClientKey::unverified(&number.to_string()), LITTLE, now);
        }
        assert!(usage.clients.len() <= MANY_CLIENTS);
    }
}
