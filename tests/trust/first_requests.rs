//! A server listens before it has looked at all of its repositories, and shows nothing of one before it was looked at.
//!
//! The look at some repositories stands still here, at a pipe in the place of an object, so that the round through all of them
//! never comes to the others: what is asked for is looked at because it is asked for.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{
    Checkout, GitRequest, Pair, Server, ServerOptions, bare_repositories, command_v2, copy_folder,
    eventually, git, git_fails, git_output, make_pipe, remove_folder, repository_path,
};

/// As many as the round looks at at the same time.
const LOOKED_AT_TOGETHER: usize = 4;

/// The beginning of each compressed object.
const OBJECT_START: [u8; 2] = [0x78, 0x9c];

const FAULTS: &str = "/rest/api/latest/admin/repository-faults";

/// A repository with something pushed to it.
struct Pushed {
    repository: Value,
    checkout: Checkout,
}

impl Pushed {
    async fn to(upstream: &Server) -> Self {
        let (repository, checkout) = upstream.pushed_repository(false).await;
        Self { repository, checkout }
    }

    fn place(&self, upstream: &Server) -> PathBuf {
        let number = self.repository["id"].as_i64().expect("a repository has an id");
        upstream.data().join(format!("repositories/{:02x}/{number}.git", number % 256))
    }

    /// What is asked for, and refused: with 503, and the reason where git shows it.
    fn git_is_refused(&self, upstream: &Server, before: &[&str], after: &[&str]) {
        let url = upstream.admin_url(&self.repository);
        let answer = git_fails(self.checkout.path(), &[before, &[url.as_str()], after].concat());
        assert!(answer.contains("503"), "{before:?}: {answer}");
    }
}

/// An upstream of which some repositories cannot be looked at to the end, started a moment ago.
struct Scene {
    upstream: Server,
    /// Those whose look stands still.
    stuck: Vec<Pushed>,
    /// Where.
    pipes: Vec<PathBuf>,
    /// One with which all is well.
    whole: Pushed,
    /// Those on the disk in a state that is older than the recorded one.
    older: Vec<Pushed>,
    /// One that is not on the disk.
    missing: Pushed,
}

impl Scene {
    async fn with_older(count: usize) -> Self {
        let mut upstream = Server::upstream(ServerOptions::default());
        let mut stuck = Vec::new();
        for _ in 0..LOOKED_AT_TOGETHER {
            stuck.push(Pushed::to(&upstream).await);
        }
        let (whole, missing) = (Pushed::to(&upstream).await, Pushed::to(&upstream).await);
        let (mut older, backup) = (Vec::new(), tempfile::tempdir().expect("a folder can be made"));
        for _ in 0..count {
            older.push(Pushed::to(&upstream).await);
        }
        // Nothing changes while it is copied, or is put in another state.
        upstream.kill_with_children();
        for (number, pushed) in older.iter().enumerate() {
            copy_folder(&pushed.place(&upstream), &backup.path().join(number.to_string()));
        }
        upstream.restart();
        for pushed in &older {
            pushed.checkout.commit("since.txt", "pushed since the backup\n");
            pushed.checkout.push(&upstream.admin_url(&pushed.repository), &["HEAD:refs/heads/main"]);
        }
        upstream.kill_with_children();
        for (number, pushed) in older.iter().enumerate() {
            remove_folder(&pushed.place(&upstream));
            copy_folder(&backup.path().join(number.to_string()), &pushed.place(&upstream));
        }
        remove_folder(&missing.place(&upstream));
        let pipes: Vec<_> = stuck.iter().map(|pushed| pipe_in(&pushed.place(&upstream))).collect();
        upstream.restart();
        Self { upstream, stuck, pipes, whole, older, missing }
    }

    /// Lets the looks go on that stand still.
    fn go_on(&self) -> Vec<File> {
        let open = |pipe: &PathBuf| {
            let mut open = OpenOptions::new().write(true).open(pipe).expect("what looks has opened it");
            open.write_all(&OBJECT_START).expect("what looks reads it");
            open
        };
        self.pipes.iter().map(open).collect()
    }
}

/// A pipe in the place of an object that no reference needs.
fn pipe_in(repository: &Path) -> PathBuf {
    let folder = repository.join("objects/00");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let pipe = folder.join("0".repeat(38));
    make_pipe(&pipe);
    pipe
}

