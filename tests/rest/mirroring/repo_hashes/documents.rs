//! Reads a document of hashes, and asks who gets which.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::harness::{Attempt, Client, Identity, shared_joined_by_hand};
use crate::rest::mirroring::upstream_servers::administrators;

/// The document at a path below `/rest/mirroring/latest`, by repository: project, whether that is public, hashes.
pub async fn hashes(client: &Client, end: &str) -> BTreeMap<i64, (i64, bool, Value)> {
    let document = client.get(&administrators::path_of(end)).await.promised(200);
    let mut found = BTreeMap::new();
    let mut projects = Vec::new();
    for project in document["projects"].as_array().expect("is a list") {
        let id = project["id"].as_i64().expect("is a number");
        assert!(!projects.contains(&id), "the project {id} is there twice");
        projects.push(id);
        for repository in project["repositories"].as_array().expect("is a list") {
            let of = (id, project["public"] == true, repository["hashes"].clone());
            let before = found.insert(repository["id"].as_i64().expect("is a number"), of);
            assert!(before.is_none(), "{repository} is there twice");
        }
    }
    found
}

/// Fails unless on an upstream mirrors see everything and users what they may read, and on a mirror administrators
/// see everything and others nothing.
pub async fn authorised(end: &str) {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let private = upstream.empty_repository(false).await;
    let public = upstream.empty_repository(true).await;
    let call = Attempt::get(upstream, administrators::path_of(end));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.forger(), 401).await;
    let outsider = upstream.new_user().await;
    let reader = upstream.user_on_repository(&private, "REPO_READ").await;
    let callers = [(outsider, false), (reader, true), (Identity::admin(), true), (joined.identity(), true)];
    for (caller, sees_it) in callers {
        let seen = hashes(&upstream.client(&caller), end).await;
        let sees = |wanted: &Value| seen.contains_key(&wanted["id"].as_i64().expect("is a number"));
        assert!(sees(&public), "{caller:?} does not see what is public");
        assert_eq!(sees(&private), sees_it, "{caller:?}");
    }
    administrators::of_the_mirror(200, end, Attempt::get).await;
}
