//! GET /projects/{projectKey}/repos/{repositorySlug}: one repository.

use serde_json::json;

use crate::harness::{Attempt, Identity, project_path, repository_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_finds_the_repository_by_key_and_slug() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = repository_path(&repository);
    assert_eq!(upstream.admin().get(&path).await.promised(200), repository);
    assert_eq!(upstream.admin().get(&path.replace("latest", "1.0")).await.promised(200), repository);
    upstream
        .admin()
        .get(&format!("{}/repos/unknown", project_path(&repository["project"])))
        .await
        .refused(404);
    let other = upstream.new_project(false).await;
    let slug = repository["slug"].as_str().expect("is text");
    upstream.admin().get(&format!("{}/repos/{slug}", project_path(&other))).await.refused(404);
}

#[tokio::test]
async fn behaviour_an_answer_that_was_given_before_follows_each_change_at_once() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = repository_path(&repository);
    let user = upstream.user_on_repository(&repository, "REPO_READ").await;
    let token = upstream.new_token(&user, &[]).await;
    let by_token = Identity::Token(token["token"].as_str().expect("is text").to_owned());
    let [reader, other] = [upstream.client(&by_token), upstream.client(&user)];
    let of_user = format!("{path}/permissions/users?name={}", user.name());
    for round in 0..3 {
        for client in [&reader, &other, &reader, &other] {
            client.get(&path).await.promised(200);
        }
        let description = format!("round {round}");
        upstream.admin().put(&path, &json!({ "description": description })).await.promised(201);
        for client in [&reader, &other] {
            assert_eq!(client.get(&path).await.promised(200)["description"], description);
        }
        upstream.admin().delete(&of_user).await.promised(204);
        for client in [&reader, &other] {
            client.get(&path).await.refused(404);
        }
        Attempt::put_nothing(upstream, format!("{of_user}&permission=REPO_READ"))
            .by(&Identity::admin(), 204)
            .await;
    }
    reader.get(&path).await.promised(200);
    let id = token["id"].as_str().expect("is text");
    let path_of_token = format!("/rest/access-tokens/latest/users/{}/{id}", user.name());
    upstream.client(&user).delete(&path_of_token).await.promised(204);
    reader.get(&path).await.refused(401);
    other.get(&path).await.promised(200);
    upstream.admin().delete(&path).await.promised(202);
    other.get(&path).await.refused(404);
}

#[tokio::test]
async fn authorisation_who_may_read_it() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let private = upstream.empty_repository(false).await;
    let call = Attempt::get(upstream, repository_path(&private));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    for permission in ["REPO_READ", "REPO_WRITE", "REPO_ADMIN"] {
        call.by(&upstream.user_on_repository(&private, permission).await, 200).await;
    }
    call.by(&upstream.user_on_project(&private["project"], "PROJECT_READ").await, 200).await;
    let sibling = upstream.new_repository(&private["project"]).await;
    call.by(&upstream.user_on_repository(&sibling, "REPO_ADMIN").await, 404).await;
    call.by(&upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;

    let public = upstream.empty_repository(true).await;
    let call = Attempt::get(upstream, repository_path(&public));
    call.by(&Identity::Anonymous, 200).await;
    call.by(&upstream.new_user().await, 200).await;
    call.by(&Identity::impostor(), 401).await;
}
