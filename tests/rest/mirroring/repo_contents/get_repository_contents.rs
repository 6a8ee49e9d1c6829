//! POST /repo-contents: a mirror that begins with nothing asks for small repositories as a whole.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Attempt, Checkout, Identity, git, noise, refs_hash, shared_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/repo-contents";

/// More than what counts as small.
const LARGE_BYTES: usize = 3 * 1024 * 1024;

fn ids(repositories: &[&Value]) -> Value {
    let ids: Vec<_> = repositories.iter().map(|repository| repository["id"].to_string()).collect();
    json!({"repositoryIds": ids})
}

#[tokio::test]
async fn behaviour_everything_that_is_needed_is_in_the_answer() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    checkout.commit("folder/second.txt", "second\n");
    git(checkout.path(), &["tag", "-a", "v1", "-m", "v1"]);
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main", "HEAD~1:refs/heads/old", "v1"]);
    let empty = upstream.empty_repository(false).await;

    let mirror = upstream.client(&joined.identity());
    let answer = mirror.post(PATH, &ids(&[&empty, &repository])).await.promised(200);
    let [of_empty, content] = answer["values"].as_array().expect("is a list").as_slice() else {
        panic!("{answer}")
    };
    assert_eq!(*of_empty, json!({"id": empty["id"].to_string(), "objectFormat": "sha1", "refs": ""}));
    assert_eq!(
        (&content["id"], &content["objectFormat"]),
        (&json!(repository["id"].to_string()), &json!("sha1"))
    );

    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["init", "--quiet", "--bare"]);
    let pack = STANDARD.decode(content["pack"].as_str().expect("is a text")).expect("is base64");
    let file = folder.path().join("objects/pack/pack-of-the-answer.pack");
    fs::write(&file, pack).expect("can be written");
    git(folder.path(), &["index-pack", "--strict", &file.display().to_string()]);
    for line in content["refs"].as_str().expect("is a text").lines() {
        let (object, name) = line.split_once(' ').expect("an object and a name");
        git(folder.path(), &["update-ref", name, object]);
    }
    git(folder.path(), &["fsck", "--strict"]);
    let described = upstream.admin().get(&format!("/rest/mirroring/latest/repos/{}", repository["id"])).await;
    let described = described.promised(200);
    assert_eq!(described["properties"]["contentHash"], refs_hash(folder.path()));
}

#[tokio::test]
async fn behaviour_what_is_not_small_or_not_there_is_left_out() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (small, _) = upstream.pushed_repository(false).await;
    let large = upstream.empty_repository(false).await;
    let checkout = Checkout::new();
    let content: Vec<u8> = noise().take(LARGE_BYTES / 8).flat_map(u64::to_le_bytes).collect();
    fs::write(checkout.path().join("noise"), content).expect("can be written");
    checkout.commit("second.txt", "second\n");
    checkout.push(&upstream.admin_url(&large), &["HEAD:refs/heads/main"]);

    let mirror = upstream.client(&joined.identity());
    let mut asked = ids(&[&large, &small]);
    let list = asked["repositoryIds"].as_array_mut().expect("is a list");
    list.extend([json!("99999999"), json!("x")]);
    let answer = mirror.post(PATH, &asked).await.promised(200);
    let given: Vec<_> =
        answer["values"].as_array().expect("is a list").iter().map(|one| &one["id"]).collect();
    assert_eq!(given, [&json!(small["id"].to_string())]);
    let nothing = mirror.post(PATH, &json!({"repositoryIds": []})).await.promised(200);
    assert_eq!(nothing, json!({"values": []}));
    for refused in [json!({}), json!({"repositoryIds": [1]}), json!({"repositoryIds": vec!["1"; 101]})] {
        mirror.post(PATH, &refused).await.refused(400);
    }
}

#[tokio::test]
async fn authorisation_mirrors_alone() {
    let joined = shared_joined_by_hand().await;
    let (repository, _) = joined.upstream.pushed_repository(true).await;
    let call = Attempt::post(&joined.upstream, PATH, ids(&[&repository]));
    call.by(&joined.identity(), 200).await;
    call.by(&joined.forger(), 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::admin(), 401).await;
    call.by(&joined.upstream.new_user().await, 401).await;
}
