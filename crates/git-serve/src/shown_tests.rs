//! Readers who are shown the references of another server: what they see, and what they may have.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryStreamExt, stream};
use heliostat_git::fixture::Workshop;
use heliostat_git::{ClientKey, GitProtocol, GitService, ObjectId, Repository};
use heliostat_git_wire::{MAX_QUESTIONED_OBJECTS, RefName, RefSnapshot, spelled};
use parking_lot::Mutex;

use crate::answer::GitReader;
use crate::object_source::{FetchOutcome, ObjectSource, Sizes};
use crate::served::ServedRepository;

/// The other server, which gives what its repository has, but for what is kept back.
#[derive(Debug)]
struct Other {
    place: PathBuf,
    here: Repository,
    kept_back: BTreeSet<ObjectId>,
    asked: Mutex<Vec<BTreeSet<ObjectId>>>,
}

struct World {
    workshop: Workshop,
    there: Repository,
    here: Repository,
    other: Arc<Other>,
}

impl ObjectSource for Other {
    fn bring(&self, objects: BTreeSet<ObjectId>, _: ClientKey) -> BoxFuture<'_, FetchOutcome> {
        self.asked.lock().push(objects.clone());
        let brought = match objects.intersection(&self.kept_back).next() {
            Some(object) => FetchOutcome::NotOurs(object.clone()),
            None => {
                // As a fetch would, and no reference leads to them.
                let packs = "objects/pack";
                std::fs::create_dir_all(self.here.path().join(packs)).expect("writable");
                for file in std::fs::read_dir(self.place.join(packs)).expect("readable").flatten() {
                    let copy = self.here.path().join(packs).join(file.file_name());
                    if !copy.exists() {
                        std::fs::copy(file.path(), copy).expect("copied");
                    }
                }
                FetchOutcome::All
            }
        };
        std::future::ready(brought).boxed()
    }

    fn sizes(&self, _: BTreeSet<ObjectId>, _: ClientKey) -> BoxFuture<'_, Result<Sizes, String>> {
        std::future::ready(Err("it says nothing".to_owned())).boxed()
    }
}

fn object(name: &str) -> ObjectId {
    ObjectId::parse(name.trim()).expect("an object")
}

impl World {
    /// Two commits on `main` at the other server, of which the second one is tagged; here is nothing but one commit of our own.
    async fn new(kept_back: impl Fn(&Workshop, &Repository) -> BTreeSet<ObjectId>) -> Self {
        let workshop = Workshop::new().await;
        let there = workshop.bare_with_commits("there", &["main"]).await;
        workshop.commit(&there, "main");
        workshop.run(there.path(), &["tag", "-a", "-m", "annotated", "v1", "main"]);
        workshop.run(there.path(), &["repack", "-a", "-d", "--quiet"]);
        let here = workshop.bare_with_commits("here", &["own"]).await;
        let kept_back = kept_back(&workshop, &there);
        let other =
            Other { place: there.path().to_owned(), here: here.clone(), kept_back, asked: Mutex::default() };
        Self { workshop, there, here, other: Arc::new(other) }
    }

    fn at(&self, repository: &Repository, name: &str) -> ObjectId {
        object(&self.workshop.run(repository.path(), &["rev-parse", name]))
    }

    /// What a reader is shown: `main` of the other server.
    fn shown(&self) -> RefSnapshot {
        let name = RefName::parse("refs/heads/main").expect("valid");
        RefSnapshot::from_entries([(name, self.at(&self.there, "main"))])
    }

    fn served(&self) -> ServedRepository {
        ServedRepository::alone(self.here.clone()).showing(self.shown())
    }

