//! PUT /projects/{projectKey}/repos/{repositorySlug}/following: what it follows from now on.

use serde_json::json;

use super::{NOWHERE, Source, administrators_only, path_of, stands};
use crate::harness::{Attempt, git, shared_joined_by_hand};

/// A source over SSH on this machine, where no server listens.
const SSH: &str = "git@127.0.0.1:acme/tool.git";

/// What has the form of a private key.
const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----\n";

#[tokio::test]
async fn behaviour_what_is_left_out_stays_and_passwords_are_not_told() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = path_of(&repository);
    let set = async |body| upstream.admin().put(&path, &body).await.promised(200);
    let told = set(json!({"url": NOWHERE, "username": "ann", "password": "secret"})).await;
    assert_eq!((&told["intervalSeconds"], &told["username"]), (&60.into(), &"ann".into()));
    assert!(told["passwordSet"] == true && !told.to_string().contains("secret"), "{told}");
    let told = set(json!({"url": NOWHERE, "intervalSeconds": 3600})).await;
    assert!(told["passwordSet"] == true && told["username"] == "ann", "{told}");
    let told = set(json!({"url": NOWHERE, "username": "bob"})).await;
    assert!(told["passwordSet"] == false && told["username"] == "bob", "{told}");
    assert_eq!(told["intervalSeconds"], 3600);
    set(json!({"url": NOWHERE, "password": "secret"})).await;
    let told = set(json!({"url": NOWHERE.replace(":9/", ":10/")})).await;
    assert!(told["passwordSet"] == false && told.get("username").is_none(), "{told}");

    for (field, wrong) in [
        ("url", json!({"url": "ssh://git:secret@git.example.com/acme/tool.git"})),
        ("url", json!({"url": "ssh://-oProxyCommand=secret/acme/tool.git"})),
        ("url", json!({"url": "git://0.0.0.0/acme/tool.git"})),
        ("url", json!({"url": "git@0.0.0.0:acme/tool.git"})),
        ("sshKey", json!({"url": "ssh://git@git.example.com/acme/tool.git"})),
        ("sshKey", json!({"url": "git@git.example.com:acme/tool.git", "sshKey": "ssh-ed25519 secret"})),
        ("sshKey", json!({"url": NOWHERE, "sshKey": KEY})),
        ("knownHosts", json!({"url": SSH, "sshKey": KEY, "knownHosts": "git.example.com"})),
        ("username", json!({"url": SSH, "sshKey": KEY, "username": "ann"})),
        ("password", json!({"url": "git://git.example.com/acme/tool.git", "password": "secret"})),
        ("url", json!({"url": "/srv/tool.git"})),
        ("url", json!({"url": "https://ann:secret@git.example.com/acme/tool.git"})),
        ("url", json!({"url": "http://0.0.0.0/acme/tool.git"})),
        ("intervalSeconds", json!({"url": NOWHERE, "intervalSeconds": 4})),
        ("username", json!({"url": NOWHERE, "username": "", "password": "without a user"})),
        ("username", json!({"url": NOWHERE, "username": "a:b"})),
        ("password", json!({"url": NOWHERE, "username": "ann", "password": "a\nb"})),
        ("overwrite", json!({"url": NOWHERE, "overwrite": "perhaps"})),
    ] {
        let refused = upstream.admin().put(&path, &wrong).await.refused(400);
        assert_eq!(refused["context"], field, "{wrong}");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
    upstream
        .admin()
        .put(&path.replace("/following", "-2/following"), &json!({"url": NOWHERE}))
        .await
        .refused(404);
}

#[tokio::test]
async fn behaviour_a_key_is_kept_for_its_account_and_not_told() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = path_of(&repository);
    let set = async |body| upstream.admin().put(&path, &body).await.promised(200);
    let hosts = "127.0.0.1 ssh-ed25519 AAAA";
    let told = set(json!({"url": SSH, "sshKey": KEY, "knownHosts": hosts, "intervalSeconds": 3600})).await;
    assert!(told["sshKeySet"] == true && told["knownHostsSet"] == true, "{told}");
    assert!(told["url"] == SSH && !told.to_string().contains("secret"), "{told}");
    let told = set(json!({"url": "ssh://git@127.0.0.1/acme/other.git", "knownHosts": ""})).await;
    assert!(told["sshKeySet"] == true && told["knownHostsSet"] == false, "{told}");
    let refused =
        upstream.admin().put(&path, &json!({"url": SSH.replace("git@", "ann@")})).await.refused(400);
    assert_eq!(refused["context"], "sshKey");
    let told = set(json!({"url": NOWHERE})).await;
    assert!(told["sshKeySet"] == false && told["passwordSet"] == false, "{told}");
}

#[tokio::test]
async fn behaviour_what_is_there_is_replaced_only_when_that_is_asked_for() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let (path, url) = (path_of(&repository), upstream.admin_url(&repository));
    checkout.push(&url, &["HEAD:refs/heads/own", "HEAD:refs/tags/own"]);
    let before = git(checkout.path(), &["ls-remote", url.as_str()]);
    let source = Source::new();
    source.checkout.commit("other.txt", "other\n");
    source.push(&["HEAD:refs/heads/main", "HEAD:refs/heads/folder/x"]);
    let refused = upstream.admin().put(&path, &json!({"url": source.url})).await.refused(409);
    assert_eq!(refused["context"], "overwrite");
    upstream.admin().get(&path).await.refused(404);
    assert_eq!(git(checkout.path(), &["ls-remote", url.as_str()]), before);

    upstream.admin().put(&path, &json!({"url": source.url, "overwrite": true})).await.promised(200);
    stands(upstream, &repository, "IN_STEP").await;
    let there = git(checkout.path(), &["ls-remote", &source.url]);
    assert_eq!(git(checkout.path(), &["ls-remote", url.as_str()]), there);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let call = Attempt::put(&joined.upstream, path_of(&repository), json!({"url": NOWHERE}));
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 200).await;
}
