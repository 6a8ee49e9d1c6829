//! What is needed stays, what is not goes, and nothing else is noticed.

use heliostat_git::fixture::Workshop;
use heliostat_git::{RefName, Repository};

use super::super::repack::repack;
use super::super::tests::{commit_in_packs, eager, packs_of};
use super::*;

fn object(text: &str) -> ObjectId {
    ObjectId::parse(text.trim()).expect("an object name")
}

/// A commit with a file of its own that no reference leads to.
fn lose(workshop: &Workshop, repository: &Repository, name: &str) -> [ObjectId; 2] {
    let script = format!(
        "blob=$(echo {name} | git hash-object -w --stdin); \
         tree=$(printf \"100644 blob $blob\\tfile\\n\" | git mktree); \
         echo $(git commit-tree -m {name} -p main $tree) $blob"
    );
    let written = workshop.shell(repository.path(), &script);
    let mut ids = written.split_whitespace().map(object);
    [(); 2].map(|()| ids.next().expect("two"))
}

async fn is_there(repository: &Repository, object: &ObjectId) -> bool {
    repository.has_object(object).await.expect("readable")
}

#[tokio::test]
async fn what_no_reference_leads_to_goes_and_all_else_stays() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main", "a/b"]).await);
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    let packed = lose(&workshop, repository, "packed");
    workshop.shell(repository.path(), &format!("echo {} | git pack-objects -q objects/pack/pack", packed[1]));
    let kept = lose(&workshop, repository, "kept");
    let internal = lose(&workshop, repository, "internal");
    workshop.run(repository.path(), &["update-ref", "refs/heliostat/keep/1", internal[0].as_str()]);
    repack(&served, &eager()).await.expect("maintained");
    let loose = lose(&workshop, repository, "loose");
    workshop.commit(repository, "main");
    let before = repository.refs().await.expect("readable");

    let roots = BTreeSet::from([kept[0].clone()]);
    let pruned = prune(&served, &roots, Haste::WhenFree, &eager()).await.expect("free");
    assert!(pruned.packs > 0 && pruned.loose_objects > 0, "{pruned:?}");
    for gone in packed.iter().chain(&loose) {
        assert!(!is_there(repository, gone).await, "{gone}");
    }
    for needed in kept.iter().chain(&internal) {
        assert!(is_there(repository, needed).await, "{needed}");
    }
    assert_eq!(repository.refs().await.expect("readable"), before);
    assert_eq!(packs_of(repository), 1);
    let found = PackInventory::look(repository).await.expect("readable");
    assert!(found.has_bitmap && found.has_commit_graph && found.loose_objects == 0);
    repository.verify().await.expect("whole");
    workshop.run(repository.path(), &["commit-graph", "verify"]);
    workshop.run(repository.path(), &["multi-pack-index", "verify"]);

    // Once more, when references lead to nothing else; and then there is nothing to do.
    for _ in 0..2 {
        purge(&served).await.expect("purged");
        assert_eq!(packs_of(repository), 1);
        let found = PackInventory::look(repository).await.expect("readable");
        assert!(found.indexed.is_some() && found.unindexed().next().is_none(), "{found:?}");
    }
    assert!(!is_there(repository, &kept[1]).await && is_there(repository, &internal[1]).await);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn what_references_come_to_lead_to_meanwhile_stays() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    let back = lose(&workshop, repository, "back");
    let lost = lose(&workshop, repository, "lost");
    // One who reads holds the removal up until a branch has come.
    let reader = repository.git().readers().begin(repository.path());
    let nothing = BTreeSet::new();
    let thresholds = eager();
    let mut pruning = Box::pin(prune(&served, &nothing, Haste::WhenFree, &thresholds));
    let has_packed = async {
        while packs_of(repository) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = &mut pruning => panic!("a reader is open"),
        () = has_packed => {}
    }
    workshop.run(repository.path(), &["update-ref", "refs/heads/back", back[0].as_str()]);
    drop(reader);
    pruning.await.expect("free");
    assert!(is_there(repository, &back[1]).await && !is_there(repository, &lost[1]).await);
    repository.verify().await.expect("whole");
}

#[tokio::test]
async fn a_repository_that_has_become_empty_holds_nothing() {
    let workshop = Workshop::new().await;
    let served = ServedRepository::alone(workshop.bare_with_commits("one", &["main"]).await);
    let repository = &served.repository;
    commit_in_packs(&workshop, repository);
    repack(&served, &eager()).await.expect("maintained");
    let refs = repository.refs().await.expect("readable");
    for (name, _) in refs.iter() {
        workshop.run(repository.path(), &["update-ref", "-d", name.as_str()]);
    }
    purge(&served).await.expect("purged");
    assert_eq!(packs_of(repository), 0);
    assert!(served.bundle().is_none());
    repository.verify().await.expect("whole");
    assert_eq!(repository.left_tips().all().await.expect("readable"), []);
    workshop.commit(repository, "main");
    repack(&served, &eager()).await.expect("maintained");
}

#[tokio::test]
async fn what_was_left_long_ago_goes_by_itself_and_the_rest_stays_noted() {
    let workshop = Workshop::new().await;
    let served = super::super::super::fixture::served_store(&workshop);
    let main = RefName::branch("main").expect("valid");
    let repository = served.store().create(1, &main).await.expect("created");
    workshop.commit(&repository, "main");
    workshop.commit(&repository, "topic");
    repository.refs().await.expect("readable");
    let topic = object(&workshop.run(repository.path(), &["rev-parse", "topic"]));
    workshop.commit(&repository, "main");
    workshop.run(repository.path(), &["update-ref", "-d", "refs/heads/topic"]);
    repository.refs().await.expect("readable");
    let served = served.serve(repository.clone());
    assert!(!prune_if_due(&served, &eager()).await.expect("git runs"), "it was left a moment ago");
    assert_eq!(repository.left_tips().all().await.expect("readable").len(), 2);
    let file = repository.path().join("heliostat-left-tips");
    let noted = std::fs::read_to_string(&file).expect("readable");
    let aged: String =
        noted.lines().map(|line| format!("1{}\n", &line[line.find(' ').expect("three")..])).collect();
    std::fs::write(&file, aged).expect("written");
    assert!(prune_if_due(&served, &eager()).await.expect("git runs"));
    assert!(!is_there(&repository, &topic).await);
    assert_eq!(repository.left_tips().all().await.expect("readable"), []);
    repository.verify().await.expect("whole");
    // The other one was only left behind.
    assert!(!prune_if_due(&served, &eager()).await.expect("git runs"));
}
