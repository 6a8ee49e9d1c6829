//! SIGTERM leaves a database that is one file: a copy of it then has everything.

use std::path::PathBuf;

use crate::harness::{Pair, Server, project_path};

/// What lies beside the database of a server, if that is a file.
fn side_files(server: &Server) -> Vec<PathBuf> {
    let Some(file) = server.database().strip_prefix("sqlite:") else { return Vec::new() };
    assert!(PathBuf::from(file).is_file(), "{file} is not there");
    let side_files = ["-wal", "-shm", "-journal"].map(|ending| PathBuf::from(format!("{file}{ending}")));
    side_files.into_iter().filter(|file| file.exists()).collect()
}

#[tokio::test]
async fn the_database_is_one_file_after_a_clean_stop_and_has_everything() {
    let mut pair = Pair::start().await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let project = pair.new_project(false).await;
    for server in [&mut pair.mirror, &mut pair.upstream] {
        assert!(server.terminate().success(), "{}", server.log());
        assert_eq!(side_files(server), Vec::<PathBuf>::new());
    }
    pair.upstream.restart();
    pair.admin().get(&project_path(&project)).await.expect(200);
}
