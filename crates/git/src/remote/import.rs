//! Bringing a repository from anywhere to an upstream: clone or fetch everything, push everything.

use std::path::Path;
use std::time::Duration;

use crate::process::{Git, GitCommand, SecretHeader, transfer};
use crate::remote::{
    FetchError, ImportError, MAX_DELETIONS_PER_PUSH, PushOverHttp, Remote, SourceAccess, is_http,
};

/// How long the other server may be silent. It may have to pack a large repository before it says anything.
const STALL_LIMIT: Duration = Duration::from_mins(15);

/// Makes `into`, which must not exist, a bare repository with everything that `source` (a path or an address)
/// has. The password in an HTTP address, or what is given beside it, is sent as a header and stored nowhere.
pub async fn clone_mirror(
    git: &Git,
    source: &str,
    into: &Path,
    access: &SourceAccess,
    mut on_progress: impl FnMut(&str) + Send,
) -> Result<(), ImportError> {
    let remote = access.remote(source).map_err(FetchError::from)?;
    let command = git.command("clone").args(["clone", "--mirror", "--progress", "--"]);
    let command = access.of(command.arg(&remote.address).arg(into), &remote);
    match run(&command, &remote, &mut on_progress).await {
        // Nothing was here that could be damaged.
        Err(FetchError::Corrupt { detail } | FetchError::Incomplete { detail }) => {
            Err(FetchError::RemoteBroken { url: remote.address, detail }.into())
        }
        ended => ended.map_err(ImportError::from),
    }
}

/// Makes the bare repository in `into`, which has some of it, hold exactly what `source` has: only what is new is fetched.
pub async fn fetch_mirror(
    git: &Git,
    source: &str,
    into: &Path,
    access: &SourceAccess,
    mut on_progress: impl FnMut(&str) + Send,
) -> Result<(), ImportError> {
    let remote = access.remote(source).map_err(FetchError::from)?;
    let command = git.command("fetch").repository(into).args(["fetch", "--prune", "--force", "--no-tags"]);
    let command = command.args(["--progress", "--no-write-fetch-head", "--no-auto-maintenance"]);
    let command = command.args(["--", &remote.address, "+refs/*:refs/*"]);
    let command = access.of(command, &remote);
    run(&command, &remote, &mut on_progress).await?;
    // Which branch is the current one is not among what is fetched.
    let command = git.command("list references").args(["ls-remote", "--symref", "--"]);
    let command = access.of(command.args([&remote.address, "HEAD"]), &remote);
    let listed = command.run().await.map_err(FetchError::from)?.stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let head = listed.lines().find_map(|line| line.strip_prefix("ref: ")?.strip_suffix("\tHEAD"));
    if let Some(head) = head {
        let command = git.command("set HEAD").repository(into).args(["symbolic-ref", "HEAD", head]);
        command.run().await.map_err(FetchError::from)?;
    }
    Ok(())
}

async fn run(
    command: &GitCommand,
    remote: &Remote,
    on_progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), FetchError> {
    let ended = transfer(command, b"", STALL_LIMIT, on_progress).await?;
    if ended.status.success() {
        return Ok(());
    }
    Err(FetchError::from_failure(&remote.address, &ended.status.to_string(), &ended.stderr))
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
        clone_mirror(&workshop.git, address, &copy, &SourceAccess::default(), |_| lines += 1)
            .await
            .expect("cloned");
        assert!(lines > 0);
        let main = RefName::branch("main").expect("valid");
        let target = workshop.store().create(1, &main).await.expect("created");
        let address = target.path().to_str().expect("text");
        push_mirror(&workshop.git, &copy, address, None, |_| {}).await.expect("pushed");
        assert_eq!(target.refs().await.expect("readable"), source.refs().await.expect("readable"));
        target.verify().await.expect("whole");
    }

    #[tokio::test]
    async fn what_is_here_becomes_the_same_again() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["main", "old"]).await;
        let copy = workshop.path("copy.git");
        let address = source.path().to_str().expect("text");
        clone_mirror(&workshop.git, address, &copy, &SourceAccess::default(), |_| {}).await.expect("cloned");
        workshop.commit(&source, "trunk");
        workshop.run(source.path(), &["branch", "-D", "old"]);
        workshop.run(source.path(), &["symbolic-ref", "HEAD", "refs/heads/trunk"]);
        fetch_mirror(&workshop.git, address, &copy, &SourceAccess::default(), |_| {}).await.expect("fetched");
        let listed = |path: &Path| workshop.run(path, &["for-each-ref"]);
        assert_eq!(listed(&copy), listed(source.path()));
        assert_eq!(workshop.run(&copy, &["symbolic-ref", "HEAD"]).trim(), "refs/heads/trunk");
        let missing =
            fetch_mirror(&workshop.git, "/nonexistent.git", &copy, &SourceAccess::default(), |_| {}).await;
        assert!(matches!(missing, Err(ImportError::Transfer(FetchError::NotFound { .. }))), "{missing:?}");
    }

    #[tokio::test]
    async fn failures_say_what_is_wrong() {
        let workshop = Workshop::new().await;
        let missing = clone_mirror(
            &workshop.git,
            "/nonexistent.git",
            &workshop.path("copy.git"),
            &SourceAccess::default(),
            |_| {},
        )
        .await;
        assert!(matches!(missing, Err(ImportError::Transfer(FetchError::NotFound { .. }))), "{missing:?}");
        let damaged = workshop.bare_with_commits("damaged", &["main"]).await;
        let commit = workshop.run(damaged.path(), &["rev-parse", "main"]);
        let (folder, file) = commit.trim().split_at(2);
        let object = damaged.path().join("objects").join(folder).join(file);
        std::fs::remove_file(&object).expect("it lies alone");
        std::fs::write(&object, "no object").expect("a file can be written");
        let address = format!("file://{}", damaged.path().display());
        let broken = clone_mirror(
            &workshop.git,
            &address,
            &workshop.path("copy.git"),
            &SourceAccess::default(),
            |_| {},
        )
        .await;
        let Err(ImportError::Transfer(FetchError::RemoteBroken { url, detail })) = broken else {
            panic!("the source is damaged, and nothing here: {broken:?}");
        };
        assert!(url == address && !detail.contains("Cloning into"), "{url}: {detail}");
        let source = workshop.bare_with_commits("source", &["main"]).await;
        workshop.run(source.path(), &["update-ref", "refs/heliostat/x", "main"]);
        let missing = push_mirror(&workshop.git, source.path(), "/nonexistent.git", None, |_| {}).await;
        assert!(matches!(missing, Err(ImportError::Transfer(FetchError::NotFound { .. }))), "{missing:?}");
    }
}
