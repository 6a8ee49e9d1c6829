//! References as they are read from disk, compared with what `git` lists.

use std::time::Duration;

use heliostat_git_wire::RefName;

use super::*;
use crate::fixture::Workshop;
use crate::refs::{RefUpdate, read_head};
use crate::repository::{Origin, Repository, TrashReason};
use crate::service::{ServeMode, ServeOptions, serve};

/// Small files are read as a whole.
fn read_refs(path: &Path) -> Result<StoredRefs, NotRead> {
    match crate::refs::read_refs(path, None)? {
        Reading::Whole(stored) => Ok(stored),
        Reading::Layered { .. } => panic!("{} has many references", path.display()),
    }
}

/// What `git` would have been asked for, had the files not been understood.
async fn both_ways(repository: &Repository) -> (StoredRefs, StoredRefs) {
    let from_files = read_refs(repository.path()).expect("understood");
    (from_files, ask_git(repository.git(), repository.path()).await.expect("readable"))
}

#[tokio::test]
async fn the_files_say_what_git_says() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "a/b", "z"]).await;
    let path = repository.path();
    workshop.run(path, &["tag", "-a", "-m", "annotated", "v1", "main"]);
    workshop.run(path, &["symbolic-ref", "refs/heads/alias", "refs/heads/z"]);
    workshop.run(path, &["symbolic-ref", "refs/heads/dangling", "refs/heads/nothing"]);
    for _ in 0..2 {
        let (mut from_files, by_git) = both_ways(&repository).await;
        for found in &mut from_files.refs {
            found.peeled = Peeled::Unknown;
        }
        assert_eq!(from_files, by_git);
        workshop.run(path, &["pack-refs", "--all"]);
        workshop.commit(&repository, "a/b");
    }
}

#[tokio::test]
async fn locks_and_temporary_files_are_no_references() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let before = repository.refs().await.expect("readable");
    for file in ["refs/heads/x.lock", "refs/heads/.tmp", "packed-refs.lock"] {
        std::fs::write(repository.path().join(file), "rubbish").expect("written");
    }
    assert_eq!(repository.refs().await.expect("readable"), before);
}

#[tokio::test]
async fn what_is_not_plainly_in_order_is_left_to_git() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let path = repository.path().to_owned();
    let commit = workshop.run(&path, &["rev-parse", "main"]);
    let commit = commit.trim();
    let packed = |content: String| vec![("packed-refs", content)];
    let cases: [Vec<(&str, String)>; 12] = [
        vec![("refs/heads/bad", "rubbish\n".to_owned())],
        vec![("refs/heads/bad", String::new())],
        vec![("refs/heads/bad", "0".repeat(40))],
        vec![("refs/heads/bad", format!("{commit}x"))],
        vec![("refs/heads/bad", commit.to_uppercase())],
        vec![("refs/heads/b ad", commit.to_owned())],
        vec![("refs/heads/bad", "ref: elsewhere".to_owned())],
        vec![("refs/heads/bad", "ref: refs/heads/bad".to_owned())],
        packed(format!("{commit} refs/heads/x")),
        packed(format!("{commit} refs/heads/x y\n")),
        packed(format!("{commit}\trefs/heads/x\n")),
        packed(format!("{commit} refs/heads/x\n{commit} refs/heads/x\n")),
    ];
    for files in cases {
        for (file, content) in &files {
            std::fs::write(path.join(file), content).expect("written");
        }
        assert!(read_refs(&path).is_err(), "{files:?}");
        for (file, _) in &files {
            std::fs::remove_file(path.join(file)).expect("removed");
        }
    }
    read_refs(&path).expect("in order again");
    // Unusual, but certain.
    let line = |name: &str| format!("{commit} {name}\n");
    let unsorted =
        [line("refs/tags/b"), line("refs/heliostat/x"), format!("^{commit}\n"), line("refs/tags/a")];
    std::fs::write(path.join("packed-refs"), unsorted.concat()).expect("written");
    let stored = read_refs(&path).expect("understood").refs;
    let names: Vec<_> = stored.iter().map(|found| String::from_utf8_lossy(&found.name)).collect();
    assert_eq!(names, ["refs/heads/main", "refs/tags/a", "refs/tags/b"]);
    assert!(stored[1..].iter().all(|found| found.peeled == Peeled::Unknown));
    for (config, is_understood) in [
        ("[core]\n\tbare = true\n", true),
        ("[extensions]\n\tobjectFormat = sha256\n", false),
        ("[extensions]\n\trefStorage = reftable\n", false),
        ("[include]\n\tpath = x\n", false),
        ("[extensions] worktreeConfig = true\n", false),
    ] {
        std::fs::write(path.join("config"), config).expect("written");
        assert_eq!(read_refs(&path).is_ok(), is_understood, "{config:?}");
    }
}

