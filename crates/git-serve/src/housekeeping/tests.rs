//! Housekeeping of real repositories, also while others use them.

use std::time::Duration;

use heliostat_git::fixture::Workshop;
use heliostat_git::{ObjectId, Origin, PackIndex, RefName, RefUpdate, Repository, TrashReason};

use super::busy_tests::remove_free;
use super::pack_times::PackTimes;
use super::packs::PackInventory;
use super::plan::{Thresholds, reason};
use super::reconcile::Reconciler;
use super::remove_replaced::remove_packed_loose_objects;
use super::repack::repack;
use crate::fixture::served_store;
use crate::served::{ServedRepositories, ServedRepository};

/// Every repository is large enough and everything is reason enough.
pub(super) fn eager() -> Thresholds {
    Thresholds {
        small_weight: 1,
        unindexed_packs: 1,
        loose_weight: 1,
        loose_refs: 1,
        index_age: Duration::ZERO,
        base_age: Duration::ZERO,
        settled_age: Duration::ZERO,
    }
}

pub(super) fn packs_of(repository: &Repository) -> usize {
    let folder = repository.path().join("objects/pack");
    let entries = folder.read_dir().expect("listable");
    entries
        .filter(|entry| entry.as_ref().expect("listable").path().extension().is_some_and(|e| e == "pack"))
        .count()
}

/// Several packs, some of whose objects are in two of them, and loose objects.
pub(super) fn commit_in_packs(workshop: &Workshop, repository: &Repository) {
    for branch in ["main", "a/b", "main"] {
        workshop.commit(repository, branch);
        workshop.run(repository.path(), &["repack", "-q"]);
    }
    workshop.commit(repository, "main");
}

pub(super) async fn remove(repository: &Repository) -> usize {
    remove_packed_loose_objects(repository).await.expect("removed");
    remove_free(repository, &mut PackTimes::default()).await
}

#[tokio::test]
async fn maintaining_packs_and_loses_nothing() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main", "a/b"]).await);
    let repository = &served.repository;
    let before = repository.refs().await.expect("readable");
    let unreachable = workshop.run(repository.path(), &["commit-tree", "-m", "lost", "main^{tree}"]);
    for _ in 0..2 {
        repack(&served, &Thresholds::default()).await.expect("maintained");
        remove(repository).await;
    }
    let unreachable = ObjectId::parse(unreachable.trim()).expect("an object");
    assert!(repository.has_object(&unreachable).await.expect("readable"));
    assert_eq!(repository.refs().await.expect("readable"), before);
    assert!(!repository.path().join("refs/heads/main").exists());
    assert_eq!(PackInventory::look(repository).await.expect("readable").loose_objects, 0);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn maintaining_an_empty_repository_is_fine() {
    let workshop = Workshop::new().await;
    let main = RefName::branch("main").expect("valid");
    let served = ServedRepository::alone(workshop.store().create(1, &main).await.expect("created"));
    let repository = &served.repository;
    let done = repack(&served, &eager()).await.expect("nothing to do");
    assert!(!done.has_bitmap && !done.has_bundle);
    assert_eq!(remove(repository).await, 0);
}

#[tokio::test]
async fn packs_become_one_with_a_bitmap_and_what_it_replaces_is_removed() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &[]).await);
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    let before = repository.refs().await.expect("readable");
    let done = repack(&served, &eager()).await.expect("maintained");
    assert!(done.has_bitmap && done.has_bundle && done.packed_refs, "{done:?}");
    assert_eq!((done.packs_before, done.packs_after), (3, 1));
    assert_eq!(packs_of(repository), 4);
    assert_eq!(remove(repository).await, 3);
    assert_eq!(packs_of(repository), 1);
    repository.verify().await.expect("whole");
    assert_eq!(repository.refs().await.expect("readable"), before);
    assert!(PackInventory::look(repository).await.expect("readable").has_commit_graph);
    // Nothing has changed, so nothing is done again.
    let again = repack(&served, &eager()).await.expect("maintained");
    assert_eq!((again.packed_objects, again.packs_after, again.has_bitmap), (0, 1, true));
}

