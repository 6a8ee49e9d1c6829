//! Clones that begin with the pack behind the bundle, against what `git` itself says belongs to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use futures_util::TryStreamExt;
use heliostat_git::Repository;
use heliostat_git::fixture::Workshop;
use heliostat_git_wire::{Command, FetchRequest, ObjectFormat, PacketLine, decode_packet, spelled};

use super::*;
use crate::bundle::BundleRecord;
use crate::compute::compute;
use crate::compute::joined_pack::JoinedPack;
use crate::housekeeping::PackInventory;

/// A repository whose pack, with everything in it, is behind a bundle.
struct Bundled {
    workshop: Workshop,
    served: ServedRepository,
    repository: Repository,
    format: ObjectFormat,
}

impl Bundled {
    async fn new(format: ObjectFormat) -> Self {
        let workshop = Workshop::new().await;
        let repository = workshop.bare("one", format);
        for branch in ["main", "main", "main", "topic"] {
            workshop.commit(&repository, branch);
        }
        let served = ServedRepository::alone(repository.clone());
        let bundled = Self { workshop, served, repository, format };
        bundled.commit_file("main", "large", &text(1));
        bundled.git(&["tag", "-a", "-m", "annotated", "v1", "main~1"]);
        bundled.git(&["tag", "light", "main"]);
        bundled.git(&["repack", "-a", "-d", "-q"]);
        let refs = bundled.repository.refs().await.expect("readable");
        let inventory = PackInventory::look(&bundled.repository).await.expect("readable");
        let [pack] = inventory.packs.as_slice() else { panic!("one pack: {inventory:?}") };
        let record = BundleRecord::new(pack, &refs.branches_and_tags(), 0);
        bundled.served.engine().bundles().offer(&bundled.repository, record).await.expect("offered");
        bundled
    }

    fn git(&self, args: &[&str]) -> String {
        self.workshop.run(self.repository.path(), args)
    }

    /// A commit on this branch whose only file is this one.
    fn commit_file(&self, branch: &str, name: &str, content: &str) {
        let file = self.workshop.path("content");
        std::fs::write(&file, content).expect("written");
        let script = format!(
            "blob=$(git hash-object -w {}) && tree=$(printf '100644 blob %s\\t{name}\\n' $blob | git mktree) \
             && git update-ref refs/heads/{branch} $(git commit-tree -m more -p {branch} $tree)",
            file.display()
        );
        self.workshop.shell(self.repository.path(), &script);
    }

    /// What all references name.
    fn tips(&self) -> Vec<String> {
        self.git(&["for-each-ref", "--format=%(objectname)"]).lines().map(str::to_owned).collect()
    }

    fn request(&self, wants: &[String], words: &[&str]) -> FetchRequest {
        let mut lines =
            vec!["command=fetch".to_owned(), format!("object-format={}", self.format), "|".into()];
        lines.extend(words.iter().map(|word| (*word).to_owned()));
        lines.extend(wants.iter().map(|want| format!("want {want}")));
        lines.extend(["done".into(), ".".into()]);
        let body = spelled(&lines);
        FetchRequest::parse_v2(&Command::read(&body).expect("framed").expect("a command")).expect("a fetch")
    }

    /// The request of a clone of everything.
    fn whole(&self) -> FetchRequest {
        self.request(&self.tips(), &["ofs-delta", "include-tag"])
    }

    async fn is_from_bundle(&self, request: &FetchRequest) -> bool {
        // What is in memory does not know what the test has done to the references.
        self.repository.refs().await.expect("readable");
        pack_from_bundle(&self.served, request, Vec::new()).await.expect("decided").is_some()
    }

    /// The answer's pack, which holds what `git` says belongs to the request and nothing twice; an empty repository
    /// takes it with all checks.
    async fn clone(&self, request: &FetchRequest) -> Vec<u8> {
        let response = compute(&self.served, request).await.expect("started");
        let answer: Vec<bytes::Bytes> = response.output.try_collect().await.expect("whole");
        let pack = unwrapped(&answer.concat());
        let found = self.taken_by_an_empty_repository(&pack);
        let wants = request.wants().iter().map(ToString::to_string).collect::<Vec<_>>();
        let wants: Vec<&str> = wants.iter().map(String::as_str).collect();
        let expected = self.git(&[&["rev-list", "--objects", "--no-object-names"], &wants[..]].concat());
        assert_eq!(found, expected.lines().map(str::to_owned).collect());
        pack
    }

