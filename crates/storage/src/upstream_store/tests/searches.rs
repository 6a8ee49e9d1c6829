//! Searches by more than a name.

use super::{FIRST_PAGE, metadata_hash, new_project, new_repository, project, repository, stores, user};
use crate::page::Page;
use crate::records::{
    NewProject, NewRepository, PermissionLevel, ProjectsHeld, Repository, RepositorySearch, Visibility,
};

fn slugs(page: &Page<Repository>) -> String {
    let slugs: Vec<_> = page.values.iter().map(|repository| repository.slug.as_str()).collect();
    slugs.join(" ")
}

#[tokio::test]
async fn repositories_are_found_by_each_trait_and_by_all_together() {
    for (store, test) in stores().await {
        let open = NewProject { public: true, ..new_project("OPEN") };
        let open = store.repositories.create_project(open, |_| Vec::new()).await.unwrap();
        let closed = project(&store, "CLOSED").await;
        repository(&store, open.id, "engine").await;
        repository(&store, closed.id, "engine").await;
        let shown = NewRepository { public: true, ..new_repository(closed.id, "shown") };
        store.repositories.create_repository(shown, metadata_hash, |_| Vec::new()).await.unwrap();

        let nothing = RepositorySearch::default;
        let cases = [
            (nothing(), "engine engine shown"),
            (RepositorySearch { name: Some("ENG".into()), ..nothing() }, "engine engine"),
            (RepositorySearch { project_key: Some("closed".into()), ..nothing() }, "engine shown"),
            (RepositorySearch { project_name: Some("ect clo".into()), ..nothing() }, "engine shown"),
            (RepositorySearch { public: Some(true), ..nothing() }, "engine shown"),
            (RepositorySearch { public: Some(false), ..nothing() }, "engine"),
            (
                RepositorySearch {
                    name: Some("engine".into()),
                    project_key: Some("CLOSED".into()),
                    public: Some(true),
                    ..nothing()
                },
                "",
            ),
        ];
        for (search, expected) in cases {
            let found =
                store.repositories.search_repositories(&search, Visibility::All, FIRST_PAGE).await.unwrap();
            assert_eq!(slugs(&found), expected, "{search:?}");
        }
        let seen =
            store.repositories.search_repositories(&nothing(), Visibility::Public, FIRST_PAGE).await.unwrap();
        assert_eq!(slugs(&seen), "engine shown");
        test.remove().await;
    }
}

#[tokio::test]
async fn projects_are_found_by_the_permission_that_is_held() {
    for (store, test) in stores().await {
        let alice = user(&store, "alice").await.id;
        let open = NewProject { public: true, ..new_project("OPEN") };
        store.repositories.create_project(open, |_| Vec::new()).await.unwrap();
        for (key, permission) in [("READ", "PROJECT_READ"), ("WRITE", "PROJECT_WRITE")] {
            let granted = project(&store, key).await;
            store
                .accounts
                .set_permission(PermissionLevel::Project(granted.id), alice, permission, Vec::new())
                .await
                .unwrap();
        }

        let (read, write) = (vec!["PROJECT_READ", "PROJECT_WRITE"], vec!["PROJECT_WRITE"]);
        let cases = [
            (Some(alice), read.clone(), true, "OPEN READ WRITE"),
            (Some(alice), read.clone(), false, "READ WRITE"),
            (Some(alice), write, false, "WRITE"),
            (None, read.clone(), true, "OPEN"),
            (None, read, false, ""),
        ];
        for (user, permissions, or_public, expected) in cases {
            let held = ProjectsHeld { user, permissions, or_public };
            let found = store.repositories.list_projects_held(&held, None, FIRST_PAGE).await.unwrap();
            let keys: Vec<_> = found.values.iter().map(|project| project.key.as_str()).collect();
            assert_eq!(keys.join(" "), expected, "{held:?}");
        }
        test.remove().await;
    }
}
