//! A mirror whose copies are damaged makes them anew, and one that cannot read them for a moment keeps them.

use std::cell::Cell;
use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Checkout, Pair, ServerOptions, bare_repositories, eventually, git, git_output};

const OUT_OF_SYNC: &str = "/rest/mirroring/latest/supportInfo/out-of-sync-repos/content";

/// A mirror that looks at its disk and compares with its upstream all the time.
fn watchful() -> ServerOptions {
    let arguments = ["--sweep-interval", "1s"].map(str::to_owned).to_vec();
    ServerOptions { arguments, ..ServerOptions::default() }
}

/// A repository on both sides.
struct Copy {
    repository: Value,
    checkout: Checkout,
    /// What `main` is.
    commit: String,
    /// Where the mirror keeps it.
    place: PathBuf,
}

impl Copy {
    /// On the mirror, with everything packed but its newest commit.
    async fn new(pair: &Pair) -> Self {
        let (repository, checkout) = pair.pushed_repository(true).await;
        // What makes it differ from every other one.
        let slug = repository["slug"].as_str().expect("it has one").to_owned();
        let commit = checkout.commit("name.txt", &slug);
        checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
        pair.mirrored(&repository).await;
        let place = place_of(pair, &commit);
        git(&place, &["repack", "-adq"]);
        git(&place, &["pack-refs", "--all"]);
        let mut copy = Self { repository, checkout, commit, place };
        copy.push(pair);
        pair.mirrored(&copy.repository).await;
        copy
    }

    /// One more commit.
    fn push(&mut self, pair: &Pair) {
        self.commit = self.checkout.commit("more.txt", &self.commit);
        self.checkout.push(&pair.upstream_url(&self.repository), &["HEAD:refs/heads/main"]);
    }

    /// Reads it until a clone is whole and has the newest commit. Those before are refused: one may break off, but never two.
    async fn heals(&self, pair: &Pair) {
        let url = pair.mirror_url(&self.repository);
        let broke_off = Cell::new(false);
        eventually("a whole clone of the newest commit", || async {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let output = git_output(folder.path(), &["clone", "--quiet", url.as_str(), "copy"]);
            if !output.status.success() {
                let errors = String::from_utf8_lossy(&output.stderr);
                let is_refused = errors.contains("503");
                assert!(is_refused || !broke_off.replace(true), "one more clone broke off: {errors}");
                return None;
            }
            let copy = folder.path().join("copy");
            git(&copy, &["fsck", "--full"]);
            (git(&copy, &["rev-parse", "HEAD"]) == self.commit).then_some(())
        })
        .await;
    }

    fn pack(&self) -> PathBuf {
        let files = fs::read_dir(self.place.join("objects/pack")).expect("listable").flatten();
        let mut files = files.map(|entry| entry.path());
        files.find(|file| file.extension().is_some_and(|end| end == "pack")).expect("a pack")
    }
}

fn place_of(pair: &Pair, commit: &str) -> PathBuf {
    let main = |place: &PathBuf| git_output(place, &["rev-parse", "refs/heads/main"]).stdout;
    let mut places = bare_repositories(&pair.mirror.data()).into_iter();
    places.find(|place| main(place).starts_with(commit.as_bytes())).expect("the mirror has it")
}

fn empty(file: &Path) {
    // Git makes objects read-only.
    fs::remove_file(file).expect("it is there");
    File::create(file).expect("it can be made");
}

/// An object that is needed, a reference, and the pack that holds nearly everything.
fn damage(copies: &[Copy; 3]) {
    let objects = copies[0].place.join("objects");
    let (folder, file) = copies[0].commit.split_at(2);
    let loose = objects.join(folder).join(file);
    empty(&if loose.exists() { loose } else { copies[0].pack() });
    // A mirror keeps all references in one file.
    empty(&copies[1].place.join("packed-refs"));
    empty(&copies[2].pack());
}

async fn three(pair: &Pair) -> [Copy; 3] {
    [Copy::new(pair).await, Copy::new(pair).await, Copy::new(pair).await]
}

async fn are_told(pair: &Pair, repairs: f64) {
    eventually("the metrics of the repairs", || async {
        let is_over = pair.mirror.metric("heliostat_mirror_repositories_in_repair").await? == 0.0;
        (is_over && pair.mirror.metric("heliostat_mirror_repositories_repaired_total").await? >= repairs)
            .then_some(())
    })
    .await;
    assert!(pair.mirror.metric("heliostat_mirror_repositories_damaged_total").await >= Some(repairs));
}

