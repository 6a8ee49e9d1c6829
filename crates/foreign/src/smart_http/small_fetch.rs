//! The few objects that are new since the last fetch: asked for in one question over a connection that is open already, and
//! taken without a process.
//!
//! It is an attempt: what is not that little, or cannot be proven whole by what is here, `git` fetches as ever.

use std::collections::BTreeSet;

use heliostat_git::{ObjectId, RefSnapshot, Repository};
use heliostat_git_wire::{small_fetch_pack, small_fetch_request};

use super::SmartHttp;
use super::question::{Answer, Question, read_up_to};
use crate::source::Source;
use crate::{Credentials, Refusal, RepositoryPath};

/// Most objects that are asked for by name.
const MAX_WANTS: usize = 100;

/// Of so many branches the server is told that they are here.
const MAX_HAVES: usize = 256;

/// Largest answer that is taken. A longer one comes in vain, and again by `git`.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// What is fetched into which repository.
pub(super) struct SmallFetch<'a> {
    pub(super) into: &'a Repository,
    /// What its references name now.
    pub(super) shown: &'a RefSnapshot,
    pub(super) objects: &'a BTreeSet<ObjectId>,
}

impl SmartHttp {
    /// Whether the objects are here now. The caller keeps others from removing objects.
    pub(super) async fn fetched_a_little(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        fetch: SmallFetch<'_>,
    ) -> Result<bool, Refusal> {
        let SmallFetch { into, shown, objects } = fetch;
        let format = objects.first().map(ObjectId::format);
        let (Some(format), Some(place)) = (format, self.found.place_with_offer(path)) else {
            return Ok(false);
        };
        if objects.len() > MAX_WANTS {
            return Ok(false);
        }
        // Once each, and those first that the new objects are most likely made from.
        let branches = shown.branches().map(|(_, tip)| tip).filter(|tip| !objects.contains(tip));
        let haves: BTreeSet<_> = branches.take(MAX_HAVES).collect();
        let request = small_fetch_request(objects, haves, format);
        let question = Question::of_git(&self.url_of(&place), credentials, request);
        let (answer, is_whole) = match self.ask(question).await {
            Ok(Answer::Success(answer)) => read_up_to(answer, MAX_ANSWER_BYTES).await?,
            Ok(Answer::MovedTo(_)) | Err(Refusal::Nonsense(_)) => return Ok(false),
            Err(refusal) => return Err(refusal),
        };
        let pack = is_whole.then(|| small_fetch_pack(&answer)).flatten();
        let Some(pack) = pack else { return Ok(false) };
        match into.take_packs(vec![pack.into()], objects, shown, &BTreeSet::new()).await {
            Ok(()) => Ok(true),
            Err(reason) => {
                tracing::debug!(
                    reason = &reason as &dyn std::error::Error,
                    "what has come in one answer is not taken; fetching"
                );
                Ok(false)
            }
        }
    }
}
