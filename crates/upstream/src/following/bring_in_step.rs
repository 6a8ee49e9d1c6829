//! One look at a source: its references, then the objects that are missing here, then one change of all references.

use std::collections::BTreeSet;
use std::sync::Arc;

use heliostat_auth::Caller;
use heliostat_foreign::{FetchFailure, KeptBy, Listing, WantedObjects};
use heliostat_git::{NoRemoval, ObjectId, RefName, RefSnapshot, Repository as GitRepository, SwapRefsError};
use heliostat_refusal::Refusal;
use heliostat_storage::{Following, FollowingFault, Repository, RepositoryId, RepositoryState};

use super::followings::{Asked, Followings};
use super::trouble::Trouble;
use crate::changes::recorded_format;

/// How often a source is listed when it has changed between its list and its objects.
const MAX_LISTINGS: u32 = 3;

impl Followings {
    /// Makes a repository equal to what it follows, and says whether that has changed anything.
    pub(super) async fn bring_in_step(self: &Arc<Self>, following: &Following) -> Result<bool, Trouble> {
        let id = following.repository_id;
        let recorded = self.changes.repository_record(id).await?;
        self.require_changeable(&recorded).await?;
        let asked = self.asked(&following.source).await?;
        let mut listings = 0;
        loop {
            let listing = asked.list().await?;
            listings += 1;
            require_same_format(&recorded, &listing, &asked.url)?;
            let git = self.changes.open_git(id).await?;
            let before = self.changes.refs(&recorded).await?;
            let state = listing.refs();
            if state.is_empty() && !before.is_empty() {
                let message = format!(
                    "{} shows no ref any more. What is here stays; to have it emptied, delete its branches and tags.",
                    asked.url
                );
                return Err(Trouble::new(FollowingFault::Emptied, message));
            }
            let head = head_of(&recorded, &listing);
            let is_same = before.has_refs_of(state) && head.as_str() == recorded.default_branch;
            if is_same {
                return Ok(false);
            }
            // From the look for objects until references lead to them.
            let no_removal = git.removals().hold_off().await;
            match self.fetch_missing(&asked, &listing, &git, &before).await {
                Err(FetchFailure::NotGiven { .. }) if listings < MAX_LISTINGS => continue,
                Err(failure) => return Err(self.not_fetched(&git, &asked.url, failure)),
                Ok(()) => {}
            }
            self.show(following, state.clone(), head, no_removal).await?;
            return Ok(true);
        }
    }

    /// That the repository is there and may change.
    async fn require_changeable(&self, recorded: &Repository) -> Result<(), Trouble> {
        if recorded.archived {
            let message = "The repository is archived: it follows nothing until it is so no longer.";
            return Err(Trouble::new(FollowingFault::Archived, message));
        }
        if recorded.state != RepositoryState::Available {
            return Err(Refusal::unavailable("The repository is not available at the moment.").into());
        }
        self.changes.require_served(recorded).await?;
        Ok(())
    }

    /// Fetches what the new state needs and is not here.
    async fn fetch_missing(
        &self,
        asked: &Asked,
        listing: &Listing,
        git: &GitRepository,
        before: &RefSnapshot,
    ) -> Result<(), FetchFailure> {
        let moves = RefSnapshot::moves(before, listing.refs());
        let mut missing: BTreeSet<ObjectId> = moves.into_iter().filter_map(|moved| moved.step.to).collect();
        // What is shown already is whole.
        before.retain_unnamed(&mut missing);
        if missing.is_empty() {
            return Ok(());
        }
        let _place = self.fetch_places.acquire().await;
        let wanted =
            WantedObjects { objects: &missing, kept_by: KeptBy::Caller, progress: None, forwarder: None };
        asked.server.fetch(&asked.path, &asked.credentials, git, wanted).await
    }

    fn not_fetched(&self, git: &GitRepository, url: &str, failure: FetchFailure) -> Trouble {
        if let FetchFailure::Here(error) = &failure
            && let Some(fault) = error.fault()
        {
            git.suspect(&fault);
        }
        Trouble::not_fetched(url, failure)
    }

    /// Shows a state whose objects are here, and announces it, to its end.
    async fn show(
        self: &Arc<Self>,
        following: &Following,
        state: RefSnapshot,
        head: RefName,
        no_removal: NoRemoval,
    ) -> Result<(), Refusal> {
        let (followings, id, url) = (Arc::clone(self), following.repository_id, following.source.url.clone());
        let work = async move {
            let _no_removal = no_removal;
            let shown = {
                let _showing = followings.showing.read().await;
                let now = followings.store.following_of(id).await?;
                if now.is_none_or(|now| now.source.url != url) {
                    return Err(Refusal::conflict("The repository does not follow this source any more."));
                }
                followings.show_now(id, &state, &head).await?
            };
            followings.changes.until_mirrors_know(&shown).await;
            Ok(())
        };
        self.tasks.to_the_end(work).await
    }

    async fn show_now(
        &self,
        id: RepositoryId,
        state: &RefSnapshot,
        head: &RefName,
    ) -> Result<Repository, Refusal> {
        let recorded = self.changes.repository_record(id).await?;
        let git = self.changes.open_git(id).await?;
        let before = self.changes.refs(&recorded).await?;
        if before.is_empty() {
            // Else the first branch would become the default one, as after a first push.
            self.repositories.follow_default_branch(id, head).await?;
        }
        self.repositories.require_room().await?;
        let swapped = match git.swap_refs(&before, state, head).await {
            // A push that began before has ended since. Once more, from what there really is.
            Err(SwapRefsError::Stale(_) | SwapRefsError::NotAsPlanned { .. }) => {
                let there = git.refs().await.map_err(Refusal::internal)?;
                git.swap_refs(&there, state, head).await
            }
            swapped => swapped,
        };
        // Also after a failure: it may have come after the references had changed.
        let announced = self.changes.announce_change(&Caller::Anonymous, id).await?;
        swapped.map_err(Refusal::internal)?;
        self.repositories.follow_default_branch(id, head).await?;
        Ok(announced.repository)
    }
}

impl Asked {
    async fn list(&self) -> Result<Listing, Trouble> {
        let listing = self.server.list(&self.path, &self.credentials).await;
        listing.map_err(|refusal| Trouble::refused(&self.url, refusal))
    }
}

fn require_same_format(recorded: &Repository, listing: &Listing, url: &str) -> Result<(), Trouble> {
    let there = recorded_format(listing.object_format());
    if there == recorded.object_format {
        return Ok(());
    }
    let message = format!(
        "{url} names its objects by {}, and this repository by {}: follow it with a new one that has that object format.",
        there.as_str(),
        recorded.object_format.as_str()
    );
    Err(Trouble::new(FollowingFault::ObjectFormat, message))
}

/// The branch that `HEAD` is to name: as the source has it, else as it is.
fn head_of(recorded: &Repository, listing: &Listing) -> RefName {
    let listed = listing.default_branch().filter(|name| name.is_branch() && name.fits_a_file());
    listed.unwrap_or_else(|| {
        RefName::parse(recorded.default_branch.as_str()).expect("only names of branches are recorded")
    })
}