#[tokio::test]
async fn head_alone_is_read_like_head_with_references() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    for target in ["refs/heads/main", "refs/heads/none", "refs/heads"] {
        std::fs::write(repository.path().join("HEAD"), format!("ref: {target}\n")).expect("written");
        let head = read_head(repository.path()).expect("understood");
        assert_eq!(head, StoredHead::Symbolic(target.into()));
        assert_eq!(head, read_refs(repository.path()).expect("understood").head);
        assert_eq!(head, ask_git_for_head(repository.git(), repository.path()).await.expect("readable"));
    }
    workshop.run(repository.path(), &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    std::fs::write(repository.path().join("HEAD"), "ref: refs/heads/alias\n").expect("written");
    assert!(read_head(repository.path()).is_err());
    assert_eq!(repository.head().await.expect("readable").expect("attached").as_str(), "refs/heads/main");
}

#[tokio::test]
async fn an_object_is_looked_at_once() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    workshop.run(repository.path(), &["tag", "-a", "-m", "annotated", "v1", "main"]);
    let first = repository.refs().await.expect("readable");
    let commit = first.get("refs/heads/main").expect("a branch").clone();
    assert_eq!(first.peeled("refs/tags/v1"), Some(&commit));
    assert_eq!(first.peeled("refs/heads/main"), None);
    // Without the object only memory can tell what it is.
    let tag = first.get("refs/tags/v1").expect("a tag").to_string();
    let (folder, file) = tag.split_at(2);
    std::fs::remove_file(repository.path().join("objects").join(folder).join(file)).expect("removed");
    let second = repository.refs().await.expect("readable");
    assert_eq!(second.peeled("refs/tags/v1"), Some(&commit));
    let third = load_refs(repository.git(), repository.path(), &Known::default()).await.expect("readable");
    assert_eq!(third.snapshot.peeled("refs/tags/v1"), None);
}

#[tokio::test]
async fn what_is_in_memory_is_stale_after_each_change_of_ours() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let cache = repository.cache();
    let main = RefName::branch("main").expect("valid");
    let object = repository.snapshot().await.expect("readable").get(main.as_str()).expect("there").clone();
    assert!(cache.get(0).is_some());

    let created = RefUpdate::create(RefName::branch("new").expect("valid"), object.clone());
    repository.update_refs(std::slice::from_ref(&created)).await.expect("updated");
    assert!(cache.get(0).is_none());
    assert_eq!(repository.snapshot().await.expect("readable").len(), 2);

    repository.set_head(&RefName::branch("new").expect("valid")).await.expect("changed");
    assert!(cache.get(0).is_none());
    let head = repository.snapshot().await.expect("readable").head().cloned().expect("known");
    assert_eq!((head.target(), head.object()), (RefName::branch("new").ok(), Some(&object)));

    // Also when nothing was changed after all.
    assert!(repository.update_refs(&[created]).await.is_err());
    assert!(cache.get(0).is_none());

    // What others do is found out by reading the disk.
    repository.snapshot().await.expect("readable");
    workshop.commit(&repository, "other");
    assert_eq!(repository.snapshot().await.expect("readable").len(), 2);
    assert_eq!(repository.refs().await.expect("readable").len(), 3);
    assert_eq!(repository.snapshot().await.expect("readable").len(), 3);
}

