//! GET /repos: the repositories of all projects with what mirrors compare.

use serde_json::Value;

use crate::harness::{Attempt, Identity, Server, ServerOptions, every_value, shared_joined_by_hand, walk};

const PATH: &str = "/rest/mirroring/latest/repos";

#[tokio::test]
async fn behaviour_goes_through_all_repositories_in_pages() {
    let upstream = Server::upstream(ServerOptions::default());
    assert!(walk(&upstream.admin(), PATH, 1).await.is_empty());
    let (first, second) = (upstream.new_project(false).await, upstream.new_project(true).await);
    let mut created = Vec::new();
    for project in [&first, &second, &first] {
        created.push(upstream.new_repository(project).await);
    }
    let listed = walk(&upstream.admin(), PATH, 2).await;
    let ids = |all: &[Value]| all.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&listed), ids(&created));
    assert_eq!(listed[1]["project"], second);
    for repository in &listed {
        let properties = &repository["properties"];
        assert!(properties.get("defaultBranchId").is_none(), "it was not asked for: {properties}");
        for hash in ["contentHash", "metadataHash"] {
            let text = properties[hash].as_str().expect("is text");
            assert!(text.len() == 64 && text != "0".repeat(64), "{properties}");
        }
    }
    let page = upstream.admin().get(&format!("{PATH}?includeDefaultBranch=true")).await.promised(200);
    assert_eq!(page["values"][0]["properties"]["defaultBranchId"], "refs/heads/main");
    upstream.admin().get(&format!("{PATH}?includeDefaultBranch=yes")).await.refused(400);
}

#[tokio::test]
async fn authorisation_mirrors_see_every_repository_and_users_what_they_may_read() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let private = upstream.empty_repository(false).await;
    let public = upstream.empty_repository(true).await;
    let call = Attempt::get(upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.forger(), 401).await;
    let outsider = upstream.new_user().await;
    let reader = upstream.user_on_repository(&private, "REPO_READ").await;
    let member = upstream.user_on_project(&private["project"], "PROJECT_READ").await;
    let callers = [(outsider, false), (reader, true), (member, true), (Identity::admin(), true)];
    for (caller, sees_it) in callers.into_iter().chain([(joined.identity(), true)]) {
        let listed = every_value(&upstream.client(&caller), PATH).await;
        let sees = |wanted: &Value| listed.iter().any(|repository| repository["id"] == wanted["id"]);
        assert!(sees(&public), "{caller:?} does not see what is public");
        assert_eq!(sees(&private), sees_it, "{caller:?}");
    }
}