    async fn answer(&self, served: &ServedRepository, lines: &[String]) -> Vec<u8> {
        let start = ["object-format=sha1".to_owned(), "|".to_owned()];
        let lines = [&lines[..1], &start, &lines[1..], &[".".to_owned()]].concat();
        let pieces = spelled(&lines).chunks(1 << 20).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = stream::iter::<Vec<_>>(pieces);
        let object_source: Arc<dyn ObjectSource> = self.other.clone();
        let reader = GitReader::from(ClientKey::verified("ada")).asking(object_source);
        let protocol = GitProtocol::from_header(Some("version=2"));
        let answer = served.upload_pack(body, &protocol, reader).await.expect("answered");
        let pieces: Vec<Bytes> = answer.into_stream().try_collect().await.expect("a whole answer");
        pieces.concat()
    }

    async fn fetched(&self, served: &ServedRepository, want: &ObjectId) -> Vec<u8> {
        let words = ["command=fetch", "no-progress", "include-tag", "ofs-delta"].map(str::to_owned);
        let lines = [&words[..], &[format!("want {want}"), "done".to_owned()]].concat();
        self.answer(served, &lines).await
    }
}

fn holds(answer: &[u8], text: &str) -> bool {
    answer.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn a_reader_sees_what_another_server_shows() {
    let world = World::new(|_, _| BTreeSet::new()).await;
    let served = world.served();
    let list = world.answer(&served, &["command=ls-refs".to_owned()]).await;
    let (shown, own) = (world.at(&world.there, "main"), world.at(&world.here, "own"));
    assert!(holds(&list, &format!("{shown} refs/heads/main")) && !holds(&list, own.as_str()));
    let first = served.advertise(GitService::UploadPack, &GitProtocol::default()).await.expect("answered");
    let first: Vec<Bytes> = first.into_stream().try_collect().await.expect("whole");
    assert!(holds(&first.concat(), &format!("{shown} refs/heads/main")));
    assert!(world.other.asked.lock().is_empty());
}

#[tokio::test]
async fn what_is_shown_is_brought_when_it_is_wanted_and_no_tag_comes_along() {
    let world = World::new(|_, _| BTreeSet::new()).await;
    let (served, want) = (world.served(), world.at(&world.there, "main"));
    let answer = world.fetched(&served, &want).await;
    assert!(holds(&answer, "PACK"));
    assert_eq!(*world.other.asked.lock(), [BTreeSet::from([want.clone()])]);
    // Two commits, with a folder and a file each.
    let start = answer.windows(4).position(|part| part == b"PACK").expect("a pack");
    assert_eq!(answer[start + 8..start + 12], 6_u32.to_be_bytes());
    // What a reference that is shown leads to, by way of one that is here as well, needs no question.
    world.workshop.run(world.here.path(), &["update-ref", "refs/heads/main", want.as_str()]);
    world.here.refs().await.expect("readable");
    world.other.asked.lock().clear();
    assert!(holds(&world.fetched(&served, &world.at(&world.there, "main~1")).await, "PACK"));
    assert!(world.other.asked.lock().is_empty());
}

#[tokio::test]
async fn what_is_here_and_not_shown_is_asked_for_each_time() {
    let kept_back = |workshop: &Workshop, there: &Repository| {
        BTreeSet::from([object(&workshop.run(there.path(), &["rev-parse", "v1"]))])
    };
    let world = World::new(kept_back).await;
    let (served, own) = (world.served(), world.at(&world.here, "own"));
    for turn in 1..=2 {
        assert!(holds(&world.fetched(&served, &own).await, "PACK"), "the other server gives it");
        assert_eq!(world.other.asked.lock().len(), turn);
    }
    let tag = world.at(&world.there, "v1");
    let refused = world.fetched(&served, &tag).await;
    assert!(holds(&refused, &format!("not our ref {tag}")));
    assert!(!holds(&refused, "PACK"));
}

#[tokio::test]
async fn a_size_that_cannot_be_found_out_is_refused() {
    let world = World::new(|_, _| BTreeSet::new()).await;
    let (served, want) = (world.served(), world.at(&world.there, "main"));
    let ask = async |objects: &[String]| {
        let start = ["command=object-info", "size"].map(str::to_owned);
        world.answer(&served, &[&start[..], objects].concat()).await
    };
    let told = ask(&[format!("oid {want}")]).await;
    let refusal = format!("ERR object-info: the size of {want} cannot be told now: it says nothing");
    assert!(holds(&told, &refusal));
    let many: Vec<_> = (0..=MAX_QUESTIONED_OBJECTS).map(|number| format!("oid {number:040x}")).collect();
    assert!(holds(&ask(&many).await, "it is one of more than 1,000 that are not here"));
}

#[tokio::test]
async fn nothing_is_fetched_for_a_reader_who_cannot_ask() {
    let world = World::new(|_, _| BTreeSet::new()).await;
    let reader = GitReader::from(ClientKey::verified("ada"));
    let wants = BTreeSet::from([world.at(&world.there, "main")]);
    let unavailable = world.served().make_ready(&wants, &reader).await.expect("answered");
    assert_eq!(unavailable, wants.into_iter().next());
}

#[tokio::test]
async fn a_request_that_is_too_long_to_be_understood_is_told_nothing_of_what_is_here() {
    let world = World::new(|_, _| BTreeSet::new()).await;
    let (served, want) = (world.served(), world.at(&world.there, "main"));
    let prefixes = std::iter::repeat_n(format!("ref-prefix {}", "x".repeat(64_000)), 800);
    let lines: Vec<String> =
        ["command=ls-refs", "ref-prefix refs/"].map(str::to_owned).into_iter().chain(prefixes).collect();
    let haves = std::iter::repeat_n(format!("have {want}"), 1_050_000);
    let fetch = ["command=fetch".to_owned(), "include-tag".to_owned(), format!("want {want}")];
    let fetch: Vec<String> = fetch.into_iter().chain(haves).chain(["done".to_owned()]).collect();
    for lines in [lines, fetch] {
        let answer = world.answer(&served, &lines).await;
        assert!(holds(&answer, "ERR a request may have at most 50331648 bytes"));
        assert!(!holds(&answer, "refs/heads/own") && !holds(&answer, "PACK"));
    }
}

#[tokio::test]
async fn a_request_that_is_long_because_it_repeats_itself_is_understood() {
    let world = World::new(|_, _| BTreeSet::new()).await;
    let (served, want) = (world.served(), world.at(&world.there, "main"));
    let wants = std::iter::repeat_n(format!("want {want}"), 1_050_000);
    let words = ["command=fetch", "no-progress", "ofs-delta"].map(str::to_owned);
    let lines: Vec<String> = words.into_iter().chain(wants).chain(["done".to_owned()]).collect();
    assert!(holds(&world.answer(&served, &lines).await, "PACK"));
    assert_eq!(*world.other.asked.lock(), [BTreeSet::from([want])]);
}

#[tokio::test]
async fn history_is_left_out_by_names_that_are_shown() {
    let world = World::new(|_, _| BTreeSet::new()).await;
    let (served, want) = (world.served(), world.at(&world.there, "main"));
    let fetch = async |name: &str| {
        let words = ["command=fetch", "no-progress"].map(str::to_owned);
        let lines = [format!("deepen-not {name}"), format!("want {want}"), "done".to_owned()];
        world.answer(&served, &[&words[..], &lines].concat()).await
    };
    for hidden in ["own", "refs/heads/own", "guess"] {
        let answer = fetch(hidden).await;
        assert!(holds(&answer, &format!("ERR deepen-not \"{hidden}\" means no reference")));
    }
    assert!(holds(&fetch("main").await, "ERR upload-pack: refs/heads/main is not here yet as it is listed"));
    world.fetched(&served, &want).await;
    world.workshop.run(world.here.path(), &["update-ref", "refs/heads/main", want.as_str()]);
    world.here.refs().await.expect("readable");
    let answer = fetch("main").await;
    assert!(!holds(&answer, "is not here yet") && !holds(&answer, "means no reference"));
}
