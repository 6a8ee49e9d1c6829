//! `heliostat mirror held-back|confirm-removal|rescue`: what only a mirror still has of an upstream that was restored
//! from a backup, how to bring it back, and how to let it go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use heliostat_git::Git;
use heliostat_peer::counted;
use serde_json::{Value, json};
use url::Url;

use super::api;
use super::connection::MirrorConnection;
use super::mirror_settings::FollowedUpstream;
use super::repository::{RepositoryName, clone_url};
use crate::client::Client;
use crate::local_git::UserGit;
use crate::output::{self, Column};

/// References of a repository that are named; the others are counted.
const MAX_NAMED_REFS: usize = 5;
/// Objects that git is told of at once: arguments of a process have a limit.
const MAX_TIPS_ASKED: usize = 1_000;

const COLUMNS: [Column; 6] = [
    Column::text("ID", "/repositoryId"),
    Column::text("PROJECT", "/projectKey"),
    Column::text("SLUG", "/slug"),
    Column::text("REASON", "/reason"),
    Column::time("SINCE", "/since"),
    Column::text("GENERATION", "/generation"),
];

const RESCUED: [Column; 5] = [
    Column::text("REPOSITORY", "/repository"),
    Column::text("REASON", "/reason"),
    Column::text("COMMITS", "/commits"),
    Column::text("REFERENCES", "/references"),
    Column::text("BUNDLE", "/bundle"),
];

/// What to rescue, and to where.
#[derive(Debug, Args)]
pub struct Rescue {
    /// Directory to write a bundle of each repository to [default: only tell what there is].
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    git: PathBuf,
    #[command(flatten)]
    connection: MirrorConnection,
}

/// Lists what is held back.
pub async fn show(connection: MirrorConnection) -> anyhow::Result<()> {
    let upstream = FollowedUpstream::of(connection).await?;
    let held = list(&upstream).await?;
    print(&upstream, &held);
    if count(&held, "count") + count(&held, "unrecordedCount") > 0 {
        let token = held.get("token").and_then(Value::as_str).unwrap_or_default();
        output::hint(&format!(
            "See what only the mirror has by: heliostat mirror rescue\n\
             Let it go and follow the upstream as it is now by: heliostat mirror confirm-removal {token}"
        ));
    }
    Ok(())
}

/// Lets what is held back go, if it is still what the token stands for.
pub async fn confirm(token: &str, connection: MirrorConnection) -> anyhow::Result<()> {
    let upstream = FollowedUpstream::of(connection).await?;
    let path = upstream.path(&["heldBack", "confirmation"]);
    let left = upstream.client().post(&path).body(json!({ "token": token })).send().await?;
    print(&upstream, &left);
    Ok(())
}

fn print(upstream: &FollowedUpstream, held: &Value) {
    let repositories = held.get("repositories").and_then(Value::as_array).cloned().unwrap_or_default();
    upstream.output().list(&repositories, &COLUMNS);
    let (named, all) = (repositories.len() as u64, count(held, "count"));
    if all > named {
        output::hint(&format!("{} not named.", counted(all - named, "more is", "more are")));
    }
    match count(held, "unrecordedCount") {
        0 => {}
        unrecorded => {
            let repositories = counted(unrecorded, "repository", "repositories");
            output::hint(&format!("No record tells of {repositories} on its disk."));
        }
    }
}

fn count(held: &Value, name: &str) -> u64 {
    held.get(name).and_then(Value::as_u64).unwrap_or(0)
}

async fn list(upstream: &FollowedUpstream) -> anyhow::Result<Value> {
    Ok(upstream.client().get(&upstream.path(&["heldBack"])).send().await?)
}

/// What a mirror says of one repository that it holds back; `None` if it does not.
pub async fn entry_of(mirror: &Client, upstream: &str, repository: &str) -> anyhow::Result<Option<Value>> {
    let place = ["upstreamServers", upstream, "heldBack"];
    let held = mirror.get(&api::path(&api::MIRRORING, &place)).send().await?;
    let named = held.get("repositories").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_this_one = |entry: &&Value| entry.get("repositoryId").and_then(Value::as_str) == Some(repository);
    let found = named.iter().find(is_this_one).cloned();
    if found.is_none() && count(&held, "count") > named.len() as u64 {
        bail!("the mirror holds back more repositories than it names");
    }
    Ok(found)
}

/// Why a repository is held back, in words.
pub fn meaning(entry: &Value) -> &'static str {
    match entry.get("reason").and_then(Value::as_str) {
        Some("MISSING") => "the upstream does not know it any more, and has not said that it was deleted",
        Some("FELL_BACK") => "the upstream has less of it than it had",
        Some("REPLACED") => "the upstream has another repository with its id",
        _ => "the upstream has lost something of it",
    }
}

