//! What the upstream store keeps of mirrors, on every database.

use super::*;
use crate::records::{MirrorUpdate, RequestState};

#[tokio::test]
async fn a_request_is_filed_once_and_described_anew_until_it_is_decided() {
    for (store, test) in stores().await {
        let first = file(&store, new_request("AAAA")).await.unwrap();
        assert_eq!((first.state, first.key_hash.as_deref()), (RequestState::Pending, Some("hash")));
        let described = NewRequest {
            product_version: "0.2.0".to_owned(),
            base_url: "https://elsewhere.example".to_owned(),
            descriptor_uri: "https://elsewhere.example/descriptor".to_owned(),
            key_hash: None,
            requested_at: NOW + 9,
            ..new_request("AAAA")
        };
        assert_eq!(file(&store, described.clone()).await.unwrap(), first, "the first one stays");
        let second = store.mirrors.describe_request_anew(first.id, described.clone()).await.unwrap();
        let expected =
            MirroringRequest { product_version: "0.2.0".to_owned(), updated_at: NOW + 9, ..first.clone() };
        assert_eq!(second, expected, "addresses and key stay as they were shown");

        let rejected =
            store.mirrors.set_request_state(first.id, RequestState::Rejected, NOW + 10).await.unwrap();
        assert_eq!(rejected.state, RequestState::Rejected);
        assert_eq!(file(&store, new_request("AAAA")).await.unwrap(), rejected);
        assert_eq!(store.mirrors.describe_request_anew(first.id, described).await.unwrap(), rejected);
        assert_eq!(store.mirrors.count_requests(Some(RequestState::Pending)).await.unwrap(), 0);
        assert_eq!(store.mirrors.count_requests(None).await.unwrap(), 1);
        test.remove().await;
    }
}

#[tokio::test]
async fn an_open_request_is_replaced_by_one_with_another_id() {
    for (store, test) in stores().await {
        let first = file(&store, new_request("AAAA")).await.unwrap();
        file(&store, new_request("BBBB")).await.unwrap();
        let limits = OpenRequestLimits { in_all: 2, per_network: 2 };
        let moved = NewRequest { base_url: "https://elsewhere.example".to_owned(), ..new_request("AAAA") };
        let second = store.mirrors.replace_request(first.id, moved.clone(), limits).await.unwrap();
        assert!(second.id != first.id && second.base_url == moved.base_url, "{second:?}");
        assert_eq!(store.mirrors.find_request(first.id).await.unwrap(), None);

        let taken = NewRequest { base_url: new_request("BBBB").base_url, ..new_request("AAAA") };
        let refused = store.mirrors.replace_request(second.id, taken, limits).await;
        assert!(matches!(refused, Err(StoreError::Conflict { what: "mirror base URL", .. })), "{refused:?}");
        assert_eq!(
            store.mirrors.find_request(second.id).await.unwrap(),
            Some(second.clone()),
            "it is still there"
        );

        let rejected =
            store.mirrors.set_request_state(second.id, RequestState::Rejected, NOW + 1).await.unwrap();
        assert_eq!(store.mirrors.replace_request(second.id, moved, limits).await.unwrap(), rejected);
        test.remove().await;
    }
}

#[tokio::test]
async fn a_name_or_address_of_another_mirror_is_refused() {
    for (store, test) in stores().await {
        mirror(&store, "AAAA").await;
        file(&store, new_request("BBBB")).await.unwrap();
        for taken in ["AAAA", "BBBB"] {
            let other = new_request("CCCC");
            let name = NewRequest { name: format!("MIRROR {taken}"), ..other.clone() };
            let refused = file(&store, name).await;
            assert!(matches!(refused, Err(StoreError::Conflict { what: "mirror name", .. })), "{refused:?}");
            let base_url = NewRequest { base_url: new_request(taken).base_url, ..other };
            let refused = file(&store, base_url.clone()).await;
            assert!(matches!(refused, Err(StoreError::Conflict { what: "mirror base URL", .. })));
            let holder = store.mirrors.find_name_holder(&base_url).await.unwrap().expect("it is taken");
            assert_eq!(holder.base_url, base_url.base_url);
            assert_eq!(
                (holder.mirror_id.to_string().as_str(), holder.request.is_some()),
                (taken, taken == "BBBB")
            );
        }
        let open = store.mirrors.list_requests(Some(RequestState::Pending), FIRST_PAGE).await.unwrap();
        let renamed = NewRequest { name: "Mirror AAAA".to_owned(), ..new_request("BBBB") };
        let refused = store.mirrors.describe_request_anew(open.values[0].id, renamed).await;
        assert!(matches!(refused, Err(StoreError::Conflict { what: "mirror name", .. })), "{refused:?}");
        assert_eq!(store.mirrors.list_requests(Some(RequestState::Pending), FIRST_PAGE).await.unwrap(), open);
        test.remove().await;
    }
}

