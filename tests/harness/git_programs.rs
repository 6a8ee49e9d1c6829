//! The gits of this machine, each a client of its own: what one version asks for, another may not.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use super::git::git_command;

/// A git program.
#[derive(Debug)]
pub struct GitProgram {
    program: OsString,
    /// What it says of itself.
    pub version: String,
}

impl GitProgram {
    /// Runs it with a protocol version.
    pub fn run(&self, protocol: u8, folder: &Path, arguments: &[&str]) -> Output {
        let mut command = git_command(&self.program, folder);
        command.args(["-c", &format!("protocol.version={protocol}")]).args(arguments);
        command.output().expect("git can be run")
    }
}

/// Every version of git that is found: the one that other tests use, the one named by `HELIOSTAT_TEST_OTHER_GIT`, and
/// all on the search path.
pub fn git_programs() -> &'static [GitProgram] {
    static PROGRAMS: OnceLock<Vec<GitProgram>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let named = [
            std::env::var_os("HELIOSTAT_TEST_GIT").or_else(|| Some("git".into())),
            std::env::var_os("HELIOSTAT_TEST_OTHER_GIT"),
        ];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path: Vec<_> = std::env::split_paths(&path)
            .map(|folder| folder.join("git"))
            .filter(|git| git.is_file())
            .collect();
        let all = named.into_iter().flatten().chain(on_path.into_iter().map(OsString::from));
        let mut known = BTreeSet::new();
        let programs = all.map(|program| GitProgram { version: version_of(&program), program });
        programs.filter(|git| known.insert(git.version.clone())).collect()
    })
}

fn version_of(program: &OsStr) -> String {
    let output = Command::new(program).arg("--version").output().expect("git can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
