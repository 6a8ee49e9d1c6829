//! Pushes everything over HTTP in a time that grows with the number of references and not with its square.
//!
//! `git push` spells every reference out to the helper that speaks HTTP, and the helper's `send-pack` compares each
//! of these with every reference here and there: hours for 200,000. The helper takes a pattern as well, for which
//! `send-pack` looks names up; so we talk to the helper ourselves, in its own language (gitremote-helpers(7)).
//!
//! A reference that only the other side has must still be spelled out to be deleted, so very many deletions remain
//! slow. They go in rounds: silence then means that nothing happens any more, and progress is told between them.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};

use crate::process::{
    Git, GitCommand, GitError, Lane, Patience, Progress, WorkWatch, is_about_damage, read_progress,
};
use crate::remote::{FetchError, ImportError, Remote};

/// How many references are deleted by one push: with 200,000 references on the other side that takes two minutes.
pub(crate) const MAX_DELETIONS_PER_PUSH: usize = 500;

/// How many refused references an error lists; the others are counted.
const MAX_REFUSALS_LISTED: usize = 200;

/// Everything here becomes the same there, whatever was there.
const EVERYTHING: &[u8] = b"push +refs/*:refs/*\n";

/// What the helper says of references that it was not asked to push.
const NOT_ASKED_FOR: &str = "no match";

/// One push of everything.
pub(crate) struct PushOverHttp<'a> {
    pub(crate) git: &'a Git,
    pub(crate) from: &'a Path,
    pub(crate) remote: &'a Remote,
    pub(crate) deletions_per_push: usize,
    pub(crate) stall_limit: Duration,
}

/// A name of a reference, as it is on the wire.
type Name = Vec<u8>;

/// What came of one round.
struct Round {
    /// One text for each reference that was refused.
    refused: Vec<String>,
    /// How many references wait for another round.
    left: usize,
}

/// Whether the helper can be asked to push to this address.
pub(crate) fn is_http(address: &str) -> bool {
    helper(address).is_some()
}