#[tokio::test]
async fn open_requests_are_bounded_and_deleted_by_age_or_all_at_once() {
    for (store, test) in stores().await {
        let limits = OpenRequestLimits { in_all: 3, per_network: 1 };
        let ask = async |id: &str, network: Option<&str>, at: i64| {
            let asked_from = network.map(str::to_owned);
            let request = NewRequest { asked_from, requested_at: at, ..new_request(id) };
            store.mirrors.file_request(request, limits).await
        };
        ask("AAAA", Some("10.0.0.0/24"), NOW).await.unwrap();
        let full = ask("BBBB", Some("10.0.0.0/24"), NOW).await;
        let (what, limit) = ("open requests from one network", 1);
        assert!(
            matches!(full, Err(StoreError::LimitReached { what: w, limit: l }) if (w, l) == (what, limit))
        );
        ask("CCCC", Some("10.0.1.0/24"), NOW + 1).await.unwrap();
        ask("DDDD", None, NOW + 2).await.unwrap();
        let full = ask("EEEE", Some("10.0.2.0/24"), NOW).await;
        assert!(matches!(full, Err(StoreError::LimitReached { what: "open requests", limit: 3 })));
        let full = ask("FFFF", None, NOW).await;
        assert!(matches!(full, Err(StoreError::LimitReached { .. })));

        let decided = store.mirrors.list_requests(None, FIRST_PAGE).await.unwrap().values.remove(0);
        store.mirrors.set_request_state(decided.id, RequestState::Rejected, NOW).await.unwrap();
        assert_eq!(store.mirrors.delete_open_requests(Some(NOW + 2)).await.unwrap(), 1, "the one of NOW + 1");
        assert_eq!(store.mirrors.delete_open_requests(None).await.unwrap(), 1);
        let left = store.mirrors.list_requests(None, FIRST_PAGE).await.unwrap().values;
        assert_eq!(left.iter().map(|request| request.id).collect::<Vec<_>>(), [decided.id]);
        test.remove().await;
    }
}

#[tokio::test]
async fn accepting_a_request_happens_once() {
    for (store, test) in stores().await {
        let accepted = mirror(&store, "AAAA").await;
        let request = store.mirrors.find_request_of_mirror(&accepted.id).await.unwrap().unwrap();
        assert_eq!(request.state, RequestState::Accepted);
        let again = store.mirrors.insert_mirror(request.id, new_mirror()).await;
        assert!(matches!(again, Err(StoreError::InUse { what: "accepted request", .. })), "{again:?}");
        let late = store.mirrors.set_request_state(request.id, RequestState::Rejected, NOW).await;
        assert!(matches!(late, Err(StoreError::InUse { .. })));

        store.mirrors.revert_acceptance(&accepted.id, NOW + 1).await.unwrap();
        assert_eq!(store.mirrors.find_mirror(&accepted.id).await.unwrap(), None);
        let request = store.mirrors.find_request(request.id).await.unwrap().unwrap();
        assert_eq!(request.state, RequestState::Pending);
        store.mirrors.insert_mirror(request.id, new_mirror()).await.unwrap();
        test.remove().await;
    }
}

#[tokio::test]
async fn a_failed_acceptance_leaves_the_request_pending() {
    for (store, test) in stores().await {
        let taken = mirror(&store, "AAAA").await;
        let request = file(&store, new_request("BBBB")).await.unwrap();
        let renaming = MirrorUpdate { name: Some("mirror bbbb".to_owned()), ..Default::default() };
        store.mirrors.update_mirror(&taken.id, renaming).await.unwrap();
        let refused = store.mirrors.insert_mirror(request.id, new_mirror()).await;
        assert!(matches!(refused, Err(StoreError::Conflict { what: "mirror name", .. })), "{refused:?}");
        let request = store.mirrors.find_request(request.id).await.unwrap().unwrap();
        assert_eq!(request.state, RequestState::Pending);
        assert_eq!(store.mirrors.all_mirrors().await.unwrap().len(), 1);
        test.remove().await;
    }
}

