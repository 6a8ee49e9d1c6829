//! Many small repositories at an upstream, each pushed there by git.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::ours::farm::{Mirror, Repository, Upstream, check_refs};
use crate::ours::rest::eventually;
use crate::repositories::generated_repository::{namespace, small_ones};
use crate::repositories::git::{Git, Refs};
use crate::scratch;
use crate::side_by_side::side_by_side;

/// So many are created and pushed at once.
const PUBLISHED_AT_ONCE: usize = 4;
/// How long a mirror may take for one repository on average, before the run fails.
const TIMEOUT_PER_REPOSITORY: Duration = Duration::from_millis(500);
const MIN_TIMEOUT: Duration = Duration::from_secs(60);
/// The refs of so many repositories are compared after a synchronisation; a listing costs a process or two each.
const COMPARED: usize = 20;

/// The repositories, and where they come from.
pub struct SmallRepositories {
    /// What the upstream made of them, by number.
    pub all: Vec<Repository>,
    folder: TempDir,
}

impl SmallRepositories {
    /// Makes and pushes them.
    pub fn publish(upstream: &Upstream, count: usize) -> anyhow::Result<Self> {
        eprintln!("   making and pushing {count} small repositories");
        let folder = scratch::folder("small")?;
        let source = folder.path().join("source.git");
        small_ones(&Git::without_credentials(), count, &source)?;
        let all = side_by_side(PUBLISHED_AT_ONCE, count, |number| {
            let repository = upstream.create_repository(&format!("small-{number}"))?;
            let refs = format!("{}/heads/*:refs/heads/*", namespace(number));
            let url = repository.url(&upstream.server);
            upstream.git.run(&source, &["push", "--quiet", &url, &refs])?;
            Ok(repository)
        })?;
        Ok(SmallRepositories { all, folder })
    }

    /// The repository with all of them, each in its own namespace.
    pub fn source(&self) -> PathBuf {
        self.folder.path().join("source.git")
    }

    /// Waits until a mirror says that it has everything.
    pub fn wait_for(&self, mirror: &Mirror) -> anyhow::Result<()> {
        let timeout = TIMEOUT_PER_REPOSITORY.saturating_mul(u32::try_from(self.all.len())?);
        let done = eventually("the mirror's synchronisation", timeout.max(MIN_TIMEOUT), || {
            Ok(mirror.is_done()?.then_some(()))
        });
        done.with_context(|| format!("{:?}\n{}", mirror.progress(), mirror.server.log()))
    }

    /// Fails unless a mirror serves all of them, and some of them with the refs that were pushed first.
    pub fn check(&self, upstream: &Upstream, mirror: &Mirror) -> anyhow::Result<()> {
        for repository in &self.all {
            ensure!(mirror.is_current(repository)?, "the mirror does not have {}", repository.slug);
        }
        let all_refs = Git::without_credentials().refs(&self.source())?;
        for number in (0..self.all.len()).step_by(self.all.len().div_ceil(COMPARED)) {
            let url = self.all[number].url(&mirror.server);
            check_refs(&upstream.git, &url, &pushed_refs(&all_refs, number))?;
        }
        Ok(())
    }
}

/// What was pushed of a repository, by the names that it got at the upstream.
fn pushed_refs(all_refs: &Refs, number: usize) -> Refs {
    let prefix = namespace(number) + "/";
    let own = all_refs.iter().filter_map(|(name, object)| {
        let name = name.strip_prefix(&prefix)?;
        Some((format!("refs/{name}"), object.clone()))
    });
    own.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_not_the_beginning_of_another() {
        let refs = ["refs/bench/1/heads/main", "refs/bench/11/heads/main", "refs/bench/1/heads/b"];
        let refs = refs.map(|name| (name.to_owned(), "12".to_owned())).into();
        let names: Vec<String> = pushed_refs(&refs, 1).into_keys().collect();
        assert_eq!(names, ["refs/heads/b", "refs/heads/main"]);
    }
}
