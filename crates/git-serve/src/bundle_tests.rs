//! Bundles as git reads them.

use heliostat_git::fixture::Workshop;

use super::*;
use crate::bundle_list::{file_list, packet_list};
use crate::housekeeping::PackInventory;
use crate::served::ServedRepository;

async fn bundled(workshop: &Workshop, format: ObjectFormat) -> (ServedRepository, Arc<Bundle>) {
    let served = ServedRepository::alone(workshop.bare_with_format(format.as_str(), format).await);
    let repository = &served.repository;
    workshop.commit(repository, "a/b");
    workshop.run(repository.path(), &["tag", "-a", "-m", "annotated", "v1", "main"]);
    let refs = repository.refs().await.expect("readable");
    workshop.run(repository.path(), &["repack", "-a", "-d", "-q"]);
    let inventory = PackInventory::look(repository).await.expect("readable");
    let [pack] = inventory.packs.as_slice() else { panic!("one pack: {inventory:?}") };
    let record = BundleRecord::new(pack, &refs.branches_and_tags(), 0);
    served.engine().bundles().offer(repository, record).await.expect("offered");
    let bundle = served.bundle().expect("offered");
    (served, bundle)
}

async fn bytes_of(bundle: &Bundle, range: Range<u64>, step: u64) -> Vec<u8> {
    let mut reader = bundle.open(range).await.expect("there");
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next_piece(step) {
        match piece {
            Piece::Memory(memory) => bytes.extend_from_slice(&memory),
            Piece::File { file, offset, length } => {
                assert!(length > 0 && length <= step);
                let mut part = vec![0; length as usize];
                file.read_exact_at(&mut part, offset).expect("readable");
                bytes.extend(part);
            }
        }
    }
    bytes
}

#[tokio::test]
async fn git_clones_from_it_in_both_formats() {
    let workshop = Workshop::new().await;
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let (served, bundle) = bundled(&workshop, format).await;
        let repository = &served.repository;
        let file = workshop.path(&format!("{format}.bundle"));
        let whole = bytes_of(&bundle, 0..u64::MAX, 1_000_000).await;
        assert_eq!(whole.len() as u64, bundle.total_bytes());
        std::fs::write(&file, &whole).expect("written");
        let file = file.to_str().expect("text");
        workshop.run(repository.path(), &["bundle", "verify", "--quiet", file]);
        let copy = format!("{format}-copy.git");
        workshop.run(&workshop.path("."), &["clone", "--quiet", "--mirror", file, &copy]);
        let copy = Repository::at(workshop.git.clone(), workshop.path(&copy));
        assert_eq!(copy.refs().await.expect("readable"), repository.refs().await.expect("readable"));
        copy.verify().await.expect("whole");
        for (start, end, step) in [(0, 10, 3), (5, bundle.total_bytes(), 7), (0, bundle.total_bytes(), 64)] {
            let part = bytes_of(&bundle, start..end, step).await;
            assert_eq!(part, whole[start as usize..end as usize]);
        }
    }
}

#[tokio::test]
async fn it_is_withdrawn_when_a_branch_is_rewritten_and_kept_when_one_grows() {
    let workshop = Workshop::new().await;
    let (served, bundle) = bundled(&workshop, ObjectFormat::Sha1).await;
    let repository = &served.repository;
    workshop.commit(repository, "main");
    served.engine().bundles().check(repository).await.expect("checked");
    assert_eq!(served.bundle().expect("still offered").id(), bundle.id());
    // Another process has only what is on disk.
    served.engine().bundles().forget(repository.id());
    served.engine().bundles().check(repository).await.expect("checked");
    assert_eq!(served.bundle().expect("offered again").id(), bundle.id());
    workshop.run(repository.path(), &["update-ref", "-d", "refs/heads/a/b"]);
    served.engine().bundles().check(repository).await.expect("checked");
    assert!(served.bundle().is_none());
    assert!(BundleRecord::read(repository.path()).is_none());
}

#[tokio::test]
async fn it_is_withdrawn_when_its_pack_is_gone_and_the_tag_object_counts() {
    let workshop = Workshop::new().await;
    let (served, _) = bundled(&workshop, ObjectFormat::Sha1).await;
    let repository = &served.repository;
    workshop.run(repository.path(), &["tag", "-d", "v1"]);
    served.engine().bundles().check(repository).await.expect("checked");
    assert!(served.bundle().is_none());
    let (served, bundle) = bundled(&workshop, ObjectFormat::Sha256).await;
    let repository = &served.repository;
    std::fs::rename(&bundle.pack, bundle.pack.with_extension("away")).expect("renamed");
    assert!(bundle.open(0..1).await.is_err());
    served.engine().bundles().check(repository).await.expect("checked");
    assert!(served.bundle().is_none());
}

async fn stays(served: &ServedRepository, bundle: &Bundle) -> bool {
    served.engine().bundles().check(&served.repository).await.expect("checked");
    served.bundle().is_some_and(|offered| offered.id() == bundle.id())
}

