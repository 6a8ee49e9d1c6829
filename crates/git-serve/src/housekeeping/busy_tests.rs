//! Housekeeping beside transfers that overlap: what it takes away and what it leaves, and that nothing piles up.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use heliostat_git::fixture::Workshop;
use heliostat_git::fixture_http::HttpServer;
use heliostat_git::{
    ClientKey, Connection, FetchPlan, FetchProgress, GitProtocol, RefName, RefRoom, Repository,
    fetch_objects, receive_pack,
};

use super::pack_times::PackTimes;
use super::packs::PackInventory;
use super::plan::Thresholds;
use super::reconcile::Reconciler;
use super::remove_replaced::remove_packs;
use super::repack::repack;
use super::tests::{commit_in_packs, eager, packs_of, remove, stored};
use crate::answer::Answer;
use crate::engine::ServingOptions;
use crate::served::{ServedRepositories, ServedRepository};

/// Removes the replaced packs that no reader can need any more.
pub(super) async fn remove_free(repository: &Repository, times: &mut PackTimes) -> usize {
    look(repository, times).await;
    let free = times.free(repository.path(), repository.git().readers());
    remove_packs(repository, free).await.expect("removed").packs
}

async fn look(repository: &Repository, times: &mut PackTimes) {
    let readers = repository.git().readers();
    let began = readers.now();
    let found = PackInventory::look(repository).await.expect("readable");
    times.note(began, &found, readers);
}

#[tokio::test]
async fn a_pack_stays_while_a_process_that_may_have_opened_it_reads() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &[]).await);
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    let mut times = PackTimes::default();
    let begin = || repository.git().readers().begin(repository.path());
    let (early, slow) = (begin(), begin());
    slow.settle();
    look(repository, &mut times).await;
    repack(&served, &eager()).await.expect("maintained");
    look(repository, &mut times).await;
    let late = begin();
    assert_eq!(remove_free(repository, &mut times).await, 0);
    // What has come after one has settled is replaced as well, and is gone as soon as no other process needs it.
    commit_in_packs(&workshop, repository);
    repack(&served, &eager()).await.expect("maintained");
    look(repository, &mut times).await;
    let packs = packs_of(repository);
    assert_eq!(remove_free(repository, &mut times).await, 0);
    drop(early);
    assert_eq!(remove_free(repository, &mut times).await, 0);
    // It came when all three were replaced.
    drop(late);
    assert_eq!(remove_free(repository, &mut times).await, 4);
    assert_eq!(packs_of(repository), packs - 4);
    drop(slow);
    assert_eq!(remove_free(repository, &mut times).await, 3);
    assert_eq!(packs_of(repository), 1);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn a_folder_that_a_push_has_just_made_stays() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    repack(&served, &eager()).await.expect("repacked");
    // A push under way has made the folder of its object, and the object comes next.
    let objects = repository.path().join("objects");
    let names = (0..=u8::MAX).map(|first| format!("{first:02x}"));
    let made = names.map(|name| objects.join(name)).find(|folder| !folder.exists()).expect("few objects");
    std::fs::create_dir(&made).expect("a new folder");
    remove(repository).await;
    assert!(made.is_dir(), "the push fails to move its object there");
    assert_eq!(PackInventory::look(repository).await.expect("readable").loose_objects, 0);
    repository.verify().await.expect("whole");
}

