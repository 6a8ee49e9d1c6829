//! All repositories of one organisation, to the last page.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use url::Url;

use super::api::{Api, ApiOptions, DiscoveryFailure};
use super::organisation::Organisation;
use super::page::{FoundRepository, first_pages};
use super::service_credential::ServiceCredential;
use crate::{Credentials, RepositoryPath};

/// Most pages of one list: 100,000 repositories at the smallest pages.
const MAX_PAGES: usize = 2_000;

/// The list of an organisation, with what is known of it from before.
#[derive(Debug)]
pub(super) struct OrganisationList {
    pub(super) organisation: Organisation,
    pub(super) api: Arc<Api>,
    pub(super) credential: Option<Arc<ServiceCredential>>,
    /// What said of each repository that it has changed, when it was noted last.
    noted: Mutex<HashMap<RepositoryPath, Option<String>>>,
}

impl OrganisationList {
    pub(super) fn new(
        organisation: Organisation,
        api: Arc<Api>,
        credential: Option<Arc<ServiceCredential>>,
    ) -> Self {
        Self { organisation, api, credential, noted: Mutex::default() }
    }

    /// Every repository that it has.
    pub(super) async fn all(&self) -> Result<Vec<FoundRepository>, DiscoveryFailure> {
        let name = &self.organisation.name;
        let credentials = match &self.credential {
            Some(credential) => credential.for_interface(name).await?,
            None => Credentials::anonymous(),
        };
        let is_of_app = self.credential.as_ref().is_some_and(|credential| credential.is_of_app());
        let mut listed =
            Err(DiscoveryFailure::NotFound(self.organisation.to_string(), "any address".to_owned()));
        let ApiOptions { base, bitbucket, .. } = &self.api.options;
        for first in first_pages(&self.organisation, base, is_of_app, *bitbucket) {
            listed = self.pages_from(first, &credentials).await;
            if !matches!(listed, Err(DiscoveryFailure::NotFound(..))) {
                break;
            }
        }
        if let (Err(DiscoveryFailure::NotAccepted(_)), Some(credential)) = (&listed, &self.credential) {
            credential.forget(name).await;
        }
        listed
    }

    /// Those of which it is not known that they are as they were.
    pub(super) fn changed<'a>(&self, all: &'a [FoundRepository]) -> Vec<&'a FoundRepository> {
        let noted = self.noted.lock();
        let is_as_it_was = |found: &FoundRepository| {
            found.changed.is_some() && noted.get(&found.path) == Some(&found.changed)
        };
        all.iter().filter(|found| !is_as_it_was(found)).collect()
    }

    /// Remembers what was noted, and forgets what is no longer there.
    pub(super) fn remember(&self, noted: impl Iterator<Item = FoundRepository>) {
        *self.noted.lock() = noted.map(|found| (found.path, found.changed)).collect();
    }

    async fn pages_from(
        &self,
        first: Url,
        credentials: &Credentials,
    ) -> Result<Vec<FoundRepository>, DiscoveryFailure> {
        let (mut all, mut seen, mut next) = (Vec::new(), HashSet::new(), Some(first));
        let mut total = None;
        while let Some(address) = next {
            if seen.len() == MAX_PAGES || !seen.insert(address.clone()) {
                let reason = format!("the list of {} does not end", self.organisation);
                return Err(DiscoveryFailure::Nonsense(self.organisation.to_string(), reason));
            }
            let page = self.api.page(self.organisation.provider, &address, credentials).await?;
            all.extend(page.found);
            (next, total) = (page.next, page.total.or(total));
        }
        // Some may have been made or deleted meanwhile, or be hidden; what is missing is found by the next sweep.
        if let Some(total) = total.filter(|total| *total > all.len() as u64) {
            tracing::warn!(organisation = %self.organisation, listed = all.len(), total, "the provider lists fewer repositories than it counts");
        }
        Ok(all)
    }
}
