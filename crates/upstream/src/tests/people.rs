//! Who gets in, and what he may do there.

use std::os::unix::fs::PermissionsExt;

use heliostat_auth::{
    Caller, Credentials, GlobalPermission, ProjectPermission, RepositoryPermission, Secret,
};
use heliostat_refusal::Refusal;

use super::house::{ANY_REQUEST, FIRST, House, repository_named};
use crate::{RepositoryChange, TokenCreation};

#[tokio::test]
async fn the_first_administrator_gets_a_password_file_once() {
    let folder = std::sync::Arc::new(tempfile::tempdir().expect("a temporary folder"));
    let house = House::in_folder(std::sync::Arc::clone(&folder), None).await;
    let account = house.admin_account.clone().expect("a new administrator");
    let file = account.password_file.expect("a generated password");
    assert_eq!(file.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);
    let password = std::fs::read_to_string(file).expect("readable");
    let admin =
        house.log_in("Admin", password.trim()).await.expect("the password works, in any case of the name");
    assert_eq!(admin.global(), Some(GlobalPermission::SysAdmin));
    drop(house);
    let again = House::in_folder(folder, None).await;
    assert_eq!(again.admin_account, None);
    assert!(again.log_in("admin", password.trim()).await.is_ok());
}

#[tokio::test]
async fn credentials_must_hold() {
    let house = House::new().await;
    house.user("ada").await;
    for (name, password) in [("ada", "wrong"), ("nobody", "secret"), ("ada", ""), ("", "")] {
        let refused = house.log_in(name, password).await;
        assert!(matches!(refused, Err(Refusal::Unauthenticated { .. })), "{name} {password}");
    }
    assert_eq!(house.identify(Credentials::None).await.expect("anonymous"), Caller::Anonymous);

    let admin = house.admin().await;
    house.upstream.set_password(&admin, "ada", &Secret::new("other")).await.expect("changed");
    assert!(house.log_in("ada", "secret").await.is_err(), "the old password is worthless at once");
    assert!(house.log_in("ada", "other").await.is_ok());

    house.upstream.revoke_global_permission(&admin, "ada").await.expect("revoked");
    assert!(house.log_in("ada", "other").await.is_err(), "without permission for the server nobody logs in");
    assert!(house.upstream.delete_user(&admin, "admin").await.is_err(), "nobody deletes himself");
    let last = house.upstream.revoke_global_permission(&admin, "admin").await;
    assert!(matches!(last, Err(Refusal::Conflict { .. })), "one SYS_ADMIN remains");
}

#[tokio::test]
async fn tokens_stand_for_their_user_within_their_bound() {
    let house = House::new().await;
    let admin = house.admin().await;
    house.project("APP").await;
    house.repository("APP", "Engine").await;
    let create = async |permissions: &[&str]| {
        let permissions = permissions.iter().map(ToString::to_string).collect();
        let creation = TokenCreation { name: "ci".into(), permissions, expiry_days: Some(1) };
        house.upstream.create_access_token(&admin, "admin", creation).await.expect("a new token")
    };
    let (_, full) = create(&[]).await;
    let (limited_record, limited) = create(&["REPO_READ"]).await;

    let caller = house.identify(Credentials::Bearer(full.clone())).await.expect("a good token");
    assert!(caller.is_sys_admin());
    let by_basic = Credentials::Basic { username: "x-token-auth".into(), password: full.clone() };
    assert!(house.identify(by_basic).await.is_ok());
    let wrong_owner = Credentials::Basic { username: "ada".into(), password: full };
    assert!(house.identify(wrong_owner).await.is_err());

    let reader = house.identify(Credentials::Bearer(limited.clone())).await.expect("a good token");
    assert!(!reader.is_admin());
    assert!(house.upstream.read_with_git(&reader, "app", "engine.git").await.is_ok());
    let push = house.upstream.push_with_git(&reader, "app", "engine.git").await;
    assert!(matches!(push, Err(Refusal::Forbidden { .. })));
    let more = TokenCreation { name: "more".into(), permissions: Vec::new(), expiry_days: None };
    assert!(house.upstream.create_access_token(&reader, "admin", more).await.is_err(), "no way up");

    house.upstream.delete_access_token(&admin, "admin", limited_record.id.as_str()).await.expect("deleted");
    assert!(house.identify(Credentials::Bearer(limited)).await.is_err());
    house.clock_offset.store(2 * 86_400_000, std::sync::atomic::Ordering::Relaxed);
    let (_, fresh) = create(&[]).await;
    assert!(house.identify(Credentials::Bearer(fresh)).await.is_ok());
}

