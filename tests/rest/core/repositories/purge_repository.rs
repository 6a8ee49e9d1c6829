//! POST /projects/{projectKey}/repos/{repositorySlug}/purge: what no ref leads to is gone, here and on the mirrors.

use std::path::Path;

use serde_json::Value;

use crate::harness::{
    Attempt, Identity, Pair, Server, ServerOptions, bare_repositories, eventually, git, git_output,
    repository_path, shared_joined_by_hand,
};

/// Whether a repository of a server has an object.
fn has(server: &Server, object: &str) -> bool {
    let has = |folder: &Path| git_output(folder, &["cat-file", "-e", object]).status.success();
    bare_repositories(&server.data()).iter().any(|folder| has(folder))
}

/// Waits until the upstream and as many mirrors have carried out the latest order.
async fn done_by(pair: &Pair, path: &str, mirrors: usize) -> Value {
    eventually("the order to be carried out", || async {
        let progress = pair.admin().get(path).await.promised(200);
        let listed = progress["mirrors"].as_array().expect("a list");
        let are_done = listed.iter().all(|mirror| mirror["state"] == "DONE" && mirror["doneAt"].is_i64());
        (progress["state"] == "DONE" && listed.len() == mirrors && are_done).then_some(progress)
    })
    .await
}

#[tokio::test]
async fn behaviour_a_secret_is_gone_everywhere_and_a_mirror_that_is_away_does_it_later() {
    let mut pair = Pair::start_with(ServerOptions::default(), ServerOptions::default()).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let (url, path) = (pair.upstream_url(&repository), format!("{}/purge", repository_path(&repository)));
    let tip = git(checkout.path(), &["rev-parse", "main"]);
    let mut secrets = Vec::new();
    for number in [1, 2] {
        let secret = checkout.commit("secret.txt", &format!("a password, number {number}\n"));
        let file = git(checkout.path(), &["rev-parse", "HEAD:secret.txt"]);
        checkout.push(&url, &["main"]);
        pair.mirrored(&repository).await;
        assert!(has(&pair.upstream, &file) && has(&pair.mirror, &file));
        // Moved away, it stays for builds that have begun with it.
        git(checkout.path(), &["reset", "--quiet", "--hard", &tip]);
        checkout.push(&url, &["main"]);
        pair.mirrored(&repository).await;
        assert!(has(&pair.upstream, &secret) && has(&pair.mirror, &secret));
        secrets.push(file);
        let is_away = number == 2;
        if is_away {
            pair.mirror.kill();
        }
        let ordered = pair.admin().post_nothing(&path).await.promised(202);
        assert_eq!(ordered["number"], number);
        if is_away {
            eventually("the upstream to do it alone", || async {
                (pair.admin().get(&path).await.json()["state"] == "DONE").then_some(())
            })
            .await;
            let progress = pair.admin().get(&path).await.promised(200);
            assert_eq!(progress["mirrors"][0]["state"], "PENDING", "{progress}");
            assert!(has(&pair.mirror, &secrets[1]));
            pair.mirror.restart();
        }
        let progress = done_by(&pair, &path, 1).await;
        assert!(progress["orderedAt"].as_i64() <= progress["doneAt"].as_i64());
        for file in &secrets {
            assert!(!has(&pair.upstream, file) && !has(&pair.mirror, file), "{file} is gone");
        }
    }
    for server in [&pair.upstream, &pair.mirror] {
        assert!(has(server, &tip));
        for folder in bare_repositories(&server.data()) {
            // The server may just be at work in it.
            eventually("the repository to be sound", || async {
                git_output(&folder, &["fsck", "--full"]).status.success().then_some(())
            })
            .await;
        }
    }
    let damaged = pair.mirror.metric("heliostat_mirror_repositories_damaged_total").await;
    assert_eq!(damaged, Some(0.0), "it is sound because it was made anew");
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::post_nothing(upstream, format!("{}/purge", repository_path(&repository)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 202).await;
    call.by(&Identity::admin(), 202).await;
}
