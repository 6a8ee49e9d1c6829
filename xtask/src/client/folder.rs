//! The folder that a client goes to. Only what an earlier run put there is ever taken away.
//!
//! A list of the files lies among them; so users may keep their own beside (`node_modules`, say), and no folder
//! is lost to a slip of the keyboard.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

/// The list of files.
const LIST: &str = ".heliostat-client";
/// The first line of the list.
const HEADLINE: &str = "# Made by `cargo xtask client`, which makes these files anew when it is run again:";

/// A folder that may be filled.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    ours: BTreeSet<PathBuf>,
}

impl Folder {
    /// Refuses a folder with other people's files in it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut ours = BTreeSet::new();
        match fs::read_to_string(path.join(LIST)) {
            Ok(list) => ours.extend(list.lines().filter(|line| !line.starts_with('#')).map(PathBuf::from)),
            Err(_) if is_empty(path)? => {}
            Err(_) => bail!(
                "{} is not empty and no client was made there: name a new folder with --out, or empty this one",
                path.display()
            ),
        }
        if let Some(foreign) = ours.iter().find(|file| !is_below(file)) {
            bail!("{} names {}, which lies elsewhere: remove the folder", LIST, foreign.display());
        }
        Ok(Folder { path: path.to_owned(), ours })
    }

    /// Puts everything from another folder here, in place of what an earlier run put here; returns how many files.
    pub fn fill(&self, from: &Path) -> anyhow::Result<usize> {
        for file in &self.ours {
            let path = self.path.join(file);
            if path.is_file() {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        let files = files_below(from)?;
        for file in &files {
            let target = self.path.join(file);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
            }
            fs::copy(from.join(file), &target)
                .with_context(|| format!("cannot write {}", target.display()))?;
        }
        let lines = files.iter().map(|file| format!("{}\n", file.display()));
        let list: String = std::iter::once(format!("{HEADLINE}\n")).chain(lines).collect();
        fs::write(self.path.join(LIST), list)?;
        Ok(files.len())
    }
}

fn is_empty(path: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("cannot read the folder {}", path.display())),
    }
}

fn is_below(file: &Path) -> bool {
    file.components().all(|component| matches!(component, Component::Normal(_)))
}

fn files_below(root: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.strip_prefix(root)?.to_owned());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("has one")).expect("a folder can be made");
            fs::write(path, content).expect("a file can be written");
        }
        folder
    }

    #[test]
    fn a_folder_of_other_origin_is_refused_and_stays_as_it_is() {
        let folder = folder_with(&[("thesis.txt", "years of work")]);
        let error = Folder::open(folder.path()).expect_err("is not ours").to_string();
        assert!(error.contains("is not empty") && error.contains("--out"), "{error}");
        assert!(folder.path().join("thesis.txt").is_file());
    }

    #[test]
    fn a_second_run_replaces_the_first_and_nothing_else() {
        let home = tempfile::tempdir().expect("a folder can be made");
        let out = home.path().join("new/client");
        let first = folder_with(&[("src/kept.ts", "1"), ("src/dropped.ts", "1")]);
        assert_eq!(Folder::open(&out).expect("is not there").fill(first.path()).expect("is filled"), 2);
        fs::write(out.join("own.txt"), "mine").expect("a file can be written");
        let second = folder_with(&[("src/kept.ts", "2")]);
        assert_eq!(Folder::open(&out).expect("is ours").fill(second.path()).expect("is filled"), 1);
        assert_eq!(fs::read_to_string(out.join("src/kept.ts")).expect("is there"), "2");
        assert!(!out.join("src/dropped.ts").exists());
        assert!(out.join("own.txt").is_file());
    }

    #[test]
    fn a_list_that_leads_out_of_the_folder_is_refused() {
        for file in ["../thesis.txt", "/etc/passwd"] {
            let folder = folder_with(&[(LIST, &format!("{HEADLINE}\n{file}\n"))]);
            let error = Folder::open(folder.path()).expect_err("leads out").to_string();
            assert!(error.contains(file), "{error}");
        }
    }
}
