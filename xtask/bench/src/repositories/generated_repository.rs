//! Repositories with the shape of real ones, the same on every machine: `git fast-import` streams.
//!
//! A project begins with a tree of files. Each commit edits a few of them, now and then it adds or deletes one,
//! merges a short-lived branch, or is tagged. Contents are text, so that packs, deltas and trees look like those of
//! source code. The large repository takes minutes to make and is kept below the target folder.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::repositories::git::{Git, PACKING_TIMEOUT};
use crate::repositories::source_text::{Dice, Words};
use crate::scratch;

/// Raised whenever the streams change, so that kept repositories are made anew.
const GENERATION: u32 = 1;
/// The first commit's date, in seconds; each later commit is ten minutes younger.
const FIRST_COMMIT_AT: u64 = 1_600_000_000;
const SECONDS_BETWEEN_COMMITS: u64 = 600;
const AUTHORS: usize = 40;
/// Below this many files nothing is deleted.
const FEWEST_FILES: usize = 4;

/// How large a repository is.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Commits on the main branch.
    pub commits: usize,
    /// Files of the first commit.
    pub files: usize,
    /// Lines of the longest new file.
    pub longest_file_lines: usize,
    /// Of a hundred commits, so many add a file.
    pub percent_adding: usize,
    /// Commits between two tags or release branches.
    pub commits_per_tag: usize,
}

/// About 75 MB packed: the size of a build tool with ten years of history.
pub const LARGE: Shape = Shape {
    commits: 23_000,
    files: 1_500,
    longest_file_lines: 3_200,
    percent_adding: 45,
    commits_per_tag: 110,
};

/// About 300 MB packed: the size of git's own repository.
pub const HUGE: Shape = Shape {
    commits: 80_000,
    files: 4_000,
    longest_file_lines: 3_200,
    percent_adding: 50,
    commits_per_tag: 110,
};

/// About 8 MB packed, a tenth of it in the newest tree: what comes over a narrow line within seconds.
pub const TOOL: Shape =
    Shape { commits: 4_000, files: 120, longest_file_lines: 900, percent_adding: 10, commits_per_tag: 80 };

/// A few kilobytes: what most repositories of an organisation are.
pub const SMALL: Shape =
    Shape { commits: 6, files: 5, longest_file_lines: 60, percent_adding: 30, commits_per_tag: 2 };

/// The large repository, bare and packed as a well-kept server has it; made at the first call.
pub fn kept(git: &Git, shape: Shape, folder: &Path) -> anyhow::Result<PathBuf> {
    let Shape { commits, files, longest_file_lines, percent_adding, commits_per_tag } = shape;
    let name =
        format!("g{GENERATION}-{commits}-{files}-{longest_file_lines}-{percent_adding}-{commits_per_tag}");
    let path = folder.join(format!("{name}.git"));
    if path.join("HEAD").is_file() {
        return Ok(path);
    }
    eprintln!("   making the repository {} (once, takes minutes)", path.display());
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // A run that is broken off leaves no half repository under the final name.
    let unfinished = scratch::folder_in(folder, "unfinished")?;
    let git = git.within(PACKING_TIMEOUT);
    let bare = unfinished.path().join("repository.git");
    git.init_bare(&bare)?;
    git.fast_import(&bare, |out| {
        Project::new(&Words::new(), shape, 1).write(&mut BufWriter::new(out), "refs")
    })?;
    git.run(&bare, &["repack", "-a", "-d", "-F", "-q", "--write-bitmap-index"])?;
    git.run(&bare, &["commit-graph", "write", "--reachable", "--changed-paths", "--no-progress"])?;
    fs::rename(&bare, &path)?;
    Ok(path)
}

/// A repository of about 2 MB: a tool of one person, with a history.
pub fn small_one(git: &Git, path: &Path) -> anyhow::Result<()> {
    git.init_bare(path)?;
    let shape =
        Shape { commits: 1_000, files: 60, longest_file_lines: 900, percent_adding: 12, commits_per_tag: 20 };
    git.fast_import(path, |out| {
        Project::new(&Words::new(), shape, 2).write(&mut BufWriter::new(out), "refs")
    })?;
    git.run(path, &["repack", "-a", "-d", "-F", "-q"])?;
    Ok(())
}

