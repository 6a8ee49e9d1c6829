//! The trash: repositories that are no longer wanted lie there for a while, and nothing is deleted by a slip.

use std::path::Path;
use std::process::Command;

use crate::harness::{Pair, Server, ServerOptions, binary, eventually, git};
use serde_json::{Value, json};

/// What `heliostat trash list` says of the trash of a server.
pub(super) fn trash_of(server: &Server) -> Vec<Value> {
    let data = server.data();
    let output = trash(&data, &["list", "--output", "json"]);
    serde_json::from_str::<Value>(&output).expect("is JSON").as_array().expect("a list").clone()
}

#[track_caller]
fn trash(data: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.arg("trash").args(arguments).arg("--data").arg(data);
    let output = command.output().expect("the binary can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is UTF-8")
}

#[tokio::test]
async fn a_deleted_repository_lies_in_the_trash_of_both_roles_and_can_be_copied_out_of_it() {
    let pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = format!("/rest/api/latest/projects/{}/repos/{}", key(&repository), slug(&repository));
    pair.admin().delete(&path).await.expect(202);

    for server in [&pair.upstream, &pair.mirror] {
        let trashed = eventually("the repository in the trash", || async { trash_of(server).pop() }).await;
        assert_eq!(trashed["reason"], "deleted");
        assert_eq!(trashed["externalId"], repository["id"].to_string());
        let copy = tempfile::tempdir().expect("a folder can be made");
        let copy = copy.path().join("copy.git");
        let name = trashed["name"].as_str().expect("a name");
        trash(&server.data(), &["restore", name, "--to", copy.to_str().expect("is UTF-8")]);
        assert_eq!(git(&copy, &["rev-parse", "main"]), git(checkout.path(), &["rev-parse", "HEAD"]));
        assert_eq!(trash_of(server).len(), 1, "what is restored is a copy");
    }
}

#[tokio::test]
async fn a_repository_that_was_deleted_by_mistake_is_put_back_at_both_roles() {
    let pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = format!("/rest/api/latest/projects/{}/repos/{}", key(&repository), slug(&repository));
    pair.admin().delete(&path).await.expect(202);
    let at_mirror =
        eventually("the repository in the mirror's trash", || async { trash_of(&pair.mirror).pop() }).await;
    let refused = restore(&pair.mirror, &at_mirror);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("when the upstream has it again"), "{told}");

    let at_upstream =
        eventually("the repository in the upstream's trash", || async { trash_of(&pair.upstream).pop() })
            .await;
    let put_back = restore(&pair.upstream, &at_upstream);
    let told = String::from_utf8_lossy(&put_back.stdout).into_owned();
    let adopt = format!("adopt {} {}/{}", repository["id"], key(&repository), slug(&repository));
    assert!(put_back.status.success() && told.contains(&adopt), "{put_back:?}");
    assert!(!restore(&pair.upstream, &at_upstream).status.success(), "it is there no longer");
    let adoption = json!({
        "number": repository["id"], "projectKey": key(&repository), "name": repository["name"],
    });
    let faults = "/rest/api/latest/admin/repository-faults";
    let adopted = pair.admin().post(&format!("{faults}/adopt"), &adoption).await.promised(201);
    pair.mirrored(&adopted).await;
    assert!(trash_of(&pair.mirror).is_empty(), "what the mirror had is used again");
    let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
    for url in [pair.upstream_url(&adopted), pair.mirror_url(&adopted)] {
        let listed = git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        assert!(listed.starts_with(&commit), "{listed}");
    }
    checkout.commit("more.txt", "pushed to what was put back\n");
    checkout.push(&pair.upstream_url(&adopted), &["HEAD:refs/heads/main"]);
    pair.mirrored(&adopted).await;
}

