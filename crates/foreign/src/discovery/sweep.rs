//! Lists what organisations have, again and again, and has looked at what is new there or has changed.
//!
//! Webhooks are lost, and some pushes have none; this finds what they did not tell. It asks no more than the provider
//! likes: unchanged pages cost nothing there, a part of the allowance is left to others, and after "too many" it waits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use heliostat_peer::{Authorities, Clock};
use parking_lot::Mutex;
use url::Url;

use super::api::{Api, ApiOptions, DiscoveryFailure};
use super::organisation::{Organisation, interface_at};
use super::organisation_list::OrganisationList;
use super::page::FoundRepository;
use super::rate_limit::LONGEST_PAUSE;
use super::service_credential::ServiceCredential;
use crate::hooks::{Hints, Noted};
use crate::provider::{Bitbucket, Provider};
use crate::smart_http::UnusableServer;

/// Lists organisations and notes what they have.
#[derive(Debug)]
pub struct Sweep {
    lists: Vec<OrganisationList>,
    interval: Duration,
    hints: Arc<Hints>,
    clock: Clock,
    state: Mutex<SweepState>,
}

/// What is to be listed, and where.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// Whose repositories.
    pub organisations: Vec<Organisation>,
    /// Where the Git server is.
    pub origin: Url,
    /// Where its interface is, if not at its usual place.
    pub interface: Option<Url>,
    /// Authorities that are trusted besides those of the system.
    pub authorities: Authorities,
    /// How long after one sweep the next begins.
    pub interval: Duration,
}

impl SweepOptions {
    /// How a provider is asked.
    pub fn api(&self, provider: Provider) -> ApiOptions {
        ApiOptions {
            base: self.interface.clone().unwrap_or_else(|| interface_at(provider, &self.origin)),
            authorities: self.authorities.clone(),
            bitbucket: Bitbucket::at(&self.origin),
        }
    }
}

/// How the last sweep went, for people; times in epoch milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepState {
    /// When it began.
    pub last_attempt_at: Option<i64>,
    /// When one last listed everything.
    pub last_success_at: Option<i64>,
    /// How many repositories there are, as far as is known.
    pub repositories: usize,
    /// Why not everything could be listed.
    pub failure: Option<String>,
    /// Until when the provider wants to be left alone.
    pub waits_until: Option<i64>,
}

impl Sweep {
    /// Prepares to list; nothing is asked yet.
    pub fn new(
        options: &SweepOptions,
        credential: Option<&Arc<ServiceCredential>>,
        hints: Arc<Hints>,
        clock: Clock,
    ) -> Result<Self, UnusableServer> {
        let mut interfaces: HashMap<Url, Arc<Api>> = HashMap::new();
        let mut lists = Vec::new();
        for organisation in &options.organisations {
            let asked = options.api(organisation.provider);
            // One allowance for all who are asked about at one place.
            let api = match interfaces.get(&asked.base) {
                Some(api) => Arc::clone(api),
                None => {
                    let (base, api) = (asked.base.clone(), Arc::new(Api::new(asked, clock.clone())?));
                    interfaces.insert(base, Arc::clone(&api));
                    api
                }
            };
            lists.push(OrganisationList::new(organisation.clone(), api, credential.cloned()));
        }
        Ok(Self { lists, interval: options.interval, hints, clock, state: Mutex::default() })
    }

    /// Sweeps as long as it is polled.
    pub async fn run(&self) {
        loop {
            let pause = self.once().await;
            tokio::time::sleep(pause).await;
        }
    }

    /// How it is going.
    pub fn state(&self) -> SweepState {
        self.state.lock().clone()
    }

    /// Lists everything once; returns how long to wait until the next time.
    pub(super) async fn once(&self) -> Duration {
        let began_at = self.clock.now_ms();
        self.state.lock().last_attempt_at = Some(began_at);
        let (mut repositories, mut failures, mut waits_until) = (0, Vec::new(), None);
        for list in &self.lists {
            match list.all().await {
                Ok(all) => {
                    repositories += all.len();
                    let all_noted = self.note(list, all);
                    if !all_noted {
                        failures.push(format!(
                            "{}: too many repositories wait to be looked at",
                            list.organisation
                        ));
                    }
                }
                Err(failure) => {
                    if let DiscoveryFailure::AskedTooOften { until, .. } = failure {
                        waits_until = waits_until.max(Some(until));
                    }
                    failures.push(format!("{}: {failure}", list.organisation));
                }
            }
            waits_until = waits_until.max(list.api.wait_until());
        }
        let failure = (!failures.is_empty()).then(|| failures.join("; "));
        self.finish(began_at, repositories, failure, waits_until);
        let wait_ms = waits_until.map_or(0, |until| until.saturating_sub(self.clock.now_ms()).max(0));
        self.interval.max(Duration::from_millis(wait_ms.unsigned_abs()).min(LONGEST_PAUSE))
    }

    fn note(&self, list: &OrganisationList, all: Vec<FoundRepository>) -> bool {
        let mut without_room = HashSet::new();
        for found in list.changed(&all) {
            if self.hints.note(found.path.clone()) == Noted::NoRoom {
                without_room.insert(found.path.clone());
            }
        }
        let is_whole = without_room.is_empty();
        // What found no room is as new next time as it is now.
        list.remember(all.into_iter().filter(|found| !without_room.contains(&found.path)));
        is_whole
    }

    fn finish(&self, began_at: i64, repositories: usize, failure: Option<String>, waits_until: Option<i64>) {
        let mut state = self.state.lock();
        if state.failure != failure {
            match &failure {
                Some(failure) => tracing::warn!("cannot list all repositories of the origin: {failure}"),
                None => tracing::info!(repositories, "all repositories of the origin can be listed again"),
            }
        }
        if failure.is_none() {
            (state.last_success_at, state.repositories) = (Some(began_at), repositories);
        }
        (state.failure, state.waits_until) = (failure, waits_until);
    }
}
