//! Upkeep of real repositories, also while others use them.

use std::time::Duration;

use super::plan::Thresholds;
use super::reconcile::Reconciler;
use crate::fixture::Workshop;
use crate::object_id::ObjectId;
use crate::pack_index::PackIndex;
use crate::ref_name::RefName;
use crate::repository::Repository;
use crate::repository_store::RepositoryStore;
use crate::update_refs::RefUpdate;

/// Every repository is large enough and everything is reason enough.
fn eager() -> Thresholds {
    Thresholds {
        small_objects: 1,
        unindexed_packs: 1,
        loose_objects: 1,
        loose_refs: 1,
        index_age: Duration::ZERO,
        base_age: Duration::ZERO,
        settled_age: Duration::ZERO,
    }
}

fn packs_of(repository: &Repository) -> usize {
    let folder = repository.path().join("objects/pack");
    let entries = folder.read_dir().expect("listable");
    entries
        .filter(|entry| entry.as_ref().expect("listable").path().extension().is_some_and(|e| e == "pack"))
        .count()
}

/// Several packs, some of whose objects are in two of them, and loose objects.
fn commit_in_packs(workshop: &Workshop, repository: &Repository) {
    for branch in ["main", "a/b", "main"] {
        workshop.commit(repository, branch);
        workshop.run(repository.path(), &["repack", "-q"]);
    }
    workshop.commit(repository, "main");
}

async fn tidy(repository: &Repository) -> usize {
    let leftovers = repository.leftovers().await.expect("readable");
    repository.tidy(&leftovers).await.expect("tidied").expect("nobody reads").packs
}

#[tokio::test]
async fn maintaining_packs_and_loses_nothing() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "a/b"]).await;
    let before = repository.refs().await.expect("readable");
    let unreachable = workshop.run(repository.path(), &["commit-tree", "-m", "lost", "main^{tree}"]);
    for _ in 0..2 {
        repository.maintain().await.expect("maintained");
        tidy(&repository).await;
    }
    let unreachable = ObjectId::parse(unreachable.trim()).expect("an object");
    assert!(repository.has_object(&unreachable).await.expect("readable"));
    assert_eq!(repository.refs().await.expect("readable"), before);
    assert!(!repository.path().join("refs/heads/main").exists());
    assert_eq!(repository.stock().await.expect("readable").loose_objects, 0);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn maintaining_an_empty_repository_is_fine() {
    let workshop = Workshop::new().await;
    let main = RefName::branch("main").expect("valid");
    let repository = workshop.store().create(1, &main).await.expect("created");
    let done = repository.maintain_beyond(&eager()).await.expect("nothing to do");
    assert!(!done.has_bitmap && !done.has_bundle);
    assert_eq!(tidy(&repository).await, 0);
}

#[tokio::test]
async fn packs_become_one_with_a_bitmap_and_what_it_replaces_is_removed() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &[]).await;
    commit_in_packs(&workshop, &repository);
    let before = repository.refs().await.expect("readable");
    let done = repository.maintain_beyond(&eager()).await.expect("maintained");
    assert!(done.has_bitmap && done.has_bundle && done.packed_refs, "{done:?}");
    assert_eq!((done.packs_before, done.packs_after), (3, 1));
    assert_eq!(packs_of(&repository), 4);
    assert_eq!(tidy(&repository).await, 3);
    assert_eq!(packs_of(&repository), 1);
    repository.verify().await.expect("whole");
    assert_eq!(repository.refs().await.expect("readable"), before);
    assert!(repository.stock().await.expect("readable").has_commit_graph);
    // Nothing has changed, so nothing is done again.
    let again = repository.maintain_beyond(&eager()).await.expect("maintained");
    assert_eq!((again.packed_objects, again.packs_after, again.has_bitmap), (0, 1, true));
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

/// The bundle's pack.
async fn base_of(repository: &Repository) -> PackIndex {
    let stock = repository.stock().await.expect("readable");
    let pack = stock.base.unwrap_or_else(|| panic!("there is a base: {:?}", stock.packs)).pack;
    assert!(repository.bundle().is_some());
    let folder = repository.path().join("objects/pack");
    PackIndex::open(&folder.join(format!("{}.idx", pack.name))).expect("readable")
}