/// Where the refs of the numbered small repository are.
pub fn namespace(number: usize) -> String {
    format!("refs/bench/{number}")
}

/// Many small repositories in one, each below its own [`namespace`]: pushed from there, they need no folder of
/// their own.
pub fn small_ones(git: &Git, count: usize, path: &Path) -> anyhow::Result<()> {
    git.init_bare(path)?;
    let words = Words::new();
    git.fast_import(path, |out| {
        let mut out = BufWriter::new(out);
        for number in 0..count {
            Project::new(&words, SMALL, 1_000 + number as u64).write(&mut out, &namespace(number))?;
        }
        out.flush()
    })
}

struct File {
    path: String,
    lines: Vec<String>,
}

/// A simulated project while its history is written.
struct Project<'w> {
    words: &'w Words,
    dice: Dice,
    shape: Shape,
    files: Vec<File>,
    /// Files that there ever were, for unique paths.
    files_ever: usize,
    commits: u64,
}

impl<'w> Project<'w> {
    fn new(words: &'w Words, shape: Shape, seed: u64) -> Self {
        Project { words, dice: Dice::new(seed), shape, files: Vec::new(), files_ever: 0, commits: 0 }
    }

    /// Writes the whole history; refs begin with the prefix.
    fn write(&mut self, out: &mut impl Write, prefix: &str) -> io::Result<()> {
        let main = format!("{prefix}/heads/main");
        self.begin_commit(out, &main)?;
        for _ in 0..self.shape.files {
            self.add_file(out)?;
        }
        for number in 1..self.shape.commits {
            if number % 9 == 0 {
                self.merge_of_a_topic(out, prefix, &main)?;
            } else {
                self.begin_commit(out, &main)?;
                self.change_files(out)?;
            }
            if number % self.shape.commits_per_tag == 0 {
                self.release(out, prefix, &main, number / self.shape.commits_per_tag)?;
            }
        }
        out.flush()
    }

    fn begin_commit(&mut self, out: &mut impl Write, reference: &str) -> io::Result<()> {
        let date = FIRST_COMMIT_AT + self.commits * SECONDS_BETWEEN_COMMITS;
        self.commits += 1;
        let author = self.dice.mostly_low(0, AUTHORS - 1);
        let mut message = self.words.line(&mut self.dice).trim().to_owned();
        for _ in 0..self.dice.mostly_low(0, 8) {
            message.push_str("\n\n");
            (0..12).for_each(|_| {
                message.push_str(self.words.pick(&mut self.dice));
                message.push(' ');
            });
        }
        writeln!(out, "commit {reference}")?;
        for role in ["author", "committer"] {
            writeln!(out, "{role} Author {author} <author{author}@example.com> {date} +0000")?;
        }
        writeln!(out, "data {}\n{message}", message.len())
    }

    fn change_files(&mut self, out: &mut impl Write) -> io::Result<()> {
        for _ in 0..self.dice.mostly_low(1, 9) {
            let index = self.dice.below(self.files.len());
            self.edit(index);
            write_file(out, &self.files[index])?;
        }
        if self.dice.percent(self.shape.percent_adding) {
            self.add_file(out)?;
        }
        if self.dice.percent(4) && self.files.len() > FEWEST_FILES {
            let index = self.dice.below(self.files.len());
            let gone = self.files.swap_remove(index);
            writeln!(out, "D {}", gone.path)?;
        }
        Ok(())
    }

    fn edit(&mut self, index: usize) {
        for _ in 0..self.dice.mostly_low(1, 5) {
            let lines = &mut self.files[index].lines;
            let at = self.dice.below(lines.len());
            let replaced = self.dice.mostly_low(0, 4).min(lines.len() - at);
            let new = (0..self.dice.mostly_low(1, 6)).map(|_| self.words.line(&mut self.dice));
            lines.splice(at..at + replaced, new.collect::<Vec<_>>());
        }
    }