impl PushOverHttp<'_> {
    /// Makes the references there those of here.
    pub(crate) async fn run(&self, on_progress: Progress<'_>) -> Result<(), ImportError> {
        let here = self.names_here().await.map_err(FetchError::from)?;
        let (mut deleted, mut refused) = (HashSet::new(), Vec::new());
        loop {
            let round = self.round(&here, &mut deleted, on_progress).await?;
            refused.extend(round.refused);
            if round.left == 0 {
                break;
            }
            on_progress(&format!("references still to be deleted: {}", round.left));
        }
        if refused.is_empty() { Ok(()) } else { Err(ImportError::Rejected { detail: listed(&refused) }) }
    }

    async fn names_here(&self) -> Result<HashSet<Name>, GitError> {
        let command = self.git.command("list references").repository(self.from);
        let listed = command.args(["for-each-ref", "--format=%(refname)"]).run().await?;
        let names = listed.stdout.split(|byte| *byte == b'\n').filter(|name| !name.is_empty());
        Ok(names.map(<[u8]>::to_vec).collect())
    }

    /// Deletes what is only there; pushes everything if that was all. `deleted` are the names that were tried before.
    async fn round(
        &self,
        here: &HashSet<Name>,
        deleted: &mut HashSet<Name>,
        on_progress: Progress<'_>,
    ) -> Result<Round, ImportError> {
        let command = self.command();
        let operation = command.operation();
        let io_error = |error| GitError::Io { operation, error };
        let mut process = command.spawn(Lane::Own).await.map_err(FetchError::from)?;
        let stdin = process.stdin.take().expect("spawned with a piped stdin");
        let stdout = process.stdout.take().expect("spawned with a piped stdout");
        let stderr = process.stderr.take().expect("spawned with a piped stderr");
        let talk = async { self.talk(stdin, stdout, here, deleted).await.map_err(io_error) };
        let work = WorkWatch::of(process.id());
        let patience = Patience { operation, stall_limit: self.stall_limit, work };
        let said = read_progress(stderr, patience, on_progress);
        let (round, said) = tokio::try_join!(talk, said).map_err(FetchError::from)?;
        let status = tokio::time::timeout(self.stall_limit, process.wait()).await;
        let status = status.map_err(|_| FetchError::Timeout(self.stall_limit))?;
        let status = status.map_err(io_error).map_err(FetchError::from)?;
        if !status.success() && is_about_the_source(&said) {
            return Err(ImportError::Source { detail: said.trim().to_owned() });
        }
        match round {
            Some(round) if status.success() || !round.refused.is_empty() => Ok(round),
            _ => Err(FetchError::from_failure(&self.remote.address, &status.to_string(), &said).into()),
        }
    }

    fn command(&self) -> GitCommand {
        let address = &self.remote.address;
        let helper = helper(address).expect("only HTTP addresses come here");
        let command = self.git.command("push").repository(self.from);
        // The first is the name under which git would look for settings of the other repository.
        command.args([helper, address, address]).authorization(self.remote.authorization.as_ref())
    }

    /// The conversation; `None` if the helper left before it had listed what is there.
    async fn talk(
        &self,
        mut stdin: ChildStdin,
        stdout: ChildStdout,
        here: &HashSet<Name>,
        deleted: &mut HashSet<Name>,
    ) -> io::Result<Option<Round>> {
        let mut stdout = BufReader::new(stdout);
        // A helper that stops reading has a reason, which its exit status tells better than the broken pipe.
        stdin.write_all(b"option progress true\noption verbosity 1\nlist for-push\n").await.ok();
        let mut only_there = Vec::new();
        let is_complete = each_line_of_answer(&mut stdout, |line| {
            let name = line.iter().position(|byte| *byte == b' ').map(|space| &line[space + 1..]);
            let name = name.filter(|name| name.starts_with(b"refs/") && !here.contains(*name));
            only_there.extend(name.filter(|name| !deleted.contains(*name)).map(<[u8]>::to_vec));
        })
        .await?;
        if !is_complete {
            return Ok(None);
        }
        let now = only_there.len().min(self.deletions_per_push);
        let left = only_there.len() - now;
        let mut wanted = Vec::new();
        for name in only_there.drain(..now) {
            wanted.extend([b"push :", &name[..], b"\n"].concat());
            deleted.insert(name);
        }
        // Git calls it an error to push when nothing is here and nothing there.
        if left == 0 && !here.is_empty() {
            wanted.extend(EVERYTHING);
        }
        wanted.extend(b"\n");
        stdin.write_all(&wanted).await.ok();
        let mut refused = Vec::new();
        each_line_of_answer(&mut stdout, |line| refused.extend(refusal(line))).await?;
        // An empty line ends the conversation.
        stdin.write_all(b"\n").await.ok();
        Ok(Some(Round { refused, left }))
    }
}

/// Whether what git says is about the repository from which is pushed. The other server only sees the connection break.
fn is_about_the_source(said: &str) -> bool {
    let phrases = ["unable to read ", "Could not read ", "Failed to traverse parents", "promisor remote"];
    let is_ours = |line: &&str| !line.starts_with("remote:") && !line.contains("Could not read from remote");
    said.lines()
        .filter(is_ours)
        .any(|line| phrases.iter().any(|phrase| line.contains(phrase)) || is_about_damage(line))
}

/// The git command that speaks to this address.
fn helper(address: &str) -> Option<&'static str> {
    let (scheme, _) = address.split_once("://")?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Some("remote-http"),
        "https" => Some("remote-https"),
        _ => None,
    }
}

/// Reads up to the empty line that ends an answer; false if it did not come.
async fn each_line_of_answer(
    stdout: &mut BufReader<ChildStdout>,
    mut on_line: impl FnMut(&[u8]),
) -> io::Result<bool> {
    let mut line = Vec::new();
    loop {
        line.clear();
        stdout.read_until(b'\n', &mut line).await?;
        match line.strip_suffix(b"\n") {
            Some(b"") => return Ok(true),
            Some(line) => on_line(line),
            None => return Ok(false),
        }
    }
}

