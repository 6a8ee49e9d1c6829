//! Real git: what it clones and fetches, and what `git fsck` makes of repositories on a server's disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use super::denied::denied;
use crate::history::Denial;

/// Git never syncs the list of its commit graphs, which it makes anew.
const FSCK: [&str; 4] = ["-c", "core.commitGraph=false", "fsck", "--no-dangling"];
/// What git says when it was given references without their objects, or damaged ones.
const WORDS_OF_DAMAGE: [&str; 6] = [
    "did not send all necessary objects",
    "bad object",
    "missing blob",
    "missing tree",
    "missing commit",
    "unresolved deltas",
];
/// The name of a clone in its folder.
pub const COPY: &str = "copy";
/// Where git notes the heads of answers for [`clone`].
const TRACE: &str = "trace";
const FRESHNESS: &str = "heliostat-freshness: ";
/// The answer with the list of references among those to a clone; the first one says what the server can do.
const LIST_ANSWER: usize = 1;

/// How a git command ended.
#[derive(Debug)]
pub enum GitEnd {
    /// Well.
    Good,
    /// The server could not, or the connection broke; the words that count.
    Failed(String),
    /// It was not given this object.
    Denied(Denial, String),
    /// It was given less than it was promised.
    Damaged(String),
}

/// Runs git with no configuration but its own.
pub fn git(folder: &Path, arguments: &[&str]) -> GitEnd {
    ended(folder, arguments, None)
}

/// Clones everything into an empty folder, under the name [`COPY`]. A mirror says how fresh the list of references was;
/// empty elsewhere.
pub fn clone(folder: &Path, url: &str) -> (GitEnd, String) {
    let trace = folder.join(TRACE);
    let end = ended(folder, &["clone", "--quiet", "--mirror", url, COPY], Some(&trace));
    let text = std::fs::read_to_string(&trace).unwrap_or_default().to_ascii_lowercase();
    let mut told = text.lines().filter_map(|line| Some(line.split_once(FRESHNESS)?.1.trim()));
    (end, told.nth(LIST_ANSWER).unwrap_or_default().to_owned())
}

fn ended(folder: &Path, arguments: &[&str], trace: Option<&Path>) -> GitEnd {
    let output = match output(folder, arguments, trace) {
        Ok(output) => output,
        Err(error) => return GitEnd::Failed(format!("git cannot be run: {error}")),
    };
    if output.status.success() {
        return GitEnd::Good;
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if let Some((denial, target)) = denied(&said) {
        return GitEnd::Denied(denial, target);
    }
    if WORDS_OF_DAMAGE.iter().any(|words| said.contains(words)) {
        return GitEnd::Damaged(format!("git {} says {}", arguments.join(" "), said.trim()));
    }
    let last = said.lines().rfind(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    GitEnd::Failed(last.unwrap_or("git failed without a word").to_owned())
}

/// What `git fsck` complains about; nothing when the repository is whole.
pub fn fsck(repository: &Path) -> Option<String> {
    match output(repository, &FSCK, None) {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            Some(String::from_utf8_lossy(&said).trim().chars().take(600).collect())
        }
        Err(error) => Some(format!("git cannot be run: {error}")),
    }
}

/// The references of a repository on this machine.
pub fn listed_refs(repository: &Path) -> BTreeMap<String, String> {
    let listed = output(repository, &["for-each-ref", "--format=%(objectname) %(refname)"], None);
    let text = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(target, name)| (name.to_owned(), target.to_owned())).collect()
}

fn output(folder: &Path, arguments: &[&str], trace: Option<&Path>) -> std::io::Result<Output> {
    let mut git = Command::new("git");
    git.args(["-c", "protocol.version=2", "-c", "gc.auto=0", "-c", "maintenance.auto=false"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    if let Some(trace) = trace {
        git.env("GIT_TRACE_CURL", trace).env("GIT_TRACE_CURL_NO_DATA", "1");
    }
    git.output()
}