    fn taken_by_an_empty_repository(&self, pack: &[u8]) -> BTreeSet<String> {
        let folder = tempfile::tempdir_in(self.workshop.path("")).expect("a folder");
        std::fs::write(folder.path().join("sent"), pack).expect("written");
        let format = format!("--object-format={}", self.format);
        self.workshop.run(folder.path(), &["init", "--quiet", "--bare", &format, "new"]);
        let script = "git -C new index-pack --strict --stdin < sent > /dev/null \
                      && git -C new verify-pack -v new/objects/pack/*.idx";
        let script = script.replace(" new/", " \"$PWD\"/new/");
        let listing = self.workshop.shell(folder.path(), &script);
        // Name, type, size, size in the pack, place; of a delta also its depth and the name of its base.
        let lines = listing.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let places: BTreeMap<_, _> = lines
            .filter(|fields| fields.len() >= 5 && fields[0].len() == self.format.hex_len())
            .map(|fields| (fields[0], (fields[4].parse::<u64>().expect("a place"), fields.get(6).copied())))
            .collect();
        for (name, (place, base)) in &places {
            let base = base.map(|base| places[base].0);
            assert!(base.is_none_or(|base| base < *place), "{name} comes before its base");
        }
        places.keys().map(|name| (*name).to_owned()).collect()
    }
}

/// Text of which no part resembles another.
fn text(seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}\n", state ^ (state >> 29))
    };
    (0..4_000).map(|_| next()).collect()
}

fn unwrapped(answer: &[u8]) -> Vec<u8> {
    let (mut rest, mut pack) = (answer, Vec::new());
    while !rest.is_empty() {
        let (packet, length) = decode_packet(rest).expect("framed").expect("whole");
        if let PacketLine::Data([1, part @ ..]) = packet {
            pack.extend_from_slice(part);
        }
        rest = &rest[length..];
    }
    pack
}

#[tokio::test]
async fn a_clone_is_the_stored_pack_and_what_has_come_since() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let bundled = Bundled::new(format).await;
        let whole = bundled.whole();
        assert!(bundled.is_from_bundle(&whole).await, "nothing has changed");
        let stored = bundled.clone(&whole).await;
        for step in ["a commit", "a branch", "a tag", "packs", "a merged branch"] {
            match step {
                "a commit" => drop(bundled.workshop.commit(&bundled.repository, "main")),
                "a branch" => drop(bundled.workshop.commit(&bundled.repository, "new/branch")),
                "a tag" => drop(bundled.git(&["tag", "-a", "-m", "later", "v2", "main"])),
                "packs" => drop(bundled.git(&["repack", "-q"])),
                // Its commit is still needed, though nothing names it.
                _ => {
                    let tree = bundled.git(&["rev-parse", "main^{tree}"]);
                    let merge = ["commit-tree", "-m", "merge", "-p", "main", "-p", "topic", tree.trim()];
                    let merge = bundled.git(&merge);
                    bundled.git(&["update-ref", "refs/heads/main", merge.trim()]);
                    bundled.git(&["update-ref", "-d", "refs/heads/topic"]);
                }
            }
            let whole = bundled.whole();
            assert!(bundled.is_from_bundle(&whole).await, "{format}: {step}");
            assert!(bundled.clone(&whole).await.len() > stored.len(), "{format}: {step}");
        }
    }
}

#[tokio::test]
async fn what_is_stored_is_not_sent_twice_and_is_built_upon() {
    let bundled = Bundled::new(ObjectFormat::Sha1).await;
    let stored = bundled.clone(&bundled.whole()).await;
    // New commits and no new file.
    bundled.commit_file("main", "large", "short\n");
    bundled.commit_file("main", "large", &text(1));
    let reverted = bundled.clone(&bundled.whole()).await;
    assert!(reverted.len() < stored.len() + 1_000, "{} after {}", reverted.len(), stored.len());
    // A large file of which little is new.
    bundled.commit_file("main", "large", &format!("{}more\n", text(1)));
    let whole = bundled.whole();
    assert!(bundled.is_from_bundle(&whole).await);
    let changed = bundled.clone(&whole).await;
    assert!(changed.len() < reverted.len() + 1_000, "{} after {}", changed.len(), reverted.len());
}

#[tokio::test]
async fn a_client_that_wants_less_gets_less() {
    let bundled = Bundled::new(ObjectFormat::Sha1).await;
    let tips = bundled.tips();
    let main = [bundled.git(&["rev-parse", "main"]).trim().to_owned()];
    let cases: [(&[String], &[&str]); 5] = [
        (&main, &["ofs-delta"]),
        (&tips, &["ofs-delta", "filter blob:none"]),
        (&tips, &[]),
        (&tips, &["ofs-delta", "deepen 1"]),
        (&tips[..tips.len() - 1], &["ofs-delta"]),
    ];
    for (wants, words) in cases {
        assert!(!bundled.is_from_bundle(&bundled.request(wants, words)).await, "{wants:?} {words:?}");
    }
    bundled.clone(&bundled.request(&main, &["ofs-delta"])).await;
    // A tag that the client does not know yet would come along.
    let whole = bundled.whole();
    bundled.git(&["tag", "-a", "-m", "unknown", "v2", "main"]);
    assert!(!bundled.is_from_bundle(&whole).await);
    assert!(bundled.is_from_bundle(&bundled.request(&tips, &["ofs-delta"])).await);
}

#[tokio::test]
async fn what_no_reference_needs_any_more_is_not_sent() {
    for gone in ["refs/heads/topic", "refs/tags/v1"] {
        let bundled = Bundled::new(ObjectFormat::Sha1).await;
        bundled.git(&["update-ref", "-d", gone]);
        // Housekeeping has not looked yet.
        assert!(bundled.served.bundle().is_some());
        let whole = bundled.whole();
        assert!(!bundled.is_from_bundle(&whole).await, "{gone}");
        bundled.clone(&whole).await;
    }
}

