//! The power of either machine goes at random moments: nothing acknowledged is lost, and mirrors converge by themselves.
//!
//! Both roles lie on disks that forget what was not synced. Meanwhile people push and administer. The moment of a cut is
//! a random one of the changes that the disk sees, so that many cuts fall between two steps of one operation.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::harness::{
    Checkout, FakeMirror, ForgetfulDisk, Pair, Server, ServerOptions, bare_repositories, eventually,
    every_value, git, git_output, good_descriptor, project_path, repository_path, within,
};

use super::changes::{Changes, LASTING_BRANCHES};
use super::ledger::Ledger;
use super::seed::chance;

const CUTS_OF_THE_UPSTREAM: u32 = 50;
const CUTS_OF_THE_MIRROR: u32 = 15;
const CUTS_BETWEEN_LOOKS_AT_THE_MIRROR: u32 = 10;
/// So many changes of a disk go by before a cut, at most.
const CHANGES_OF_THE_UPSTREAM: u64 = 1500;
const CHANGES_OF_THE_MIRROR: u64 = 800;
const REPOSITORIES: usize = 3;
/// Git never syncs the list of its commit graphs, which it makes anew.
const FSCK: [&str; 4] = ["-c", "core.commitGraph=false", "fsck", "--no-dangling"];
/// So long a busy machine may take to find and make anew what a cut has taken from a mirror; how soon it has to be is not asked.
const HEALING_PATIENCE: Duration = Duration::from_mins(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_power_of_the_upstream_goes() {
    let chance = chance("power cuts of the upstream");
    cut_power(chance, CUTS_OF_THE_UPSTREAM, &[Victims::Upstream]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_converges_by_itself_when_its_power_goes() {
    let chance = chance("power cuts of the mirror");
    cut_power(chance, CUTS_OF_THE_MIRROR, &[Victims::Mirror, Victims::Mirror, Victims::Both]).await;
}

async fn cut_power(mut chance: StdRng, cuts: u32, of: &[Victims]) {
    let (Some(mut upstream_disk), Some(mut mirror_disk)) = (ForgetfulDisk::new(), ForgetfulDisk::new())
    else {
        return;
    };
    let on = |disk: &ForgetfulDisk, arguments: &[&str]| ServerOptions {
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        disk: Some(disk.path().to_owned()),
        ..Default::default()
    };
    let mirror_options = on(&mirror_disk, &["--sweep-interval", "1s"]);
    let mut pair = Pair::start_with(on(&upstream_disk, &[]), mirror_options).await;
    let scene = Scene::new(&pair.upstream).await;
    let checkouts = [Checkout::new(), Checkout::new()];
    scene.begin(&pair.upstream, &checkouts[0]).await;
    for number in 1..=cuts {
        let started = Instant::now();
        let victims = of[chance.random_range(0..of.len())];
        let seeds = [(); 4].map(|()| StdRng::seed_from_u64(chance.random()));
        scene.until_the_power_goes(&pair, &checkouts, victims, (&upstream_disk, &mirror_disk), seeds).await;
        if victims == Victims::Both {
            mirror_disk.cut_power(&mut chance);
        }
        if victims != Victims::Upstream {
            pair.mirror.kill_with_children();
            mirror_disk.restore_power();
        }
        if victims != Victims::Mirror {
            pair.upstream.kill_with_children();
            upstream_disk.restore_power();
            pair.upstream.restart();
        }
        if victims != Victims::Upstream {
            pair.mirror.restart();
        }
        scene.check_upstream(&pair.upstream).await;
        if victims != Victims::Upstream {
            scene.check_mirror(&pair, HEALING_PATIENCE).await;
        } else if number % CUTS_BETWEEN_LOOKS_AT_THE_MIRROR == 0 {
            scene.check_mirror(&pair, Duration::ZERO).await;
        }
        println!("cut {number} of {victims:?}: {} ms", started.elapsed().as_millis());
    }
}

/// Whose power goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Victims {
    Upstream,
    Mirror,
    Both,
}

/// What is changed, and what is known of it.
struct Scene {
    project: Value,
    repositories: Vec<Value>,
    mirror: FakeMirror,
    lasting_mirror: String,
    ledger: Ledger,
}

impl Scene {
    async fn new(upstream: &Server) -> Self {
        let project = upstream.new_project(false).await;
        let mut repositories = Vec::new();
        for _ in 0..REPOSITORIES {
            repositories.push(upstream.new_repository(&project).await);
        }
        let ledger = Ledger::default();
        for repository in &repositories {
            ledger.acknowledged(&format!("repository {}", slug(repository)), Some("there"));
        }
        let mirrors = every_value(&upstream.admin(), "/rest/mirroring/latest/mirrorServers").await;
        let lasting_mirror = mirrors[0]["id"].as_str().expect("a mirror has an id").to_owned();
        ledger.acknowledged(&format!("mirror {lasting_mirror}"), Some("there"));
        let mirror = FakeMirror::start(good_descriptor).await;
        Self { project, repositories, mirror, lasting_mirror, ledger }
    }

    fn changes<'a>(&'a self, upstream: &'a Server) -> Changes<'a> {
        let Self { project, repositories, mirror, lasting_mirror, ledger } = self;
        Changes { upstream, project, repositories, mirror, lasting_mirror, ledger }
    }

    /// Every repository has the branches that last.
    async fn begin(&self, upstream: &Server, checkout: &Checkout) {
        let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
        let refs = LASTING_BRANCHES.map(|branch| (branch.to_owned(), Some(commit.clone())));
        for repository in &self.repositories {
            self.changes(upstream).push_refs(checkout, repository, &refs).await;
        }
        self.ledger.acknowledged("default branch", Some(LASTING_BRANCHES[0]));
    }

    async fn until_the_power_goes(
        &self,
        pair: &Pair,
        checkouts: &[Checkout; 2],
        victims: Victims,
        disks: (&ForgetfulDisk, &ForgetfulDisk),
        [first, second, third, mut last]: [StdRng; 4],
    ) {
        let (disk, most) = match victims {
            Victims::Mirror => (disks.1, CHANGES_OF_THE_MIRROR),
            _ => (disks.0, CHANGES_OF_THE_UPSTREAM),
        };
        let before = disk.cuts();
        let moment = last.random_range(0..most);
        disk.cut_power_after(moment, last);
        let is_over = || disk.cuts() > before;
        let changes = self.changes(&pair.upstream);
        tokio::join!(
            changes.push("ada", &checkouts[0], first, is_over),
            changes.push("grace", &checkouts[1], second, is_over),
            changes.administer(third, is_over),
        );
    }

    /// Everything that was acknowledged is there and whole.
    async fn check_upstream(&self, upstream: &Server) {
        let faults = self.ledger.compare(&self.actual(upstream).await);
        assert!(faults.is_empty(), "after a power cut:\n{}", faults.join("\n"));
        for repository in bare_repositories(&upstream.data()) {
            // Housekeeping may remove a pack that it has replaced while fsck is about to read it. What is lost stays lost.
            within(HEALING_PATIENCE, "the upstream's repository to be whole", || async {
                git_output(&repository, &FSCK).status.success().then_some(())
            })
            .await;
        }
    }

    /// The mirror has what the upstream has, and gives it whole, soon or at once.
    async fn check_mirror(&self, pair: &Pair, patience: Duration) {
        for slug in self.ledger.certain("repository ") {
            let expected = self.refs(&pair.upstream, &slug).await.expect("the upstream answers");
            eventually(&format!("{slug} at the mirror to be like {expected:?}"), || async {
                self.refs(&pair.mirror, &slug).await.filter(|refs| *refs == expected)
            })
            .await;
        }
        for repository in &self.repositories {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let url = pair.mirror_url(repository);
            within(patience, "a clone from the mirror", || async {
                let cloned =
                    git_output(folder.path(), &["clone", "--quiet", "--mirror", url.as_str(), "copy"]);
                cloned.status.success().then_some(())
            })
            .await;
            git(&folder.path().join("copy"), &["fsck"]);
        }
        for repository in bare_repositories(&pair.mirror.data()) {
            within(HEALING_PATIENCE, "the mirror's repository to be whole", || async {
                git_output(&repository, &FSCK).status.success().then_some(())
            })
            .await;
        }
    }

    /// What is there now.
    async fn actual(&self, upstream: &Server) -> BTreeMap<String, String> {
        let admin = upstream.admin();
        let mut actual = BTreeMap::new();
        let mut note = |kind: &str, name: &Value, value: &str| {
            actual.insert(format!("{kind} {}", name.as_str().expect("is text")), value.to_owned());
        };
        for user in every_value(&admin, "/rest/api/latest/admin/users").await {
            note("user", &user["name"], "there");
        }
        for token in every_value(&admin, "/rest/access-tokens/latest/users/admin").await {
            note("token", &token["id"], "there");
        }
        for mirror in every_value(&admin, "/rest/mirroring/latest/mirrorServers").await {
            note("mirror", &mirror["id"], "there");
        }
        for repository in every_value(&admin, &format!("{}/repos", project_path(&self.project))).await {
            // One whose creation was interrupted is removed at the next start, and shown as such until then.
            if repository["state"] == "AVAILABLE" {
                note("repository", &repository["slug"], "there");
            }
        }
        let first = repository_path(&self.repositories[0]);
        let permissions = admin.get(&format!("{first}/permissions/users?limit=1000")).await;
        if permissions.status == 200 {
            for entry in permissions.json()["values"].as_array().expect("a page has values") {
                note("permission", &entry["user"]["name"], entry["permission"].as_str().expect("is text"));
            }
        }
        let branch = admin.get(&format!("{first}/default-branch")).await;
        if branch.status == 200 {
            actual.insert("default branch".into(), branch.json()["id"].as_str().expect("is text").to_owned());
        }
        for repository in &self.repositories {
            // What is not answered is lost.
            for (name, target) in self.refs(upstream, slug(repository)).await.unwrap_or_default() {
                actual.insert(format!("ref {} {name}", slug(repository)), target);
            }
        }
        actual
    }

    /// The references that a reader sees, if they are answered with any.
    async fn refs(&self, server: &Server, slug: &str) -> Option<BTreeMap<String, String>> {
        let mut repository = self.repositories[0].clone();
        repository["slug"] = slug.into();
        let url = server.admin_url(&repository);
        let listed =
            tokio::task::spawn_blocking(move || git_output(Path::new("/"), &["ls-remote", url.as_str()]));
        let listed = listed.await.expect("git was run");
        listed.status.success().then(|| {
            let text = String::from_utf8_lossy(&listed.stdout);
            let lines = text.lines().filter_map(|line| line.split_once('\t'));
            lines.map(|(target, name)| (name.to_owned(), target.to_owned())).collect()
        })
    }
}

fn slug(repository: &Value) -> &str {
    repository["slug"].as_str().expect("a repository has a slug")
}
