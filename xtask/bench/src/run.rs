//! What every benchmark is given: the binary, how much to do, and for how long.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::repositories::generated_repository::{self, HUGE, LARGE, Shape, TOOL};
use crate::repositories::git::{Git, branches_and_tags};
use crate::testbed::{Access, Arrival, Subject, Testbed};
use crate::workspace;

/// A benchmark begins no further round after this time.
const MAX_ROUNDS_TIME: Duration = Duration::from_secs(30 * 60);

/// A run of benchmarks.
#[derive(Debug)]
pub struct Run {
    /// The `heliostat` that is measured.
    pub binary: PathBuf,
    /// How many small repositories there are.
    pub repositories: usize,
    rounds: usize,
    repository: Option<PathBuf>,
    large_repository: Option<PathBuf>,
    /// All servers side by side, started by the first benchmark that needs them. Ends after what it serves.
    medium: OnceCell<Subject>,
    testbed: OnceCell<Testbed>,
}

/// How much is measured, and what.
#[derive(Debug, Default)]
pub struct Extent {
    /// How often ours and the yardstick take turns.
    pub rounds: usize,
    /// How many small repositories there are.
    pub repositories: usize,
    /// In place of the generated repository of 75 MB.
    pub repository: Option<PathBuf>,
    /// In place of the generated repository of 300 MB.
    pub large_repository: Option<PathBuf>,
}

impl Run {
    /// Of a binary.
    pub fn new(binary: PathBuf, extent: Extent) -> Self {
        let Extent { rounds, repositories, repository, large_repository } = extent;
        let (medium, testbed) = Default::default();
        Run { binary, repositories, rounds, repository, large_repository, medium, testbed }
    }

    /// The numbers of the rounds; fewer than were asked for when they take too long.
    pub fn rounds(&self) -> impl Iterator<Item = usize> + use<> {
        let started = Instant::now();
        let rounds = self.rounds;
        (0..rounds).take_while(move |round| {
            let goes_on = *round == 0 || started.elapsed() < MAX_ROUNDS_TIME;
            if !goes_on {
                eprintln!("   stopped after {round} of {rounds} rounds: the time is over");
            }
            goes_on
        })
    }

    /// The repository of about 75 MB, on this machine.
    pub fn large_repository(&self) -> anyhow::Result<PathBuf> {
        given_or_kept(self.repository.as_ref(), LARGE)
    }

    /// The repository of about 300 MB, on this machine.
    pub fn huge_repository(&self) -> anyhow::Result<PathBuf> {
        given_or_kept(self.large_repository.as_ref(), HUGE)
    }

    /// The repository of about 8 MB, on this machine.
    pub fn tool_repository(&self) -> anyhow::Result<PathBuf> {
        given_or_kept(None, TOOL)
    }

    /// All servers side by side.
    pub fn testbed(&self) -> anyhow::Result<&Testbed> {
        if self.testbed.get().is_none() {
            let _ = self.testbed.set(Testbed::open(self)?);
        }
        self.testbed.get().context("it was set just now")
    }

    /// All servers, and the repository of about 75 MB that all of them serve, public and private.
    pub fn medium(&self) -> anyhow::Result<(&Testbed, &Subject)> {
        let testbed = self.testbed()?;
        if self.medium.get().is_none() {
            let source = self.large_repository()?;
            let _ = self.medium.set(testbed.publish(
                "medium",
                &source,
                Access::PublicAndPrivate,
                Arrival::Pushed,
            )?);
        }
        Ok((testbed, self.medium.get().context("it was set just now")?))
    }

    /// What that repository is, in a sentence.
    pub fn medium_setting(&self) -> anyhow::Result<String> {
        let source = self.large_repository()?;
        let refs = branches_and_tags(&Git::without_credentials().refs(&source)?).len();
        Ok(format!("{}: {:.0} MiB, {refs} branches and tags.", source.display(), self.medium_size_mib()?))
    }

    /// What it occupies.
    pub fn medium_size_mib(&self) -> anyhow::Result<f64> {
        Git::without_credentials().size_mib(&self.large_repository()?)
    }
}

fn given_or_kept(given: Option<&PathBuf>, shape: Shape) -> anyhow::Result<PathBuf> {
    let git = Git::without_credentials();
    let Some(path) = given else {
        return generated_repository::kept(&git, shape, &workspace::kept_repositories());
    };
    let path = path.canonicalize().with_context(|| format!("there is no {}", path.display()))?;
    let is_shallow = git.run(&path, &["rev-parse", "--is-shallow-repository"])?;
    ensure!(is_shallow == "false", "{} is a shallow clone", path.display());
    let is_bare = git.run(&path, &["rev-parse", "--is-bare-repository"])?;
    ensure!(is_bare == "true", "{} is not bare: make a bare clone of it first", path.display());
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_rounds_as_asked_for() {
        let run = Run::new(PathBuf::new(), Extent { rounds: 3, repositories: 1, ..Extent::default() });
        assert_eq!(run.rounds().collect::<Vec<_>>(), [0, 1, 2]);
    }
}
