//! POST /authenticate: a mirror asks who its user is and what the user may do.

use serde_json::{Value, json};

use crate::harness::{Attempt, Identity, USER_PASSWORD, shared_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/authenticate";

fn password_of(user: &Identity) -> Value {
    json!({"username": user.name(), "password": USER_PASSWORD})
}

#[tokio::test]
async fn behaviour_tells_who_it_is_and_the_highest_permission_at_each_place() {
    let joined = shared_joined_by_hand().await;
    let mirror = joined.upstream.client(&joined.identity());
    let repository = joined.upstream.empty_repository(false).await;
    let user = joined.upstream.user_on_repository(&repository, "REPO_WRITE").await;
    let body = json!({"credentials": password_of(&user)});
    let found = mirror.post(PATH, &body).await.promised(200);
    let path = format!("/rest/api/latest/users/{}", user.name());
    let mut expected = joined.upstream.admin().get(&path).await.promised(200);
    expected["effectivePermissions"] = json!({"global": "LICENSED_USER"});
    assert_eq!(found, expected);

    let body = json!({"credentials": password_of(&user), "repositoryId": repository["id"]});
    let found = mirror.post(PATH, &body).await.promised(200);
    let permissions = json!({"global": "LICENSED_USER", "repository": "REPO_WRITE"});
    assert_eq!(found["effectivePermissions"], permissions);
    let member = joined.upstream.user_on_project(&repository["project"], "PROJECT_READ").await;
    let outsider = joined.upstream.new_user().await;
    for (user, permission) in [(member, json!("REPO_READ")), (outsider, Value::Null)] {
        let body = json!({"credentials": password_of(&user), "repositoryId": repository["id"]});
        let found = mirror.post(PATH, &body).await.promised(200);
        assert_eq!(found["effectivePermissions"]["repository"], permission);
    }
}

#[tokio::test]
async fn behaviour_a_token_is_as_good_as_the_password_within_its_bounds() {
    let joined = shared_joined_by_hand().await;
    let mirror = joined.upstream.client(&joined.identity());
    let repository = joined.upstream.empty_repository(false).await;
    let user = joined.upstream.user_on_repository(&repository, "REPO_ADMIN").await;
    for (bounds, permission) in [(vec![], "REPO_ADMIN"), (vec!["REPO_READ"], "REPO_READ")] {
        let token = joined.upstream.new_token(&user, &bounds).await["token"].clone();
        for credentials in [json!({"token": token}), json!({"username": user.name(), "password": token})] {
            let body = json!({"credentials": credentials, "repositoryId": repository["id"]});
            let found = mirror.post(PATH, &body).await.promised(200);
            assert_eq!(found["name"], user.name());
            assert_eq!(found["effectivePermissions"]["repository"], permission, "{bounds:?}");
        }
    }
}

#[tokio::test]
async fn behaviour_wrong_credentials_are_401_and_incomplete_ones_400() {
    let joined = shared_joined_by_hand().await;
    let mirror = joined.upstream.client(&joined.identity());
    let user = joined.upstream.new_user().await;
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl jane@laptop";
    for wrong in [
        json!({"username": user.name(), "password": "wrong"}),
        json!({"username": "nobody", "password": USER_PASSWORD}),
        json!({"username": user.name(), "password": ""}),
        json!({"token": "wrong"}),
        json!({"publicKey": key, "username": "git"}),
    ] {
        mirror.post(PATH, &json!({"credentials": wrong})).await.refused(401);
    }
    for incomplete in [json!({}), json!({"username": user.name()}), json!({"password": "x"}), json!("x")] {
        mirror.post(PATH, &json!({"credentials": incomplete})).await.refused(400);
    }
    let error = mirror.post(PATH, &json!({})).await.refused(400);
    assert_eq!(error["context"], "credentials");
    let body = json!({"credentials": password_of(&user), "repositoryId": "x"});
    assert_eq!(mirror.post(PATH, &body).await.refused(400)["context"], "repositoryId");
}

#[tokio::test]
async fn authorisation_mirrors_alone() {
    let joined = shared_joined_by_hand().await;
    let user = joined.upstream.new_user().await;
    let call = Attempt::post(&joined.upstream, PATH, json!({"credentials": password_of(&user)}));
    call.by(&joined.identity(), 200).await;
    call.by(&joined.forger(), 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&Identity::Anonymous, 401).await;
    call.by(&user, 401).await;
    let not_a_mirror = call.by(&Identity::admin(), 401).await;
    let wrong = json!({"credentials": {"username": user.name(), "password": "wrong"}});
    let wrong = Attempt::post(&joined.upstream, PATH, wrong).by(&joined.identity(), 401).await;
    assert_ne!(not_a_mirror["message"], wrong["message"], "the message tells the two apart");
}