/// A commit of a file of so many bytes, in which nothing can be compressed.
fn commit_large_file(workshop: &Workshop, repository: &Repository, bytes: usize) {
    let mut state = 1_u32;
    let content = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    });
    let file = workshop.path("large");
    std::fs::write(&file, content.take(bytes).collect::<Vec<u8>>()).expect("written");
    let script = format!(
        "blob=$(git hash-object -w '{}') && tree=$(printf '100644 blob %s\tlarge\n' $blob | git mktree) && \
         git update-ref refs/heads/main $(git commit-tree -m large -p main $tree)",
        file.display()
    );
    workshop.shell(repository.path(), &script);
}

#[tokio::test]
async fn a_few_large_files_are_packed_and_clones_begin_with_them() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    let limits = Thresholds { small_weight: 30, loose_weight: 30, ..eager() };
    let limits =
        Thresholds { index_age: Duration::from_hours(1), unindexed_packs: 2, loose_refs: 9, ..limits };
    let reason = async || {
        let inventory = PackInventory::look(repository).await.expect("readable");
        reason(&inventory, &repository.refs().await.expect("readable"), &limits)
    };
    assert_eq!(reason().await, None, "few objects, and small ones");
    commit_large_file(&workshop, repository, 3_000_000);
    assert!(reason().await.is_some());
    let done = repack(&served, &limits).await.expect("packed");
    assert!(done.has_bitmap && done.has_bundle, "{done:?}");
    remove(repository).await;
    assert_eq!(packs_of(repository), 1);
    assert_eq!(reason().await, None, "all is done");
}

/// A tag whose commit is missing.
fn damaged_tag(workshop: &Workshop, repository: &Repository) {
    let tag = format!("object {}\ntype commit\ntag v1\ntagger A <a@b> 1 +0000\n\nlost\n", "1".repeat(40));
    let file = workshop.path("tag");
    std::fs::write(&file, tag).expect("written");
    let name = workshop.run(
        repository.path(),
        &["hash-object", "-t", "tag", "-w", "--literally", file.to_str().expect("text")],
    );
    workshop.run(repository.path(), &["update-ref", "refs/tags/v1", name.trim()]);
}

#[tokio::test]
async fn a_flipped_bit_in_a_pack_is_told_as_damage_when_the_pack_is_copied() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    commit_large_file(&workshop, repository, 100_000);
    workshop.run(repository.path(), &["repack", "-a", "-d", "-q"]);
    let packs = repository.path().join("objects/pack").read_dir().expect("listable");
    let mut packs = packs.map(|entry| entry.expect("listable").path());
    let pack = packs.find(|file| file.extension().is_some_and(|e| e == "pack")).expect("a pack");
    let mut content = std::fs::read(&pack).expect("readable");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    std::fs::remove_file(&pack).expect("removable");
    std::fs::write(&pack, content).expect("writable");
    commit_large_file(&workshop, repository, 200_000);
    let error = repack(&served, &eager()).await.expect_err("an object is not what it was");
    assert!(error.is_broken_repository(), "{error}");
}

/// The bundle's pack.
async fn base_of(served: &ServedRepository) -> PackIndex {
    let repository = &served.repository;
    let inventory = PackInventory::look(repository).await.expect("readable");
    let pack = inventory.base.unwrap_or_else(|| panic!("there is a base: {:?}", inventory.packs)).pack;
    assert!(served.bundle().is_some());
    let folder = repository.path().join("objects/pack");
    PackIndex::open(&folder.join(format!("{}.idx", pack.name))).expect("readable")
}

