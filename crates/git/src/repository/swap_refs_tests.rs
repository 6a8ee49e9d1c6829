//! Another state of the references is shown whole, or not at all.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use heliostat_git_wire::{ObjectId, RefStep};

use super::*;
use crate::fixture::Workshop;

fn branch(name: &str) -> RefName {
    RefName::branch(name).expect("valid")
}

fn snapshot(refs: &[(&str, &ObjectId)]) -> RefSnapshot {
    RefSnapshot::from_entries(
        refs.iter().map(|(name, object)| {
            (RefName::parse(format!("refs/{name}")).expect("valid"), (*object).clone())
        }),
    )
}

/// A repository of a store with two commits that no reference names, and an annotated tag.
struct Scene {
    workshop: Workshop,
    repository: Repository,
    one: ObjectId,
    two: ObjectId,
    tag: ObjectId,
}

impl Scene {
    async fn new() -> Self {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_commits("source", &["one", "two"]).await;
        workshop.run(source.path(), &["tag", "-a", "-m", "annotated", "v1", "one"]);
        let repository = workshop.store().create(1, &branch("main")).await.expect("created");
        let fetch = ["fetch", "-q", "--no-write-fetch-head", source.path().to_str().expect("text")];
        workshop.run(
            repository.path(),
            &[&fetch[..], &["refs/heads/one", "refs/heads/two", "refs/tags/v1"]].concat(),
        );
        let refs = source.refs().await.expect("readable");
        let object = |name: &str| refs.get(name).expect("there").clone();
        let (one, two) = (object("refs/heads/one"), object("refs/heads/two"));
        Self { tag: object("refs/tags/v1"), workshop, repository, one, two }
    }

    async fn show(&self, refs: &[(&str, &ObjectId)]) -> Result<RefSnapshot, SwapRefsError> {
        let before = self.repository.refs().await?;
        self.repository.swap_refs(&before, &snapshot(refs), &branch("main")).await
    }

    /// What git finds on the disk.
    fn listed(&self) -> String {
        self.workshop.run(self.repository.path(), &["for-each-ref", "--format=%(refname) %(objectname)"])
    }
}

#[tokio::test]
async fn all_references_change_at_once_and_git_agrees() {
    let scene = Scene::new().await;
    let Scene { repository, one, two, tag, .. } = &scene;
    let states: [&[(&str, &ObjectId)]; 5] = [
        &[("heads/main", one), ("heads/a", one), ("tags/v1", tag)],
        // A name becomes a folder.
        &[("heads/main", two), ("heads/a/b", one), ("tags/v1", tag)],
        &[("heads/a", two), ("tags/v1", tag), ("tags/plain", one)],
        &[],
        &[("heads/main", one), ("tags/v1", tag)],
    ];
    for state in states {
        let shown = scene.show(state).await.expect("shown");
        assert_eq!(RefSnapshot::diff(&shown, &snapshot(state)), []);
        assert_eq!(repository.snapshot().await.expect("readable"), shown);
        let sorted: BTreeMap<_, _> = state.iter().copied().collect();
        let lines = sorted.iter().map(|(name, object)| format!("refs/{name} {object}\n"));
        assert_eq!(scene.listed(), lines.collect::<String>());
        assert_eq!(shown.peeled("refs/tags/v1").is_some(), sorted.contains_key("tags/v1"));
        repository.verify().await.expect("whole");
    }
    let peeled = scene.workshop.run(repository.path(), &["show-ref", "-d", "--tags"]);
    assert!(peeled.contains(&format!("{one} refs/tags/v1^{{}}")), "{peeled}");
}

#[tokio::test]
async fn head_follows() {
    let scene = Scene::new().await;
    let Scene { repository, one, .. } = &scene;
    let before = scene.show(&[("heads/main", one)]).await.expect("shown");
    for (head, state) in
        [("main", &[("heads/main", one)][..]), ("next", &[("heads/next", one)]), ("next", &[])]
    {
        let before = if head == "main" { before.clone() } else { repository.refs().await.expect("readable") };
        let shown = repository.swap_refs(&before, &snapshot(state), &branch(head)).await.expect("shown");
        assert_eq!(shown.head().and_then(Head::target), Some(branch(head)));
    }
}