#[tokio::test]
async fn mirrors_are_updated_and_touched() {
    for (store, test) in stores().await {
        let (one, two) = (mirror(&store, "AAAA").await, mirror(&store, "BBBB").await);
        let update = MirrorUpdate { product_version: Some("0.3.0".to_owned()), ..Default::default() };
        let updated = store.mirrors.update_mirror(&one.id, update).await.unwrap();
        assert_eq!(updated, MirrorServer { product_version: "0.3.0".to_owned(), ..one.clone() });
        let taking = MirrorUpdate { base_url: Some(two.base_url), ..Default::default() };
        let refused = store.mirrors.update_mirror(&one.id, taking).await;
        assert!(matches!(refused, Err(StoreError::Conflict { what: "mirror base URL", .. })));

        store.mirrors.touch_mirror(&one.id, NOW + 3).await.unwrap();
        let found = store.mirrors.find_mirror(&one.id).await.unwrap().unwrap();
        assert_eq!((found.last_seen_at, &found.shared_secret), (Some(NOW + 3), &one.shared_secret));
        let page = store.mirrors.list_mirrors(PageRequest { start: 1, limit: 1 }).await.unwrap();
        assert_eq!(page.values[0].id, two.id);
        assert!(page.is_last);
        test.remove().await;
    }
}

#[tokio::test]
async fn a_deleted_mirror_leaves_no_secret_event_preference_or_request() {
    for (store, test) in stores().await {
        let alice = user(&store, "alice").await;
        let (gone, kept) = (mirror(&store, "AAAA").await, mirror(&store, "BBBB").await);
        store.mirrors.set_preferred_mirror(alice.id, &gone.id).await.unwrap();
        assert_eq!(store.mirrors.preferred_mirror(alice.id).await.unwrap(), Some(gone.id.clone()));
        store.outbox.announce(vec![event("project:created", None)]).await.unwrap();

        store.mirrors.delete_mirror(&gone.id).await.unwrap();
        assert_eq!(store.mirrors.find_mirror(&gone.id).await.unwrap(), None);
        assert_eq!(store.outbox.count_pending(&gone.id).await.unwrap(), 0);
        assert_eq!(store.outbox.count_pending(&kept.id).await.unwrap(), 1);
        assert_eq!(store.mirrors.preferred_mirror(alice.id).await.unwrap(), None);
        assert_eq!(store.mirrors.find_request_of_mirror(&gone.id).await.unwrap(), None);
        assert!(matches!(store.mirrors.delete_mirror(&gone.id).await, Err(StoreError::NotFound { .. })));
        let refused = store.mirrors.set_preferred_mirror(alice.id, &gone.id).await;
        assert!(matches!(refused, Err(StoreError::NotFound { what: "mirror", .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn a_mirror_that_is_accepted_again_is_told_of_what_was_deleted_meanwhile() {
    const LONG_AGO: i64 = NOW - 31 * 24 * 3_600 * 1_000;
    for (store, test) in stores().await {
        let (gone, kept) = (mirror(&store, "AAAA").await, mirror(&store, "BBBB").await);
        let project = project(&store, "PRJ").await;
        let [site, older, undone] = [
            repository(&store, project.id, "site").await,
            repository(&store, project.id, "older").await,
            repository(&store, project.id, "undone").await,
        ];
        store.mirrors.delete_mirror(&gone.id).await.unwrap();
        let deleted = |id: RepositoryId| event("repo:deleted", Some(id));
        let long_ago = NewEvent { created_at: LONG_AGO, ..deleted(older.id) };
        store.repositories.delete_repository(older.id, vec![long_ago]).await.unwrap();
        store.repositories.delete_repository(site.id, vec![deleted(site.id)]).await.unwrap();
        // What was never announced was never mirrored.
        store.repositories.delete_repository(undone.id, Vec::new()).await.unwrap();
        assert_eq!(pending_keys(&store, &kept.id).await, ["repo:deleted", "repo:deleted"]);

        let back = mirror(&store, "AAAA").await;
        let told = store.outbox.pending_for(&back.id, None, 10).await.unwrap();
        let repositories: Vec<_> = told.iter().map(|event| event.repository_id).collect();
        assert_eq!(repositories, [Some(site.id)]);
        assert_eq!((told[0].event_key.as_str(), told[0].created_at), ("repo:deleted", NOW));
        assert_eq!(told[0].body, json!({ "eventKey": "repo:deleted" }));
        test.remove().await;
    }
}

#[tokio::test]
async fn settings_are_kept_and_the_first_value_wins_where_asked() {
    for (store, test) in stores().await {
        assert_eq!(store.get_setting("id").await.unwrap(), None);
        assert_eq!(store.setting_or_insert("id", "one").await.unwrap(), "one");
        assert_eq!(store.setting_or_insert("id", "two").await.unwrap(), "one");
        store.set_setting("id", "three").await.unwrap();
        assert_eq!(store.get_setting("id").await.unwrap().as_deref(), Some("three"));
        store.delete_setting("id").await.unwrap();
        assert_eq!(store.get_setting("id").await.unwrap(), None);
        test.remove().await;
    }
}
