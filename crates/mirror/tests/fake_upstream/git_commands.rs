//! The git that works on the repositories of the fake upstream.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::FakeUpstream;

impl FakeUpstream {
    /// What it says of a repository to those who ask for it as a whole.
    pub fn whole(&self, id: i32) -> Value {
        let path = self.path(&self.repository(id).slug);
        let git = |arguments: &[&str]| output(git_command().arg("-C").arg(&path).args(arguments));
        let refs = git(&["for-each-ref", "--format=%(objectname) %(refname)"]);
        let pack = git(&["pack-objects", "--all", "--stdout", "-q"]);
        let refs = String::from_utf8(refs).expect("names are text");
        json!({"id": id.to_string(), "objectFormat": "sha1", "refs": refs, "pack": STANDARD.encode(pack)})
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the fake stands for a server that does not use our Git engine"
)]
pub fn git_command() -> Command {
    Command::new("git")
}

/// Runs it, and returns what it prints as text.
pub fn run(command: &mut Command) -> String {
    String::from_utf8_lossy(&output(command)).into_owned()
}

/// Runs it, and returns what it prints.
fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("git is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
