//! A mirror whose database is lost finds its own replicas again, instead of fetching all anew and removing them.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;

use crate::harness::{DatabaseBackup, Pair, Server, bare_repositories, eventually, git};

/// What stays the same when a repository gets another number.
fn folders(server: &Server) -> BTreeSet<u64> {
    let folders = bare_repositories(&server.data()).into_iter();
    folders.map(|path| std::fs::metadata(path).expect("it is there").ino()).collect()
}

#[tokio::test]
async fn a_mirror_with_an_emptied_database_takes_its_own_replicas() {
    let mut pair = Pair::start().await;
    pair.mirror.terminate();
    let emptied = DatabaseBackup::of(&pair.mirror);
    pair.mirror.restart();
    let mut repositories = Vec::new();
    for _ in 0..3 {
        repositories.push(pair.pushed_repository(false).await);
    }
    for (repository, _) in &repositories {
        pair.mirrored(repository).await;
    }
    let before = folders(&pair.mirror);
    assert_eq!(before.len(), 3);

    pair.mirror.terminate();
    emptied.put_back(&pair.mirror);
    let (repository, checkout) = &repositories[1];
    checkout.commit("later.txt", "pushed meanwhile\n");
    checkout.push(&pair.upstream_url(repository), &["HEAD:refs/heads/main"]);
    pair.mirror.restart();
    for (repository, checkout) in &repositories {
        pair.mirrored(repository).await;
        let [there, here] = [pair.upstream_url(repository), pair.mirror_url(repository)]
            .map(|url| git(checkout.path(), &["ls-remote", url.as_str()]));
        assert_eq!(there, here);
    }
    assert_eq!(folders(&pair.mirror), before, "they are the same folders, whatever their numbers");
    eventually("the mirror to be through", || async {
        (pair.mirror.anonymous().get("/status").await.status == 200).then_some(())
    })
    .await;
}