#[tokio::test]
async fn a_bundle_comes_back_without_what_may_not_be_cloned_any_more() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main", "topic"]).await);
    let repository = &served.repository;
    let git = |args: &[&str]| workshop.run(repository.path(), args);
    let pull_request = workshop.commit(repository, "asked");
    git(&["update-ref", "refs/pull-requests/1/from", &pull_request]);
    git(&["update-ref", "-d", "refs/heads/asked"]);
    git(&["tag", "-a", "-m", "annotated", "v1", "main"]);
    let topic = git(&["rev-parse", "topic"]);
    repack(&served, &eager()).await.expect("maintained");
    remove(repository).await;
    let has = |index: &PackIndex, name: &str| {
        index.holds(&ObjectId::parse(name.trim()).expect("an object")).expect("readable")
    };
    let base = base_of(&served).await;
    assert!(has(&base, &topic) && has(&base, &git(&["rev-parse", "v1"])) && !has(&base, &pull_request));
    // What is merged in another form and deleted.
    git(&["update-ref", "-d", "refs/heads/topic"]);
    let main = workshop.commit(repository, "main");
    served.engine().bundles().check(repository).await.expect("checked");
    assert!(served.bundle().is_none());
    let done = repack(&served, &eager()).await.expect("maintained");
    assert!(done.has_bundle && done.has_bitmap, "{done:?}");
    remove(repository).await;
    let base = base_of(&served).await;
    assert!(has(&base, &main) && !has(&base, &topic) && !has(&base, &pull_request));
    // Nothing is lost: both packs together hold it, and each object is in one of them.
    assert_eq!(packs_of(repository), 2);
    assert_eq!(git(&["cat-file", "-t", topic.trim()]).trim(), "commit");
    let inventory = PackInventory::look(repository).await.expect("readable");
    assert_eq!(
        inventory.objects().to_string(),
        git(&["rev-list", "--objects", "--count", "--all", topic.trim()]).trim()
    );
    repository.verify().await.expect("whole");
    served.engine().bundles().check(repository).await.expect("checked");
    assert!(served.bundle().is_some());
}

#[tokio::test]
async fn a_base_depends_on_nothing_that_was_made_lately_and_stays_while_others_come_and_go() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main", "old"]).await);
    let repository = &served.repository;
    let git = |args: &[&str]| workshop.run(repository.path(), args);
    let script = "GIT_COMMITTER_DATE=\"$(date +%s) +0000\" git commit-tree -m new -p main main^{tree}";
    let new = workshop.shell(repository.path(), script);
    git(&["update-ref", "refs/heads/new", new.trim()]);
    let thresholds = Thresholds { settled_age: Duration::from_hours(24), ..eager() };
    repack(&served, &thresholds).await.expect("maintained");
    remove(repository).await;
    let bundle = served.bundle().expect("offered");
    assert_eq!(bundle.tips().len(), 2);
    assert_eq!(packs_of(repository), 2);
    let pack = PackInventory::look(repository).await.expect("readable").base.expect("there is one").pack;
    git(&["update-ref", "-d", "refs/heads/new"]);
    served.engine().bundles().check(repository).await.expect("checked");
    let later = Thresholds { base_age: Duration::from_hours(1), ..thresholds };
    for _ in 0..3 {
        commit_in_packs(&workshop, repository);
        repack(&served, &later).await.expect("maintained");
        remove(repository).await;
        served.engine().bundles().check(repository).await.expect("checked");
    }
    assert_eq!(served.bundle().expect("still offered").id(), bundle.id());
    assert_eq!(
        PackInventory::look(repository).await.expect("readable").base.expect("still there").pack,
        pack
    );
    repository.verify().await.expect("whole");
    // When it has become old, one that holds more takes its place.
    repack(&served, &thresholds).await.expect("maintained");
    remove(repository).await;
    assert_ne!(served.bundle().expect("offered").id(), bundle.id());
    assert!(base_of(&served).await.objects() as u64 > pack.objects);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn a_base_is_not_tried_again_too_soon_and_takes_what_is_new_when_nothing_is_old() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["trunk", "topic"]).await);
    let repository = &served.repository;
    let git = |args: &[&str]| workshop.run(repository.path(), args);
    // It has the default branch `main`, which does not exist, and another whose name is no text.
    workshop.shell(
        repository.path(),
        "git update-ref \"$(printf 'refs/heads/caf\\351')\" $(git commit-tree -m odd trunk^{tree})",
    );
    let long = Duration::from_hours(24 * 365 * 1_000);
    let patient = Thresholds { settled_age: long, base_age: Duration::from_hours(1), ..eager() };
    assert!(repack(&served, &patient).await.expect("maintained").has_bundle);
    remove(repository).await;
    let bundle = served.bundle().expect("offered");
    assert_eq!(bundle.tips().len(), 2);
    served.engine().bundles().check(repository).await.expect("checked");
    assert_eq!(served.bundle().expect("still offered").id(), bundle.id());
    git(&["update-ref", "-d", "refs/heads/topic"]);
    served.engine().bundles().check(repository).await.expect("checked");
    assert!(!repack(&served, &patient).await.expect("maintained").has_bundle);
    let eager = Thresholds { base_age: Duration::ZERO, ..patient };
    assert!(repack(&served, &eager).await.expect("maintained").has_bundle);
    assert_eq!(served.bundle().expect("offered").tips().len(), 1);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn housekeeping_goes_on_without_a_base_that_cannot_be_made() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    damaged_tag(&workshop, repository);
    let done = repack(&served, &eager()).await.expect("maintained");
    assert!(served.bundle().is_none() && !done.has_bitmap, "{done:?}");
    assert_eq!(done.packs_after, 1);
    assert_eq!(remove(repository).await, 3);
}

