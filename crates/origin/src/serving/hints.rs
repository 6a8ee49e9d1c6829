//! What a hint says has changed: the origin is looked at now, so that the change is here before it is asked for.
//!
//! A hint makes things quicker and nothing true: who may read, and what is there, is asked of the origin each time.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use heliostat_foreign::{Credentials, Refusal, RepositoryPath};
use heliostat_git::ClientKey;

use super::in_step::InStep;
use crate::options::OriginOptions;
use crate::reader_access::{Asking, Heard, HeardRefs, ReaderAccess};
use crate::repositories::Repositories;

/// Credentials of this mirror's own at the origin, where it has some.
pub trait ServiceAccess: Send + Sync {
    /// Those for a repository. They may change with the hour.
    fn credentials<'a>(&'a self, path: &'a RepositoryPath) -> BoxFuture<'a, Option<Credentials>>;

    /// What the origin has answered to them about a repository.
    fn answered(&self, path: &RepositoryPath, credentials: &Credentials, answer: OwnAnswer);
}

/// How the origin has answered to credentials of this mirror's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnAnswer {
    /// It knows them, whatever they may read.
    Taken,
    /// It does not take them (401).
    Refused,
}

/// Follows hints.
pub(crate) struct Hints {
    pub(crate) options: Arc<OriginOptions>,
    pub(crate) reader_access: Arc<ReaderAccess>,
    pub(crate) repositories: Arc<Repositories>,
    pub(crate) in_step: Arc<InStep>,
    pub(crate) service: Option<Arc<dyn ServiceAccess>>,
}

impl Hints {
    /// Looks at a repository now, in whichever way its path is spelled here. Returns whether the origin shows it to this mirror; one
    /// that no client has asked for is not looked at.
    pub(crate) async fn look(&self, path: &RepositoryPath) -> bool {
        if !self.options.serves(path) {
            return false;
        }
        let mut is_shown = false;
        for entry in self.repositories.named_like(path) {
            // Whether anything was fetched into it is known only then.
            if let Err(error) = self.repositories.open(&entry).await {
                tracing::debug!(
                    repository.path = entry.path.as_str(),
                    error = &error as &dyn std::error::Error,
                    "cannot refresh a repository that was reported to have changed"
                );
                continue;
            }
            let own = match &self.service {
                Some(service) => service.credentials(&entry.path).await,
                None => None,
            };
            let is_own = own.is_some();
            let credentials = own.unwrap_or_else(Credentials::anonymous);
            let heard =
                self.reader_access.hear(&entry.path, &credentials, Asking::Anew, ClientKey::server()).await;
            if let (Some(service), Some(answer)) =
                (self.service.as_ref().filter(|_| is_own), answer_in(&heard))
            {
                service.answered(&entry.path, &credentials, answer);
            }
            match heard.map(|heard| (heard.refs, heard.outage)) {
                Ok((HeardRefs::Told(shown), None)) => {
                    is_shown = true;
                    self.in_step.request(&entry, &shown, &entry.path, &credentials);
                }
                Ok(_) => {}
                Err(refusal) => tracing::debug!(
                    repository.path = entry.path.as_str(),
                    reason = %refusal,
                    "a repository that is said to have changed is not shown to this mirror"
                ),
            }
        }
        is_shown
    }
}

/// What an answer says of the credentials that were shown; nothing where the origin has said nothing.
fn answer_in(heard: &Result<Heard, Refusal>) -> Option<OwnAnswer> {
    match heard {
        Ok(Heard { outage: None, .. }) | Err(Refusal::Forbidden { .. } | Refusal::NotFound { .. }) => {
            Some(OwnAnswer::Taken)
        }
        Err(Refusal::NeedsCredentials { .. }) => Some(OwnAnswer::Refused),
        Ok(_) | Err(_) => None,
    }
}
