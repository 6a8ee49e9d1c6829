//! Branches of a repository, in which order they are listed, and which of them is the default one.

use std::collections::HashMap;
use std::sync::Arc;

use heliostat_git::{ClientKey, ObjectId, RefName};
use heliostat_refusal::Refusal;
use heliostat_storage::{Page, PageRequest, Repository, RepositoryUpdate};

use super::records::{Repositories, branch_name};
use crate::permit::{Reader, RepositoryAdministrator};

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

/// How branches are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BranchOrder {
    /// By name.
    #[default]
    Name,
    /// Those first whose last commit is the youngest.
    Youngest {
        /// Whose work it is to look at all of them.
        client: ClientKey,
    },
}

/// Which branches are wanted, and in which order.
#[derive(Debug, Clone, Default)]
pub struct BranchQuery {
    /// Only those whose short names contain this text, in upper or lower case.
    pub text: String,
    /// The order.
    pub order: BranchOrder,
    /// Whether whole and leading matches of the text come before all others.
    pub boost_matches: bool,
}

impl Repositories {
    /// The branches of a repository that a query asks for.
    pub async fn branches(
        &self,
        reader: &Reader<'_>,
        query: BranchQuery,
        page: PageRequest,
    ) -> Result<Page<Branch>, Refusal> {
        let repository = reader.repository();
        let refs = self.changes.refs(repository).await?;
        let wanted = query.text.to_lowercase();
        let mut matching: Vec<_> =
            refs.branches().filter(|(name, _)| name.short().to_lowercase().contains(&wanted)).collect();
        if let BranchOrder::Youngest { client } = query.order
            && matching.len() > 1
        {
            let by_age = self.changes.open_git(repository.id).await?.asked_by(client).branches_by_age().await;
            let by_age = by_age.map_err(Refusal::internal)?;
            let places: HashMap<&RefName, usize> =
                by_age.iter().enumerate().map(|(place, name)| (name, place)).collect();
            // A branch that came or went since the refs were recorded is the youngest or listed no more.
            matching.sort_by_key(|(name, _)| places.get(name).map_or(0, |place| place + 1));
        }
        if query.boost_matches && !wanted.is_empty() {
            // The sort is stable: within each rank the order stays.
            matching.sort_by_key(|(name, _)| match_rank(&name.short().to_lowercase(), &wanted));
        }
        let (start, limit) = (index(page.start), index(page.limit));
        let mut values: Vec<Branch> = matching
            .into_iter()
            .skip(start)
            .take(limit.saturating_add(1))
            .map(|(name, tip)| branch_of(repository, name, tip))
            .collect();
        let is_last = values.len() <= limit;
        values.truncate(limit);
        let next_start = (!is_last).then(|| page.start + values.len() as u64);
        Ok(Page { values, start: page.start, limit: page.limit, is_last, next_start })
    }

    /// The branch that a clone checks out, whether it exists yet or not.
    pub fn default_branch(&self, reader: &Reader<'_>) -> Result<RefName, Refusal> {
        RefName::parse(reader.repository().default_branch.clone()).map_err(Refusal::internal)
    }

    /// The branch that a clone checks out and where it points, once it exists.
    pub async fn default_branch_with_tip(&self, reader: &Reader<'_>) -> Result<Branch, Refusal> {
        let repository = reader.repository();
        let name = RefName::parse(repository.default_branch.clone()).map_err(Refusal::internal)?;
        let refs = self.changes.refs(repository).await?;
        let tip = refs.get(name.as_str()).ok_or_else(|| {
            let message = format!("Nothing was pushed to the default branch {} yet.", name.short());
            Refusal::not_found("branch", message)
        })?;
        Ok(branch_of(repository, &name, tip))
    }

    /// Makes an existing branch the default one.
    pub async fn set_default_branch(
        self: &Arc<Self>,
        administrator: &RepositoryAdministrator<'_>,
        branch: &str,
    ) -> Result<(), Refusal> {
        let branch = branch_name("id", branch)?;
        if self.changes.refs(administrator.repository()).await?.get(branch.as_str()).is_none() {
            let message = format!("The repository has no branch {}.", branch.short());
            return Err(Refusal::not_found("branch", message));
        }
        let update = RepositoryUpdate {
            default_branch: Some(branch.as_str().to_owned()),
            ..RepositoryUpdate::default()
        };
        self.store_update(administrator, update, Some(branch)).await.map(drop)
    }
}

/// A branch of a repository as its record knows it.
pub(crate) fn branch_of(repository: &Repository, name: &RefName, tip: &ObjectId) -> Branch {
    let is_default = name.as_str() == repository.default_branch;
    Branch { name: name.clone(), tip: tip.clone(), is_default }
}

fn match_rank(name: &str, wanted: &str) -> u8 {
    match name.strip_prefix(wanted) {
        Some("") => 0,
        Some(_) => 1,
        None => 2,
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
