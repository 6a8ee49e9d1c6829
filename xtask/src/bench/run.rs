//! What every benchmark is given: the binary, how much to do, and for how long.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::generated_repository::{self, LARGE};
use super::git::Git;
use super::release_build;

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
}

impl Run {
    /// Of a binary; a repository replaces the generated large one.
    pub fn new(binary: PathBuf, rounds: usize, repositories: usize, repository: Option<PathBuf>) -> Self {
        Run { binary, repositories, rounds, repository }
    }

    /// The numbers of the rounds; fewer than were asked for when they take too long.
    pub fn rounds(&self) -> impl Iterator<Item = usize> + use<> {
        let started = Instant::now();
        let rounds = self.rounds;
        (0..rounds).take_while(move |round| {
            let goes_on = *round == 0 || started.elapsed() < MAX_ROUNDS_TIME;
            if !goes_on {
                println!("   stopped after {round} of {rounds} rounds: the time is over");
            }
            goes_on
        })
    }

    /// The large repository, on this machine.
    pub fn large_repository(&self) -> anyhow::Result<PathBuf> {
        let git = Git::without_credentials();
        let Some(path) = &self.repository else {
            return generated_repository::kept(&git, LARGE, &release_build::target_folder().join("bench"));
        };
        let path = path.canonicalize()?;
        let is_shallow = git.run(&path, &["rev-parse", "--is-shallow-repository"])?;
        ensure!(is_shallow == "false", "{} is a shallow clone", path.display());
        let is_bare = git.run(&path, &["rev-parse", "--is-bare-repository"])?;
        ensure!(is_bare == "true", "{} is not bare: make a bare clone of it first", path.display());
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_rounds_as_asked_for() {
        let run = Run::new(PathBuf::new(), 3, 1, None);
        assert_eq!(run.rounds().collect::<Vec<_>>(), [0, 1, 2]);
    }
}
