//! What a client does, step by step, and what it holds in the end: the same steps against us and against the judge.

use std::collections::BTreeMap;
use std::path::Path;

use url::Url;

use super::scene::Place;
use crate::harness::{GitProgram, git};

/// The steps of a client: git command lines, the first one making `copy`, the others run in it.
pub type Steps<'a> = &'a [&'a str];

/// With these words a want is refused: in place of an answer, or within one that has begun because it was long in coming.
const REFUSED_WANT: &str = "upload-pack: not our ref ";

/// What can be seen of a client's story from outside.
#[derive(Debug, PartialEq, Eq, Default)]
struct Ending {
    /// For each step, whether it succeeded, what it printed, and what it complained of.
    steps: Vec<(bool, String, String)>,
    references: String,
    head: String,
    shallow: String,
    /// All objects that can be reached; a question mark stands before those that are promised but not there.
    objects: Vec<String>,
}

/// Who does it.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// The program.
    pub program: &'a GitProgram,
    /// The protocol version that it asks for.
    pub protocol: u8,
    /// What `$NAME` stands for in its steps.
    pub names: &'a BTreeMap<&'static str, String>,
}

impl Client<'_> {
    /// Tells the story twice, and fails unless it ends in the same way, with everything connected.
    pub fn gets_the_same(&self, place: &Place, steps: Steps) {
        let (ours, theirs) = (self.tell(&place.url, steps), self.tell(&place.judge, steps));
        assert_eq!(ours, theirs, "{steps:?} with {} in protocol {}", self.program.version, self.protocol);
    }

    fn tell(&self, url: &Url, steps: Steps) -> Ending {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let copy = folder.path().join("copy");
        let mut ending = Ending::default();
        for (number, step) in steps.iter().enumerate() {
            let words: Vec<String> = step.split(' ').map(|word| self.spelled_out(word, url)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let place = if number == 0 { folder.path() } else { &copy };
            if !place.exists() {
                break;
            }
            let output = self.program.run(self.protocol, place, &words);
            let printed = String::from_utf8_lossy(&output.stdout).replace(url.as_str(), "$URL");
            let complaint = complaints(&String::from_utf8_lossy(&output.stderr), url);
            ending.steps.push((output.status.success(), printed, complaint));
        }
        if copy.exists() {
            self.look_at(&copy, &mut ending);
        }
        ending
    }

    fn spelled_out(&self, word: &str, url: &Url) -> String {
        let mut word = word.replace("$URL", url.as_str());
        for (name, value) in self.names {
            word = word.replace(name, value);
        }
        word
    }

    fn look_at(&self, copy: &Path, ending: &mut Ending) {
        ending.references = git(copy, &["for-each-ref", "--format=%(objectname) %(refname) %(symref)"]);
        let folder = copy.join(git(copy, &["rev-parse", "--git-dir"]));
        ending.head = std::fs::read_to_string(folder.join("HEAD")).expect("every repository has one");
        ending.shallow = std::fs::read_to_string(folder.join("shallow")).unwrap_or_default();
        let listed = git(copy, &["rev-list", "--objects", "--all", "--missing=print", "--no-object-names"]);
        ending.objects = listed.lines().map(str::to_owned).collect();
        ending.objects.sort();
        git(copy, &["fsck", "--connectivity-only", "--no-dangling", "--no-progress"]);
    }
}

/// The lines with which git explains a failure or passes on what the server says.
///
/// Where git's server hangs up without a word we may say why, so such complaints are all the same. Of a want that is refused
/// within an answer git has more to say than of one that is refused at once.
fn complaints(text: &str, url: &Url) -> String {
    let marks = ["fatal:", "error:", "warning:", "remote:"];
    let lines = text.lines().filter(|line| marks.iter().any(|mark| line.starts_with(mark)));
    let lines = lines.collect::<Vec<_>>().join("\n").replace(url.as_str(), "$URL");
    let hung_up = ["hung up unexpectedly", "error processing shallow info", "RPC failed"];
    if hung_up.iter().any(|mark| lines.contains(mark)) {
        return "hung up".to_owned();
    }
    let refused =
        lines.lines().find_map(|line| line.find(REFUSED_WANT).map(|start| line[start..].to_owned()));
    refused.unwrap_or(lines)
}