#[tokio::test]
async fn a_bundle_comes_back_without_what_nobody_may_clone_any_more() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
    let git = |args: &[&str]| workshop.run(repository.path(), args);
    let pull_request = workshop.commit(&repository, "asked");
    git(&["update-ref", "refs/pull-requests/1/from", &pull_request]);
    git(&["update-ref", "-d", "refs/heads/asked"]);
    git(&["tag", "-a", "-m", "annotated", "v1", "main"]);
    let topic = git(&["rev-parse", "topic"]);
    repository.maintain_beyond(&eager()).await.expect("maintained");
    tidy(&repository).await;
    let has = |index: &PackIndex, name: &str| {
        index.holds(&ObjectId::parse(name.trim()).expect("an object")).expect("readable")
    };
    let base = base_of(&repository).await;
    assert!(has(&base, &topic) && has(&base, &git(&["rev-parse", "v1"])) && !has(&base, &pull_request));
    // What is merged in another form and deleted.
    git(&["update-ref", "-d", "refs/heads/topic"]);
    let main = workshop.commit(&repository, "main");
    repository.check_bundle().await.expect("checked");
    assert!(repository.bundle().is_none());
    let done = repository.maintain_beyond(&eager()).await.expect("maintained");
    assert!(done.has_bundle && done.has_bitmap, "{done:?}");
    tidy(&repository).await;
    let base = base_of(&repository).await;
    assert!(has(&base, &main) && !has(&base, &topic) && !has(&base, &pull_request));
    // Nothing is lost: both packs together hold it, and each object is in one of them.
    assert_eq!(packs_of(&repository), 2);
    assert_eq!(git(&["cat-file", "-t", topic.trim()]).trim(), "commit");
    let stock = repository.stock().await.expect("readable");
    assert_eq!(
        stock.objects().to_string(),
        git(&["rev-list", "--objects", "--count", "--all", topic.trim()]).trim()
    );
    repository.verify().await.expect("whole");
    repository.check_bundle().await.expect("checked");
    assert!(repository.bundle().is_some());
}

#[tokio::test]
async fn a_base_depends_on_nothing_that_was_made_lately_and_stays_while_others_come_and_go() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "old"]).await;
    let git = |args: &[&str]| workshop.run(repository.path(), args);
    let script = "GIT_COMMITTER_DATE=\"$(date +%s) +0000\" git commit-tree -m new -p main main^{tree}";
    let new = workshop.shell(repository.path(), script);
    git(&["update-ref", "refs/heads/new", new.trim()]);
    let thresholds = Thresholds { settled_age: Duration::from_hours(24), ..eager() };
    repository.maintain_beyond(&thresholds).await.expect("maintained");
    tidy(&repository).await;
    let bundle = repository.bundle().expect("offered");
    assert_eq!(bundle.tips().len(), 2);
    assert_eq!(packs_of(&repository), 2);
    let pack = repository.stock().await.expect("readable").base.expect("there is one").pack;
    git(&["update-ref", "-d", "refs/heads/new"]);
    repository.check_bundle().await.expect("checked");
    let later = Thresholds { base_age: Duration::from_hours(1), ..thresholds };
    for _ in 0..3 {
        commit_in_packs(&workshop, &repository);
        repository.maintain_beyond(&later).await.expect("maintained");
        tidy(&repository).await;
        repository.check_bundle().await.expect("checked");
    }
    assert_eq!(repository.bundle().expect("still offered").id(), bundle.id());
    assert_eq!(repository.stock().await.expect("readable").base.expect("still there").pack, pack);
    repository.verify().await.expect("whole");
    // When it has become old, one that holds more takes its place.
    repository.maintain_beyond(&thresholds).await.expect("maintained");
    tidy(&repository).await;
    assert_ne!(repository.bundle().expect("offered").id(), bundle.id());
    assert!(base_of(&repository).await.objects() as u64 > pack.objects);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn a_base_is_not_tried_again_too_soon_and_takes_what_is_new_when_nothing_is_old() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["trunk", "topic"]).await;
    let git = |args: &[&str]| workshop.run(repository.path(), args);
    // It has the default branch `main`, which does not exist, and another whose name is no text.
    workshop.shell(
        repository.path(),
        "git update-ref \"$(printf 'refs/heads/caf\\351')\" $(git commit-tree -m odd trunk^{tree})",
    );
    let long = Duration::from_hours(24 * 365 * 1_000);
    let patient = Thresholds { settled_age: long, base_age: Duration::from_hours(1), ..eager() };
    assert!(repository.maintain_beyond(&patient).await.expect("maintained").has_bundle);
    tidy(&repository).await;
    let bundle = repository.bundle().expect("offered");
    assert_eq!(bundle.tips().len(), 2);
    repository.check_bundle().await.expect("checked");
    assert_eq!(repository.bundle().expect("still offered").id(), bundle.id());
    git(&["update-ref", "-d", "refs/heads/topic"]);
    repository.check_bundle().await.expect("checked");
    assert!(!repository.maintain_beyond(&patient).await.expect("maintained").has_bundle);
    let eager = Thresholds { base_age: Duration::ZERO, ..patient };
    assert!(repository.maintain_beyond(&eager).await.expect("maintained").has_bundle);
    assert_eq!(repository.bundle().expect("offered").tips().len(), 1);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn upkeep_goes_on_without_a_base_that_cannot_be_made() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    commit_in_packs(&workshop, &repository);
    damaged_tag(&workshop, &repository);
    let done = repository.maintain_beyond(&eager()).await.expect("maintained");
    assert!(repository.bundle().is_none() && !done.has_bitmap, "{done:?}");
    assert_eq!(done.packs_after, 1);
    assert_eq!(tidy(&repository).await, 3);
}

