//! A mirror serves exactly the users who may read: as the upstream decides, and as it changes its mind.

use crate::harness::{Client, Identity, clone_url, eventually, git, git_fails, git_output, shared_pair};
use serde_json::Value;
use url::Url;

fn url_as(base: &Url, repository: &Value, identity: &Identity) -> Url {
    match identity {
        Identity::User(name, password) => clone_url(base, repository, Some((name, password))),
        _ => clone_url(base, repository, None),
    }
}

#[tokio::test]
async fn a_user_without_rights_gets_nothing_and_a_grant_or_revocation_is_followed() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let user = pair.new_user().await;
    let Identity::User(name, _) = user.clone() else { unreachable!("new users have passwords") };
    let url = url_as(pair.mirror.base_url(), &repository, &user);

    let refusal = git_fails(checkout.path(), &["ls-remote", url.as_str()]);
    assert!(refusal.contains("not found"), "{refusal}");
    let anonymous = clone_url(pair.mirror.base_url(), &repository, None);
    let refusal = git_fails(checkout.path(), &["ls-remote", anonymous.as_str()]);
    assert!(refusal.contains("could not read Username"), "{refusal}");
    let mut wrong = url.clone();
    wrong.set_password(Some("wrong")).expect("http URLs have passwords");
    let refusal = git_fails(checkout.path(), &["ls-remote", wrong.as_str()]);
    assert!(refusal.contains("Authentication failed"), "{refusal}");

    let key = repository["project"]["key"].as_str().expect("a project has a key");
    let slug = repository["slug"].as_str().expect("a repository has a slug");
    let path = format!("/rest/api/latest/projects/{key}/repos/{slug}/permissions/users?name={name}");
    pair.admin().send(reqwest::Method::PUT, &format!("{path}&permission=REPO_READ"), None).await.expect(204);
    eventually("the grant to be followed", || async {
        git_output(checkout.path(), &["ls-remote", url.as_str()]).status.success().then_some(())
    })
    .await;

    pair.admin().delete(&path).await.expect(204);
    eventually("the revocation to be followed", || async {
        (!git_output(checkout.path(), &["ls-remote", url.as_str()]).status.success()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn git_shows_an_access_token_with_the_user_name_that_it_has_for_tokens() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let user = pair.upstream.user_on_repository(&repository, "REPO_READ").await;
    let token = pair.upstream.new_token(&user, &["REPO_READ"]).await;
    let secret = token["token"].as_str().expect("is text");
    for server in [&pair.upstream, &pair.mirror] {
        for name in ["x-token-auth", "x-access-token", user.name()] {
            let url = clone_url(server.base_url(), &repository, Some((name, secret)));
            git(checkout.path(), &["ls-remote", url.as_str()]);
        }
        let url = clone_url(server.base_url(), &repository, Some(("x-access-token", "wrong")));
        git_fails(checkout.path(), &["ls-remote", url.as_str()]);
    }
}

#[tokio::test]
async fn a_public_repository_is_served_to_all_and_pushed_to_with_rights_only() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let mirror = clone_url(pair.mirror.base_url(), &repository, None);
    git(checkout.path(), &["ls-remote", mirror.as_str()]);
    let upstream = clone_url(pair.upstream.base_url(), &repository, None);
    git(checkout.path(), &["ls-remote", upstream.as_str()]);
    git_fails(checkout.path(), &["push", upstream.as_str(), "HEAD:refs/heads/intruder"]);
    let user = pair.new_user().await;
    let url = url_as(pair.upstream.base_url(), &repository, &user);
    git_fails(checkout.path(), &["push", url.as_str(), "HEAD:refs/heads/intruder"]);
}

#[tokio::test]
async fn a_removed_mirror_is_refused_by_the_upstream_and_stops_serving() {
    let pair = crate::harness::Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let id = pair.mirror_id().await;
    pair.admin().delete(&format!("/rest/mirroring/latest/mirrorServers/{id}")).await.expect(204);
    let url = clone_url(pair.mirror.base_url(), &repository, None);
    eventually("the mirror to stop serving", || async {
        (!git_output(checkout.path(), &["ls-remote", url.as_str()]).status.success()).then_some(())
    })
    .await;
    let anonymous = Client::new(pair.mirror.base_url(), Identity::Anonymous);
    eventually("the mirror to say that it serves nothing", || async {
        (anonymous.get("/status").await.status == 503).then_some(())
    })
    .await;
}
