//! Which deliveries were taken already: providers send again what they are not sure of, and so may others who saw one.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use sha2::{Digest, Sha256};

use crate::provider::Provider;

/// How many deliveries are remembered, the newest.
const MAX_DELIVERIES: usize = 10_000;

/// What stands for a delivery, of whatever length its id was.
type Name = [u8; 32];

/// The newest deliveries that were taken.
#[derive(Debug, Default)]
pub(super) struct Deliveries(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    names: HashSet<Name>,
    in_order: VecDeque<Name>,
}

impl Deliveries {
    /// Whether this one was taken before. What has no id was not.
    pub(super) fn is_known(&self, provider: Provider, headers: &HeaderMap) -> bool {
        name_of(provider, headers).is_some_and(|name| self.0.lock().names.contains(&name))
    }

    /// Remembers that it was taken.
    pub(super) fn remember(&self, provider: Provider, headers: &HeaderMap) {
        let Some(name) = name_of(provider, headers) else { return };
        let mut known = self.0.lock();
        if !known.names.insert(name) {
            return;
        }
        known.in_order.push_back(name);
        if known.in_order.len() > MAX_DELIVERIES
            && let Some(oldest) = known.in_order.pop_front()
        {
            known.names.remove(&oldest);
        }
    }
}

fn name_of(provider: Provider, headers: &HeaderMap) -> Option<Name> {
    let names: &[&str] = match provider {
        Provider::GitHub => &["x-github-delivery"],
        Provider::GitLab => &["webhook-id", "idempotency-key"],
        Provider::Gitea | Provider::Forgejo => &["x-forgejo-delivery", "x-gitea-delivery"],
        Provider::Bitbucket => &["x-request-id", "x-request-uuid"],
        Provider::Generic => &["webhook-id", "x-request-id"],
    };
    let id = names.iter().find_map(|name| headers.get(*name))?;
    let named =
        Sha256::new().chain_update(provider.as_str()).chain_update([0_u8]).chain_update(id.as_bytes());
    Some(named.finalize().into())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn with_id(id: usize) -> HeaderMap {
        let value = HeaderValue::from_str(&id.to_string()).expect("digits");
        HeaderMap::from_iter([("x-github-delivery".parse().expect("a name"), value)])
    }

    #[test]
    fn the_newest_deliveries_are_remembered() {
        let deliveries = Deliveries::default();
        let known = |id| deliveries.is_known(Provider::GitHub, &with_id(id));
        for id in 0..=MAX_DELIVERIES {
            assert!(!known(id));
            deliveries.remember(Provider::GitHub, &with_id(id));
            deliveries.remember(Provider::GitHub, &with_id(id));
            assert!(known(id));
        }
        assert!(!known(0) && known(1) && known(MAX_DELIVERIES));
        // Another provider may count alike, and what has no id is new each time.
        assert!(!deliveries.is_known(Provider::GitLab, &with_id(1)));
        deliveries.remember(Provider::GitHub, &HeaderMap::new());
        assert!(!deliveries.is_known(Provider::GitHub, &HeaderMap::new()));
        assert_eq!(deliveries.0.lock().names.len(), MAX_DELIVERIES);
    }
}
