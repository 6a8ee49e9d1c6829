//! Pushes a commit to the upstream with real git, and measures when the mirror serves it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::stage::Upstream;
use crate::admin::repository::{RepositoryName, clone_url};
use crate::client::Client;
use crate::local_git::UserGit;

/// Far above what it takes; a sweep would have brought the commit by then.
const SERVE_TIMEOUT: Duration = Duration::from_secs(120);
/// Short, because it limits how exact the measurement is.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Who pushes, and where it should arrive.
pub struct FollowedPush<'a> {
    /// The client.
    pub git: UserGit,
    /// Where it pushes to.
    pub upstream: &'a Upstream,
    /// Where the commit should arrive.
    pub mirror: &'a Client,
    /// What it pushes to.
    pub repository: &'a RepositoryName,
}

impl FollowedPush<'_> {
    /// Pushes a commit to the default branch, waits for it on the mirror, and tells how long that took.
    pub async fn run(&self, scratch: &Path) -> anyhow::Result<String> {
        let url = clone_url(self.upstream.admin.base_url(), self.repository);
        let clone = scratch.join("push.git");
        // Bare and shallow: whatever the size of the repository, only the last commit comes.
        let arguments = ["clone", "--quiet", "--bare", "--depth=1", url.as_str(), "push.git"];
        self.git.run(scratch, &arguments).await?;
        let branch = self.git.run(&clone, &["symbolic-ref", "HEAD"]).await?;
        let commit = self.commit(&clone).await?;

        let pusher = self.git.clone().authorized(&self.upstream.authorization);
        let pushing_since = Instant::now();
        pusher.run(&clone, &["push", "--quiet", url.as_str(), &format!("{commit}:{branch}")]).await?;
        let acknowledged_at = Instant::now();
        self.wait_until_served(&commit, &branch).await?;
        let behind_ms = acknowledged_at.elapsed().as_millis();
        let push_ms = acknowledged_at.duration_since(pushing_since).as_millis();
        let short = commit.get(..10).unwrap_or(&commit);
        let branch = branch.trim_start_matches("refs/heads/");
        Ok(format!(
            "Pushed {short} to {branch} of the upstream in {push_ms} ms; \
             {behind_ms} ms after git was done, the mirror served it"
        ))
    }

    /// A commit on top of the clone's branch that changes no file.
    async fn commit(&self, clone: &Path) -> anyhow::Result<String> {
        let arguments = [
            "-c",
            "user.name=Heliostat",
            "-c",
            "user.email=demo@heliostat.invalid",
            "commit-tree",
            "-p",
            "HEAD",
            "-m",
            "See how fast the mirror follows",
            "HEAD^{tree}",
        ];
        self.git.run(clone, &arguments).await.context("cannot make a commit")
    }

    /// Asks the mirror for its refs, as every fetch does first, until the commit is among them.
    async fn wait_until_served(&self, commit: &str, branch: &str) -> anyhow::Result<()> {
        let url = clone_url(self.mirror.base_url(), self.repository);
        let anonymous = Client::new(url, None);
        let wanted = format!("{commit} {branch}");
        let give_up_at = Instant::now() + SERVE_TIMEOUT;
        while Instant::now() < give_up_at {
            let refs = anonymous.get(&["info", "refs"]).query("service", "git-upload-pack").text().await?;
            if refs.contains(&wanted) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        bail!("the mirror did not serve the commit {commit} within {} s", SERVE_TIMEOUT.as_secs())
    }
}
