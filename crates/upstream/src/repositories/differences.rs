//! What a mirror knows otherwise: its digests of parts of the repositories are compared with those of the records.
//!
//! Everything is read a few parts at a time and in the order of ids, so that memory does not grow with the repositories.
//! Nothing is remembered between two comparisons: what the database has is compared, whichever process has written it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use heliostat_peer::{PART_REPOSITORIES, PartDigest, ToldProject, ToldRepository, ids_of_part, part_of};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    ComparedRepository, Project, ProjectId, Repository, RepositoryId, RepositoryRecords,
};

use super::records::Repositories;
use crate::permit::MirrorCaller;

/// How many repositories are compared at once. Parts that are cut by this are read again with those that follow.
const COMPARED_AT_ONCE: u64 = 8 * PART_REPOSITORIES as u64;

/// What a mirror knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryComparison {
    /// The projects that it follows; `None` stands for all.
    pub projects: Option<BTreeSet<ProjectId>>,
    /// Its digests, by the number of the part.
    pub digests: BTreeMap<i32, String>,
}

/// A part of which the records say something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferingPart {
    /// Its number.
    pub part: i32,
    /// All of its repositories that the mirror follows.
    pub repositories: Vec<Repository>,
}

/// The parts that differ, found one after the other.
#[derive(Debug)]
pub struct RepositoryDifferences {
    store: RepositoryRecords,
    projects: HashMap<ProjectId, Project>,
    followed: Option<BTreeSet<ProjectId>>,
    /// Digests of the mirror that were not compared yet.
    digests: BTreeMap<i32, String>,
    /// Parts that differ and were not told yet.
    differing: VecDeque<i32>,
    /// Where to read on; `None` at the end.
    from: Option<RepositoryId>,
    /// How many repositories are compared at once.
    pub(crate) compared_at_once: u64,
}

impl Repositories {
    /// Begins to compare what a mirror knows with the records.
    pub async fn differences(
        &self,
        _: MirrorCaller<'_>,
        comparison: RepositoryComparison,
    ) -> Result<RepositoryDifferences, Refusal> {
        let projects = self.records.every_project().await?;
        Ok(RepositoryDifferences {
            store: self.records.clone(),
            projects: projects.into_iter().map(|project| (project.id, project)).collect(),
            followed: comparison.projects,
            digests: comparison.digests,
            differing: VecDeque::new(),
            from: Some(RepositoryId(0)),
            compared_at_once: COMPARED_AT_ONCE,
        })
    }
}

impl RepositoryDifferences {
    /// The next part that differs; `None` when all were compared.
    pub async fn next(&mut self) -> Result<Option<DifferingPart>, Refusal> {
        loop {
            if let Some(part) = self.differing.pop_front() {
                return self.told(part).await.map(Some);
            }
            match self.from {
                Some(from) => self.compare_from(from).await?,
                // The mirror has something where there is nothing any more.
                None => {
                    let unknown = self.digests.pop_first();
                    return Ok(unknown.map(|(part, _)| DifferingPart { part, repositories: Vec::new() }));
                }
            }
        }
    }

    async fn told(&self, part: i32) -> Result<DifferingPart, Refusal> {
        let (first, last) = ids_of_part(part);
        let mut repositories =
            self.store.announced_repositories(RepositoryId(first), RepositoryId(last)).await?;
        repositories.retain(|repository| self.follows(repository.project.id));
        Ok(DifferingPart { part, repositories })
    }

    async fn compare_from(&mut self, from: RepositoryId) -> Result<(), Refusal> {
        let read = self.store.compared_repositories(from, self.compared_at_once).await?;
        let is_the_end = (read.len() as u64) < self.compared_at_once;
        let mut parts: Vec<_> = read.chunk_by(|one, next| part_of(one.id.0) == part_of(next.id.0)).collect();
        let cut = if is_the_end { None } else { parts.pop() };
        self.from = cut.map(|cut| RepositoryId(ids_of_part(part_of(cut[0].id.0)).0));
        for repositories in parts {
            let part = part_of(repositories[0].id.0);
            if self.digest(repositories) != self.digests.remove(&part) {
                self.differing.push_back(part);
            }
        }
        Ok(())
    }

    /// The digest of the repositories that the mirror follows; `None` if there are none.
    fn digest(&self, repositories: &[ComparedRepository]) -> Option<String> {
        let mut digest = None;
        for repository in repositories.iter().filter(|repository| self.follows(repository.project_id)) {
            let project = self.told_project(repository.project_id);
            digest.get_or_insert_with(PartDigest::default).add(&told_repository(repository, project));
        }
        digest.map(PartDigest::finish)
    }

    /// One that was made a moment ago is not known, and the part of its repositories differs.
    fn told_project(&self, id: ProjectId) -> ToldProject<'_> {
        match self.projects.get(&id) {
            Some(Project { key, name, public, .. }) => ToldProject { id: id.0, key, name, public: *public },
            None => ToldProject { id: id.0, key: "", name: "", public: false },
        }
    }

    fn follows(&self, project: ProjectId) -> bool {
        self.followed.as_ref().is_none_or(|followed| followed.contains(&project))
    }
}

fn told_repository<'a>(repository: &'a ComparedRepository, project: ToldProject<'a>) -> ToldRepository<'a> {
    ToldRepository {
        content_hash: &repository.content_hash,
        default_branch: Some(&repository.default_branch),
        generation: repository.generation.0,
        id: repository.id.0,
        identity: Some(repository.identity.as_str()),
        metadata_hash: &repository.metadata_hash,
        name: &repository.name,
        project,
        public: repository.public,
        purge: repository.purge_number,
        slug: &repository.slug,
    }
}
