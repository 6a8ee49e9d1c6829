//! GET /admin/repository-faults: where records and disk do not agree.

use reqwest::Method;
use serde_json::{Value, json};

use super::FAULTS;
use crate::harness::{
    Attempt, Identity, Server, ServerOptions, eventually, git, git_fails, lay_on_disk, repository_path,
    shared_pair, take_off_disk,
};

#[tokio::test]
async fn behaviour_what_is_missing_and_what_has_no_record_is_listed_and_told() {
    let mut upstream = Server::upstream(ServerOptions::default());
    let (whole, checkout) = upstream.pushed_repository(true).await;
    let (lost, _) = upstream.pushed_repository(true).await;
    let nothing = upstream.admin().get(FAULTS).await.promised(200);
    assert_eq!((&nothing["unservedCount"], &nothing["unrecordedCount"]), (&0.into(), &0.into()));
    let status = upstream.anonymous().get("/status").await.expect(200).json();
    assert_eq!(status["state"], "RUNNING");
    for complaint in ["reason", "unservedRepos", "unrecordedRepos", "unreachableMirrors", "failingFollowings"]
    {
        assert_eq!(status.get(complaint), None, "{status}");
    }

    upstream.kill_with_children();
    lay_on_disk(&upstream, &whole, 4711);
    take_off_disk(&upstream, &lost);
    upstream.restart();
    let status = eventually("the faults to be found", || async {
        let status = upstream.anonymous().get("/status").await.expect(200).json();
        (status["unservedRepos"] == 1 && status["unrecordedRepos"] == 1).then_some(status)
    })
    .await;
    let reason = status["reason"].as_str().expect("it says why");
    assert!(reason.contains("repository restore") && reason.contains("repository adopt"), "{reason}");

    let found = upstream.admin().get(FAULTS).await.promised(200);
    assert_eq!(found["unserved"][0]["repository"]["id"], lost["id"]);
    assert_eq!(found["unserved"][0]["fault"], "MISSING");
    let unrecorded: Vec<&Value> = found["unrecorded"].as_array().expect("a list").iter().collect();
    assert_eq!(unrecorded.len(), 1);
    assert_eq!((&unrecorded[0]["number"], &unrecorded[0]["references"]), (&4711.into(), &1.into()));

    // What is missing is told to readers, and does not keep others from being read.
    let answer = git_fails(checkout.path(), &["ls-remote", upstream.admin_url(&lost).as_str()]);
    assert!(answer.contains("503"), "{answer}");
    let path = repository_path(&lost);
    let branch_utils = format!("{path}/branches").replace("/rest/api/", "/rest/branch-utils/");
    let (new, default) = (json!({"name": "x", "startPoint": "main"}), json!({"id": "refs/heads/main"}));
    for (method, path, body) in [
        (Method::GET, format!("{path}/branches"), None),
        (Method::POST, format!("{path}/branches"), Some(&new)),
        (Method::POST, branch_utils.clone(), Some(&new)),
        (Method::DELETE, branch_utils, Some(&json!({"name": "x"}))),
        (Method::GET, format!("{path}/branches/default"), None),
        (Method::PUT, format!("{path}/branches/default"), Some(&default)),
        (Method::PUT, format!("{path}/default-branch"), Some(&default)),
        (Method::PUT, path.clone(), Some(&json!({"defaultBranch": "other"}))),
    ] {
        let refused = upstream.admin().send(method, &path, body).await.refused(503);
        let message = refused["message"].as_str().expect("errors have messages");
        assert!(message.contains("heliostat repository restore"), "{path}: {message}");
    }
    git(checkout.path(), &["ls-remote", upstream.admin_url(&whole).as_str()]);
    let metrics = upstream.anonymous().get("/metrics").await.expect(200).text;
    for line in ["heliostat_upstream_repositories_unserved 1", "heliostat_upstream_repositories_unrecorded 1"]
    {
        assert!(metrics.lines().any(|found| found == line), "{line}");
    }
    // The record alone can be deleted.
    upstream.admin().delete(&path).await.expect(202);
    eventually("the record to be forgotten", || async {
        let found = upstream.admin().get(FAULTS).await.promised(200);
        (found["unservedCount"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn authorisation_administrators() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.upstream, FAULTS);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 403).await;
    call.by(&pair.upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
