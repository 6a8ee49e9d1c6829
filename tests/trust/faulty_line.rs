//! The line between the roles spoils answers: readers of the mirror see states that the upstream had, each newer than the
//! one before, and at the end the newest.
//!
//! What a push leaves differs from what every other push leaves, so a list of references tells which push it is of. A
//! list that is none of them was put together from parts, and no reader may see it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use url::Url;

use crate::harness::{
    ADMIN_PASSWORD, Checkout, FaultyProxy, Pair, ServerOptions, clone_url, eventually, git, git_output,
    kept_address,
};

use super::seed::chance;

const RUNS: u32 = 20;
const PUSHES: usize = 8;
/// A branch lives for so many pushes.
const LIFE_OF_A_BRANCH: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_sees_an_empty_list_or_an_older_one() {
    let mut chance = chance("faulty line");
    let line = Line::start().await;
    for run in 1..=RUNS {
        let started = Instant::now();
        let spoiled = line.run(StdRng::seed_from_u64(chance.random())).await;
        println!("run {run}, {} ms: {spoiled:?}", started.elapsed().as_millis());
    }
}

/// Both roles with a faulty proxy in front of each.
struct Line {
    pair: Pair,
    /// Where the servers are without the proxies.
    upstream: Url,
    mirror: Url,
    proxies: [FaultyProxy; 2],
    project: Value,
}

/// Lists of references in the order of the pushes that made them.
type States = Vec<BTreeMap<String, String>>;

impl Line {
    async fn start() -> Self {
        let addresses = [kept_address(), kept_address()];
        let proxies = addresses.each_ref().map(|kept| FaultyProxy::start(kept.address()));
        let options = |number: usize, more: &[&str]| {
            let base: &Url = &proxies[number].base;
            let base = ["--base-url", base.as_str().trim_end_matches('/')];
            let arguments = base.iter().chain(more).map(|&argument| argument.to_owned()).collect();
            ServerOptions { arguments, listen: Some(addresses[number].to_string()), ..Default::default() }
        };
        let pair = Pair::start_with(options(0, &[]), options(1, &["--sweep-interval", "1s"])).await;
        let [upstream, mirror] =
            addresses.each_ref().map(|kept| Url::parse(&format!("http://{kept}")).expect("is a URL"));
        let project = pair.new_project(false).await;
        Line { pair, upstream, mirror, proxies, project }
    }

    async fn run(&self, mut chance: StdRng) -> [BTreeMap<String, u32>; 2] {
        let repository = self.pair.new_repository(&self.project).await;
        for proxy in &self.proxies {
            proxy.spoil(StdRng::seed_from_u64(chance.random()));
        }
        let checkout = Checkout::new();
        let states: Mutex<States> = Mutex::new(vec![BTreeMap::new()]);
        let is_over = AtomicBool::new(false);
        let push = async {
            for number in 0..PUSHES {
                self.push(&checkout, &repository, &states, number).await;
            }
            is_over.store(true, Ordering::Relaxed);
        };
        let newest = AtomicUsize::new(0);
        let read = async {
            while !is_over.load(Ordering::Relaxed) {
                self.read(&repository, &states, &newest).await;
            }
        };
        tokio::join!(push, read);
        let spoiled = [self.proxies[0].stop_spoiling(), self.proxies[1].stop_spoiling()];
        eventually("the mirror to converge", || async {
            self.read(&repository, &states, &newest).await;
            (newest.load(Ordering::Relaxed) == PUSHES).then_some(())
        })
        .await;
        let folder = tempfile::tempdir().expect("a folder can be made");
        git(
            folder.path(),
            &["clone", "--quiet", "--mirror", self.url(&self.mirror, &repository).as_str(), "copy"],
        );
        git(&folder.path().join("copy"), &["fsck"]);
        spoiled
    }

    fn url(&self, base: &Url, repository: &Value) -> Url {
        clone_url(base, repository, Some(("admin", ADMIN_PASSWORD)))
    }

    /// Main moves, a branch comes, an older one goes, all in one push.
    async fn push(&self, checkout: &Checkout, repository: &Value, states: &Mutex<States>, number: usize) {
        let commit = checkout.commit("file", &format!("{number}\n"));
        let mut state = states.lock().last().expect("there is one").clone();
        let branch = |number: usize| format!("refs/heads/b{number}");
        let mut specs = vec![format!("{commit}:refs/heads/main"), format!("{commit}:{}", branch(number))];
        state.insert("refs/heads/main".into(), commit.clone());
        state.insert(branch(number), commit);
        if let Some(old) = number.checked_sub(LIFE_OF_A_BRANCH) {
            specs.push(format!(":{}", branch(old)));
            state.remove(&branch(old));
        }
        states.lock().push(state);
        let url = self.url(&self.upstream, repository);
        let start = ["push", "--quiet", "--atomic", url.as_str()].map(str::to_owned);
        let arguments: Vec<String> = start.into_iter().chain(specs).collect();
        let folder = checkout.path().to_owned();
        let push = move || git(&folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(push).await.expect("the push was taken");
    }

    /// One reader's look at the mirror, which may refuse, but tells nothing that is older than what it told before.
    async fn read(&self, repository: &Value, states: &Mutex<States>, newest: &AtomicUsize) {
        let url = self.url(&self.mirror, repository);
        let listed = move || git_output(Path::new("/"), &["ls-remote", url.as_str(), "refs/*"]);
        let listed = tokio::task::spawn_blocking(listed).await.expect("git was run");
        if !listed.status.success() {
            return;
        }
        let text = String::from_utf8_lossy(&listed.stdout);
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        let list: BTreeMap<String, String> =
            lines.map(|(target, name)| (name.into(), target.into())).collect();
        let states = states.lock();
        let found = states.iter().position(|state| *state == list);
        let Some(found) = found else {
            panic!("the mirror shows what never was: {list:?}, not one of {states:?}")
        };
        let before = newest.swap(found, Ordering::Relaxed);
        assert!(found >= before, "the mirror went back from push {before} to {found}");
    }
}