#[tokio::test]
async fn a_bundle_that_cannot_be_checked_is_not_offered_and_does_not_stop_housekeeping() {
    let workshop = Workshop::new().await;
    let (store, served) = stored(&workshop).await;
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    let mut reconciler = Reconciler::new(store.clone(), eager());
    reconciler.reconcile(true).await;
    assert!(served.bundle().is_some());
    damaged_tag(&workshop, repository);
    workshop.commit(repository, "main");
    // As after a start: all references are asked.
    served.engine().bundles().forget(repository.id());
    assert!(served.engine().bundles().check(repository).await.is_err());
    assert!(served.bundle().is_none());
    reconciler.reconcile(true).await;
    assert_eq!(PackInventory::look(repository).await.expect("readable").loose_objects, 0);
    assert_eq!(packs_of(repository), 2);
}

#[tokio::test]
async fn what_was_deleted_is_not_offered_even_while_a_repository_is_left_alone() {
    let workshop = Workshop::new().await;
    let (store, served) = stored(&workshop).await;
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    let mut reconciler = Reconciler::new(store.clone(), eager());
    reconciler.reconcile(true).await;
    let bundle = served.bundle().expect("offered");
    assert!(served.bundle_to_download(bundle.id()).await.expect("checked").is_some());
    let index = repository.path().join("objects/pack/multi-pack-index");
    let sound = std::fs::read(&index).expect("readable");
    std::fs::write(&index, "rubbish").expect("written");
    reconciler.reconcile(true).await;
    std::fs::write(&index, sound).expect("written");
    let looks = store.engine().housekeeping().counters().looks;
    assert_eq!(served.bundle().expect("still offered").id(), bundle.id());
    let branch = RefName::branch("a/b").expect("valid");
    let update = RefUpdate::delete(branch, None);
    repository.update_refs(&[update]).await.expect("deleted");
    // A client that was told of it comes before housekeeping has looked.
    assert!(served.bundle_to_download(bundle.id()).await.expect("checked").is_none());
    assert!(served.bundle().is_none());
    served.engine().bundles().set(repository.id(), bundle);
    reconciler.reconcile(false).await;
    assert!(served.bundle().is_none());
    assert_eq!(store.engine().housekeeping().counters().looks, looks);
}

#[tokio::test]
async fn the_only_pack_is_a_base_until_a_lasting_one_is_needed() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main", "topic"]).await);
    let repository = &served.repository;
    workshop.run(repository.path(), &["repack", "-adq"]);
    let patient = Thresholds { base_age: Duration::from_hours(1), ..eager() };
    let done = repack(&served, &patient).await.expect("maintained");
    assert!(done.has_bundle && done.packed_objects == 0, "{done:?}");
    workshop.run(repository.path(), &["update-ref", "-d", "refs/heads/topic"]);
    served.engine().bundles().check(repository).await.expect("checked");
    assert!(served.bundle().is_none());
    assert!(repack(&served, &patient).await.expect("maintained").has_bundle);
    assert_eq!(served.bundle().expect("offered").tips().len(), 1);
}