#[tokio::test]
async fn the_first_request_for_a_repository_after_a_start_sees_what_a_look_has_found() {
    let scene = Scene::with_older(6).await;
    let upstream = &scene.upstream;
    let status = upstream.anonymous().get("/status").await.expect(200).json();
    assert_eq!(status["state"], "RUNNING");

    // What is well is served at once, however many others wait to be looked at.
    let tip = git(scene.whole.checkout.path(), &["rev-parse", "HEAD"]);
    let url = upstream.admin_url(&scene.whole.repository);
    let listed = git(scene.whole.checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
    assert!(listed.starts_with(tip.trim()), "{listed}");

    // Each of these is asked for once before, by no other way.
    let [by_list, by_old_list, by_push, by_post, by_branches, by_default] = &scene.older[..] else {
        panic!("as many as were made")
    };
    by_list.git_is_refused(upstream, &["ls-remote"], &[]);
    by_old_list.git_is_refused(upstream, &["-c", "protocol.version=0", "ls-remote"], &[]);
    by_push.git_is_refused(upstream, &["push"], &["HEAD:refs/heads/x"]);
    let list = GitRequest::exchange("version=2", command_v2::<&str>("ls-refs", &[]));
    let answer = list.send(&upstream.admin_url(&by_post.repository)).await;
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(answer.status == 503 && said.contains("its state of generation 1"), "{said}");
    for (pushed, end) in [(by_branches, "branches"), (by_default, "branches/default")] {
        let path = format!("{}/{end}", repository_path(&pushed.repository));
        let refused = upstream.admin().get(&path).await.refused(503);
        let message = refused["message"].as_str().expect("errors have messages");
        assert!(message.contains("its state of generation 1"), "{end}: {message}");
    }
    scene.missing.git_is_refused(upstream, &["ls-remote"], &[]);

    // Not all were looked at, which is said.
    let faults = upstream.admin().get(FAULTS).await.promised(200);
    assert_eq!((&faults["unservedCount"], &faults["complete"]), (&7.into(), &false.into()));
    drop(scene.go_on());
    eventually("all to be looked at", || async {
        let faults = upstream.admin().get(FAULTS).await.promised(200);
        (faults["complete"] == true).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_looked_at_in_time_is_refused_with_a_time_to_ask_again() {
    let scene = Scene::with_older(0).await;
    let (upstream, stuck) = (&scene.upstream, &scene.stuck[0]);
    let path = format!("{}/branches", repository_path(&stuck.repository));
    let answer = upstream.admin().get(&path).await;
    assert_eq!(answer.retry_after(), Some(5), "{:?}", answer.headers);
    let refused = answer.refused(503);
    let message = refused["message"].as_str().expect("errors have messages");
    assert!(message.contains("is being looked at for the first time"), "{message}");

    // The look went on meanwhile, and ends once it can.
    let _open = scene.go_on();
    let url = upstream.admin_url(&stuck.repository);
    eventually("the repository to be served", || async {
        git_output(stuck.checkout.path(), &["ls-remote", url.as_str()]).status.success().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_mirror_shows_no_references_whose_objects_it_has_lost_also_right_after_a_start() {
    let mut pair = Pair::start().await;
    let mut mirrored = Vec::new();
    for _ in 0..3 {
        let (repository, checkout) = pair.pushed_repository(true).await;
        // No two of them have the same commit.
        checkout.commit("own.txt", &repository["id"].to_string());
        checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
        pair.mirrored(&repository).await;
        mirrored.push(Pushed { repository, checkout });
    }
    let [stuck, lost, whole] = &mirrored[..] else { panic!("as many as were made") };
    pair.mirror.kill_with_children();
    pair.upstream.kill_with_children();
    // The round at the mirror looks at one after the other, in the order in which they came.
    pipe_in(&place_at(&pair.mirror, stuck));
    let objects = place_at(&pair.mirror, lost).join("objects");
    remove_folder(&objects);
    std::fs::create_dir_all(objects.join("pack")).expect("a folder can be made");
    pair.mirror.restart();

    let url = pair.mirror_url(&lost.repository);
    let answer = git_fails(lost.checkout.path(), &["ls-remote", url.as_str()]);
    assert!(answer.contains("503"), "{answer}");
    let url = pair.mirror_url(&whole.repository);
    let listed = git(whole.checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
    assert!(listed.starts_with(git(whole.checkout.path(), &["rev-parse", "HEAD"]).trim()), "{listed}");
}

/// Where a repository lies on the disk of a server that numbers it by itself.
fn place_at(server: &Server, pushed: &Pushed) -> PathBuf {
    let tip = git(pushed.checkout.path(), &["rev-parse", "HEAD"]);
    let has_it = |place: &PathBuf| git(place, &["for-each-ref"]).starts_with(tip.trim());
    bare_repositories(&server.data()).into_iter().find(has_it).expect("it is there")
}
