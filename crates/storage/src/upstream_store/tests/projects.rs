//! What the upstream store keeps of projects, on every database.

use super::*;
use crate::error::StoreError;
use crate::records::{PermissionLevel, ProjectUpdate, Visibility};

#[tokio::test]
async fn keys_and_names_are_unique_in_whatever_case() {
    for (store, test) in stores().await {
        let created = project(&store, "prj").await;
        assert_eq!(created.key, "PRJ");
        assert_eq!(store.repositories.find_project_by_key("Prj").await.unwrap(), Some(created.clone()));
        let same_key = store
            .repositories
            .create_project(NewProject { name: "Other".to_owned(), ..new_project("Prj") }, |_| Vec::new())
            .await;
        assert!(
            matches!(same_key, Err(StoreError::Conflict { what: "project key", value }) if value == "PRJ")
        );
        let same_name = store
            .repositories
            .create_project(NewProject { name: "PROJECT prj".to_owned(), ..new_project("B") }, |_| Vec::new())
            .await;
        assert!(matches!(same_name, Err(StoreError::Conflict { what: "project name", .. })));

        let other = project(&store, "OTHER").await;
        let update = ProjectUpdate { key: Some("prj".to_owned()), ..Default::default() };
        let renamed =
            store.repositories.update_project(other.id, update, metadata_hash, |_, _| Vec::new()).await;
        assert!(matches!(renamed, Err(StoreError::Conflict { what: "project key", .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn renaming_a_project_changes_the_metadata_hashes_of_its_repositories() {
    for (store, test) in stores().await {
        let old = project(&store, "OLD").await;
        let site = repository(&store, old.id, "site").await;
        assert_eq!(site.metadata_hash, "OLD/site");
        let update = ProjectUpdate { key: Some("NEW".to_owned()), ..Default::default() };
        let mut announced = Vec::new();
        store
            .repositories
            .update_project(old.id, update, metadata_hash, |project, repositories| {
                announced =
                    repositories.iter().map(|one| format!("{} {}", project.key, one.metadata_hash)).collect();
                Vec::new()
            })
            .await
            .unwrap();
        assert_eq!(announced, ["NEW NEW/site"]);
        let site = store.repositories.find_repository_by_slug("new", "SITE").await.unwrap().unwrap();
        assert_eq!(site.metadata_hash, "NEW/site");
        let nothing = ProjectUpdate::default();
        assert!(
            store
                .repositories
                .update_project(ProjectId(99), nothing, metadata_hash, |_, _| Vec::new())
                .await
                .is_err()
        );
        test.remove().await;
    }
}

#[tokio::test]
async fn a_project_with_repositories_cannot_be_deleted() {
    for (store, test) in stores().await {
        let project = project(&store, "PRJ").await;
        let site = repository(&store, project.id, "site").await;
        let refused = store.repositories.delete_project(project.id, Vec::new()).await;
        assert!(matches!(refused, Err(StoreError::InUse { what: "project", .. })), "{refused:?}");
        store.repositories.delete_repository(site.id, Vec::new()).await.unwrap();
        store.repositories.delete_project(project.id, Vec::new()).await.unwrap();
        assert_eq!(store.repositories.find_project(project.id).await.unwrap(), None);
        test.remove().await;
    }
}

#[tokio::test]
async fn users_see_the_projects_in_which_they_may_read_something() {
    for (store, test) in stores().await {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        let open = NewProject { public: true, ..new_project("OPEN") };
        store.repositories.create_project(open, |_| Vec::new()).await.unwrap();
        let granted = project(&store, "GRANTED").await;
        store
            .accounts
            .set_permission(PermissionLevel::Project(granted.id), alice.id, "PROJECT_READ", Vec::new())
            .await
            .unwrap();
        let partly = project(&store, "PARTLY").await;
        let inside = repository(&store, partly.id, "inside").await;
        store
            .accounts
            .set_permission(PermissionLevel::Repository(inside.id), bob.id, "REPO_READ", Vec::new())
            .await
            .unwrap();
        let showcase = project(&store, "SHOWCASE").await;
        let public = NewRepository { public: true, ..new_repository(showcase.id, "public") };
        store.repositories.create_repository(public, metadata_hash, |_| Vec::new()).await.unwrap();
        project(&store, "CLOSED").await;

        let views = [
            (Visibility::All, "OPEN GRANTED PARTLY SHOWCASE CLOSED"),
            (Visibility::Public, "OPEN SHOWCASE"),
            (Visibility::User(alice.id), "OPEN GRANTED SHOWCASE"),
            (Visibility::User(bob.id), "OPEN PARTLY SHOWCASE"),
        ];
        for (view, expected) in views {
            let seen = store.repositories.list_projects(view, None, FIRST_PAGE).await.unwrap();
            let keys: Vec<_> = seen.values.iter().map(|project| project.key.as_str()).collect();
            assert_eq!(keys.join(" "), expected, "seen by {view:?}");
        }
        let named =
            store.repositories.list_projects(Visibility::All, Some("project G"), FIRST_PAGE).await.unwrap();
        assert_eq!(named.values, std::slice::from_ref(&granted));
        assert!(store.repositories.is_project_visible(granted.id, Visibility::User(alice.id)).await.unwrap());
        assert!(!store.repositories.is_project_visible(granted.id, Visibility::User(bob.id)).await.unwrap());
        test.remove().await;
    }
}