#[tokio::test]
async fn what_was_damaged_while_the_mirror_was_down_is_made_anew() {
    let mut pair = Pair::start_with(ServerOptions::default(), watchful()).await;
    let copies = three(&pair).await;
    pair.mirror.kill_with_children();
    damage(&copies);
    pair.mirror.restart();
    for copy in &copies {
        copy.heals(&pair).await;
    }
    are_told(&pair, 3.0).await;
}

#[tokio::test]
async fn what_is_damaged_while_the_mirror_runs_is_made_anew() {
    let pair = Pair::start_with(ServerOptions::default(), watchful()).await;
    let copies = three(&pair).await;
    damage(&copies);
    for copy in &copies {
        copy.heals(&pair).await;
    }
    are_told(&pair, 3.0).await;
}

#[tokio::test]
async fn a_damaged_copy_is_refused_and_told_of_until_the_upstream_is_back() {
    let mut pair = Pair::start_with(ServerOptions::default(), watchful()).await;
    let copy = Copy::new(&pair).await;
    let (url, administrator) = (pair.mirror_url(&copy.repository), pair.mirror_admin());
    assert_eq!(administrator.get(OUT_OF_SYNC).await.expect(200).json(), json!([]));
    pair.upstream.kill();
    empty(&copy.pack());
    let in_repair = async |count: usize| {
        eventually("a status that tells of it", || async {
            let status = pair.mirror.anonymous().get("/status").await.json();
            (status["repositoriesInRepair"] == count).then_some(status)
        })
        .await
    };
    let status = in_repair(1).await;
    // That the upstream is away is said first, once it has been noticed.
    let is_told =
        |reason: &str| reason.contains("pack-") || reason.contains("what it has is not known since");
    assert!(status["reason"].as_str().is_some_and(is_told), "{status}");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let refused = git_output(folder.path(), &["clone", "--quiet", url.as_str(), "copy"]);
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    let upstream = pair.upstream.base_url().as_str().trim_end_matches('/').to_owned();
    assert!(errors.contains("503") && errors.contains(&upstream), "{errors}");
    let listed = administrator.get(OUT_OF_SYNC).await.expect(200).json();
    assert_eq!(listed, json!([copy.repository["id"].to_string()]));
    pair.upstream.restart();
    copy.heals(&pair).await;
    eventually("nothing to be repaired", || async {
        let status = pair.mirror.anonymous().get("/status").await.json();
        (status["repositoriesInRepair"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_cannot_be_read_for_a_moment_is_kept() {
    let pair = Pair::start_with(ServerOptions::default(), watchful()).await;
    let mut copy = Copy::new(&pair).await;
    let before = fs::metadata(&copy.place).expect("it is there").ino();
    let [head, aside, looped] = ["HEAD", "HEAD.aside", "HEAD.loop"].map(|name| copy.place.join(name));
    fs::hard_link(&head, &aside).expect("it is there");
    // Opening it fails for a reason that says nothing about its content, also for root. It is never missing: that would.
    symlink("HEAD", &looped).expect("linked");
    fs::rename(&looped, &head).expect("it is there");
    copy.push(&pair);
    eventually("the mirror to have met it", || async {
        (pair.mirror.metric("heliostat_mirror_repositories_in_repair").await? > 0.0).then_some(())
    })
    .await;
    fs::rename(&aside, &head).expect("it is there");
    copy.heals(&pair).await;
    assert_eq!(fs::metadata(&copy.place).expect("it is there").ino(), before, "a good copy was replaced");
    assert_eq!(pair.mirror.metric("heliostat_mirror_repositories_damaged_total").await, Some(0.0));
}

#[tokio::test]
async fn many_clients_at_once_cost_no_copy() {
    let options = ServerOptions { open_files: Some(160), ..watchful() };
    let pair = Pair::start_with(ServerOptions::default(), options).await;
    let mut copy = Copy::new(&pair).await;
    let before = fs::metadata(&copy.place).expect("it is there").ino();
    let address = pair.mirror.base_url().socket_addrs(|| None).expect("an address")[0];
    let held: Vec<_> = (0..300).filter_map(|_| TcpStream::connect(address).ok()).collect();
    assert!(held.len() > 160, "{}", held.len());
    copy.push(&pair);
    // Followed all the same: what the server needs for itself was kept.
    eventually("the mirror to follow", || async {
        let main = git_output(&copy.place, &["rev-parse", "refs/heads/main"]).stdout;
        main.starts_with(copy.commit.as_bytes()).then_some(())
    })
    .await;
    drop(held);
    copy.heals(&pair).await;
    assert_eq!(fs::metadata(&copy.place).expect("it is there").ino(), before, "a good copy was replaced");
}
