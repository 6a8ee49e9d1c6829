//! A `git`, or a server of either role, that is killed at any moment stops nothing that comes later, and leaves nothing.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Checkout, Pair, Server, bare_repositories, eventually, git, git_output, refs_hash};

/// How many times something is killed.
const ROUNDS: usize = 16;

/// How long a process is waited for that can be killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Names the seed of an earlier run.
const SEED_VARIABLE: &str = "HELIOSTAT_TEST_SEED";

/// Numbers that look random, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        // The constants of Knuth's MMIX.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_killed_at_any_moment_stops_nothing_that_comes_later() {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0) >> 1);
    println!("{SEED_VARIABLE}={seed}");
    let mut chance = Chance(seed);
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    for round in 0..ROUNDS {
        let refspecs = change(&checkout, round);
        let url = pair.upstream_url(&repository);
        let (folder, victims) = (checkout.path().to_owned(), [pair.upstream.data(), pair.mirror.data()]);
        let arguments: Vec<_> =
            ["push".to_owned(), "--force".to_owned(), url.to_string()].into_iter().chain(refspecs).collect();
        let push = tokio::task::spawn_blocking(move || {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            git_output(&folder, &arguments);
        });
        let delay = Duration::from_millis(chance.below(40) as u64);
        match chance.below(4) {
            0 => {
                tokio::time::sleep(delay).await;
                pair.upstream.kill();
            }
            1 => {
                tokio::time::sleep(delay).await;
                pair.mirror.kill();
            }
            which => tokio::task::block_in_place(|| kill_a_git(&victims[which % 2], delay)),
        }
        push.await.expect("it ends");
        for server in [&mut pair.upstream, &mut pair.mirror] {
            if server.process_id().is_none() {
                server.restart();
            }
        }
        // The same once more, as a person would do it, who waits a moment when something is locked.
        let url = pair.upstream_url(&repository);
        let tip = git(checkout.path(), &["rev-parse", "HEAD"]);
        eventually("a push that is taken", || async {
            let pushed = git_output(
                checkout.path(),
                &["push", "--quiet", "--force", "--prune", url.as_str(), "refs/heads/*"],
            );
            pushed.status.success().then_some(())
        })
        .await;
        let there = git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        assert!(there.starts_with(&tip), "{there}");
    }
    pair.mirrored(&repository).await;
    let [there, here] = [&pair.upstream, &pair.mirror].map(only_repository);
    eventually("the same references", || async { (refs_hash(&there) == refs_hash(&here)).then_some(()) })
        .await;
    for server in [&mut pair.upstream, &mut pair.mirror] {
        server.kill();
        let left = drafts_of(server).join("7-left");
        std::fs::create_dir(&left).expect("it can be made");
        let before = names_in(&drafts_of(server));
        server.restart();
        // Nothing was asked of it yet. It may have begun others, which have other names.
        let kept: Vec<_> = names_in(&drafts_of(server)).intersection(&before).cloned().collect();
        assert!(kept.is_empty(), "a start leaves drafts of the process before: {kept:?}");
    }
    // What a start does not remove at once is what a transfer may still be writing to.
    for folder in [&there, &here] {
        // Housekeeping may remove a pack that it has replaced. What is lost stays lost, but a mirror can fetch it anew.
        eventually("the repository to be whole", || async {
            let checked = git_output(folder, &["fsck", "--full", "--connectivity-only"]);
            checked.status.success().then_some(())
        })
        .await;
        eventually("nothing is left", || async { leftovers(folder).is_empty().then_some(()) }).await;
    }
    let damaged = pair.mirror.metric("heliostat_mirror_repositories_damaged_total").await;
    assert_eq!(damaged, Some(0.0), "it is whole because it was made anew");
    for server in [&pair.upstream, &pair.mirror] {
        let is_empty = || names_in(&drafts_of(server)).is_empty();
        eventually("no draft to be left", || async { is_empty().then_some(()) }).await;
    }
}

/// Commits few files or many, and says what to push: branches come and go, and folders of branches with them.
fn change(checkout: &Checkout, round: usize) -> Vec<String> {
    for file in 0..(if round.is_multiple_of(2) { 3 } else { 150 }) {
        let path = checkout.path().join(format!("file-{file}"));
        std::fs::write(path, format!("{round} {file}\n")).expect("a file can be written");
    }
    checkout.commit("round", &format!("{round}\n"));
    let name = format!("of/number/{round}");
    git(checkout.path(), &["branch", "--force", &name]);
    let mut refspecs = vec!["main".to_owned(), name];
    if round > 0 {
        let gone = format!("of/number/{}", round - 1);
        git(checkout.path(), &["branch", "--quiet", "-D", &gone]);
        refspecs.push(format!(":refs/heads/{gone}"));
    }
    refspecs
}

fn only_repository(server: &Server) -> PathBuf {
    bare_repositories(&server.data()).pop().expect("there is one")
}

/// Where repositories lie that are being made.
fn drafts_of(server: &Server) -> PathBuf {
    server.data().join("repositories/incoming")
}

fn names_in(folder: &Path) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(folder).expect("listable");
    entries.map(|entry| entry.expect("readable").file_name()).collect()
}

/// Kills one that works below this folder, so long after it was seen.
fn kill_a_git(data: &Path, delay: Duration) {
    let started = Instant::now();
    let found = loop {
        match gits_below(data).last() {
            Some(id) => break id.clone(),
            None if started.elapsed() > PATIENCE => return,
            None => std::thread::yield_now(),
        }
    };
    std::thread::sleep(delay / 4);
    // It may have ended before.
    Command::new("kill").args(["-KILL", &found]).output().expect("kill can be run");
}

fn gits_below(data: &Path) -> Vec<String> {
    let data = data.to_str().expect("text");
    let processes = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    let works_below = |process: &Path| {
        let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments);
        let is_git = arguments.split('\0').next().is_some_and(|program| program.contains("git"));
        let is_there = std::fs::read_link(process.join("cwd")).is_ok_and(|folder| folder.starts_with(data));
        is_git && (is_there || arguments.contains(data))
    };
    let found = processes.filter(|process| works_below(&process.path()));
    found.filter_map(|process| process.file_name().into_string().ok()).collect()
}

/// Locks and temporary files.
fn leftovers(repository: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![repository.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap_or_default());
            let is_left = name.ends_with(".lock") || name.ends_with(".keep") || name.ends_with(".new");
            if is_left || name.starts_with("tmp_") || name.starts_with(".tmp") {
                found.push(path);
            } else if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}
