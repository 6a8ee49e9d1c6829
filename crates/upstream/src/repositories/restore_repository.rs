//! A repository that is missing or damaged here is brought back from what a mirror has.
//!
//! The copy is fetched beside the place of the repository and proven whole before anything is replaced. Where its
//! references are not those that are recorded here, the administrator is shown what differs, and says that this is wanted by naming the
//! hash of the copy's references. What was there goes to the trash.

use std::sync::Arc;

use heliostat_auth::Caller;
use heliostat_downstream::call_url;
use heliostat_git as git;
use heliostat_git::{RefName, RefSnapshot};
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorServer, Repository};
use url::Url;

use super::records::Repositories;
use crate::changes::{RepositoryFault, disk_id, format_on_disk};
use crate::permit::Administrator;

/// How many references that differ are named.
const MAX_DIFFERENCES_NAMED: usize = 1_000;

/// What is brought back, and from where.
#[derive(Debug, Clone)]
pub struct RepositoryRestoration {
    /// The key of its project.
    pub project_key: String,
    /// Its slug.
    pub slug: String,
    /// Name or server id of the mirror.
    pub mirror: String,
    /// Sent to the mirror: it lets administrators read what it has.
    pub authorization: git::SecretHeader,
    /// The content hash of the copy that the administrator has agreed to.
    pub agreed_hash: Option<String>,
}

/// A reference that is not the same here and at the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceDifference {
    /// Its full name.
    pub name: String,
    /// What it is here; `None` if it is not there, or cannot be read.
    pub here: Option<String>,
    /// What it is in the mirror's copy.
    pub at_mirror: Option<String>,
}

/// What the mirror has, and whether it was put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorationOutcome {
    /// Whether the copy is in place now.
    pub restored: bool,
    /// Hash over the references of the mirror's copy.
    pub content_hash: String,
    /// Hash over the references that are recorded here.
    pub recorded_hash: String,
    /// Whether the references that are here could be read, to be compared.
    pub here_is_readable: bool,
    /// References that differ; at most 1,000 are named.
    pub differences: Vec<ReferenceDifference>,
    /// How many differ.
    pub difference_count: usize,
}

/// What was in the place of a repository before it was restored.
enum Before {
    /// Something, which is in the trash now.
    InTrash,
    /// Nothing.
    Nothing,
}

impl Repositories {
    /// Brings back what a mirror has of a repository that is missing or damaged here, or says what would change.
    pub async fn restore_repository(
        self: &Arc<Self>,
        administrator: Administrator<'_>,
        restoration: RepositoryRestoration,
    ) -> Result<RestorationOutcome, Refusal> {
        let (repositories, caller) = (Arc::clone(self), administrator.caller().clone());
        let work = async move { repositories.restore_to_the_end(&caller, &restoration).await };
        self.tasks.to_the_end(work).await
    }

    async fn restore_to_the_end(
        &self,
        caller: &Caller,
        restoration: &RepositoryRestoration,
    ) -> Result<RestorationOutcome, Refusal> {
        let recorded = self.administrator(caller, &restoration.project_key, &restoration.slug).await?;
        let recorded: Repository = recorded.into();
        let mirror = self.mirror_named(&restoration.mirror).await?;
        self.require_fault(&recorded).await?;

        let draft = self.fetch_copy(&recorded, &mirror, restoration).await?;
        let copy = draft.repository().refs().await.map_err(Refusal::internal)?;
        let here = self.served.store().repository(disk_id(recorded.id)).refs().await.ok();
        let mut outcome = compare(&recorded, here.as_ref(), &copy);
        let agreed = restoration.agreed_hash.as_deref();
        if agreed.is_some_and(|agreed| agreed != outcome.content_hash) {
            let message = format!(
                "The mirror {} has other references now than those that were agreed to: their hash is {}.",
                mirror.name, outcome.content_hash
            );
            return Err(Refusal::conflict_in("contentHash", message));
        }
        if agreed.is_none() && outcome.content_hash != outcome.recorded_hash {
            return Ok(outcome);
        }
        let before = match self.put_in_place(caller, &recorded, draft).await? {
            Before::InTrash => "what was there is in the trash",
            Before::Nothing => "nothing was there",
        };
        outcome.restored = true;
        let path = format!("{}/{}", recorded.project.key, recorded.slug);
        tracing::warn!(
            repository.id = recorded.id.0,
            repository.path = path,
            mirror.name = mirror.name,
            references_changed = outcome.difference_count,
            "restored a repository from a mirror; {before}"
        );
        Ok(outcome)
    }

    async fn mirror_named(&self, name: &str) -> Result<MirrorServer, Refusal> {
        let mirrors = self.mirrors.all_mirrors().await?;
        let found = mirrors
            .into_iter()
            .find(|mirror| mirror.id.as_str() == name || mirror.name.to_lowercase() == name.to_lowercase());
        found.ok_or_else(|| {
            Refusal::not_found("mirror", format!("There is no mirror with the name or id {name:?}."))
        })
    }