#[tokio::test]
async fn what_may_not_be_read_looks_absent() {
    let house = House::new().await;
    let (admin, ada) = (house.admin().await, house.user("ada").await);
    house.project("APP").await;
    house.repository("APP", "Engine").await;
    let forbidden = house.upstream.repository(&ada, "APP", "engine").await.expect_err("no permission");
    let unknown = house.upstream.repository(&ada, "APP", "nothing").await.expect_err("not there");
    assert!(matches!((&forbidden, &unknown), (Refusal::NotFound { .. }, Refusal::NotFound { .. })));
    assert_eq!(forbidden.to_string().replace("engine", "nothing"), unknown.to_string());
    let anonymous = house.upstream.repository(&Caller::Anonymous, "APP", "engine").await;
    assert!(matches!(anonymous, Err(Refusal::Unauthenticated { .. })));
    assert!(house.upstream.repositories(&ada, None, None, FIRST).await.expect("a list").values.is_empty());

    let read = RepositoryPermission::Read;
    house.upstream.set_repository_permission(&admin, "APP", "engine", "ada", read).await.expect("granted");
    assert!(house.upstream.repository(&ada, "app", "Engine").await.is_ok());
    assert!(house.upstream.project(&ada, "APP").await.is_ok());
    assert_eq!(house.upstream.repositories(&ada, None, None, FIRST).await.expect("a list").values.len(), 1);
    let created = house.upstream.create_repository(&ada, "APP", repository_named("x")).await;
    assert!(matches!(created, Err(Refusal::Forbidden { .. })));

    let write = ProjectPermission::Write;
    house.upstream.set_project_permission(&admin, "APP", "ada", write).await.expect("granted");
    assert!(house.upstream.push_with_git(&ada, "APP", "engine").await.is_ok());
    let archive = RepositoryChange { archived: Some(true), ..RepositoryChange::default() };
    house.upstream.update_repository(&admin, "APP", "engine", archive).await.expect("archived");
    assert!(house.upstream.push_with_git(&admin, "APP", "engine").await.is_err());

    let publish = RepositoryChange { public: Some(true), ..RepositoryChange::default() };
    house.upstream.update_repository(&admin, "APP", "engine", publish).await.expect("published");
    assert!(house.upstream.repository(&Caller::Anonymous, "APP", "engine").await.is_ok());
}

#[tokio::test]
async fn a_repository_is_there_whole_or_not_at_all() {
    let house = House::new().await;
    let admin = house.admin().await;
    house.project("APP").await;
    let repository = house.repository("APP", "My Engine").await;
    assert_eq!((repository.slug.as_str(), repository.generation.0), ("my-engine", 0));
    let taken = house.upstream.create_repository(&admin, "APP", repository_named("my  engine")).await;
    assert!(matches!(taken, Err(Refusal::Conflict { context: Some(field), .. }) if field == "name"));
    assert_eq!(house.upstream.0.repositories.list().await.expect("a list").len(), 1);

    // Something is in the way on disk of the next repository: nothing of it may remain.
    let next = u64::try_from(repository.id.0).expect("positive") + 1;
    let branch = heliostat_git::RefName::branch("main").expect("a name");
    house.upstream.0.repositories.create(next, &branch).await.expect("created");
    assert!(house.upstream.create_repository(&admin, "APP", repository_named("other")).await.is_err());
    let listed = house.upstream.repositories(&admin, None, None, FIRST).await.expect("a list");
    assert_eq!(listed.values.len(), 1);

    let rename = RepositoryChange { name: Some("Motor".into()), ..RepositoryChange::default() };
    let renamed =
        house.upstream.update_repository(&admin, "APP", "my-engine", rename).await.expect("renamed");
    assert_eq!((renamed.slug.as_str(), renamed.metadata_hash == repository.metadata_hash), ("motor", false));
    let in_use = house.upstream.delete_project(&admin, "APP").await;
    assert!(matches!(in_use, Err(Refusal::Conflict { .. })));
    house.upstream.delete_repository(&admin, "APP", "motor").await.expect("deleted");
    assert!(house.upstream.repository(&admin, "APP", "motor").await.is_err());
    assert!(house.upstream.0.repositories.list().await.expect("a list").is_empty());
    house.upstream.delete_project(&admin, "APP").await.expect("deleted");
    let facts = ANY_REQUEST;
    assert!(house.upstream.identify(Credentials::Jwt(Secret::new("a.b.c")), facts).await.is_err());
}
