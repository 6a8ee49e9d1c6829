//! Pushes of packs that were written by hand.

use heliostat_machines::HandMadePack;
use url::Url;

use super::client::http;
use super::git_wire::FLUSH;

/// Pushes a pack as a new branch; what the server answers.
pub async fn push_pack(pack: &HandMadePack, repository: &Url, branch: &str, commit: &str) -> String {
    let command = format!("{} {commit} refs/heads/{branch}\0report-status", "0".repeat(40));
    let command = format!("{:04x}{command}{FLUSH}", command.len() + 4);
    let request = http().post(format!("{repository}/git-receive-pack"));
    let request = request.header("content-type", "application/x-git-receive-pack-request");
    let answer = request.body([command.as_bytes(), &pack.bytes()].concat()).send().await;
    let answer = answer.expect("the server answers");
    assert_eq!(answer.status(), 200);
    String::from_utf8_lossy(&answer.bytes().await.expect("the answer is whole")).into_owned()
}
