//! Repositories of a Git server that is not ours, and their readers.

use super::OriginStore;
use crate::database::Role;
use crate::records::{OriginReader, OriginRefusal};
use crate::test_databases::TestDatabase;

const NOW: i64 = 1_763_000_000_000;

async fn stores() -> Vec<(OriginStore, TestDatabase)> {
    let databases = TestDatabase::each(Role::Mirror).await;
    databases.into_iter().map(|test| (OriginStore::new(test.database.clone()), test)).collect()
}

fn reader(of: &crate::records::OriginRepository, name: &str, granted_at: i64) -> OriginReader {
    OriginReader {
        reader: format!("{name} of {}", of.id.0),
        repository_id: of.id,
        content_hash: format!("hash at {granted_at}"),
        listing: Some(format!("list at {granted_at}")),
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
        let mut gone = reader(&two, "cid", NOW);
        gone.repository_id.0 += 100;
        let (ann, bob) = (reader(&one, "ann", NOW), reader(&one, "bob", NOW + 1));
        let other = reader(&two, "ann", NOW + 2);
        store.keep_origin_readers(&[ann, bob.clone(), other.clone(), gone]).await.unwrap();
        let newer = OriginReader { listing: None, ..reader(&one, "ann", NOW + 3) };
        store.keep_origin_readers(std::slice::from_ref(&newer)).await.unwrap();
        assert_eq!(
            store.origin_readers_since(NOW, 10).await.unwrap(),
            [newer.clone(), other.clone(), bob.clone()]
        );
        assert_eq!(store.origin_readers_since(NOW, 1).await.unwrap(), std::slice::from_ref(&newer));
        for refused_at in [NOW + 4, NOW + 5] {
            let refusal = OriginRefusal { reader: bob.reader.clone(), refused_at };
            store.refuse_origin_reader(&refusal).await.unwrap();
        }
        assert_eq!(store.origin_readers_since(0, 10).await.unwrap(), [newer.clone(), other]);
        store.delete_origin_repository(two.id).await.unwrap();
        assert_eq!(store.origin_readers_since(0, 10).await.unwrap(), std::slice::from_ref(&newer));
        assert_eq!(store.origin_reader(&newer.reader).await.unwrap().as_ref(), Some(&newer));
        assert_eq!(store.origin_reader("unknown").await.unwrap(), None);
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

#[tokio::test]
async fn who_was_refused_is_so_until_they_are_shown_something() {
    for (store, _test) in stores().await {
        let one = store.origin_repository_at("/acme/one.git", "sha1", NOW).await.unwrap();
        let refusals: Vec<_> = (0..1_200)
            .map(|number| OriginRefusal { reader: format!("reader {number}"), refused_at: NOW + number })
            .collect();
        store.keep_origin_refusals(&refusals).await.unwrap();
        store.keep_origin_refusals(&refusals[..2]).await.unwrap();
        let ann = reader(&one, "ann", NOW);
        let refused = OriginRefusal { reader: ann.reader.clone(), refused_at: NOW + 5_000 };
        store.refuse_origin_reader(&refused).await.unwrap();
        for refusal in refusals.iter().chain([&refused]) {
            assert!(store.is_refused_by_origin(&refusal.reader).await.unwrap(), "{refusal:?}");
        }
        assert!(!store.is_refused_by_origin("unknown").await.unwrap());
        store.keep_origin_readers(std::slice::from_ref(&ann)).await.unwrap();
        assert!(!store.is_refused_by_origin(&ann.reader).await.unwrap());
        store.keep_origin_refusals(std::slice::from_ref(&refused)).await.unwrap();
        assert!(store.is_refused_by_origin(&ann.reader).await.unwrap());
        assert_eq!(store.origin_reader(&ann.reader).await.unwrap(), None, "it is not shown to them any more");
        store.keep_origin_readers(std::slice::from_ref(&ann)).await.unwrap();

        store.keep_newest_origin_refusals(1_200).await.unwrap();
        store.keep_newest_origin_refusals(100).await.unwrap();
        for (number, is_kept) in [(0, false), (1_099, false), (1_100, true), (1_199, true)] {
            let found = store.is_refused_by_origin(&format!("reader {number}")).await.unwrap();
            assert_eq!(found, is_kept, "{number}");
        }
        store.keep_newest_origin_refusals(0).await.unwrap();
        assert!(!store.is_refused_by_origin("reader 1199").await.unwrap());
    }
}
