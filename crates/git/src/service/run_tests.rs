//! What is known of a failure when a client reads of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::fixture::Workshop;
use crate::refs::RefListener;

/// Whether anything was suspected.
#[derive(Debug, Default)]
struct Suspicions(AtomicBool);

impl RefListener for Suspicions {
    fn suspected(&self, _: u64, _: &Fault) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A repository with one commit, perhaps without its file, the commit, and the listener to suspicions of damage.
async fn repository(workshop: &Workshop, has_file: HasFile) -> (Repository, String, Arc<Suspicions>) {
    let whole = workshop.bare_with_commits("one", &["main"]).await;
    let tip = workshop.run(whole.path(), &["rev-parse", "main"]).trim().to_owned();
    if has_file == HasFile::No {
        let blob = workshop.run(whole.path(), &["rev-parse", "main:file"]);
        let (folder, file) = blob.trim().split_at(2);
        std::fs::remove_file(whole.path().join("objects").join(folder).join(file)).expect("a loose object");
    }
    let store = workshop.store();
    let place = store.repository(1).path().to_owned();
    std::fs::create_dir_all(place.parent().expect("a folder")).expect("makeable");
    std::fs::rename(whole.path(), place).expect("moved");
    let repository = store.open(1).await.expect("it has all parts");
    let suspicions = Arc::<Suspicions>::default();
    let listener: Arc<dyn RefListener> = suspicions.clone();
    store.subscribe(Arc::downgrade(&listener));
    (repository, tip, suspicions)
}

#[derive(PartialEq, Eq)]
enum HasFile {
    Yes,
    No,
}

#[tokio::test]
async fn a_filter_that_names_what_is_no_list_of_paths_is_no_damage() {
    let workshop = Workshop::new().await;
    let (repository, tip, suspicions) = repository(&workshop, HasFile::Yes).await;
    let filter = format!("filter sparse:oid={tip}");
    let request = format!(
        "0011command=fetch0001000fno-progress0032want {tip}\n{:04x}{filter}0009done\n0000",
        filter.len() + 4
    );
    let protocol = GitProtocol::from_header(Some("version=2"));
    let answer = answer_of_upload_pack(&repository, request.into(), protocol, Vec::new()).await;
    let mut answer = answer.expect("git starts").doubting_its_request();
    while answer.next().await.is_some() {}
    let end = answer.end().await.expect("it has ended");
    assert!(end.stderr.contains("possible repository corruption"), "{}", end.stderr);
    assert!(matches!(answer.failure(&end), GitError::Refused { .. }));
    assert!(!suspicions.0.load(Ordering::Relaxed), "any client could have it examined again and again");
}

#[tokio::test]
async fn a_client_that_reads_of_damage_reads_it_after_the_damage_is_noted() {
    let workshop = Workshop::new().await;
    let (repository, tip, suspicions) = repository(&workshop, HasFile::No).await;

    let request = format!("0011command=fetch0001000fno-progress0032want {tip}\n0009done\n0000");
    let protocol = GitProtocol::from_header(Some("version=2"));
    let answer = answer_of_upload_pack(&repository, request.into(), protocol, Vec::new()).await;
    let mut answer = answer.expect("git starts");
    let (mut told, mut watch) = (false, FatalErrorWatch::default());
    while let Some(piece) = answer.next().await {
        if watch.ends_with(&piece.expect("readable")) {
            told = true;
            assert!(suspicions.0.load(Ordering::Relaxed), "the client knows before the server does");
        }
    }
    assert!(told, "git tells the client that the pack is not whole");
    assert!(!answer.end().await.expect("it has ended").status.success());
}