    fn add_file(&mut self, out: &mut impl Write) -> io::Result<()> {
        let path = self.words.path(&mut self.dice, self.files_ever);
        self.files_ever += 1;
        let length = self.dice.mostly_low(10, self.shape.longest_file_lines);
        let lines = (0..length).map(|_| self.words.line(&mut self.dice)).collect();
        self.files.push(File { path, lines });
        write_file(out, self.files.last().expect("it was pushed just now"))
    }

    /// A commit on a branch of its own, and the merge of it, as a forge makes them.
    fn merge_of_a_topic(&mut self, out: &mut impl Write, prefix: &str, main: &str) -> io::Result<()> {
        let topic = format!("{prefix}/heads/topic");
        let index = self.dice.below(self.files.len());
        self.edit(index);
        writeln!(out, "reset {topic}\nfrom {main}\n")?;
        self.begin_commit(out, &topic)?;
        write_file(out, &self.files[index])?;
        self.begin_commit(out, main)?;
        writeln!(out, "merge {topic}")?;
        write_file(out, &self.files[index])
    }

    /// Every second release is a branch, the others are annotated tags.
    fn release(&mut self, out: &mut impl Write, prefix: &str, main: &str, number: usize) -> io::Result<()> {
        if number.is_multiple_of(2) {
            return writeln!(out, "reset {prefix}/heads/release/{number}\nfrom {main}\n");
        }
        let message = format!("Release {number}");
        let date = FIRST_COMMIT_AT + self.commits * SECONDS_BETWEEN_COMMITS;
        // A tag lands below refs/tags whatever the prefix, so that a prefixed history has branches only.
        if prefix != "refs" {
            return writeln!(out, "reset {prefix}/heads/tagged/{number}\nfrom {main}\n");
        }
        writeln!(out, "tag v0.{number}.0\nfrom {main}")?;
        writeln!(out, "tagger Release <release@example.com> {date} +0000")?;
        writeln!(out, "data {}\n{message}", message.len())
    }
}

fn write_file(out: &mut impl Write, file: &File) -> io::Result<()> {
    let length: usize = file.lines.iter().map(String::len).sum();
    writeln!(out, "M 100644 inline {}\ndata {length}", file.path)?;
    for line in &file.lines {
        out.write_all(line.as_bytes())?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: Shape =
        Shape { commits: 40, files: 12, longest_file_lines: 30, percent_adding: 30, commits_per_tag: 10 };

    #[test]
    fn a_kept_repository_is_whole_and_always_the_same() {
        let git = Git::without_credentials();
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder can be made"));
        let refs = folders.each_ref().map(|folder| {
            let path = kept(&git, TINY, folder.path()).expect("it can be made");
            git.check_connectivity(&path).expect("it is whole");
            let commits = git.run(&path, &["rev-list", "--count", "main"]).expect("it has commits");
            assert_eq!(commits, "44");
            git.refs(&path).expect("it has refs")
        });
        assert_eq!(refs[0], refs[1]);
        for name in ["refs/heads/main", "refs/heads/release/2", "refs/heads/topic", "refs/tags/v0.1.0"] {
            assert!(refs[0].contains_key(name), "{name} is missing in {:?}", refs[0]);
        }
        let again = kept(&git, TINY, folders[0].path()).expect("it is there");
        assert_eq!(git.refs(&again).expect("it has refs"), refs[0]);
    }

    #[test]
    fn small_ones_have_three_branches_each() {
        let git = Git::without_credentials();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("many.git");
        small_ones(&git, 3, &path).expect("they can be made");
        let refs = git.refs(&path).expect("it has refs");
        assert_eq!(refs.len(), 9, "{refs:?}");
        assert_ne!(refs["refs/bench/0/heads/main"], refs["refs/bench/1/heads/main"]);
        git.check_connectivity(&path).expect("they are whole");
    }
}
