//! A client that goes away takes its git process with it.

use std::fs;

use crate::harness::{Pair, Server, begin_clone, commit_noise, eventually, git};

/// Clients that leave in the middle of their clone.
const CLIENTS: usize = 20;

/// Processes that the server has started and that still run.
fn children_of(server: &Server) -> usize {
    let parent = server.process_id().expect("the server runs").to_string();
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    let parents = processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    // The name in the second field is in parentheses and may hold anything; the parent is the second one after it.
    parents
        .filter(|stat| {
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&parent)
        })
        .count()
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_of_a_clone_leave_nothing_behind() {
    let pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let commit = commit_noise(&checkout);
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let url = pair.mirror_url(&repository);
    eventually("the push on the mirror", || async {
        git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"])
            .starts_with(&commit)
            .then_some(())
    })
    .await;
    pair.mirrored(&repository).await;
    for _ in 0..CLIENTS {
        drop(begin_clone(&url, &commit).await);
    }
    eventually("the git processes to end", || async { (children_of(&pair.mirror) == 0).then_some(()) }).await;
    git(checkout.path(), &["ls-remote", url.as_str()]);
}
