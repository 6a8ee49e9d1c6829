//! What a push costs its server, counted in processes.

use std::fs;
use std::path::Path;

use crate::harness::{Server, ServerOptions, make_script};

/// What stands before `git` at the server: it writes down what is started.
const NOTING_GIT: &str = "#!/bin/sh\necho \"$*\" >> 'NOTED'\nexec git \"$@\"\n";

fn noting_git(folder: &Path, noted: &Path) -> String {
    let program = folder.join("noting-git");
    let script = NOTING_GIT.replace("NOTED", noted.to_str().expect("is UTF-8"));
    make_script(&program, &script);
    program.to_str().expect("is UTF-8").to_owned()
}

#[tokio::test]
async fn a_push_takes_one_process_besides_those_that_git_starts() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let noted = folder.path().join("noted");
    let arguments = vec!["--git".to_owned(), noting_git(folder.path(), &noted)];
    let upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let started = || {
        let noted = fs::read_to_string(&noted).expect("it was started");
        // Others may be at work in the background.
        noted.lines().filter(|line| line.contains("receive-pack")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = started().len();
    checkout.commit("second.txt", "second\n");
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
    let after = started();
    assert_eq!(after.len(), before + 1, "{after:#?}");
    assert!(after.iter().all(|line| !line.contains("--http-backend-info-refs")), "{after:#?}");
}
