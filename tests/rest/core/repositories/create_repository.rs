//! POST /projects/{projectKey}/repos: an empty repository, ready for the first push.

use serde_json::{Value, json};

use crate::harness::{
    Attempt, Identity, clone_url, git, project_path, repository_path, shared_joined_by_hand, shared_pair,
    unique,
};

fn path_of(project: &Value) -> String {
    format!("{}/repos", project_path(project))
}

#[tokio::test]
async fn behaviour_the_repository_can_be_cloned_here_and_on_the_mirror() {
    let pair = shared_pair().await;
    let project = pair.new_project(false).await;
    let body = json!({"name": "My First Repo", "description": "About it.", "forkable": false});
    let repository = pair.admin().post(&path_of(&project), &body).await.promised(201);
    let key = project["key"].as_str().expect("is text");
    let clone = clone_url(pair.upstream.base_url(), &repository, None).to_string();
    let expected = json!({
        "id": repository["id"], "slug": "my-first-repo", "name": "My First Repo", "description": "About it.",
        "hierarchyId": repository["hierarchyId"], "scmId": "git", "state": "AVAILABLE",
        "statusMessage": "Available", "public": false, "forkable": false, "archived": false,
        "defaultBranch": "main", "objectFormat": "sha1", "partition": 0, "scope": "REPOSITORY", "project": project,
        "links": {
            "clone": [{"name": "http", "href": clone}],
            "self": [{"href": format!("{}/projects/{key}/repos/my-first-repo/browse", pair.upstream.base())}],
        },
    });
    assert_eq!(repository, expected);
    assert_eq!(repository["hierarchyId"].as_str().map(str::len), Some(20));
    assert_eq!(pair.admin().get(&repository_path(&repository)).await.promised(200), repository);

    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", pair.upstream_url(&repository).as_str(), "here"]);
    pair.mirrored(&repository).await;
    git(folder.path(), &["clone", "--quiet", pair.mirror_url(&repository).as_str(), "there"]);
}

#[tokio::test]
async fn behaviour_the_slug_is_unique_in_the_project_and_the_default_branch_can_be_chosen() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (project, other) = (upstream.new_project(false).await, upstream.new_project(false).await);
    let body = json!({"name": "One Name", "defaultBranch": "refs/heads/trunk", "scmId": "git"});
    let repository = upstream.admin().post(&path_of(&project), &body).await.promised(201);
    assert_eq!(repository["defaultBranch"], "trunk");
    upstream.admin().post(&path_of(&project), &json!({"name": "one-name"})).await.refused(409);
    upstream.admin().post(&path_of(&other), &body).await.promised(201);
    for (field, wrong) in [
        ("name", json!("a/b")),
        ("name", json!("x".repeat(129))),
        ("defaultBranch", json!("refs/tags/v1")),
        ("scmId", json!("hg")),
        ("objectFormat", json!("md5")),
        ("public", json!(1)),
    ] {
        let mut body = json!({"name": format!("repo-{}", unique())});
        body[field] = wrong;
        let error = upstream.admin().post(&path_of(&project), &body).await.refused(400);
        assert_eq!(error["context"], field, "{body}");
    }
    assert_eq!(upstream.admin().get(&path_of(&project)).await.promised(200)["size"], 1);
    let unknown = "/rest/api/latest/projects/UNKNOWN/repos";
    upstream.admin().post(unknown, &json!({"name": "x"})).await.refused(404);
}

#[tokio::test]
async fn behaviour_objects_may_be_named_by_sha256_here_and_on_the_mirror() {
    let pair = shared_pair().await;
    let project = pair.new_project(false).await;
    let body = json!({"name": format!("repo-{}", unique()), "objectFormat": "sha256"});
    let repository = pair.admin().post(&path_of(&project), &body).await.promised(201);
    assert_eq!(repository["objectFormat"], "sha256");
    assert_eq!(pair.admin().get(&repository_path(&repository)).await.promised(200), repository);
    pair.mirrored(&repository).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mirror_url = pair.mirror_url(&repository);
    git(folder.path(), &["clone", "--quiet", mirror_url.as_str(), "empty"]);
    let format = git(&folder.path().join("empty"), &["rev-parse", "--show-object-format"]);
    assert_eq!(format, "sha256", "also while there is nothing in it");

    git(folder.path(), &["init", "--quiet", "--object-format=sha256", "source"]);
    let source = folder.path().join("source");
    git(&source, &["commit", "--quiet", "--allow-empty", "--message=one"]);
    git(&source, &["tag", "-a", "-m", "annotated", "v1"]);
    let commit = git(&source, &["rev-parse", "HEAD"]);
    let upstream_url = pair.upstream_url(&repository);
    git(&source, &["push", "--quiet", upstream_url.as_str(), "HEAD:refs/heads/main", "v1"]);
    pair.mirrored(&repository).await;
    for url in [&upstream_url, &mirror_url] {
        let listed = git(&source, &["ls-remote", url.as_str(), "refs/heads/main"]);
        assert!(listed.starts_with(&commit), "{listed}");
    }
    git(folder.path(), &["clone", "--quiet", mirror_url.as_str(), "full"]);
    git(&folder.path().join("full"), &["fsck", "--full"]);
    let branches = format!("{}/branches", repository_path(&repository));
    let page = pair.admin().get(&branches).await.promised(200);
    assert_eq!(page["values"][0]["latestCommit"], commit.as_str());
    git(&source, &["push", "--quiet", upstream_url.as_str(), ":refs/tags/v1"]);
    pair.mirrored(&repository).await;
    assert_eq!(git(&source, &["ls-remote", mirror_url.as_str(), "refs/tags/*"]), "");
}

#[tokio::test]
async fn authorisation_administrators_of_the_project() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let project = upstream.new_project(false).await;
    let call = || Attempt::post(upstream, path_of(&project), json!({"name": format!("repo-{}", unique())}));
    call().by(&Identity::Anonymous, 401).await;
    call().by(&Identity::impostor(), 401).await;
    call().by(&upstream.new_user().await, 404).await;
    call().by(&upstream.user_on_project(&project, "PROJECT_READ").await, 403).await;
    call().by(&upstream.user_on_project(&project, "PROJECT_WRITE").await, 403).await;
    call().by(&joined.identity(), 401).await;
    assert_eq!(upstream.admin().get(&path_of(&project)).await.promised(200)["size"], 0);
    call().by(&upstream.user_on_project(&project, "PROJECT_ADMIN").await, 201).await;
    call().by(&upstream.user_with("ADMIN").await, 201).await;
    call().by(&Identity::admin(), 201).await;
}
