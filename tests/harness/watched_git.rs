//! Real git whose words are read while it runs, as its user sees them.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};

use super::git::git_command;

/// A git command that is running.
pub struct WatchedGit {
    child: Child,
    said: ChildStderr,
    told: Vec<u8>,
}

impl WatchedGit {
    /// Starts git with this version of the protocol.
    pub fn start(folder: &Path, version: &str, arguments: &[&str]) -> Self {
        let mut command = Command::from(git_command("git".as_ref(), folder));
        command.args(["-c", &format!("protocol.version={version}")]).args(arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.expect("git can be run");
        let said = child.stderr.take().expect("piped");
        Self { child, said, told: Vec::new() }
    }

    /// Reads on until it has said this.
    pub async fn until_it_says(&mut self, words: &str) {
        while !String::from_utf8_lossy(&self.told).contains(words) {
            let count = self.said.read_buf(&mut self.told).await.expect("readable");
            assert!(count > 0, "it ended without {words:?}: {}", String::from_utf8_lossy(&self.told));
        }
    }

    /// Waits for its end. All that it has said, as an error if it has failed.
    pub async fn end(mut self) -> Result<String, String> {
        self.said.read_to_end(&mut self.told).await.expect("readable");
        let told = String::from_utf8_lossy(&self.told).into_owned();
        if self.child.wait().await.expect("it ends").success() { Ok(told) } else { Err(told) }
    }
}