#[tokio::test]
async fn a_change_that_was_given_up_marks_when_its_process_is_gone() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main"]).await;
    let options = ServeOptions {
        protocol: heliostat_git_wire::GitProtocol::from_header(None),
        mode: ServeMode::Session,
        extra_env: Vec::new(),
    };
    let mut process =
        serve(&repository, heliostat_git_wire::GitService::ReceivePack, options).await.expect("started");
    let _stdin = process.take_stdin();
    repository.snapshot().await.expect("readable");
    assert!(repository.cache().get(0).is_some());
    drop(process);
    let gone = async {
        while repository.cache().get(0).is_some() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), gone).await.expect("marked");
}

#[tokio::test]
async fn a_repository_in_memory_is_served_without_the_disk_until_it_is_found_broken() {
    let workshop = Workshop::new().await;
    let store = workshop.store();
    let main = RefName::branch("main").expect("valid");
    let repository = store.create_with_format(7, &main, ObjectFormat::Sha256).await.expect("created");
    let snapshot = repository.snapshot().await.expect("readable");
    assert_eq!((snapshot.object_format(), snapshot.is_empty()), (Some(ObjectFormat::Sha256), true));
    assert!(matches!(snapshot.head(), Some(Head::Symbolic { object: None, .. })));
    std::fs::remove_file(repository.path().join("HEAD")).expect("removed");
    let served = store.open_for_serving(7).await.expect("in memory");
    assert_eq!(served.snapshot().await.expect("in memory"), snapshot);
    assert!(store.open(7).await.is_err());
    assert!(store.open_for_serving(7).await.is_err());
    assert!(repository.snapshot().await.is_err_and(|error| error.is_broken_repository()));

    let repository = store.create(8, &main).await.expect("created");
    repository.snapshot().await.expect("readable");
    store.trash(8, TrashReason::Deleted, Origin::default()).await.expect("removed");
    assert!(store.open_for_serving(8).await.is_err());
}

/// A repository whose packed references are read only when their file was replaced.
#[tokio::test]
async fn what_has_changed_since_is_what_git_lists() {
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "other"]).await;
    let path = repository.path();
    let commit = workshop.run(path, &["rev-parse", "main"]);
    let line = |number: usize| format!("{} refs/heads/many/{number:05}\n", commit.trim());
    let lines: String = (0..2_000).map(line).collect();
    std::fs::write(
        path.join("packed-refs"),
        format!("# pack-refs with: peeled fully-peeled sorted \n{lines}"),
    )
    .expect("written");
    let settle = || {
        // As if it had been written a while ago.
        let file = std::fs::File::options().append(true).open(path.join("packed-refs")).expect("there");
        let earlier = std::time::SystemTime::now() - Duration::from_mins(1);
        file.set_modified(earlier).expect("a time");
    };
    let check = async |step: &str| {
        let snapshot = repository.refs().await.expect("readable");
        let last = repository.cache().last_known(0).expect("in memory");
        assert!(last.layers.is_some(), "{step}: read in layers");
        let anew = load_refs(repository.git(), path, &Known::default()).await.expect("readable").snapshot;
        let by_git =
            build(Reading::Whole(ask_git(repository.git(), path).await.expect("readable")), LookedAt::new());
        for other in [&anew, &by_git.snapshot] {
            assert_eq!(snapshot.content_hash(), other.content_hash(), "{step}");
            assert_eq!(snapshot.head(), other.head(), "{step}");
        }
        for tag in ["refs/tags/v1", "refs/tags/v2"] {
            assert_eq!(snapshot.peeled(tag), anew.peeled(tag), "{step}: {tag}");
            assert_eq!(snapshot.peeled(tag).is_some(), snapshot.get(tag).is_some(), "{step}: {tag}");
        }
    };
    check("at first").await;
    settle();
    check("nothing has changed").await;
    check("nothing has changed since").await;
    for branch in ["many/00000", "many/01000", "many/zzz", "aaa", "main"] {
        workshop.commit(&repository, branch);
        check(branch).await;
    }
    workshop.run(path, &["tag", "-a", "-m", "annotated", "v1", "main"]);
    check("a tag").await;
    workshop.run(path, &["pack-refs", "--all"]);
    check("packed").await;
    settle();
    check("packed a while ago").await;
    workshop.run(path, &["tag", "-a", "-m", "annotated", "v2", "aaa"]);
    workshop.run(path, &["update-ref", "-d", "refs/heads/many/00000"]);
    check("one is gone").await;
    workshop.run(path, &["update-ref", "-d", "refs/heads/many/01999"]);
    workshop.run(path, &["update-ref", "-d", "refs/tags/v1"]);
    workshop.run(path, &["update-ref", "refs/heliostat/keep/1", "main"]);
    check("the last is gone").await;
    workshop.run(path, &["symbolic-ref", "HEAD", "refs/heads/other"]);
    workshop.run(path, &["pack-refs", "--all"]);
    check("packed again").await;
    workshop.run(path, &["update-ref", "--no-deref", "HEAD", "aaa"]);
    check("detached").await;
    // One that stands for another has everything read as a whole.
    workshop.run(path, &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    let whole = repository.refs().await.expect("readable");
    assert_eq!(whole.get("refs/heads/alias"), whole.get("refs/heads/main"));
    assert!(repository.cache().last_known(0).expect("in memory").layers.is_none());
    workshop.run(path, &["symbolic-ref", "--delete", "refs/heads/alias"]);
    check("without it").await;
}

