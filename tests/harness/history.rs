//! Histories of any size in one `git fast-import`: fixed names, a commit a day, nothing that depends on the clock.

use std::fmt::Write;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use url::Url;

use super::git::{git, git_command};

/// Midnight of the first day, 2026-01-01, in seconds since 1970.
const FIRST_DAY_SECONDS: u64 = 1_767_225_600;
const DAY_SECONDS: u64 = 86_400;
const PERSON: &str = "Ada <ada@example.com>";

/// What is to be imported, commit by commit.
#[derive(Debug, Default)]
pub struct History {
    script: String,
    marks: u64,
}

/// A commit of a history that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

impl History {
    /// A commit on a reference, so many days after the first; its files are added to those of its first parent.
    pub fn commit(&mut self, reference: &str, day: u64, parents: &[Mark], files: &[(&str, &str)]) -> Mark {
        self.marks += 1;
        let seconds = FIRST_DAY_SECONDS + day * DAY_SECONDS;
        let message = format!("{reference}, day {day}");
        // Without this the tip that the reference had so far would become the first parent.
        self.line(&format!("reset {reference}\n"));
        self.line(&format!("commit {reference}\nmark :{}", self.marks));
        self.line(&format!("author {PERSON} {seconds} +0000\ncommitter {PERSON} {seconds} +0000"));
        self.data(&message);
        for (position, parent) in parents.iter().enumerate() {
            self.line(&format!("{} :{}", if position == 0 { "from" } else { "merge" }, parent.0));
        }
        for (path, content) in files {
            self.line(&format!("M 100644 inline {path}"));
            self.data(content);
        }
        Mark(self.marks)
    }

    /// So many commits one after the other, each changing one of a few files; returns the last.
    pub fn line_of_commits(
        &mut self,
        reference: &str,
        days: std::ops::Range<u64>,
        parent: Option<Mark>,
    ) -> Mark {
        let mut last = parent;
        for day in days {
            let (path, content) = (format!("src/part-{}/file.txt", day % 5), format!("{reference} {day}\n"));
            last = Some(self.commit(reference, day, last.as_slice(), &[(&path, &content)]));
        }
        last.expect("there is a commit")
    }

    /// A reference to a commit.
    pub fn reference(&mut self, name: &str, target: Mark) {
        self.line(&format!("reset {name}\nfrom :{}\n", target.0));
    }

    /// An annotated tag of a commit.
    pub fn annotated_tag(&mut self, name: &str, target: Mark) {
        let seconds = FIRST_DAY_SECONDS;
        self.line(&format!("tag {name}\nfrom :{}\ntagger {PERSON} {seconds} +0000", target.0));
        self.data(&format!("release {name}"));
    }

    /// Writes it into an existing repository.
    pub fn import_into(&self, folder: &Path) {
        let program = std::env::var_os("HELIOSTAT_TEST_GIT").unwrap_or_else(|| "git".into());
        let mut command = git_command(&program, folder);
        command.args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped());
        let mut import = command.spawn().expect("git can be run");
        import.stdin.take().expect("is a pipe").write_all(self.script.as_bytes()).expect("git reads");
        assert!(import.wait().expect("git ends").success(), "git fast-import failed");
    }

    /// Writes it into a new bare repository.
    pub fn import(&self) -> Source {
        self.import_with_format("sha1")
    }

    /// Writes it into a new bare repository whose objects are named by this hash.
    pub fn import_with_format(&self, format: &str) -> Source {
        let folder = tempfile::tempdir().expect("a folder can be made");
        git(folder.path(), &["init", "--quiet", "--bare", &format!("--object-format={format}")]);
        self.import_into(folder.path());
        Source { folder }
    }

    fn line(&mut self, line: &str) {
        self.script.push_str(line);
        self.script.push('\n');
    }

    fn data(&mut self, text: &str) {
        writeln!(self.script, "data {}\n{text}", text.len()).expect("text can be added to");
    }
}

/// A bare repository from which an upstream is filled.
#[derive(Debug)]
pub struct Source {
    folder: TempDir,
}

impl Source {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The object that a revision names.
    #[track_caller]
    pub fn id(&self, revision: &str) -> String {
        git(self.path(), &["rev-parse", "--verify", revision])
    }

    /// Its references, one per line, as `git for-each-ref` writes them.
    pub fn references(&self) -> String {
        git(self.path(), &["for-each-ref", "--format=%(objectname) %(refname)"])
    }

    /// Pushes all references, removing others.
    #[track_caller]
    pub fn push_to(&self, url: &Url) {
        git(self.path(), &["push", "--quiet", "--mirror", url.as_str()]);
    }
}