#[tokio::test]
async fn what_other_references_need_comes_only_to_whom_wants_it() {
    let bundled = Bundled::new(ObjectFormat::Sha1).await;
    let tips = bundled.tips();
    bundled.workshop.commit(&bundled.repository, "asked");
    bundled.git(&["update-ref", "refs/pull-requests/1/from", "refs/heads/asked"]);
    bundled.git(&["update-ref", "-d", "refs/heads/asked"]);
    let plain = bundled.request(&tips, &["ofs-delta"]);
    assert!(bundled.is_from_bundle(&plain).await && bundled.is_from_bundle(&bundled.whole()).await);
    let everything = bundled.clone(&bundled.whole()).await;
    assert!(bundled.clone(&plain).await.len() < everything.len());
}

#[tokio::test]
async fn without_its_pack_git_answers() {
    let bundled = Bundled::new(ObjectFormat::Sha1).await;
    let before = bundled.clone(&bundled.whole()).await;
    // Another pack has taken its place and housekeeping has not looked yet.
    bundled.workshop.commit(&bundled.repository, "main");
    bundled.git(&["repack", "-a", "-d", "-q"]);
    let whole = bundled.whole();
    assert!(pack_from_bundle(&bundled.served, &whole, Vec::new()).await.is_err());
    assert!(bundled.clone(&whole).await.len() > before.len());
}

#[tokio::test]
async fn a_stored_pack_that_ends_early_breaks_the_answer_off() {
    let bundled = Bundled::new(ObjectFormat::Sha1).await;
    let inventory = PackInventory::look(&bundled.repository).await.expect("readable");
    let pack = bundled.repository.path().join(format!("objects/pack/{}.pack", inventory.packs[0].name));
    let whole = bundled.whole();
    let joined = pack_from_bundle(&bundled.served, &whole, Vec::new()).await.expect("opened");
    cut_short(&pack);
    assert!(breaks_off(joined.expect("from the bundle")).await);
    // From now on it is not even begun with.
    assert!(pack_from_bundle(&bundled.served, &whole, Vec::new()).await.is_err());
}

#[tokio::test]
async fn a_stored_pack_that_has_rotted_breaks_the_answer_off_and_is_not_sent_again() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        for has_more in [false, true] {
            let bundled = Bundled::new(format).await;
            if has_more {
                bundled.workshop.commit(&bundled.repository, "main");
            }
            let inventory = PackInventory::look(&bundled.repository).await.expect("readable");
            let name = &inventory.packs[0].name;
            flip_a_bit(&bundled.repository.path().join(format!("objects/pack/{name}.pack")));
            let whole = bundled.whole();
            let joined = pack_from_bundle(&bundled.served, &whole, Vec::new()).await.expect("opened");
            assert!(breaks_off(joined.expect("from the bundle")).await, "{format}, {has_more}");
            let response = compute(&bundled.served, &whole).await.expect("started");
            assert!(response.output.try_collect::<Vec<_>>().await.is_err());
            assert!(bundled.served.bundle().is_none(), "a client that tries again is served by git");
        }
    }
}

#[tokio::test]
async fn a_new_object_that_cannot_be_packed_breaks_the_answer_off() {
    let bundled = Bundled::new(ObjectFormat::Sha1).await;
    bundled.workshop.commit(&bundled.repository, "main");
    let whole = bundled.whole();
    let blob = bundled.git(&["rev-parse", "main:file"]);
    let (folder, file) = blob.trim().split_at(2);
    let response = compute(&bundled.served, &whole).await.expect("started");
    // After the list of what is new was made, and before it comes in the answer.
    std::fs::remove_file(bundled.repository.path().join("objects").join(folder).join(file)).expect("loose");
    assert!(response.output.try_collect::<Vec<_>>().await.is_err());
    assert!(bundled.served.bundle().is_none(), "a client that tries again is served by git");
}

async fn breaks_off(mut joined: JoinedPack) -> bool {
    loop {
        match joined.next().await {
            Some(Ok(_)) => {}
            Some(Err(_)) => return true,
            None => return false,
        }
    }
}

fn cut_short(file: &Path) {
    opened_to_damage(file).set_len(100).expect("cut");
}

/// One in the middle, which is content.
fn flip_a_bit(file: &Path) {
    let file = opened_to_damage(file);
    let (mut byte, at) = ([0], file.metadata().expect("there").len() / 2);
    file.read_exact_at(&mut byte, at).expect("readable");
    file.write_all_at(&[byte[0] ^ 1], at).expect("writable");
}

/// Git makes packs read-only.
fn opened_to_damage(file: &Path) -> File {
    let mut permissions = std::fs::metadata(file).expect("there").permissions();
    permissions.set_mode(0o600);
    std::fs::set_permissions(file, permissions).expect("allowed");
    File::options().read(true).write(true).open(file).expect("there")
}
