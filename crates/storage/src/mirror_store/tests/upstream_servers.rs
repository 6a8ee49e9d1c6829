//! What the mirror store keeps of upstream servers, on every database.

use super::*;
use crate::error::StoreError;
use crate::records::{MirroringMode, UpstreamSettings, UpstreamState};

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn an_upstream_goes_from_initializing_to_removed() {
    for (store, test) in stores().await {
        let added = upstream(&store, "up", NOW).await;
        assert_eq!((added.state, added.mode), (UpstreamState::Initializing, MirroringMode::AllProjects));
        let id = added.id;
        store.set_upstream_state(&id, UpstreamState::Pending, Some("no answer"), NOW + 1).await.unwrap();
        store.set_upstream_state(&id, UpstreamState::Pending, None, NOW + 2).await.unwrap();
        let pending = store.find_upstream(&id).await.unwrap().unwrap();
        assert_eq!((pending.state, pending.state_changed_at), (UpstreamState::Pending, NOW + 1));
        assert_eq!(pending.last_error, None);

        store.install_upstream(&id, "very secret".to_owned(), "key".to_owned(), None, NOW + 3).await.unwrap();
        let moved = store.upsert_upstream(&id, "https://elsewhere.example", NOW + 4).await.unwrap();
        assert_eq!(
            (moved.state, moved.base_url.as_str()),
            (UpstreamState::Installed, "https://elsewhere.example")
        );
        assert_eq!(moved.shared_secret.as_deref(), Some("very secret"));
        assert!(!format!("{moved:?}").contains("very secret"));

        store.remove_upstream(&id, NOW + 5).await.unwrap();
        let removed = store.find_upstream(&id).await.unwrap().unwrap();
        assert_eq!((removed.state, removed.shared_secret), (UpstreamState::Removed, None));
        let unknown = store.set_upstream_error(&UpstreamServerId::from("unknown"), Some("x")).await;
        assert!(matches!(unknown, Err(StoreError::NotFound { what: "upstream", .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn the_selection_is_replaced_and_outlives_a_change_of_mode() {
    for (store, test) in stores().await {
        let id = upstream(&store, "up", NOW).await.id;
        let chosen = ids(&["7", "3", "7"]);
        let settings =
            store.set_upstream_settings(&id, MirroringMode::SelectedProjects, Some(&chosen)).await.unwrap();
        assert_eq!(settings.project_ids, ["3", "7"]);
        let chosen = ids(&["7", "5"]);
        let settings =
            store.set_upstream_settings(&id, MirroringMode::SelectedProjects, Some(&chosen)).await.unwrap();
        assert_eq!(settings.project_ids, ["5", "7"]);
        let settings = store.set_upstream_settings(&id, MirroringMode::AllProjects, None).await.unwrap();
        let expected = UpstreamSettings { mode: MirroringMode::AllProjects, project_ids: ids(&["5", "7"]) };
        assert_eq!(settings, expected);
        assert_eq!(store.upstream_settings(&id).await.unwrap(), expected);
        let absent = UpstreamServerId::from("unknown");
        let unknown = store.set_upstream_settings(&absent, MirroringMode::AllProjects, Some(&chosen)).await;
        assert!(matches!(unknown, Err(StoreError::NotFound { what: "upstream", .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn of_concurrent_selections_one_is_kept_as_a_whole() {
    for (store, test) in stores().await {
        let id = upstream(&store, "up", NOW).await.id;
        let selecting: Vec<_> = (0..8)
            .map(|number| {
                let (store, id) = (store.clone(), id.clone());
                let chosen = [format!("{number} a"), format!("{number} b")];
                tokio::spawn(async move {
                    store.set_upstream_settings(&id, MirroringMode::SelectedProjects, Some(&chosen)).await
                })
            })
            .collect();
        let mut selections = Vec::new();
        for selected in selecting {
            selections.push(selected.await.unwrap().unwrap());
        }
        let kept = store.upstream_settings(&id).await.unwrap();
        assert!(kept.project_ids.len() == 2 && selections.contains(&kept), "{kept:?}");
        test.remove().await;
    }
}

#[tokio::test]
async fn settings_are_kept() {
    for (store, test) in stores().await {
        assert_eq!(store.setting_or_insert("server id", "one").await.unwrap(), "one");
        assert_eq!(store.setting_or_insert("server id", "two").await.unwrap(), "one");
        store.set_setting("server id", "three").await.unwrap();
        let reopened = MirrorStore::new(test.open_again().await);
        assert_eq!(reopened.get_setting("server id").await.unwrap().as_deref(), Some("three"));
        reopened.database.clone().close().await.unwrap();
        test.remove().await;
    }
}