#[tokio::test]
async fn what_is_packed_lies_in_memory_once_however_often_references_move() {
    const COUNT: usize = 1_500;
    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("many", &["main"]).await;
    let path = repository.path();
    let move_each = |step: usize, to: &str| {
        let lines =
            (0..COUNT).step_by(step).map(|number| format!("update refs/heads/many/{number:05} {to}\n"));
        let lines: String = lines.collect();
        workshop.shell(path, &format!("git update-ref --stdin <<'END'\n{lines}END\n"));
    };
    move_each(1, workshop.run(path, &["rev-parse", "main"]).trim());
    workshop.run(path, &["pack-refs", "--all"]);
    repository.refs().await.expect("readable");
    for _ in 0..2 {
        // At least one in each run.
        move_each(100, &workshop.commit(&repository, "main"));
        repository.refs().await.expect("readable");
        workshop.run(path, &["pack-refs", "--all"]);
        let refs = repository.refs().await.expect("readable");
        let listed = workshop.run(path, &["for-each-ref", "--format=%(objectname) %(refname)"]);
        assert_eq!(Some(&refs), RefSnapshot::parse_listing(listed.as_bytes()).as_ref());
        let read = repository.cache().last_known(0).expect("in memory");
        assert!(read.layers.is_some(), "it has many references");
        let beside = read.memory_bytes() - refs.memory_bytes();
        assert!(beside < refs.memory_bytes() / 10, "{beside} bytes beside {}", refs.memory_bytes());
    }
}

/// Readers, a writer and a process that packs references, all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reader_sees_less_than_a_change_that_has_ended() {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    let workshop = Workshop::new().await;
    let repository = workshop.bare_with_commits("one", &["main", "other"]).await;
    let main = RefName::branch("main").expect("valid");
    let commits: Vec<_> = (0..12).map(|_| workshop.commit(&repository, "other")).collect();
    let commits: Vec<_> = commits.iter().map(|commit| ObjectId::parse(commit).expect("hex")).collect();
    let (ended, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let update = async |index: usize| {
        let update = RefUpdate::update(main.clone(), commits[index].clone(), None);
        // Two who write references may get into each other's way; that is not the question here.
        while repository.update_refs(std::slice::from_ref(&update)).await.is_err() {}
        ended.store(index, Ordering::SeqCst);
    };
    update(0).await;
    let write = async {
        for index in 1..commits.len() {
            update(index).await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let pack = async {
        while !is_over.load(Ordering::SeqCst) {
            repository.command("pack").args(["pack-refs", "--all"]).run().await.ok();
        }
    };
    let read = async || {
        while !is_over.load(Ordering::SeqCst) {
            let floor = ended.load(Ordering::SeqCst);
            let seen = repository.snapshot().await.expect("readable");
            let seen = seen.get(main.as_str()).expect("always there");
            let index = commits.iter().position(|commit| commit == seen).expect("one of them");
            assert!(index >= floor, "{index} < {floor}");
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(write, pack, read(), read(), read());
    let last = repository.snapshot().await.expect("readable");
    assert_eq!(last.get(main.as_str()), commits.last());
}
