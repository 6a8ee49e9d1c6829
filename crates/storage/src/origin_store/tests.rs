//! Repositories of a Git server that is not ours, and their readers.

use super::OriginStore;
use crate::database::Role;
use crate::records::OriginReader;
use crate::test_databases::TestDatabase;

const NOW: i64 = 1_763_000_000_000;

async fn stores() -> Vec<(OriginStore, TestDatabase)> {
    let databases = TestDatabase::each(Role::Mirror).await;
    databases.into_iter().map(|test| (OriginStore::new(test.database.clone()), test)).collect()
}

fn reader(of: &crate::records::OriginRepository, name: &str, granted_at: i64) -> OriginReader {
    OriginReader {
        repository_id: of.id,
        fingerprint: name.to_owned(),
        content_hash: format!("hash at {granted_at}"),
        granted_at,
    }
}

#[tokio::test]
async fn repositories_of_an_origin_are_recorded_in_the_order_of_their_use() {
    for (store, _test) in stores().await {
        let one = store.origin_repository_at("/acme/one.git", "sha1", NOW).await.unwrap();
        let two = store.origin_repository_at("/acme/two.git", "sha256", NOW + 1).await.unwrap();
        assert_eq!(store.origin_repository_at("/acme/one.git", "sha1", NOW + 9).await.unwrap(), one);
        store.note_use_of_origin_repositories(&[(one.id, NOW + 5)]).await.unwrap();
        let paths: Vec<_> =
            store.origin_repositories().await.unwrap().into_iter().map(|row| row.path).collect();
        assert_eq!(paths, ["/acme/two.git", "/acme/one.git"]);
        store.delete_origin_repository(one.id).await.unwrap();
        store.delete_origin_repository(one.id).await.unwrap();
        let again = store.origin_repository_at("/acme/one.git", "sha1", NOW).await.unwrap();
        assert!(again.id > two.id, "a number is given once");
        let other = store.origin_repository_at("/acme/one.git", "sha256", NOW).await.unwrap();
        assert!(other.id > again.id && store.origin_repositories().await.unwrap().len() == 2);
    }
}

#[tokio::test]
async fn readers_are_known_until_they_may_no_longer_read_or_the_repository_goes() {
    for (store, _test) in stores().await {
        let one = store.origin_repository_at("/acme/one.git", "sha1", NOW).await.unwrap();
        let two = store.origin_repository_at("/acme/two.git", "sha1", NOW).await.unwrap();
        let mut gone = reader(&two, "ann", NOW);
        gone.repository_id.0 += 100;
        let (ann, bob) = (reader(&one, "ann", NOW), reader(&one, "bob", NOW + 1));
        let other = reader(&two, "ann", NOW + 2);
        store.keep_origin_readers(&[ann, bob.clone(), other.clone(), gone]).await.unwrap();
        let newer = reader(&one, "ann", NOW + 3);
        store.keep_origin_readers(std::slice::from_ref(&newer)).await.unwrap();
        assert_eq!(store.origin_readers_since(NOW, 10).await.unwrap(), [newer.clone(), other.clone(), bob]);
        assert_eq!(store.origin_readers_since(NOW, 1).await.unwrap(), std::slice::from_ref(&newer));
        store.forget_origin_reader(one.id, "bob").await.unwrap();
        store.forget_origin_reader(one.id, "bob").await.unwrap();
        assert_eq!(store.origin_readers_since(0, 10).await.unwrap(), [newer.clone(), other]);
        store.delete_origin_repository(two.id).await.unwrap();
        assert_eq!(store.origin_readers_since(0, 10).await.unwrap(), std::slice::from_ref(&newer));
        let found = store.origin_reader(newer.repository_id, &newer.fingerprint).await.unwrap();
        assert_eq!(found.as_ref(), Some(&newer));
        assert_eq!(store.origin_reader(newer.repository_id, "nobody").await.unwrap(), None);
        store.forget_origin_readers_outside(newer.granted_at, newer.granted_at).await.unwrap();
        assert!(!store.origin_readers_since(0, 10).await.unwrap().is_empty());
        store.forget_origin_readers_outside(0, newer.granted_at - 1).await.unwrap();
        assert!(store.origin_readers_since(0, 10).await.unwrap().is_empty(), "it comes from the future");
        store.keep_origin_readers(std::slice::from_ref(&newer)).await.unwrap();
        store.forget_origin_readers_outside(NOW + 4, NOW + 4).await.unwrap();
        assert!(store.origin_readers_since(0, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn no_more_readers_are_kept_than_so_many() {
    for (store, _test) in stores().await {
        let one = store.origin_repository_at("/acme/one.git", "sha1", NOW).await.unwrap();
        let readers: Vec<_> =
            (0..5).map(|number| reader(&one, &format!("reader-{number}"), NOW + number)).collect();
        store.keep_origin_readers(&readers).await.unwrap();
        assert_eq!(store.keep_newest_origin_readers(5).await.unwrap(), None);
        assert_eq!(store.keep_newest_origin_readers(2).await.unwrap(), Some(NOW + 2));
        let kept = store.origin_readers_since(0, 10).await.unwrap();
        assert_eq!(kept, [readers[4].clone(), readers[3].clone()]);
        assert_eq!(store.keep_newest_origin_readers(2).await.unwrap(), None);
        assert_eq!(store.keep_newest_origin_readers(0).await.unwrap(), Some(NOW + 4));
        assert!(store.origin_readers_since(0, 10).await.unwrap().is_empty());
    }
}