/// Tells which commits and references only the mirror has, and writes them down.
pub async fn rescue(command: Rescue) -> anyhow::Result<()> {
    let git = Git::discover(&command.git).await?;
    let upstream = FollowedUpstream::of(command.connection).await?;
    let held = list(&upstream).await?;
    let work = Work {
        git: UserGit::of(&git).authorized(upstream.authorization()),
        mirror: upstream.client().base_url().clone(),
        upstream: upstream.base_url()?,
        to: command.to,
    };
    if let Some(to) = &work.to {
        std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    }
    let mut rescued = Vec::new();
    let mut failed = 0_usize;
    for repository in held.get("repositories").and_then(Value::as_array).into_iter().flatten() {
        match work.rescue(repository).await {
            Ok(found) => rescued.push(found),
            Err(error) => {
                failed += 1;
                output::print_error(&error);
            }
        }
    }
    upstream.output().list(&rescued, &RESCUED);
    if work.to.is_some() && !rescued.is_empty() {
        output::hint(
            "A whole repository comes back by: heliostat repository import BUNDLE --project KEY --name NAME\n\
             Single references come back in a clone of the upstream: git fetch BUNDLE 'refs/*:refs/rescued/*', then push",
        );
    }
    match failed {
        0 => Ok(()),
        failed => bail!("{} could not be read", counted(failed, "repository", "repositories")),
    }
}

struct Work {
    git: UserGit,
    mirror: Url,
    upstream: Url,
    to: Option<PathBuf>,
}

impl Work {
    async fn rescue(&self, held: &Value) -> anyhow::Result<Value> {
        let text = |name: &str| held.get(name).and_then(Value::as_str).unwrap_or_default();
        let repository =
            RepositoryName { project: text("projectKey").to_owned(), slug: text("slug").to_owned() };
        let folder = tempfile::tempdir().context("cannot make a temporary directory")?;
        let copy = folder.path().join("copy.git");
        let address = clone_url(&self.mirror, &repository);
        let into = copy.to_str().context("the path of the temporary directory is not UTF-8")?;
        self.git
            .run(folder.path(), &["clone", "--quiet", "--mirror", "--", address.as_str(), into])
            .await
            .with_context(|| format!("cannot read {repository} on the mirror"))?;

        // Of a repository that is still there, the upstream may have a part.
        let there = match text("reason") {
            "FELL_BACK" => {
                self.refs_at(folder.path(), clone_url(&self.upstream, &repository).as_str()).await?
            }
            _ => BTreeSet::new(),
        };
        let here = self.refs_at(folder.path(), into).await?;
        let only_here: Vec<_> = here.difference(&there).collect();
        let commits = self.commits_only_here(&copy, &there).await?;
        let bundle = self.bundle(&copy, &repository, &here).await?;
        Ok(json!({
            "repository": repository.to_string(),
            "reason": text("reason"),
            "commits": commits,
            "references": named(&only_here),
            "bundle": bundle,
        }))
    }

    /// What `git ls-remote` prints of references, line by line.
    async fn refs_at(&self, folder: &Path, address: &str) -> anyhow::Result<BTreeSet<String>> {
        let listed = self.git.run(folder, &["ls-remote", "--quiet", "--refs", "--", address]).await?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    async fn commits_only_here(&self, copy: &Path, there: &BTreeSet<String>) -> anyhow::Result<u64> {
        let tips = there.iter().filter_map(|line| line.split_whitespace().next()).take(MAX_TIPS_ASKED);
        let mut arguments = vec!["rev-list", "--count", "--all", "--ignore-missing", "--not"];
        arguments.extend(tips);
        let counted = self.git.run_on(copy, &arguments).await?;
        counted.trim().parse().context("git does not count commits")
    }

    async fn bundle(
        &self,
        copy: &Path,
        repository: &RepositoryName,
        here: &BTreeSet<String>,
    ) -> anyhow::Result<Option<String>> {
        // git makes no bundle of nothing.
        let Some(to) = self.to.as_ref().filter(|_| !here.is_empty()) else { return Ok(None) };
        let file = to.join(format!("{}-{}.bundle", repository.project, repository.slug));
        let file = std::path::absolute(&file)?;
        let name = file.to_str().context("the path of the directory is not UTF-8")?;
        self.git.run_on(copy, &["bundle", "create", "--quiet", name, "--all"]).await?;
        Ok(Some(name.to_owned()))
    }
}

/// The names of references, and how many more there are.
fn named(only_here: &[&String]) -> String {
    let names = only_here.iter().filter_map(|line| line.split_whitespace().nth(1));
    let mut text = names.take(MAX_NAMED_REFS).collect::<Vec<_>>().join(", ");
    if only_here.len() > MAX_NAMED_REFS {
        text += &format!(" and {} more", only_here.len() - MAX_NAMED_REFS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_references_are_counted() {
        let lines: Vec<String> = (0..7).map(|number| format!("abc\trefs/heads/b{number}")).collect();
        let lines: Vec<&String> = lines.iter().collect();
        assert_eq!(named(&lines[..1]), "refs/heads/b0");
        assert!(named(&lines).ends_with("refs/heads/b4 and 2 more"));
    }
}
