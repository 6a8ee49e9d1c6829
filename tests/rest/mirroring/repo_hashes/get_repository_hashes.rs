//! GET /repo-hashes: both hashes of every repository, on the upstream and on the mirror alike.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::documents::{authorised, hashes};
use crate::harness::{
    Checkout, Pair, UpstreamByHand, bare_repositories, eventually, every_value, project_path, refs_hash,
    unreachable_repository,
};

/// More than fit into a few chunks.
const REPOSITORIES: usize = 250;
const PATH: &str = "/repo-hashes";

#[tokio::test]
async fn behaviour_hundreds_of_repositories_agree_with_their_lists_and_with_git_on_both_roles() {
    let pair = Pair::start().await;
    let projects =
        [pair.new_project(true).await, pair.new_project(false).await, pair.new_project(false).await];
    for number in 0..REPOSITORIES {
        let path = format!("{}/repos", project_path(&projects[number % projects.len()]));
        let repository = json!({"name": format!("repo-{number}")});
        let created = pair.admin().post(&path, &repository).await.expect(201).json();
        if number % 50 == 0 {
            let checkout = Checkout::new();
            checkout.commit("number.txt", &number.to_string());
            checkout.push(&pair.upstream_url(&created), &["HEAD:refs/heads/main"]);
        }
    }

    let upstream = hashes(&pair.admin(), PATH).await;
    assert_eq!(upstream.len(), REPOSITORIES);
    let listed = every_value(&pair.admin(), "/rest/mirroring/latest/repos").await;
    let listed: BTreeMap<_, _> = listed.iter().map(described).collect();
    assert_eq!(upstream, listed, "the list says otherwise");
    let mirror = eventually("the mirror to have everything", || async {
        let mirror = hashes(&pair.mirror_admin(), PATH).await;
        (mirror == upstream).then_some(mirror)
    })
    .await;

    let mut expected: Vec<_> = mirror.values().map(|(_, _, hashes)| hashes["content"].clone()).collect();
    expected.sort_unstable_by_key(Value::to_string);
    for server in [&pair.upstream, &pair.mirror] {
        let on_disk = bare_repositories(&server.data());
        let mut on_disk: Vec<_> = on_disk.iter().map(|folder| json!(refs_hash(folder))).collect();
        on_disk.sort_unstable_by_key(Value::to_string);
        assert_eq!(on_disk, expected, "git says otherwise");
    }
}

fn described(repository: &Value) -> (i64, (i64, bool, Value)) {
    let (project, properties) = (&repository["project"], &repository["properties"]);
    let hashes = json!({"content": properties["contentHash"], "metadata": properties["metadataHash"]});
    let id = |of: &Value| of["id"].as_i64().expect("is a number");
    (id(repository), (id(project), project["public"] == true, hashes))
}

#[tokio::test]
async fn behaviour_a_mirror_leaves_out_what_it_does_not_hold_or_has_not_got() {
    let by_hand = UpstreamByHand::start_installed().await;
    assert!(hashes(&by_hand.client(), PATH).await.is_empty());
    by_hand.announce(&unreachable_repository(24, 7)).await;
    by_hand.announce(&unreachable_repository(31, 8)).await;
    let seen = hashes(&by_hand.client(), PATH).await;
    let nothing_here = json!({"metadata": "cd".repeat(32)});
    assert_eq!(seen[&24], (7, false, nothing_here.clone()), "there is no content yet");
    let settings = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["8"]});
    by_hand.client().put("/rest/mirroring/latest/syncSettings", &settings).await.promised(200);
    let seen = hashes(&by_hand.client(), PATH).await;
    assert_eq!(seen, BTreeMap::from([(31, (8, false, nothing_here))]));
}

#[tokio::test]
async fn authorisation_readers_upstream_and_administrators_on_the_mirror() {
    authorised(PATH).await;
}
