//! What a push into a repository with very many references is checked against.
//!
//! `git receive-pack` makes sure that nothing is missing below what it was sent, given that nothing is below its
//! references, for which it looks up what each of them names: 0.1 s for 200,000. References that are hidden from a push
//! are left out. A push that moves a few branches builds on what these and the default branch name.

use futures_util::{StreamExt, stream};
use heliostat_git_wire::{Head, RefName, RefSnapshot, moved_refs};

use crate::process::ByteStream;
use crate::repository::{MANY_REFS, Repository};

/// Each reference is compared with the names of so many.
const MAX_SHOWN_REFS: usize = 4;

/// The settings that leave a push the references that it moves, and the request, whose beginning was looked at.
pub(super) async fn push_window(
    repository: &Repository,
    mut request: ByteStream,
) -> (Vec<(&'static str, String)>, ByteStream) {
    let Ok(refs) = repository.snapshot().await else { return (Vec::new(), request) };
    if refs.len() <= MANY_REFS || refs.is_shallow() {
        return (Vec::new(), request);
    }
    let first = request.next().await;
    let moved = match &first {
        Some(Ok(piece)) => moved_refs(piece),
        _ => None,
    };
    let settings = moved.map(|moved| settings_for(&moved, &refs)).unwrap_or_default();
    (settings, stream::iter(first).chain(request).boxed())
}

/// Nothing is hidden when that could make the push fail, or the check take longer.
fn settings_for(moved: &[RefName], refs: &RefSnapshot) -> Vec<(&'static str, String)> {
    let is_there = |name: &RefName| !name.is_internal() && refs.get(name.as_str()).is_some();
    if moved.is_empty() || moved.len() > MAX_SHOWN_REFS || !moved.iter().all(is_there) {
        return Vec::new();
    }
    let head = refs.head().and_then(Head::target).filter(is_there);
    // The last word that fits a name counts.
    let shown = moved.iter().chain(&head).map(|name| format!("!{name}"));
    let hidden = [String::from("refs/")].into_iter();
    hidden.chain(shown).map(|value| ("receive.hideRefs", value)).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::fixture::Workshop;
    use crate::fixture_http::HttpServer;

    // The server goes on while git, which asks it, is waited for.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_push_into_very_many_references_is_taken_and_checked() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("many", &["main"]).await;
        let own = workshop.path("own.git");
        workshop.run(repository.path(), &["clone", "--quiet", "--bare", ".", own.to_str().expect("text")]);
        let tip = workshop.run(repository.path(), &["rev-parse", "main"]);
        let mut packed = String::from("# pack-refs with: peeled fully-peeled sorted \n");
        for number in 0..=MANY_REFS {
            writeln!(packed, "{} refs/heads/many/{number:05}", tip.trim()).expect("written");
        }
        std::fs::write(repository.path().join("packed-refs"), packed).expect("written");
        let refs = repository.refs().await.expect("readable");
        let name = |short: &str| RefName::branch(short).expect("valid");
        assert_eq!(settings_for(&[name("many/00001")], &refs).len(), 3);
        assert_eq!(settings_for(&[name("many/00001"), name("new")], &refs), []);
        assert_eq!(settings_for(&[RefName::parse("refs/heliostat/x").expect("valid")], &refs), []);

        let server = HttpServer::serve(repository.clone()).await;
        let tree = workshop.run(&own, &["rev-parse", "main^{tree}"]);
        let commit = workshop.run(&own, &["commit-tree", "-m", "new", "-p", "main", tree.trim()]);
        let commit = commit.trim();
        let push = |refspec: &str| workshop.try_run(&own, &["push", "--quiet", &server.url, refspec]);
        for branch in ["many/00001", "main", "new"] {
            push(&format!("{commit}:refs/heads/{branch}")).expect("taken");
            let now = workshop.run(repository.path(), &["rev-parse", &format!("refs/heads/{branch}")]);
            assert_eq!(now.trim(), commit, "{branch}");
        }
        push(":refs/heads/many/00002").expect("deleted");
        assert_eq!(repository.refs().await.expect("readable").get("refs/heads/many/00002"), None);
        assert!(push(&format!("{commit}:refs/heliostat/x")).is_none(), "ours stay hidden");
        repository.verify().await.expect("whole");
    }
}