    /// That the repository is missing or damaged: one that is whole may be pushed to at any moment, and is not replaced.
    async fn require_fault(&self, recorded: &Repository) -> Result<(), Refusal> {
        self.changes.until_looked_at(recorded).await?;
        if self.changes.faults.is_noted(recorded.id) {
            return Ok(());
        }
        let look = self.changes.faults.begin_look(recorded.id);
        let on_disk = match self.changes.open_git(recorded.id).await {
            Ok(on_disk) => on_disk,
            Err(_) if self.changes.faults.is_noted(recorded.id) => return Ok(()),
            Err(refusal) => return Err(refusal),
        };
        let fault = match on_disk.verify().await {
            Ok(()) => None,
            Err(error) => Some(error.fault().unwrap_or_else(|| git::Fault::CannotReadNow(error.to_string()))),
        };
        match fault {
            None => Err(Refusal::conflict(format!(
                "The repository {}/{} is whole on this server; only one that is missing or damaged is replaced.",
                recorded.project.key, recorded.slug
            ))),
            Some(git::Fault::Damaged(detail)) => {
                self.changes.faults.note(look, recorded, RepositoryFault::Damaged { detail });
                Ok(())
            }
            Some(fault @ git::Fault::CannotReadNow(_)) => {
                tracing::warn!(repository.id = recorded.id.0, fault = %fault, "cannot tell whether a repository is whole");
                Err(Refusal::unavailable(
                    "The repository cannot be read at the moment, so it is not known whether it is damaged; try again.",
                ))
            }
        }
    }

    /// The mirror's copy, whole, beside the place of the repository.
    async fn fetch_copy(
        &self,
        recorded: &Repository,
        mirror: &MirrorServer,
        restoration: &RepositoryRestoration,
    ) -> Result<git::RepositoryDraft, Refusal> {
        let disk = self.served.store();
        let number = disk_id(recorded.id);
        let branch = RefName::parse(recorded.default_branch.clone()).map_err(Refusal::internal)?;
        let format = format_on_disk(recorded.object_format);
        let draft = disk.draft(number, &branch, format).await.map_err(Refusal::internal)?;
        let (base, key) = (call_url(mirror), recorded.project.key.to_lowercase());
        let source = format!("{base}/scm/{key}/{}.git", recorded.slug);
        let url = Url::parse(&source).map_err(Refusal::internal)?;
        // A name that leads elsewhere by now must not lead git, with an administrator's credentials, to this machine.
        let addresses = self.client.resolve(&url).await.map_err(|error| not_fetched(mirror, &error))?;
        let source = git::FetchSource { url: &source, addresses: &addresses };
        let fetched =
            git::fetch_everything(draft.repository(), source, Some(&restoration.authorization)).await;
        fetched.map_err(|error| not_fetched(mirror, &error))?;
        draft.repository().verify().await.map_err(|error| not_fetched(mirror, &error))?;
        draft
            .repository()
            .notes()
            .set_identity(recorded.identity.as_str())
            .await
            .map_err(Refusal::internal)?;
        Ok(draft)
    }

    /// Swaps the copy in, and records and announces its references as those of a push.
    async fn put_in_place(
        &self,
        caller: &Caller,
        recorded: &Repository,
        draft: git::RepositoryDraft,
    ) -> Result<Before, Refusal> {
        let id = recorded.id;
        let before = {
            let mut known = self.changes.lock(id).await;
            // Where that cannot be told, the exchange will fail on it.
            let is_there = self.served.store().repository(disk_id(id)).path().try_exists().unwrap_or(true);
            let origin = git::Origin {
                path: Some(format!("{}/{}", recorded.project.key, recorded.slug)),
                identity: Some(recorded.identity.to_string()),
                ..git::Origin::default()
            };
            draft.put_in_place(git::TrashReason::Replaced, origin).await.map_err(Refusal::internal)?;
            *known = None;
            if is_there { Before::InTrash } else { Before::Nothing }
        };
        self.changes.faults.replaced(id);
        self.changes.announce_change(caller, id).await?;
        Ok(before)
    }
}

fn compare(recorded: &Repository, here: Option<&RefSnapshot>, copy: &RefSnapshot) -> RestorationOutcome {
    let empty = RefSnapshot::empty();
    let changes = RefSnapshot::diff(here.unwrap_or(&empty), copy);
    let named = |object: &git::ObjectId| (!object.is_zero()).then(|| object.to_string());
    let differences = changes.iter().take(MAX_DIFFERENCES_NAMED).map(|change| ReferenceDifference {
        name: change.name.to_string(),
        here: named(&change.from),
        at_mirror: named(&change.to),
    });
    RestorationOutcome {
        restored: false,
        content_hash: copy.content_hash().as_str().to_owned(),
        recorded_hash: recorded.content_hash.clone(),
        here_is_readable: here.is_some(),
        differences: differences.collect(),
        difference_count: changes.len(),
    }
}

fn not_fetched(mirror: &MirrorServer, error: &(dyn std::error::Error + 'static)) -> Refusal {
    tracing::warn!(mirror.name = mirror.name, error = %error, "cannot fetch a repository from a mirror");
    Refusal::conflict_in(
        "mirror",
        format!(
            "What the mirror {} has could not be fetched whole; the server's log says why. Is it up, and does it have the \
             repository?",
            mirror.name
        ),
    )
}
