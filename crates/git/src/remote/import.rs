//! Bringing a repository from anywhere to an upstream: clone everything, push everything.

use std::path::Path;
use std::time::Duration;

use crate::process::{Git, SecretHeader, transfer};
use crate::remote::{FetchError, ImportError, MAX_DELETIONS_PER_PUSH, PushOverHttp, Remote, is_http};

/// How long the other server may be silent. It may have to pack a large repository before it says anything.
const STALL_LIMIT: Duration = Duration::from_mins(15);

/// Makes `into`, which must not exist, a bare repository with everything that `source` (a path or an address)
/// has. User name and password in an HTTP address are sent as a header and stored nowhere.
pub async fn clone_mirror(
    git: &Git,
    source: &str,
    into: &Path,
    mut on_progress: impl FnMut(&str) + Send,
) -> Result<(), ImportError> {
    let remote = Remote::parse(source, None).map_err(FetchError::from)?;
    let command = git.command("clone").args(["clone", "--mirror", "--progress", "--"]);
    let command = command.arg(&remote.address).arg(into).authorization(remote.authorization.as_ref());
    let ended = transfer(&command, b"", STALL_LIMIT, &mut on_progress).await.map_err(FetchError::from)?;
    if ended.status.success() {
        return Ok(());
    }
    Err(FetchError::from_failure(&remote.address, &ended.status.to_string(), &ended.stderr).into())
}

/// Makes the references at `url` those of the repository in `from`.
pub async fn push_mirror(
    git: &Git,
    from: &Path,
    url: &str,
    authorization: Option<&SecretHeader>,
    mut on_progress: impl FnMut(&str) + Send,
) -> Result<(), ImportError> {
    let remote = Remote::parse(url, authorization).map_err(FetchError::from)?;
    if is_http(&remote.address) {
        let (deletions_per_push, stall_limit) = (MAX_DELETIONS_PER_PUSH, STALL_LIMIT);
        let push = PushOverHttp { git, from, remote: &remote, deletions_per_push, stall_limit };
        return push.run(&mut on_progress).await;
    }
    let command =
        git.command("push").repository(from).args(["push", "--mirror", "--porcelain", "--progress"]);
    let command = command.args(["--", &remote.address]).authorization(remote.authorization.as_ref());
    let ended = transfer(&command, b"", STALL_LIMIT, &mut on_progress).await.map_err(FetchError::from)?;
    if ended.status.success() {
        return Ok(());
    }
    let report = String::from_utf8_lossy(&ended.stdout);
    let refused: Vec<_> = report.lines().filter_map(|line| line.strip_prefix("!\t")).collect();
    if refused.is_empty() {
        let error = FetchError::from_failure(&remote.address, &ended.status.to_string(), &ended.stderr);
        return Err(error.into());
    }
    Err(ImportError::Rejected { detail: refused.join("\n") })
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::RefName;

    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn everything_arrives() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["main", "a/b"]).await;
        workshop.run(source.path(), &["tag", "v1", "main"]);
        workshop.run(source.path(), &["update-ref", "refs/notes/x", "main"]);
        let copy = workshop.path("copy.git");
        let mut lines = 0;
        let address = source.path().to_str().expect("text");
        clone_mirror(&workshop.git, address, &copy, |_| lines += 1).await.expect("cloned");
        assert!(lines > 0);
        let main = RefName::branch("main").expect("valid");
        let target = workshop.store().create(1, &main).await.expect("created");
        let address = target.path().to_str().expect("text");
        push_mirror(&workshop.git, &copy, address, None, |_| {}).await.expect("pushed");
        assert_eq!(target.refs().await.expect("readable"), source.refs().await.expect("readable"));
        target.verify().await.expect("whole");
    }

    #[tokio::test]
    async fn failures_say_what_is_wrong() {
        let workshop = Workshop::new().await;
        let missing =
            clone_mirror(&workshop.git, "/nonexistent.git", &workshop.path("copy.git"), |_| {}).await;
        assert!(matches!(missing, Err(ImportError::Transfer(FetchError::NotFound { .. }))), "{missing:?}");
        let source = workshop.bare_with_commits("source", &["main"]).await;
        workshop.run(source.path(), &["update-ref", "refs/heliostat/x", "main"]);
        let missing = push_mirror(&workshop.git, source.path(), "/nonexistent.git", None, |_| {}).await;
        assert!(matches!(missing, Err(ImportError::Transfer(FetchError::NotFound { .. }))), "{missing:?}");
    }
}