#[tokio::test]
async fn a_pack_whose_objects_are_not_all_elsewhere_is_never_removed() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &[]).await);
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    repack(&served, &eager()).await.expect("maintained");
    workshop.commit(repository, "late");
    workshop.run(repository.path(), &["repack", "-q"]);
    assert_eq!(remove(repository).await, 3);
    assert_eq!(packs_of(repository), 2);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn what_a_killed_run_left_is_found_and_finished() {
    let workshop = Workshop::new().await;
    let (store, served) = stored(&workshop).await;
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    // Killed after the new pack was written and before it was indexed; and once more while it was removing.
    workshop.run(repository.path(), &["repack", "-a", "-q"]);
    let mut reconciler = Reconciler::new(store.clone(), eager());
    reconciler.reconcile(true).await;
    let pack = repository.path().join("objects/pack");
    assert_eq!(packs_of(repository), 1, "{:?}", store.engine().housekeeping().counters());
    std::fs::remove_file(pack.join("multi-pack-index")).expect("there is one");
    for lock in ["multi-pack-index.lock", "../info/commit-graphs/commit-graph-chain.lock"] {
        std::fs::write(pack.join(lock), "half").expect("written");
    }
    reconciler.reconcile(true).await;
    assert!(PackInventory::look(repository).await.expect("readable").has_bitmap);
    repository.verify().await.expect("whole");
    // Killed when all was done: no run comes that would find it in its way.
    let lock = repository.path().join("objects/info/commit-graphs/commit-graph-chain.lock");
    std::fs::write(&lock, "half").expect("written");
    let runs = store.engine().housekeeping().counters().runs;
    Reconciler::new(store.clone(), eager()).reconcile(true).await;
    assert_eq!((lock.exists(), store.engine().housekeeping().counters().runs), (false, runs));
}

#[tokio::test]
async fn the_reconciler_tells_what_it_did_and_does_nothing_twice() {
    let workshop = Workshop::new().await;
    let (store, served) = stored(&workshop).await;
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    let housekeeping = store.engine().housekeeping();
    let mut reconciler = Reconciler::new(store.clone(), eager());
    // Nothing was said to have changed.
    reconciler.reconcile(false).await;
    assert_eq!(housekeeping.counters().looks, 0);
    housekeeping.changed(7);
    assert_eq!(housekeeping.counters().pending, 1);
    reconciler.reconcile(false).await;
    let counters = housekeeping.counters();
    assert_eq!(counters.pending, 0);
    assert_eq!((counters.looks, counters.runs, counters.failures), (1, 1, 0));
    assert_eq!((counters.removed_packs, store.engine().bundles().count(), counters.running), (3, 1, None));
    assert!(counters.busy > Duration::ZERO);
    let last = counters.last.expect("a run");
    assert_eq!((last.repository, last.reason), (7, "there is no bitmap"));
    reconciler.reconcile(true).await;
    assert_eq!((housekeeping.counters().looks, housekeeping.counters().runs), (2, 1));
    // A broken one is left alone for a while and does not keep others from being looked at.
    std::fs::write(repository.path().join("objects/pack/multi-pack-index"), "rubbish").expect("written");
    reconciler.reconcile(true).await;
    reconciler.reconcile(true).await;
    assert_eq!(housekeeping.counters().looks, 3);
    store.store().trash(7, TrashReason::Deleted, Origin::default()).await.expect("removed");
    assert_eq!(store.engine().bundles().count(), 0);
}

#[tokio::test]
async fn references_are_not_packed_while_a_fetch_changes_them() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    let lock = repository.refs_lock();
    let held = lock.lock().await;
    let done = repack(&served, &eager()).await.expect("maintained");
    assert!(!done.packed_refs && done.has_bitmap);
    assert!(repository.path().join("refs/heads/main").exists());
    drop(held);
    assert!(repack(&served, &eager()).await.expect("maintained").packed_refs);
}

#[tokio::test]
async fn a_single_loose_object_is_seen_among_empty_folders() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    workshop.run(repository.path(), &["repack", "-a", "-d", "-q"]);
    let folder = |first: u8| repository.path().join("objects").join(format!("{first:02x}"));
    for first in 0..=u8::MAX {
        std::fs::create_dir_all(folder(first)).expect("a folder");
    }
    for first in 0..=u8::MAX {
        let object = folder(first).join("0".repeat(38));
        std::fs::write(&object, "").expect("written");
        let inventory = PackInventory::look(&repository).await.expect("readable");
        assert_eq!(inventory.loose_objects, 1, "in folder {first:02x}");
        std::fs::remove_file(object).expect("removed");
    }
}

/// A stored repository with the number 7.
pub(super) async fn stored(workshop: &Workshop) -> (ServedRepositories, ServedRepository) {
    let store = served_store(workshop);
    let main = RefName::branch("main").expect("valid");
    let repository = store.store().create(7, &main).await.expect("created");
    (store.clone(), store.serve(repository))
}