#[tokio::test]
async fn what_was_deleted_while_a_mirror_was_removed_is_no_loss_when_it_is_accepted_again() {
    let mut pair = Pair::start().await;
    let repository = pair.pushed_repository(false).await.0;
    pair.mirrored(&repository).await;
    let id = pair.mirror_id().await;
    pair.admin().delete(&format!("/rest/mirroring/latest/mirrorServers/{id}")).await.expect(204);
    eventually("the mirror to know that it was removed", || async {
        (pair.mirror.anonymous().get("/status").await.status == 503).then_some(())
    })
    .await;
    let path = format!("/rest/api/latest/projects/{}/repos/{}", key(&repository), slug(&repository));
    pair.admin().delete(&path).await.expect(202);

    pair.mirror.restart();
    pair.join("Saigon").await;
    let trashed =
        eventually("the repository in the mirror's trash", || async { trash_of(&pair.mirror).pop() }).await;
    assert_eq!(trashed["reason"], "deleted");
    assert_eq!(trashed["externalId"], repository["id"].to_string());
    let held_back = pair.mirror_path("/heldBack").await;
    let held_back = pair.mirror_admin().get(&held_back).await.promised(200);
    assert_eq!(held_back["repositories"], json!([]));
}

/// `heliostat trash restore` without a directory to copy to.
fn restore(server: &Server, trashed: &Value) -> std::process::Output {
    let name = trashed["name"].as_str().expect("a name");
    let mut command = Command::new(binary());
    command.args(["trash", "restore", name, "--data"]).arg(server.data());
    command.output().expect("the binary can be started")
}

#[tokio::test]
async fn what_lies_in_the_trash_goes_when_its_time_is_over() {
    let at_once =
        || ServerOptions { arguments: vec!["--trash-time".into(), "0s".into()], ..Default::default() };
    let mut pair = Pair::start_with(at_once(), at_once()).await;
    let repository = pair.pushed_repository(false).await.0;
    pair.mirrored(&repository).await;
    let path = format!("/rest/api/latest/projects/{}/repos/{}", key(&repository), slug(&repository));
    pair.admin().delete(&path).await.expect(202);
    eventually("the mirror to let go", || async {
        pair.available(&repository).await.is_none().then_some(())
    })
    .await;
    // The trash is looked at when a server starts, and once a minute.
    pair.upstream.restart();
    pair.mirror.restart();
    for server in [&pair.upstream, &pair.mirror] {
        eventually("an empty trash", || async { trash_of(server).is_empty().then_some(()) }).await;
    }
}

#[tokio::test]
async fn nothing_is_deleted_at_start_and_what_has_no_record_goes_to_the_trash_after_a_comparison() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    // Both are numbers that the mirror has not given yet; the first is the next one.
    let foreign_copies =
        ["02/2.git", "c8/200.git"].map(|place| pair.mirror.data().join("repositories").join(place));
    pair.upstream.kill();
    pair.mirror.kill();
    for foreign_copy in &foreign_copies {
        let foreign_copy = foreign_copy.to_str().expect("is UTF-8");
        git(checkout.path(), &["clone", "--quiet", "--mirror", ".", foreign_copy]);
    }
    pair.mirror.restart();
    for foreign_copy in &foreign_copies {
        assert!(foreign_copy.join("HEAD").is_file(), "{} was deleted at start", foreign_copy.display());
    }

    pair.upstream.restart();
    let reasons = eventually("both in the trash", || async {
        let reasons: Vec<_> =
            trash_of(&pair.mirror).into_iter().map(|trashed| trashed["reason"].clone()).collect();
        (reasons.len() == 2).then_some(reasons)
    });
    assert_eq!(reasons.await, ["unrecorded", "unrecorded"]);
    let (other, _) = pair.pushed_repository(false).await;
    pair.mirrored(&other).await;
    assert!(pair.available(&repository).await.is_some());
}

fn key(repository: &Value) -> &str {
    repository["project"]["key"].as_str().expect("a repository has a project")
}

fn slug(repository: &Value) -> &str {
    repository["slug"].as_str().expect("a repository has a slug")
}