/// What `error refs/heads/main non-fast forward` says, for people.
fn refusal(line: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(line);
    let (name, reason) = text.strip_prefix("error ")?.split_once(' ')?;
    (reason != NOT_ASKED_FOR).then(|| format!("{name}: {}", reason.trim_matches('"')))
}

fn listed(refused: &[String]) -> String {
    let mut text = refused[..refused.len().min(MAX_REFUSALS_LISTED)].join("\n");
    if refused.len() > MAX_REFUSALS_LISTED {
        text.push_str(&format!("\nand {} more", refused.len() - MAX_REFUSALS_LISTED));
    }
    text
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::ObjectFormat;

    use super::*;
    use crate::fixture::Workshop;
    use crate::fixture_http::HttpServer;
    use crate::repository::Repository;

    const STALL_LIMIT: Duration = Duration::from_secs(60);

    /// Pushes everything, two deletions at a time.
    async fn push(workshop: &Workshop, from: &Repository, url: &str) -> Result<Vec<String>, ImportError> {
        let remote = Remote::parse(url, None).expect("valid");
        let (git, from) = (&workshop.git, from.path());
        let push =
            PushOverHttp { git, from, remote: &remote, deletions_per_push: 2, stall_limit: STALL_LIMIT };
        let mut lines = Vec::new();
        push.run(&mut |line: &str| lines.push(line.to_owned())).await?;
        Ok(lines)
    }

    fn refs(workshop: &Workshop, repository: &Repository) -> String {
        workshop.run(repository.path(), &["for-each-ref"])
    }

    #[tokio::test]
    async fn the_other_side_becomes_the_same_in_rounds() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["main", "file", "folder/a", "folder/b"]).await;
        workshop.run(source.path(), &["tag", "-a", "-m", "annotated", "v1", "main"]);
        workshop.run(source.path(), &["update-ref", "refs/notes/x", "main"]);
        let there = ["main", "file/a", "file/b", "folder", "gone/a", "gone/b", "gone/c"];
        let target = workshop.bare_with_commits("target", &there).await;
        workshop.commit(&target, "main");
        let server = HttpServer::serve(target.clone()).await;

        let lines = push(&workshop, &source, &server.url).await.expect("pushed");
        assert_eq!(refs(&workshop, &target), refs(&workshop, &source));
        target.verify().await.expect("whole");
        let told: Vec<_> = lines.iter().filter(|line| line.contains("still to be deleted")).collect();
        assert_eq!(told, ["references still to be deleted: 4", "references still to be deleted: 2"]);
        assert!(lines.iter().any(|line| line.starts_with("Writing objects")), "{lines:?}");

        let requests = server.seen().len();
        let lines = push(&workshop, &source, &server.url).await.expect("pushed again");
        assert_eq!((lines, server.seen().len()), (vec!["Everything up-to-date".to_owned()], requests + 1));
    }

    #[tokio::test]
    async fn both_object_formats_are_pushed() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_format("source", ObjectFormat::Sha256).await;
        let target = workshop.bare("target", ObjectFormat::Sha256);
        let server = HttpServer::serve(target.clone()).await;
        push(&workshop, &source, &server.url).await.expect("pushed");
        assert_eq!(refs(&workshop, &target), refs(&workshop, &source));
        target.verify().await.expect("whole");

        let other = HttpServer::serve(workshop.bare("other", ObjectFormat::Sha1)).await;
        let mixed = push(&workshop, &source, &other.url).await;
        let is_told = |error: &FetchError| error.to_string().contains("hash algorithm");
        assert!(matches!(&mixed, Err(ImportError::Transfer(error)) if is_told(error)), "{mixed:?}");
    }

    #[tokio::test]
    async fn each_refused_reference_is_told_and_the_others_arrive() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["closed", "new"]).await;
        workshop.run(source.path(), &["update-ref", "refs/heliostat/x", "new"]);
        let target = workshop.bare_with_commits("target", &["gone/a", "gone/b", "gone/c", "new"]).await;
        workshop.commit(&target, "new");
        workshop.run(target.path(), &["config", "receive.hideRefs", "refs/heads/closed"]);
        std::fs::write(target.path().join("refs/heads/gone/b.lock"), "").expect("written");
        let server = HttpServer::serve(target.clone()).await;

        let Err(ImportError::Rejected { detail }) = push(&workshop, &source, &server.url).await else {
            panic!("nothing was refused");
        };
        let refused: Vec<_> = detail.lines().collect();
        assert_eq!(
            refused,
            [
                "refs/heads/gone/b: failed to update ref",
                "refs/heads/closed: deny updating a hidden ref",
                "refs/heliostat/x: deny updating a hidden ref",
            ]
        );
        let there = workshop.run(target.path(), &["for-each-ref", "--format=%(objectname) %(refname:short)"]);
        let new = workshop.run(source.path(), &["rev-parse", "new"]);
        assert!(there.contains(&format!("{} new", new.trim())), "{there}");
        assert!(there.contains("gone/b") && there.lines().count() == 2, "{there}");
    }

    #[tokio::test]
    async fn nothing_is_pushed_from_an_empty_repository_and_what_is_there_goes() {
        let workshop = Workshop::new().await;
        let empty = workshop.bare("empty", ObjectFormat::Sha1);
        for there in [&["new", "old"][..], &[]] {
            let target = workshop.bare_with_commits(&format!("target-{}", there.len()), there).await;
            let server = HttpServer::serve(target.clone()).await;
            push(&workshop, &empty, &server.url).await.expect("pushed");
            assert_eq!(refs(&workshop, &target), "");
        }
    }

    #[tokio::test]
    async fn a_source_that_lacks_objects_is_named_and_not_the_network() {
        let workshop = Workshop::new().await;
        let target = workshop.bare("target", ObjectFormat::Sha1);
        let server = HttpServer::serve(target).await;
        for (number, revision) in ["main~1", "main~1^{tree}", "main"].into_iter().enumerate() {
            let source = workshop.bare_with_commits(&format!("source-{number}"), &["main"]).await;
            workshop.commit(&source, "main");
            workshop.commit(&source, "main");
            let object = workshop.run(source.path(), &["rev-parse", revision]);
            let (folder, file) = object.trim().split_at(2);
            let file = source.path().join("objects").join(folder).join(file);
            std::fs::remove_file(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let pushed = push(&workshop, &source, &server.url).await;
            assert!(matches!(pushed, Err(ImportError::Source { .. })), "{revision}: {pushed:?}");
        }
    }

    #[tokio::test]
    async fn failures_say_what_is_wrong() {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["main"]).await;
        let failure = async |url: &str| match push(&workshop, &source, url).await {
            Err(ImportError::Transfer(error)) => error,
            other => panic!("{url} did not fail as a transfer does: {other:?}"),
        };
        let missing = HttpServer::refuse("404 Not Found").await;
        assert!(matches!(failure(&missing.url).await, FetchError::NotFound { .. }));
        let closed = HttpServer::refuse("401 Unauthorized").await;
        assert!(matches!(failure(&closed.url).await, FetchError::Unauthorized { .. }));
        let broken = HttpServer::refuse("500 Internal Server Error").await;
        assert!(matches!(failure(&broken.url).await, FetchError::RemoteUnreachable { .. }));
    }

    #[test]
    fn very_many_refusals_are_counted() {
        let refused: Vec<_> = (0..MAX_REFUSALS_LISTED + 3).map(|number| format!("{number}")).collect();
        let text = listed(&refused);
        assert_eq!(text.lines().count(), MAX_REFUSALS_LISTED + 1);
        assert!(text.ends_with("\nand 3 more"), "{text}");
    }

    #[test]
    fn the_helper_is_for_http_only() {
        assert_eq!(helper("HTTPS://host/a.git"), Some("remote-https"));
        for other in ["/srv/a.git", "ssh://host/a.git", "git@host:a.git", "file:///srv/a.git"] {
            assert!(!is_http(other), "{other}");
        }
    }
}