#[tokio::test]
async fn a_bundle_that_cannot_be_checked_is_not_offered_and_does_not_stop_upkeep() {
    let workshop = Workshop::new().await;
    let (store, repository) = stored(&workshop).await;
    commit_in_packs(&workshop, &repository);
    let mut reconciler = Reconciler::new(store.clone(), eager());
    reconciler.reconcile(true).await;
    assert!(repository.bundle().is_some());
    damaged_tag(&workshop, &repository);
    workshop.commit(&repository, "main");
    assert!(repository.check_bundle().await.is_err());
    assert!(repository.bundle().is_none());
    reconciler.reconcile(true).await;
    assert_eq!(repository.stock().await.expect("readable").loose_objects, 0);
    assert_eq!(packs_of(&repository), 2);
}

#[tokio::test]
async fn what_was_deleted_is_not_offered_even_while_a_repository_is_left_alone() {
    let workshop = Workshop::new().await;
    let (store, repository) = stored(&workshop).await;
    commit_in_packs(&workshop, &repository);
    let mut reconciler = Reconciler::new(store.clone(), eager());
    reconciler.reconcile(true).await;
    let bundle = repository.bundle().expect("offered");
    assert!(repository.bundle_to_download(bundle.id()).await.expect("checked").is_some());
    let index = repository.path().join("objects/pack/multi-pack-index");
    let sound = std::fs::read(&index).expect("readable");
    std::fs::write(&index, "rubbish").expect("written");
    reconciler.reconcile(true).await;
    std::fs::write(&index, sound).expect("written");
    let looks = store.engine().upkeep().counters().looks;
    assert_eq!(repository.bundle().expect("still offered").id(), bundle.id());
    let branch = RefName::branch("a/b").expect("valid");
    let update = RefUpdate::delete(branch, None);
    repository.update_refs(&[update]).await.expect("deleted");
    // Somebody who was told of it comes before anybody has looked.
    assert!(repository.bundle_to_download(bundle.id()).await.expect("checked").is_none());
    assert!(repository.bundle().is_none());
    repository.engine().upkeep().set_bundle(repository.id(), Some(bundle));
    reconciler.reconcile(false).await;
    assert!(repository.bundle().is_none());
    assert_eq!(store.engine().upkeep().counters().looks, looks);
}

#[tokio::test]
async fn the_only_pack_is_a_base_until_a_lasting_one_is_needed() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
    workshop.run(repository.path(), &["repack", "-adq"]);
    let patient = Thresholds { base_age: Duration::from_hours(1), ..eager() };
    let done = repository.maintain_beyond(&patient).await.expect("maintained");
    assert!(done.has_bundle && done.packed_objects == 0, "{done:?}");
    workshop.run(repository.path(), &["update-ref", "-d", "refs/heads/topic"]);
    repository.check_bundle().await.expect("checked");
    assert!(repository.bundle().is_none());
    assert!(repository.maintain_beyond(&patient).await.expect("maintained").has_bundle);
    assert_eq!(repository.bundle().expect("offered").tips().len(), 1);
}

