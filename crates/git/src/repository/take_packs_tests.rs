//! Objects from packs: what is taken of them, what is left, and what is refused.

use super::*;
use crate::fixture::Workshop;

/// A repository, and another one that has all of it but what is made afterwards.
struct Scene {
    workshop: Workshop,
    source: Repository,
    target: Repository,
}

impl Scene {
    /// With folders, two branches, and files that are alike, so that packs have deltas.
    async fn new(format: ObjectFormat) -> Self {
        let workshop = Workshop::new().await;
        let source = workshop.bare_with_format("source", format).await;
        let work = workshop.path("work");
        let script = "git clone -q source.git work && cd work && mkdir -p a/b && seq 2000 > a/b/numbers && \
            seq 10 > a/few && echo '[core]' > .gitignore && git add . && git commit -qm first && \
            git push -q origin HEAD:main HEAD:other && echo more >> a/few && git commit -qam second && \
            git push -q origin HEAD:main && cp -r ../source.git ../target.git";
        workshop.shell(&workshop.path(""), script);
        let target = Repository::at(workshop.git.clone(), workshop.path("target.git"));
        assert!(work.is_dir());
        Self { workshop, source, target }
    }

    /// Changes the work tree, commits, and pushes it to the source; returns the new tip.
    fn push(&self, script: &str) -> ObjectId {
        let work = self.workshop.path("work");
        let full = format!("{script} && git add -A && git commit -qm change && git push -qf origin HEAD:new");
        self.workshop.shell(&work, &full);
        ObjectId::parse(self.workshop.run(&work, &["rev-parse", "HEAD"]).trim()).expect("a name")
    }

    /// A pack as a client sends it: what leads to the one from the others.
    fn thin_pack(&self, tip: &str, earlier: &str) -> Bytes {
        let pack = self.workshop.path("pack");
        let script = format!(
            "printf '{tip}\\n--not\\n{earlier}\\n' | git pack-objects -q --thin --revs --stdout --delta-base-offset > {}",
            pack.display()
        );
        self.workshop.shell(self.source.path(), &script);
        fs::read(pack).expect("a pack").into()
    }

    async fn take(&self, packs: Vec<Bytes>, tip: &ObjectId) -> Result<(), NotTaken> {
        let shown = self.target.refs().await.expect("readable");
        let main = shown.get("refs/heads/main").expect("a branch").clone();
        self.target.take_packs(packs, &BTreeSet::from([tip.clone()]), &shown, &BTreeSet::from([main])).await
    }

    /// Whether the target has this and all that it needs, as `git` finds it.
    fn is_whole(&self, tip: &ObjectId) -> bool {
        let args = ["rev-list", "--objects", "--quiet", tip.as_str()];
        self.workshop.try_run(self.target.path(), &args).is_some()
            && self.workshop.try_run(self.target.path(), &["fsck", "--strict"]).is_some()
    }
}

#[tokio::test]
async fn what_a_push_brought_is_taken_as_it_was_pushed() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let scene = Scene::new(format).await;
        let tip = scene.push("echo 2001 >> a/b/numbers && mkdir c && git mv a/few c/moved");
        let pack = scene.thin_pack("new", "main");
        assert!(!scene.is_whole(&tip));
        scene.take(vec![pack], &tip).await.expect("taken");
        assert!(scene.is_whole(&tip));
        // A folder that has another name now is whole all the same.
        let moved = scene.push("git mv a z");
        let (first, second) = (scene.thin_pack("new~1", "main"), scene.thin_pack("new", "new~1"));
        scene.take(vec![first, second], &moved).await.expect("taken");
        assert!(scene.is_whole(&moved));
    }
}

#[tokio::test]
async fn a_branch_from_an_earlier_commit_needs_no_more_than_what_is_new() {
    let scene = Scene::new(ObjectFormat::Sha1).await;
    scene.workshop.run(scene.target.path(), &["update-ref", "-d", "refs/heads/other"]);
    let tip = scene.push("git reset -q --hard HEAD~1 && echo x > x");
    scene.take(vec![scene.thin_pack("new", "other")], &tip).await.expect("taken");
    assert!(scene.is_whole(&tip));
}

#[tokio::test]
async fn what_is_not_needed_is_not_kept() {
    let scene = Scene::new(ObjectFormat::Sha1).await;
    let left = scene.push("echo secret > secret");
    let with_secret = scene.thin_pack("new", "main");
    let tip = scene.push("git reset -q --hard HEAD~1 && echo harmless > harmless");
    scene.take(vec![with_secret, scene.thin_pack("new", "main")], &tip).await.expect("taken");
    assert!(scene.is_whole(&tip));
    assert!(!scene.target.has_object(&left).await.expect("asked"));
}

#[tokio::test]
async fn what_is_incomplete_is_not_taken() {
    let scene = Scene::new(ObjectFormat::Sha1).await;
    scene.push("echo 1 > a/one && echo 2 > two");
    let tip = scene.push("echo 3 > three");
    let last = scene.thin_pack("new", "new~1");
    // The commit in between is neither here nor in the pack.
    let refused = scene.take(vec![last], &tip).await.expect_err("incomplete");
    assert!(matches!(refused, NotTaken::NotWhole | NotTaken::Missing(_)), "{refused}");
    let refused = scene.take(vec![Bytes::from_static(b"PACK")], &tip).await.expect_err("cut off");
    assert!(matches!(refused, NotTaken::Pack(_)), "{refused}");
    assert!(!scene.is_whole(&tip));
}

#[tokio::test]
async fn git_looks_at_new_names_that_may_harm_and_not_at_known_ones() {
    let scene = Scene::new(ObjectFormat::Sha1).await;
    let tip =
        scene.push("printf '[submodule \"x\"]\\n\\tpath = x\\n\\turl = https://x.example/\\n' > .gitmodules");
    let pack = scene.thin_pack("new", "main");
    let refused = scene.take(vec![pack], &tip).await.expect_err("to be checked");
    assert!(matches!(refused, NotTaken::NameToCheck(_)), "{refused}");
    // Once it is here, it was checked.
    scene.workshop.run(scene.target.path(), &["fetch", "-q", "../source.git", "new:main"]);
    let tip = scene.push("echo x > x");
    scene.take(vec![scene.thin_pack("new", "new~1")], &tip).await.expect("taken");
    assert!(scene.is_whole(&tip));
}
