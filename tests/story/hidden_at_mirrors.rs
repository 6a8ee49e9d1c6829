//! At a mirror, too, nothing tells what is hidden from what is not there: the same answer after the same work.
//!
//! The work is what the upstream is asked, because that takes most of the time; clocks are not looked at.

use serde_json::Value;

use crate::harness::{UpstreamByHand, eventually, repository_of_nothing};

/// Which repositories the mirror has; those with the numbers after theirs do not exist.
const HIDDEN: [u32; 2] = [24, 34];

/// What a user without rights is told, and how often the upstream was asked about them for it.
async fn ask(by_hand: &UpstreamByHand, path: &str) -> (u16, String, usize) {
    let before = by_hand.questions();
    let answer = by_hand.mirror.client(&by_hand.plain_user()).get(path).await;
    (answer.status, answer.text, by_hand.questions() - before)
}

async fn same(by_hand: &UpstreamByHand, status: u16, path_of: impl Fn(u32) -> String, id: u32) {
    let hidden = ask(by_hand, &path_of(id)).await;
    let missing = ask(by_hand, &path_of(id + 1)).await;
    assert_eq!(hidden.0, status, "{}: {}", path_of(id), hidden.1);
    assert_eq!(hidden, missing, "{}", path_of(id));
}

#[tokio::test]
async fn hidden_and_missing_repositories_take_the_same_questions_and_get_the_same_answers() {
    let by_hand = UpstreamByHand::start_installed().await;
    for id in HIDDEN {
        by_hand.announce(&repository_of_nothing(id, 7)).await;
        eventually("the repository to be here", || async {
            let there = by_hand.get(&format!("/repos/{id}")).await.promised(200);
            (there["available"] == Value::Bool(true)).then_some(())
        })
        .await;
    }
    let git = |id: u32| format!("/scm/P7/repo-{id}.git/info/refs?service=git-upload-pack");
    let other_spelling = |id: u32| format!("/scm/p7/REPO-{id}.git/info/refs?service=git-upload-pack");
    let push = |id: u32| format!("/scm/p7/repo-{id}.git/info/refs?service=git-receive-pack");
    let rest = |id: u32| by_hand.path(&format!("/repos/{id}"));
    for path_of in [&git as &dyn Fn(u32) -> String, &git, &other_spelling, &push, &rest, &rest] {
        same(&by_hand, 404, path_of, 24).await;
    }
    by_hand.set_away(true);
    // The first one finds out that the upstream is away.
    ask(&by_hand, &git(44)).await;
    same(&by_hand, 503, git, 34).await;
}
