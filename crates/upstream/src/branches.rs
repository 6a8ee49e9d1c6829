//! Branches of a repository and which of them is the default one.

use heliostat_auth::{Caller, Refusal, RepositoryPermission};
use heliostat_git::{ObjectId, RefName};
use heliostat_storage::{Page, PageRequest, RepositoryUpdate};

use crate::repositories::branch_name;
use crate::upstream::Upstream;

/// A branch and its tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Full name.
    pub name: RefName,
    /// Where it points.
    pub tip: ObjectId,
    /// Whether a clone checks it out.
    pub is_default: bool,
}

impl Upstream {
    /// The branches of a repository whose short names contain a text, by name.
    pub async fn branches(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        text: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Branch>, Refusal> {
        let repository = self.repository(caller, key, slug).await?;
        let refs = self.refs(repository.id).await?;
        let wanted = text.unwrap_or_default().to_lowercase();
        let matching = refs.branches().filter(|(name, _)| name.short().to_lowercase().contains(&wanted));
        let (start, limit) = (index(page.start), index(page.limit));
        let mut values: Vec<Branch> = matching
            .skip(start)
            .take(limit.saturating_add(1))
            .map(|(name, tip)| Branch {
                name: name.clone(),
                tip: tip.clone(),
                is_default: name.as_str() == repository.default_branch,
            })
            .collect();
        let is_last = values.len() <= limit;
        values.truncate(limit);
        let next_start = (!is_last).then(|| page.start + values.len() as u64);
        Ok(Page { values, start: page.start, limit: page.limit, is_last, next_start })
    }

    /// The branch that a clone checks out, whether it exists yet or not.
    pub async fn default_branch(&self, caller: &Caller, key: &str, slug: &str) -> Result<RefName, Refusal> {
        let repository = self.repository(caller, key, slug).await?;
        RefName::parse(repository.default_branch).map_err(Refusal::internal)
    }

    /// Makes an existing branch the default one.
    pub async fn set_default_branch(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        branch: &str,
    ) -> Result<(), Refusal> {
        let repository = self.permitted_repository(caller, key, slug, RepositoryPermission::Admin).await?;
        let branch = branch_name(branch)?;
        if self.refs(repository.id).await?.get(branch.as_str()).is_none() {
            let message = format!("The repository has no branch {}.", branch.short());
            return Err(Refusal::not_found("branch", message));
        }
        let update = RepositoryUpdate {
            default_branch: Some(branch.as_str().to_owned()),
            ..RepositoryUpdate::default()
        };
        self.store_update(caller, repository, update, Some(branch)).await.map(drop)
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
