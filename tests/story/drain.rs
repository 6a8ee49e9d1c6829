//! SIGTERM drains: a running clone finishes, new ones are not taken, and the process ends well.

use std::process::{Command, Stdio};

use tokio::io::AsyncReadExt;

use crate::harness::{NOISE_BYTES, Pair, ServerOptions, begin_clone, commit_noise, eventually};

#[tokio::test]
async fn a_running_clone_finishes_when_the_server_is_told_to_stop() {
    // However busy the machine is, the client reads on in time.
    let arguments = ["--drain-timeout", "10m"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let mut pair = Pair::start_with(options, ServerOptions::default()).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let commit = commit_noise(&checkout);
    let url = pair.upstream_url(&repository);
    checkout.push(&url, &["HEAD:refs/heads/main"]);

    let (mut stream, mut answer) = begin_clone(&url, &commit).await;
    let process = pair.upstream.process_id().expect("the server runs").to_string();
    // As `timeout` does, which tells a process and then its group.
    let told = Command::new("kill").args(["-TERM", &process, &process]).status().expect("kill can be run");
    assert!(told.success());
    stream.read_to_end(&mut answer).await.expect("the whole answer comes");
    assert!(answer.len() > NOISE_BYTES, "only {} bytes came", answer.len());
    assert!(answer.ends_with(b"0\r\n\r\n"), "the answer was cut off");
    assert!(pair.upstream.wait().success(), "{}", pair.upstream.log());
}

#[tokio::test]
async fn a_second_order_to_stop_ends_what_is_running() {
    let arguments = ["--drain-timeout", "10m"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let mut pair = Pair::start_with(options, ServerOptions::default()).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let commit = commit_noise(&checkout);
    let url = pair.upstream_url(&repository);
    checkout.push(&url, &["HEAD:refs/heads/main"]);

    // Its client takes nothing more.
    let (stream, _) = begin_clone(&url, &commit).await;
    let process = pair.upstream.process_id().expect("the server runs").to_string();
    let told = Command::new("kill").args(["-TERM", &process]).status().expect("kill can be run");
    assert!(told.success());
    eventually("another order to end it", || async {
        let again = Command::new("kill").args(["-TERM", &process]).stderr(Stdio::null()).status();
        again.expect("kill can be run");
        pair.upstream.log().contains("stopped at once by a second signal").then_some(())
    })
    .await;
    assert!(pair.upstream.wait().success(), "{}", pair.upstream.log());
    drop(stream);
}
