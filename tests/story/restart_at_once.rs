//! A role that is started again at once after `kill -9` comes up, and clears what its predecessor left half done.

use std::fs;
use std::path::Path;

use crate::harness::{Pair, bare_repositories};

fn half_written_packs(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |path: &Path| if path.is_dir() { half_written_packs(path) } else { 0 };
    entries
        .map(|entry| {
            let is_half = entry.file_name().to_string_lossy().starts_with("tmp_pack_");
            usize::from(is_half) + below(&entry.path())
        })
        .sum()
}

#[tokio::test]
async fn half_written_packs_are_gone_after_a_restart() {
    let mut pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    for server in [&mut pair.upstream, &mut pair.mirror] {
        let repositories = server.data().join("repositories");
        server.kill();
        for repository in bare_repositories(&server.data()) {
            fs::create_dir_all(repository.join("objects/pack")).expect("it can be made");
            fs::write(repository.join("objects/pack/tmp_pack_x"), "half").expect("it can be written");
        }
        assert!(half_written_packs(&repositories) > 0);
        server.restart();
        assert_eq!(half_written_packs(&repositories), 0);
    }
}