#[tokio::test]
async fn only_what_has_changed_is_asked_whether_it_is_still_needed() {
    let workshop = Workshop::new().await;
    let (served, bundle) = bundled(&workshop, ObjectFormat::Sha1).await;
    let repository = &served.repository;
    // Who asks all references is told that this one leads to nothing.
    let tag = format!("object {}\ntype commit\ntag x\ntagger A <a@b> 1 +0000\n\nlost\n", "1".repeat(40));
    let file = workshop.path("tag");
    std::fs::write(&file, tag).expect("written");
    let file = file.to_str().expect("text");
    let tag = workshop.run(repository.path(), &["hash-object", "-t", "tag", "-w", "--literally", file]);
    workshop.run(repository.path(), &["update-ref", "refs/tags/damaged", tag.trim()]);
    for _ in 0..2 {
        workshop.commit(repository, "main");
        assert!(stays(&served, &bundle).await);
    }
    workshop.run(repository.path(), &["update-ref", "-d", "refs/heads/a/b"]);
    assert!(served.engine().bundles().check(repository).await.is_err());
    assert!(served.bundle().is_none());
}

#[tokio::test]
async fn it_stays_while_branches_and_tags_lead_to_all_of_it_by_whatever_way() {
    let workshop = Workshop::new().await;
    let (served, bundle) = bundled(&workshop, ObjectFormat::Sha1).await;
    let git = |args: &[&str]| workshop.run(served.repository.path(), args);
    git(&["update-ref", "refs/heads/twin", "refs/heads/a/b"]);
    git(&["update-ref", "-d", "refs/heads/a/b"]);
    assert!(stays(&served, &bundle).await, "another branch names it");
    workshop.commit(&served.repository, "main");
    git(&["update-ref", "refs/heads/topic", "refs/heads/main"]);
    workshop.commit(&served.repository, "topic");
    assert!(stays(&served, &bundle).await, "it has grown");
    git(&["update-ref", "-d", "refs/heads/topic"]);
    assert!(stays(&served, &bundle).await, "what is gone was no part of it");
    git(&["update-ref", "refs/heads/main", "refs/heads/twin"]);
    assert!(stays(&served, &bundle).await, "a tag leads to what main was");
    git(&["update-ref", "refs/heads/main", "v1^{}"]);
    assert!(stays(&served, &bundle).await);
    git(&["update-ref", "refs/pull-requests/1/from", "refs/heads/twin"]);
    git(&["update-ref", "-d", "refs/heads/twin"]);
    assert!(!stays(&served, &bundle).await, "clones do not take a pull request");
}

#[tokio::test]
async fn a_record_that_was_replaced_is_read_again() {
    let workshop = Workshop::new().await;
    let (served, bundle) = bundled(&workshop, ObjectFormat::Sha1).await;
    let repository = &served.repository;
    let beside = async |bundle: &Arc<Bundle>| {
        let found = PackInventory::look_beside(repository, Some(Arc::clone(bundle))).await;
        found.expect("readable").base.expect("there is one").objects_beside
    };
    assert!(stays(&served, &bundle).await && beside(&bundle).await == 0);
    let mut record = BundleRecord::read(repository.path()).expect("there is one");
    record.created_at += 7;
    record.objects_beside = 5;
    record.write(repository.path()).expect("written");
    assert_eq!(beside(&bundle).await, 5);
    assert!(stays(&served, &bundle).await, "its content is the same");
    let now = served.bundle().expect("offered");
    assert_eq!((now.creation_token(), now.objects_beside()), (bundle.creation_token() + 7, 5));
}

#[tokio::test]
async fn the_list_names_it_by_a_relative_address() {
    let workshop = Workshop::new().await;
    let (_, bundle) = bundled(&workshop, ObjectFormat::Sha1).await;
    let list = packet_list(Some(&bundle));
    let text = String::from_utf8_lossy(&list);
    assert!(text.starts_with("0014bundle.version=1") && text.ends_with("0000"), "{text}");
    assert!(text.contains(&format!(".uri=bundles/{}.bundle", bundle.id())), "{text}");
    assert_eq!(packet_list(None), "0000");
    assert!(text.contains(&format!("bundle.{}.creationtoken=", bundle.id())), "{text}");
    let uri = format!("\turi = {}.bundle\n", bundle.id());
    assert!(file_list(Some(&bundle), "").contains(&uri));
    let uri = format!("\turi = https://host/bundles/{}.bundle\n", bundle.id());
    assert!(file_list(Some(&bundle), "https://host/bundles/").contains(&uri));
    assert!(!file_list(None, "").contains("\turi ="));
}

#[test]
fn a_record_that_names_something_else_is_not_believed() {
    let record = |pack: &str, name: &str| {
        let object = "1".repeat(40);
        let text = format!(
            r#"{{"version":3,"pack":"{pack}","pack_bytes":1,"created_at":1,"objects_beside":0,
                "refs":[["{name}","{object}"]]}}"#
        );
        serde_json::from_str::<BundleRecord>(&text).expect("readable").is_sound()
    };
    let pack = format!("pack-{}", "2".repeat(40));
    assert!(record(&pack, "refs/heads/main"));
    assert!(!record("../../../etc/passwd", "refs/heads/main"));
    assert!(!record(&pack, "refs/heliostat/secret"));
    assert!(!record(&pack, "refs/pull-requests/1/from"));
}
