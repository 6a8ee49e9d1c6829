//! What is old is served by the upstream itself, and what is not here is fetched from it, for those whom it lets in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use heliostat_git::{ClientKey, GitProtocol, ObjectId};
use heliostat_git_serve::FetchOutcome;
use heliostat_mirror::{Passed, PassedBody, PassedRequest, ServedRepository};
use heliostat_refusal::Refusal;

use super::fake_upstream::Disturbance;
use super::{MAIN, World, ada, eventually};

/// A request for all references, in version 2 of the protocol.
const LS_REFS: &str = "0014command=ls-refs\n00010000";

/// Longer than a stop may take, and shorter than an upstream may be silent while something is fetched from it.
const STOP_PATIENCE: Duration = Duration::from_mins(1);

fn ls_refs() -> PassedRequest {
    let bytes = stream::iter([Ok(Bytes::from(LS_REFS))]).boxed();
    let protocol = GitProtocol::from_header(Some("version=2"));
    PassedRequest { protocol, body: Some(PassedBody { bytes, encoding: None }) }
}

fn reader() -> ClientKey {
    ClientKey::verified("ada")
}

impl World {
    async fn opened(&self) -> ServedRepository {
        self.mirror.serving.open("APP", "engine", &ada(), None).await.expect("ada may read")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_fetched_is_served_by_the_upstream() {
    let world = World::joined().await;
    assert!(world.opened().await.through.is_none(), "nothing is missing");
    world.upstream.state().disturbance = Some(Disturbance::NoObjects);
    world.upstream.push(42, MAIN, "not to be fetched").await;
    let event = world.upstream.refs_changed(42, MAIN);
    let heard = world.mirror.events.handle(&world.upstream_itself(), world.id(), event).await;
    heard.expect("a well-formed event");
    eventually("the synchronisation has failed", || world.records()[0].failed_count > 0).await;

    let served = world.opened().await;
    assert!(!served.freshness.is_current());
    let through = served.through.expect("the upstream answers");
    let pushed = world.upstream.repository(42).moved.1;
    match through.clone().pass(ls_refs(), reader()).await.expect("ada may read") {
        Passed::ByUpstream(answer) => {
            let pieces: Vec<Bytes> = answer.try_collect().await.expect("it is whole");
            let list = String::from_utf8(pieces.concat()).expect("text");
            assert!(list.contains(&format!("{pushed} refs/heads/main")), "{list}");
        }
        Passed::Here(freshness) => panic!("it was answered from here: {freshness:?}"),
    }
    world.upstream.state().lets_ada_in = false;
    let refused = through.pass(ls_refs(), reader()).await.map(drop);
    assert!(matches!(refused, Err(Refusal::Unauthenticated { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_comes_once_and_the_upstream_is_asked_each_time() {
    let world = World::joined().await;
    let shown = world.seen().await;
    let unseen = world.upstream.commit_unseen(42, "no ref leads here");
    let unseen = ObjectId::parse(unseen).expect("an object");
    let wanted = BTreeSet::from([unseen.clone()]);
    let served = world.opened().await;
    let object_source = served.object_source.expect("ada shows what holds there");
    let asked = || std::mem::take(&mut world.upstream.state().git_requests);
    let _joining = asked();
    assert_eq!(object_source.bring(wanted.clone(), reader()).await, FetchOutcome::All);
    let repository = &served.repository.expect("it is here").repository;
    assert!(repository.has_object(&unseen).await.expect("readable"));
    assert!(asked() > 1, "a question and a fetch");
    assert_eq!(object_source.bring(wanted.clone(), reader()).await, FetchOutcome::All);
    assert_eq!(asked(), 1, "a question");
    let ours = repository.command("list").args(["for-each-ref", "--format=%(objectname)", "refs/heliostat/"]);
    assert_eq!(ours.run().await.expect("git runs").stdout, format!("{unseen}\n").into_bytes());
    assert_eq!(world.seen().await, shown, "no reference of the repository has changed");

    // The next synchronisation is not in the way of it, nor it of that.
    world.upstream.push(42, MAIN, "one more").await;
    let event = world.upstream.refs_changed(42, MAIN);
    let heard = world.mirror.events.handle(&world.upstream_itself(), world.id(), event).await;
    heard.expect("a well-formed event");
    assert_eq!(world.seen().await, world.upstream_hash());

    let nowhere = ObjectId::parse("12".repeat(20)).expect("hex");
    let with_nowhere = BTreeSet::from([nowhere.clone(), unseen.clone()]);
    assert_eq!(object_source.bring(with_nowhere, reader()).await, FetchOutcome::NotOurs(nowhere));
    world.upstream.state().lets_ada_in = false;
    assert_eq!(
        object_source.bring(wanted, reader()).await,
        FetchOutcome::NotOurs(unseen),
        "it is hidden from ada"
    );
}

impl World {
    /// Ada wants this, and hangs up as soon as the mirror fetches it.
    async fn wanted_in_vain(&self, wanted: &BTreeSet<ObjectId>) {
        let object_source = self.opened().await.object_source.expect("ada shows what holds there");
        let (before, wanted) = (self.upstream.state().fetches, wanted.clone());
        let bringing = tokio::spawn(async move { object_source.bring(wanted, reader()).await });
        eventually("the mirror fetches", || self.upstream.state().fetches > before).await;
        bringing.abort();
        assert!(bringing.await.is_err_and(|error| error.is_cancelled()), "nothing was brought yet");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_does_not_end_the_fetch_that_others_wait_for() {
    let world = World::joined().await;
    let unseen = ObjectId::parse(world.upstream.commit_unseen(42, "no ref leads here")).expect("an object");
    let wanted = BTreeSet::from([unseen]);
    let silence = world.upstream.giving.acquire().await.expect("it is never closed");
    let before = world.upstream.state().fetches;
    world.wanted_in_vain(&wanted).await;
    let next = world.opened().await.object_source.expect("ada shows what holds there");
    drop(silence);
    assert_eq!(next.bring(wanted, reader()).await, FetchOutcome::All);
    assert_eq!(world.upstream.state().fetches, before + 1, "the next one waits for the same fetch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_no_reader_waits_for_does_not_hold_up_the_stop() {
    let world = World::joined().await;
    let unseen = ObjectId::parse(world.upstream.commit_unseen(42, "no ref leads here")).expect("an object");
    let _silence = world.upstream.giving.acquire().await.expect("it is never closed");
    world.wanted_in_vain(&BTreeSet::from([unseen])).await;
    world.stop.cancel();
    let stopped = tokio::time::timeout(STOP_PATIENCE, world.mirror.stopped()).await;
    assert!(stopped.is_ok(), "it waits for the fetch");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_of_what_is_not_here_is_asked_for_and_nothing_comes() {
    let world = World::joined().await;
    let unseen = ObjectId::parse(world.upstream.commit_unseen(42, "no ref leads here")).expect("an object");
    let nowhere = ObjectId::parse("12".repeat(20)).expect("hex");
    let served = world.opened().await;
    let object_source = served.object_source.expect("ada shows what holds there");
    let both = || BTreeSet::from([unseen.clone(), nowhere.clone()]);
    let sizes = async || object_source.sizes(both(), reader()).await.expect("the upstream was asked");
    let told = sizes().await;
    assert!(told.keys().eq([&unseen]) && told[&unseen] > 100, "{told:?}");
    let repository = served.repository.expect("it is here").repository;
    assert!(!repository.has_object(&unseen).await.expect("readable"));
    world.upstream.state().lets_ada_in = false;
    assert_eq!(sizes().await, BTreeMap::new(), "it is hidden from ada");
}