#[tokio::test]
async fn what_others_have_written_is_found_out() {
    let scene = Scene::new().await;
    let Scene { workshop, repository, one, two, .. } = &scene;
    let before = scene.show(&[("heads/main", one), ("heads/other", one)]).await.expect("shown");
    // References that lie in files of their own, ours among them, are packed first.
    workshop.run(repository.path(), &["update-ref", "refs/heliostat/keep/1", "refs/heads/main"]);
    workshop.run(repository.path(), &["update-ref", "refs/heads/other", two.as_str()]);
    let listed = scene.listed();
    let planned = snapshot(&[("heads/main", two)]);
    let stale = repository.swap_refs(&before, &planned, &branch("main")).await;
    assert!(matches!(&stale, Err(SwapRefsError::Stale(name)) if name == "refs/heads/other"), "{stale:?}");
    assert_eq!(scene.listed(), listed);
    // What is not touched by the plan is found when all is done.
    let steps =
        BTreeMap::from([(branch("main"), RefStep { from: Some(one.clone()), to: Some(two.clone()) })]);
    let planned = before.after(&steps).expect("it fits");
    let surprised = repository.swap_refs(&before, &planned, &branch("main")).await;
    assert!(matches!(surprised, Err(SwapRefsError::NotAsPlanned { .. })), "{surprised:?}");
    scene.show(&[("heads/main", one)]).await.expect("shown");
    assert!(scene.listed().contains("refs/heliostat/keep/1"), "ours stay");
}

