//! POST /admin/repository-faults/restore: brings back what a mirror has of a repository.

use serde_json::{Value, json};

use super::FAULTS;
use crate::harness::{
    Attempt, Identity, Pair, eventually, git, git_fails, place_of, shared_pair, take_off_disk,
};

fn path() -> String {
    format!("{FAULTS}/restore")
}

fn body(repository: &Value) -> Value {
    json!({
        "projectKey": repository["project"]["key"], "repositorySlug": repository["slug"], "mirror": "Saigon",
    })
}

/// Waits until the log of the upstream has these words.
async fn is_logged(pair: &Pair, words: &str) {
    eventually(words, || async { pair.upstream.log().contains(words).then_some(()) }).await;
}

#[tokio::test]
async fn behaviour_a_missing_and_a_damaged_repository_come_back() {
    let mut pair = Pair::start().await;
    let (lost, lost_checkout) = pair.pushed_repository(true).await;
    let (damaged, checkout) = pair.pushed_repository(true).await;
    for repository in [&lost, &damaged] {
        pair.mirrored(repository).await;
    }
    let refused = pair.admin().post(&path(), &body(&lost)).await.refused(409);
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("is whole")), "{refused}");

    // The mirror is down while the damaged one gets its last push, so it has an older state.
    pair.mirror.kill();
    let newest = checkout.commit("newest.txt", "only at the upstream\n");
    checkout.push(&pair.upstream_url(&damaged), &["HEAD:refs/heads/main"]);
    pair.upstream.kill_with_children();
    take_off_disk(&pair.upstream, &lost);
    let place = place_of(&pair.upstream, damaged["id"].as_i64().expect("a repository has an id"));
    std::fs::write(place.join("refs/heads/main"), "").expect("a reference can be emptied");
    pair.upstream.restart();
    eventually("both to be found", || async {
        let status = pair.anonymous().get("/status").await.expect(200).json();
        (status["unservedRepos"] == 2).then_some(())
    })
    .await;
    for repository in [&lost, &damaged] {
        let text = |place: &str| repository.pointer(place).and_then(Value::as_str).expect("is text");
        let remedy =
            format!("repository restore {}/{} --from-mirror NAME", text("/project/key"), text("/slug"));
        is_logged(&pair, &remedy).await;
    }
    pair.mirror.restart();
    eventually("the mirror to serve", || pair.available(&lost)).await;
    for repository in [&lost, &damaged] {
        let answer = git_fails(checkout.path(), &["ls-remote", pair.upstream_url(repository).as_str()]);
        assert!(answer.contains("503"), "{answer}");
    }

    let restored = pair.admin().post(&path(), &body(&lost)).await.promised(200);
    assert_eq!(
        (&restored["restored"], &restored["contentHash"]),
        (&true.into(), &restored["recordedContentHash"])
    );
    is_logged(&pair, "restored a repository from a mirror; nothing was there").await;
    let url = pair.upstream_url(&lost);
    lost_checkout.commit("more.txt", "pushed to what came back\n");
    lost_checkout.push(&url, &["HEAD:refs/heads/main"]);
    pair.mirrored(&lost).await;

    // What would be lost is shown first, and nothing is replaced.
    let shown = pair.admin().post(&path(), &body(&damaged)).await.promised(200);
    assert_eq!((&shown["restored"], &shown["differenceCount"]), (&false.into(), &1.into()));
    assert_eq!(shown["differences"][0]["refId"], "refs/heads/main");
    let answer = git_fails(checkout.path(), &["ls-remote", pair.upstream_url(&damaged).as_str()]);
    assert!(answer.contains("503"), "{answer}");
    let mut agreed = body(&damaged);
    agreed["contentHash"] = "0".repeat(64).into();
    assert_eq!(pair.admin().post(&path(), &agreed).await.refused(409)["context"], "contentHash");
    agreed["contentHash"] = shown["contentHash"].clone();
    let restored = pair.admin().post(&path(), &agreed).await.promised(200);
    assert_eq!(restored["restored"], true);
    is_logged(&pair, "restored a repository from a mirror; what was there is in the trash").await;
    let refs = git(checkout.path(), &["ls-remote", pair.upstream_url(&damaged).as_str(), "refs/heads/main"]);
    assert!(!refs.is_empty() && !refs.contains(&newest), "{refs}");
    // The author still has the last push, and pushes it again.
    checkout.push(&pair.upstream_url(&damaged), &["HEAD:refs/heads/main"]);
    pair.mirrored(&damaged).await;
    // What could not be delivered while the mirror was away may still be tried.
    let complaints =
        ["reason", "unservedRepos", "unrecordedRepos", "unreachableMirrors", "failingFollowings"];
    eventually("nothing to be amiss", || async {
        let status = pair.anonymous().get("/status").await.expect(200).json();
        let is_sound = status["state"] == "RUNNING"
            && complaints.iter().all(|complaint| status.get(complaint).is_none());
        is_sound.then_some(())
    })
    .await;
}

#[tokio::test]
async fn authorisation_administrators_of_the_server() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    let mut unknown = body(&repository);
    unknown["mirror"] = "nowhere".into();
    let call = || Attempt::post(&pair.upstream, path(), unknown.clone());
    call().by(&Identity::Anonymous, 401).await;
    call().by(&Identity::impostor(), 401).await;
    call().by(&pair.new_user().await, 403).await;
    call().by(&pair.upstream.user_on_repository(&repository, "REPO_ADMIN").await, 403).await;
    call().by(&pair.upstream.user_with("ADMIN").await, 404).await;
    call().by(&Identity::admin(), 404).await;
}
