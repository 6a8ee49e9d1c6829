//! A mirror whose database is older than what has happened since finds all of it by the comparison with its upstream,
//! without any event: what is missing, pushed to, renamed, moved, published, and gone.

use serde_json::{Value, json};

use crate::harness::{
    Checkout, Client, DatabaseBackup, Pair, ServerOptions, UpstreamByHand, clone_url, copy_folder,
    eventually, git, git_fails, project_path, remove_folder, repository_of_nothing, repository_path, unique,
};

const HASHES: &str = "/rest/mirroring/latest/repo-hashes";

async fn pair() -> Pair {
    let arguments = ["--sweep-interval", "1s", "--allow-mass-removal"].map(str::to_owned).to_vec();
    Pair::start_with(ServerOptions::default(), ServerOptions { arguments, ..ServerOptions::default() }).await
}

/// The hashes that a server tells, without what only an upstream says.
async fn hashes(client: &Client) -> Value {
    let mut document = client.get(HASHES).await.promised(200);
    for project in document["projects"].as_array_mut().expect("is a list") {
        for repository in project["repositories"].as_array_mut().expect("is a list") {
            repository.as_object_mut().expect("is an object").remove("identity");
        }
    }
    let projects = document["projects"].as_array_mut().expect("is a list");
    projects.sort_unstable_by_key(|project| project["id"].as_i64());
    document
}

async fn is_as_the_upstream(pair: &Pair) {
    eventually("the mirror to have what the upstream has", || async {
        let (there, here) = (hashes(&pair.admin()).await, hashes(&pair.mirror_admin()).await);
        (there == here).then_some(())
    })
    .await;
}

fn heads(pair: &Pair, checkout: &Checkout, repository: &Value) -> [String; 2] {
    [pair.upstream_url(repository), pair.mirror_url(repository)]
        .map(|url| git(checkout.path(), &["ls-remote", url.as_str()]))
}

#[tokio::test]
async fn a_mirror_with_an_older_database_finds_what_has_become_of_each_repository() {
    let mut pair = pair().await;
    let (pushed, pushed_checkout) = pair.pushed_repository(false).await;
    let (renamed, renamed_checkout) = pair.pushed_repository(false).await;
    let (moved, moved_checkout) = pair.pushed_repository(false).await;
    let (published, _published_checkout) = pair.pushed_repository(false).await;
    let (deleted, deleted_checkout) = pair.pushed_repository(false).await;
    for repository in [&pushed, &renamed, &moved, &published, &deleted] {
        pair.mirrored(repository).await;
    }
    pair.mirror.terminate();
    let database = DatabaseBackup::of(&pair.mirror);
    let data = tempfile::tempdir().expect("a folder can be made");
    copy_folder(&pair.mirror.data(), &data.path().join("data"));
    pair.mirror.restart();

    pushed_checkout.commit("later.txt", "no event tells of this\n");
    pushed_checkout.push(&pair.upstream_url(&pushed), &["HEAD:refs/heads/main"]);
    let admin = pair.admin();
    let new_name = json!({"name": format!("Renamed {}", unique())});
    let now_renamed = admin.put(&repository_path(&renamed), &new_name).await.expect(201).json();
    let new_key = json!({"key": format!("M{}", unique().to_uppercase())});
    admin.put(&project_path(&moved["project"]), &new_key).await.expect(200);
    let mut now_moved = moved.clone();
    now_moved["project"]["key"] = new_key["key"].clone();
    admin.put(&repository_path(&published), &json!({"public": true})).await.expect(201);
    admin.delete(&repository_path(&deleted)).await.expect(202);
    let (added, added_checkout) = pair.pushed_repository(false).await;
    // All events have arrived by then, so that none of them comes once more.
    is_as_the_upstream(&pair).await;

    pair.mirror.terminate();
    remove_folder(&pair.mirror.data());
    copy_folder(&data.path().join("data"), &pair.mirror.data());
    database.put_back(&pair.mirror);
    pair.mirror.restart();
    is_as_the_upstream(&pair).await;
    for (checkout, repository) in [
        (&pushed_checkout, &pushed),
        (&renamed_checkout, &now_renamed),
        (&moved_checkout, &now_moved),
        (&added_checkout, &added),
    ] {
        let [there, here] = heads(&pair, checkout, repository);
        assert_eq!(there, here, "{repository}");
    }
    for (checkout, gone) in
        [(&renamed_checkout, &renamed), (&moved_checkout, &moved), (&deleted_checkout, &deleted)]
    {
        git_fails(checkout.path(), &["ls-remote", pair.mirror_url(gone).as_str()]);
    }
    let path = pair.mirror_path(&format!("/repos/{}", published["id"])).await;
    let seen = pair.mirror_admin().get(&path).await.promised(200);
    assert_eq!(seen["available"], true, "{seen}");
    let url = clone_url(pair.mirror.base_url(), &published, None);
    git(pushed_checkout.path(), &["ls-remote", url.as_str()]);
}

#[tokio::test]
async fn what_moves_to_another_project_is_found_by_one_comparison_of_digests() {
    let arguments = ["--sweep-interval", "1s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let by_hand = UpstreamByHand::start_installed_with(options).await;
    by_hand.compare_parts();
    for project in [7, 8] {
        let mut repository = repository_of_nothing(24, project);
        repository["properties"]["metadataHash"] = json!(format!("{project:064}"));
        by_hand.replace_repository(repository);
        eventually("the mirror to take in the project", || async {
            let document = hashes(&by_hand.client()).await;
            (document["projects"][0]["id"] == project).then_some(())
        })
        .await;
    }
    eventually("the mirror to tell what it knows", || async {
        let received = by_hand.received();
        let asked = received.iter().filter(|asked| asked.path.ends_with("/repo-hashes/differences"));
        let told: Vec<&Value> = asked.map(|asked| &asked.body["digests"]).collect();
        let is_told = |digests: &&Value| {
            digests.as_array().is_some_and(|digests| digests.len() == 1 && digests[0]["part"] == 0)
        };
        told.iter().any(is_told).then_some(())
    })
    .await;
    let settings = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7"]});
    by_hand.client().put("/rest/mirroring/latest/syncSettings", &settings).await.promised(200);
    eventually("the comparison of the one project", || async {
        let asked = by_hand.received();
        asked.iter().any(|asked| asked.body["projectIds"] == json!([7])).then_some(())
    })
    .await;
    assert_eq!(hashes(&by_hand.client()).await, json!({"projects": []}));
}