#[tokio::test]
async fn nothing_is_shown_that_is_not_here_or_not_readable() {
    let scene = Scene::new().await;
    let Scene { repository, one, .. } = &scene;
    scene.show(&[("heads/main", one)]).await.expect("shown");
    let listed = scene.listed();
    let absent = ObjectId::parse("12".repeat(20)).expect("hex");
    let missing = scene.show(&[("heads/main", one), ("tags/x", &absent)]).await;
    assert!(
        matches!(&missing, Err(SwapRefsError::MissingObject(name)) if name == "refs/tags/x"),
        "{missing:?}"
    );

    let lock = fs::File::create(repository.path().join("packed-refs.lock")).expect("a file");
    let locked = scene.show(&[]).await;
    assert!(matches!(locked, Err(SwapRefsError::Git(GitError::Locked { .. }))), "{locked:?}");
    assert_eq!(scene.listed(), listed);
    lock.set_modified(SystemTime::now() - 2 * STALE_LOCK_AGE).expect("a time");
    scene.show(&[]).await.expect("its owner is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_one_state_or_the_other() {
    let scene = Scene::new().await;
    let Scene { repository, one, two, tag, .. } = &scene;
    let states: [&[(&str, &ObjectId)]; 2] = [
        &[("heads/main", one), ("heads/a", one), ("tags/v1", tag)],
        &[("heads/a/b", two), ("heads/main", two)],
    ];
    let hashes = states.map(|state| snapshot(state).content_hash().clone());
    scene.show(states[0]).await.expect("shown");
    let is_over = AtomicBool::new(false);
    let write = async {
        for round in 0..40 {
            scene.show(states[(round + 1) % 2]).await.expect("shown");
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let read = async |from_memory: bool| {
        while !is_over.load(Ordering::Relaxed) {
            let seen = if from_memory { repository.snapshot().await } else { repository.refs().await };
            let seen = seen.expect("readable").content_hash().clone();
            assert!(hashes.contains(&seen), "something between the two was seen");
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(write, read(true), read(false));
}

/// A state with so many branches that their file is large, `main` and these.
fn large(one: &ObjectId, others: &[(&str, &ObjectId)]) -> RefSnapshot {
    let filler = (0..2_000).map(|number| (branch(&format!("filler/{number:05}")), one.clone()));
    let named = others
        .iter()
        .map(|(name, object)| (RefName::parse(format!("refs/{name}")).expect("valid"), (*object).clone()));
    RefSnapshot::from_entries(filler.chain(named))
}

#[tokio::test]
async fn few_moves_among_very_many_references_leave_their_file_alone() {
    let scene = Scene::new().await;
    let Scene { workshop, repository, one, two, tag } = &scene;
    let show = async |others: &[(&str, &ObjectId)]| {
        let before = repository.refs().await.expect("readable");
        let state = large(one, others);
        let shown = repository.swap_refs(&before, &state, &branch("main")).await.expect("shown");
        assert_eq!(shown.content_hash(), state.content_hash());
        assert_eq!(shown.content_hash(), repository.refs().await.expect("readable").content_hash());
        let listed = scene.listed();
        let lines = state.iter().map(|(name, object)| format!("{name} {object}\n"));
        assert_eq!(listed, lines.collect::<String>());
        shown
    };
    let packed = || fs::read(repository.path().join("packed-refs")).expect("readable");
    let own = async || repository.own_files().await.expect("listable").len();
    show(&[("heads/main", one)]).await;
    let before = packed();
    show(&[("heads/main", two)]).await;
    show(&[("heads/main", two), ("heads/new/deep", one)]).await;
    let shown = show(&[("heads/main", two), ("heads/new/deep", one), ("tags/v1", tag)]).await;
    assert_eq!(shown.peeled("refs/tags/v1"), Some(one));
    assert_eq!(packed(), before);
    assert_eq!(own().await, 3);
    // A second move goes into the same file, a second reference beside it into another one.
    let many = [("heads/main", one), ("heads/new/deep", one), ("tags/v1", tag)];
    show(&many).await;
    show(&[&many[..], &[("heads/x", two), ("heads/y", two)]].concat()).await;
    assert_eq!(own().await, 5);
    // What lies nowhere else can be deleted, also together with a move.
    show(&[&many[..], &[("heads/y", one)]].concat()).await;
    show(&many).await;
    assert_eq!((own().await, packed() == before), (3, true));
    // What the file for all names, too, is deleted from it. What has a file of its own and moves then is packed first.
    show(&[many[1], many[2]]).await;
    assert_eq!((own().await, packed() == before), (0, false));
    // A name that becomes a folder, or a folder that becomes a name.
    show(&[("heads/main", one), ("heads/name", one), ("tags/v1", tag)]).await;
    show(&[("heads/main", one), ("heads/name/below", one), ("tags/v1", tag)]).await;
    let shown = show(&[("heads/main", one), ("heads/name", two), ("tags/v1", tag)]).await;
    assert_eq!(shown.peeled("refs/tags/v1"), Some(one));
    // More than a few go into the file for all, and leave alone what has a file of its own.
    let named = [("heads/main", two), ("heads/name", two), ("tags/v1", tag)];
    show(&named).await;
    let before = packed();
    let names: Vec<String> = (0..40).map(|number| format!("heads/many/{number:02}")).collect();
    let many: Vec<(&str, &ObjectId)> = names.iter().map(|name| (name.as_str(), two)).collect();
    show(&[&many[..], &named[..]].concat()).await;
    assert_eq!((own().await, packed() == before), (1, false));
    workshop.run(repository.path(), &["fsck", "--connectivity-only"]);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn of_few_moves_all_are_made_or_none() {
    let scene = Scene::new().await;
    let Scene { workshop, repository, one, two, .. } = &scene;
    let before = repository.refs().await.expect("readable");
    let state = large(one, &[("heads/main", one), ("heads/other", one)]);
    let before = repository.swap_refs(&before, &state, &branch("main")).await.expect("shown");
    let moved = large(one, &[("heads/main", one), ("heads/other", two)]);
    let before = repository.swap_refs(&before, &moved, &branch("main")).await.expect("shown");
    // Another writer moves the second one.
    workshop.run(repository.path(), &["update-ref", "refs/heads/other", one.as_str()]);
    let listed = scene.listed();
    let planned = large(one, &[("heads/main", two), ("heads/other", one), ("heads/zzz", two)]);
    let stale = repository.swap_refs(&before, &planned, &branch("main")).await;
    assert!(matches!(&stale, Err(SwapRefsError::Stale(name)) if name == "refs/heads/other"), "{stale:?}");
    assert_eq!(scene.listed(), listed);
    assert!(!repository.path().join("refs/heads/main.lock").exists());
    let before = repository.refs().await.expect("readable");
    repository.swap_refs(&before, &planned, &branch("main")).await.expect("from what there is");
    assert!(!repository.path().join("heliostat-moving-refs").exists(), "nothing is left to be taken back");
}

#[tokio::test]
async fn what_references_named_is_noted_before_they_move() {
    let scene = Scene::new().await;
    let Scene { repository, one, two, .. } = &scene;
    scene.show(&[("heads/main", one)]).await.expect("shown");
    let left = async || {
        let left = repository.left_tips().all().await.expect("readable");
        left.into_iter().map(|tip| tip.object).collect::<Vec<_>>()
    };
    let lock = repository.path().join("packed-refs.lock");
    fs::write(&lock, "").expect("written");
    scene.show(&[("heads/main", two)]).await.expect_err("locked");
    assert_eq!(left().await, std::slice::from_ref(one), "also when it ends here");
    fs::remove_file(&lock).expect("removed");
    scene.show(&[("heads/main", two)]).await.expect("shown");
    repository.refs().await.expect("readable");
    assert_eq!(left().await, std::slice::from_ref(one), "it is noted once");
}