#[tokio::test]
async fn a_pack_stays_while_somebody_who_may_have_opened_it_reads() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &[]).await;
    commit_in_packs(&workshop, &repository);
    let early = repository.git().readers().begin(repository.path());
    repository.maintain_beyond(&eager()).await.expect("maintained");
    let leftovers = repository.leftovers().await.expect("readable");
    let late = repository.git().readers().begin(repository.path());
    assert_eq!(repository.tidy(&leftovers).await.expect("tried"), None);
    assert_eq!(packs_of(&repository), 4);
    drop(early);
    // Whoever came later found the new pack first.
    assert_eq!(repository.tidy(&leftovers).await.expect("tried").expect("due").packs, 3);
    drop(late);
}

#[tokio::test]
async fn a_pack_whose_objects_are_not_all_elsewhere_is_never_removed() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &[]).await;
    commit_in_packs(&workshop, &repository);
    repository.maintain_beyond(&eager()).await.expect("maintained");
    workshop.commit(&repository, "late");
    workshop.run(repository.path(), &["repack", "-q"]);
    assert_eq!(tidy(&repository).await, 3);
    assert_eq!(packs_of(&repository), 2);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn what_a_killed_run_left_is_found_and_finished() {
    let workshop = Workshop::new().await;
    let (store, repository) = stored(&workshop).await;
    commit_in_packs(&workshop, &repository);
    // Killed after the new pack was written and before it was indexed; and once more while it was removing.
    workshop.run(repository.path(), &["repack", "-a", "-q"]);
    let mut reconciler = Reconciler::new(store.clone(), eager());
    reconciler.reconcile(true).await;
    let pack = repository.path().join("objects/pack");
    assert_eq!(packs_of(&repository), 1, "{:?}", store.engine().upkeep().counters());
    std::fs::remove_file(pack.join("multi-pack-index")).expect("there is one");
    for lock in ["multi-pack-index.lock", "../info/commit-graphs/commit-graph-chain.lock"] {
        std::fs::write(pack.join(lock), "half").expect("written");
    }
    reconciler.reconcile(true).await;
    assert!(repository.stock().await.expect("readable").has_bitmap);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn the_reconciler_tells_what_it_did_and_does_nothing_twice() {
    let workshop = Workshop::new().await;
    let (store, repository) = stored(&workshop).await;
    commit_in_packs(&workshop, &repository);
    let upkeep = store.engine().upkeep();
    let mut reconciler = Reconciler::new(store.clone(), eager());
    // Nobody has said that anything has changed.
    reconciler.reconcile(false).await;
    assert_eq!(upkeep.counters().looks, 0);
    upkeep.changed(7);
    assert_eq!(upkeep.counters().pending, 1);
    reconciler.reconcile(false).await;
    let counters = upkeep.counters();
    assert_eq!(counters.pending, 0);
    assert_eq!((counters.looks, counters.runs, counters.failures), (1, 1, 0));
    assert_eq!((counters.removed_packs, counters.bundles, counters.running), (3, 1, None));
    assert!(counters.busy > Duration::ZERO);
    let last = counters.last.expect("a run");
    assert_eq!((last.repository, last.reason), (7, "there is no bitmap"));
    reconciler.reconcile(true).await;
    assert_eq!((upkeep.counters().looks, upkeep.counters().runs), (2, 1));
    // A broken one is left alone for a while and does not keep others from being looked at.
    std::fs::write(repository.path().join("objects/pack/multi-pack-index"), "rubbish").expect("written");
    reconciler.reconcile(true).await;
    reconciler.reconcile(true).await;
    assert_eq!(upkeep.counters().looks, 3);
    store.remove(7).await.expect("removed");
    assert_eq!(upkeep.counters().bundles, 0);
}

#[tokio::test]
async fn references_are_not_packed_while_a_fetch_changes_them() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let turn = repository.engine().upkeep().turn(repository.id());
    let held = turn.lock().await;
    let done = repository.maintain_beyond(&eager()).await.expect("maintained");
    assert!(!done.packed_refs && done.has_bitmap);
    assert!(repository.path().join("refs/heads/main").exists());
    drop(held);
    assert!(repository.maintain_beyond(&eager()).await.expect("maintained").packed_refs);
}

/// A stored repository with the number 7.
async fn stored(workshop: &Workshop) -> (RepositoryStore, Repository) {
    let store = workshop.store();
    let main = RefName::branch("main").expect("valid");
    let repository = store.create(7, &main).await.expect("created");
    (store, repository)
}