/// Works on a repository without a pause, until the other is done.
async fn beside_housekeeping<T>(served: &ServedRepository, other: impl Future<Output = T>) -> T {
    let keep_house = async {
        loop {
            repack(served, &eager()).await.expect("repacked");
            remove(&served.repository).await;
        }
    };
    tokio::select! {
        done = other => done,
        () = keep_house => unreachable!("it goes on"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_push_is_rejected_beside_housekeeping() {
    const CLIENTS: usize = 3;
    const PUSHES: usize = 8;
    let workshop = Arc::new(Workshop::new().await);
    let served = ServedRepository::alone(workshop.bare_with_commits("target", &["main"]).await);
    let server = HttpServer::serve(served.clone()).await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let source = workshop.bare_with_commits(&format!("source-{client}"), &["main"]).await;
        let (workshop, url) = (Arc::clone(&workshop), server.url.clone());
        clients.spawn_blocking(move || {
            for push in 0..PUSHES {
                // Folders of references come and go, and so do references that were packed.
                let branch = format!("of/{client}/number/{push}");
                workshop.commit(&source, &branch);
                let mut refspecs = vec![branch.clone()];
                refspecs.extend((push > 1).then(|| format!(":refs/heads/of/{client}/number/{}", push - 2)));
                let refspecs = refspecs.iter().map(String::as_str);
                let arguments: Vec<_> =
                    ["push", "--quiet", url.as_str()].into_iter().chain(refspecs).collect();
                workshop.run(source.path(), &arguments);
            }
        });
    }
    beside_housekeeping(&served, clients.join_all()).await;
    let refs = served.repository.refs().await.expect("readable");
    assert_eq!(refs.branches().count(), 1 + 2 * CLIENTS);
    served.repository.verify().await.expect("whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_follows_after_housekeeping_and_beside_it() {
    let workshop = Workshop::new().await;
    let (_, served) = stored(&workshop).await;
    let mirror = &served.repository;
    let upstream = workshop.bare_with_commits("upstream", &["main", "a", "gone/deep"]).await;
    let follow = async || {
        let url = upstream.path().to_str().expect("text").to_owned();
        let (there, before) =
            (upstream.refs().await.expect("readable"), mirror.refs().await.expect("readable"));
        let objects = there.iter().map(|(_, object)| object.clone()).collect();
        let plan = FetchPlan {
            url,
            authorization: None,
            objects,
            timeout: Duration::from_secs(60),
            connection: Connection::default(),
            progress: FetchProgress::default(),
        };
        fetch_objects(mirror, &plan).await.expect("fetched");
        let main = RefName::branch("main").expect("valid");
        let here = mirror.swap_refs(&before, &there, &main).await.expect("shown");
        assert_eq!(there.content_hash(), here.content_hash());
    };
    let delete = |branch: &str| {
        workshop.run(upstream.path(), &["update-ref", "-d", &format!("refs/heads/{branch}")]);
    };
    follow().await;
    for _ in 0..2 {
        repack(&served, &eager()).await.expect("repacked");
        remove(mirror).await;
        // Its references are packed now: some are deleted, and one becomes a folder and is one no more.
        delete("a");
        workshop.commit(&upstream, "a/b");
        workshop.commit(&upstream, "main");
        delete("gone/deep");
        follow().await;
        repack(&served, &eager()).await.expect("repacked");
        delete("a/b");
        workshop.commit(&upstream, "a");
        workshop.commit(&upstream, "gone/deep");
        follow().await;
        mirror.verify().await.expect("whole");
    }
    let keep_following = async {
        for number in 0..10 {
            workshop.commit(&upstream, &format!("of/number/{number}"));
            if number > 0 {
                delete(&format!("of/number/{}", number - 1));
            }
            follow().await;
        }
    };
    beside_housekeeping(&served, keep_following).await;
    mirror.verify().await.expect("whole");
}

/// What all files below a folder take.
fn bytes_below(folder: &std::path::Path) -> u64 {
    let entries = folder.read_dir().expect("listable").map(|entry| entry.expect("listable").path());
    entries
        .map(|path| if path.is_dir() { bytes_below(&path) } else { path.metadata().expect("there").len() })
        .sum()
}

/// The body of a push of the source's branch `slow` into a new one.
fn push_request(workshop: &Workshop, source: &Repository) -> Bytes {
    let commit = workshop.commit(source, "slow");
    let pack = workshop.path("slow.pack");
    let script = format!("echo {commit} | git pack-objects --revs --stdout -q > {}", pack.display());
    workshop.shell(source.path(), &script);
    let line = format!("{} {commit} refs/heads/slow\0 report-status", "0".repeat(40));
    let head = format!("{:04x}{line}0000", line.len() + 4);
    [head.into_bytes(), std::fs::read(pack).expect("written")].concat().into()
}

#[tokio::test]
async fn a_busy_repository_stays_small_while_transfers_overlap() {
    const ROUNDS: usize = 12;
    let workshop = Workshop::new().await;
    let (store, served) = stored(&workshop).await;
    let repository = &served.repository;
    let source = workshop.bare_with_commits("source", &["slow"]).await;
    workshop.commit(repository, "main");
    // A push whose second half comes at the end, and a clone that is taken all the time.
    let mut half = push_request(&workshop, &source);
    let rest = half.split_off(half.len() / 2);
    let (go_on, waits) = tokio::sync::oneshot::channel::<()>();
    let late = stream::once(async move {
        waits.await.map_err(io::Error::other)?;
        Ok(rest)
    });
    let request = stream::iter([Ok(half)]).chain(late);
    let target = repository.clone();
    let push = tokio::spawn(async move {
        receive_pack(&target, request, &GitProtocol::default(), RefRoom::default()).await
    });
    let slow = repository.git().readers().begin(repository.path());
    slow.settle();
    let limits = Thresholds { loose_weight: 20, unindexed_packs: 2, ..eager() };
    let mut reconciler = Reconciler::new(store.clone(), limits);
    // One begins before the last one ends: there is no moment without any.
    let mut reader = repository.git().readers().begin(repository.path());
    for _ in 0..ROUNDS {
        (0..10).for_each(|_| drop(workshop.commit(repository, "main")));
        reconciler.reconcile(true).await;
        let next = repository.git().readers().begin(repository.path());
        drop(std::mem::replace(&mut reader, next));
        reconciler.remove_waiting().await;
        // The two newest of the row, what the last reader holds up, and what the slow one has found.
        assert!(packs_of(repository) <= 8, "{} packs", packs_of(repository));
    }
    let counters = store.engine().housekeeping().counters();
    assert!(counters.runs <= ROUNDS as u64 && counters.failures == 0, "{counters:?}");
    let copy = workshop.path("copy.git");
    workshop.run(repository.path(), &["clone", "-q", "--bare", ".", copy.to_str().expect("text")]);
    workshop.run(&copy, &["repack", "-adq"]);
    let (here, best) =
        (bytes_below(&repository.path().join("objects/pack")), bytes_below(&copy.join("objects/pack")));
    assert!(here <= 4 * best, "{here} bytes instead of {best}");
    go_on.send(()).expect("it waits");
    let pushed = push.await.expect("it ends").expect("taken");
    assert!(String::from_utf8_lossy(&pushed.output).contains("ok refs/heads/slow"), "{pushed:?}");
    drop((slow, reader));
    reconciler.reconcile(true).await;
    assert_eq!(store.engine().housekeeping().counters().waiting_for_readers, 0);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn a_client_who_takes_a_stored_answer_slowly_holds_up_no_pack() {
    let workshop = Workshop::new().await;
    let options = ServingOptions { cache_folder: Some(workshop.path("cache")), ..ServingOptions::default() };
    let store =
        ServedRepositories::new(workshop.git.clone(), workshop.path("store"), &options).expect("a store");
    let main = RefName::branch("main").expect("valid");
    let served = store.serve(store.store().create(7, &main).await.expect("created"));
    let repository = &served.repository;
    let commit = workshop.commit(repository, "main");
    let lines = ["command=fetch\n", "object-format=sha1\n", "", "ofs-delta\n", "done\n"].map(str::to_owned);
    let packet = |line: &String| match line.as_str() {
        "" => "0001".to_owned(),
        line => format!("{:04x}{line}", line.len() + 4),
    };
    let want = format!("want {commit}\n");
    let mut request = lines.iter().map(packet).collect::<Vec<_>>();
    request.insert(4, packet(&want));
    let request = request.concat() + "0000";
    let protocol = GitProtocol::from_header(Some("version=2"));
    let body = stream::iter([Ok(Bytes::from(request))]);
    let answer = served.upload_pack(body, &protocol, ClientKey::verified("slow")).await.expect("answered");
    assert!(matches!(answer, Answer::Stored(_)), "{answer:?}");
    while repository.git().readers().are_any(repository.path()) {
        tokio::task::yield_now().await;
    }
    drop(answer);
}
