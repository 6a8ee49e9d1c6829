//! POST /repo-hashes/differences: a mirror is told of the parts that it knows otherwise.

use std::fs::File;
use std::io::Write;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{
    Attempt, Checkout, Identity, project_path, repository_path, shared_joined_by_hand, start_joined_by_hand,
};

const PATH: &str = "/rest/mirroring/latest/repo-hashes/differences";

/// The digest of a part as an operator computes it from what a mirror is told.
fn digest(repositories: &[Value]) -> String {
    let mut lines = tempfile::NamedTempFile::new().expect("a file can be made");
    for it in repositories {
        let (project, properties) = (&it["project"], &it["properties"]);
        let purge = properties["purge"].as_i64().unwrap_or(0);
        let line = format!(
            r#"{{"contentHash":{},"defaultBranch":{},"generation":{},"id":{},"identity":{},"metadataHash":{},"name":{},"project":{{"id":{},"key":{},"name":{},"public":{}}},"public":{},"purge":{purge},"slug":{}}}"#,
            properties["contentHash"],
            properties["defaultBranchId"],
            properties["generation"],
            it["id"],
            properties["identity"],
            properties["metadataHash"],
            it["name"],
            project["id"],
            project["key"],
            project["name"],
            project["public"],
            it["public"],
            it["slug"],
        );
        writeln!(lines, "{line}").expect("a file can be written");
    }
    let lines = File::open(lines.path()).expect("a file can be read");
    let output = Command::new("sha256sum").stdin(lines).output().expect("sha256sum can be run");
    String::from_utf8_lossy(&output.stdout).chars().take(64).collect()
}

fn parts(answer: &Value) -> &Vec<Value> {
    answer["parts"].as_array().expect("is a list")
}

/// What a mirror tells that was told this.
fn known(answer: &Value) -> Value {
    let digests = parts(answer).iter().map(|part| {
        let repositories = part["repositories"].as_array().expect("is a list");
        json!({"part": part["part"], "digest": digest(repositories)})
    });
    json!({"digests": digests.collect::<Vec<_>>()})
}

#[tokio::test]
async fn behaviour_what_is_known_as_it_is_is_not_told_again() {
    let joined = start_joined_by_hand().await;
    let (upstream, mirror) = (&joined.upstream, joined.upstream.client(&joined.identity()));
    assert_eq!(mirror.post(PATH, &json!({"digests": []})).await.promised(200), json!({"parts": []}));

    let one = upstream.empty_repository(false).await;
    let other = upstream.empty_repository(true).await;
    let told = mirror.post(PATH, &json!({"digests": []})).await.promised(200);
    let listed = mirror.get("/rest/mirroring/latest/repos?includeDefaultBranch=true").await.promised(200);
    assert_eq!((parts(&told).len(), &parts(&told)[0]["repositories"]), (1, &listed["values"]));
    assert_eq!(parts(&told)[0]["part"], 0);
    let mut digests = known(&told);
    let nothing = json!({"parts": []});
    assert_eq!(mirror.post(PATH, &digests).await.promised(200), nothing);

    let admin = upstream.admin();
    let unusual = json!({"name": "Ünüsual \"name\" \\ 日本"});
    admin.put(&project_path(&one["project"]), &unusual).await.expect(200);
    admin.put(&repository_path(&other), &json!({"public": false})).await.expect(201);
    let checkout = Checkout::new();
    checkout.commit("a.txt", "a");
    checkout.push(&upstream.admin_url(&other), &["HEAD:refs/heads/trunk"]);
    let told = mirror.post(PATH, &digests).await.promised(200);
    assert_eq!(parts(&told)[0]["repositories"].as_array().map(Vec::len), Some(2), "{told}");
    digests = known(&told);
    assert_eq!(mirror.post(PATH, &digests).await.promised(200), nothing);

    let only = json!({"projectIds": [other["project"]["id"]], "digests": digests["digests"]});
    let told = mirror.post(PATH, &only).await.promised(200);
    assert_eq!(parts(&told)[0]["repositories"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(parts(&told)[0]["repositories"][0]["id"], other["id"]);
    digests["digests"].as_array_mut().expect("is a list").push(json!({"part": 9, "digest": "0".repeat(64)}));
    let told = mirror.post(PATH, &digests).await.promised(200);
    assert_eq!(told, json!({"parts": [{"part": 9, "repositories": []}]}));
}

#[tokio::test]
async fn behaviour_a_comparison_that_cannot_be_read_is_refused() {
    let joined = shared_joined_by_hand().await;
    let mirror = joined.upstream.client(&joined.identity());
    for (context, wrong) in [
        ("digests", json!({})),
        ("digests", json!({"digests": [{"part": "x", "digest": "0".repeat(64)}]})),
        ("digest", json!({"digests": [{"part": 0, "digest": "short"}]})),
        ("projectIds", json!({"digests": [], "projectIds": ["x"]})),
    ] {
        let error = mirror.post(PATH, &wrong).await.refused(400);
        assert!(error["context"].as_str().is_some_and(|field| field.starts_with(context)), "{error}");
    }
    let many = vec![json!({"part": 0, "digest": "0".repeat(64)}); 8_193];
    mirror.post(PATH, &json!({"digests": many})).await.refused(400);
}

#[tokio::test]
async fn authorisation_mirrors_alone() {
    let joined = shared_joined_by_hand().await;
    let user = joined.upstream.new_user().await;
    let call = Attempt::post(&joined.upstream, PATH, json!({"digests": []}));
    call.by(&joined.identity(), 200).await;
    call.by(&joined.forger(), 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&Identity::Anonymous, 401).await;
    call.by(&user, 401).await;
    call.by(&Identity::admin(), 401).await;
}
