//! Folders that are written by a backup or a restore: empty before, on the disk afterwards.

use std::io;
use std::path::Path;

use anyhow::{Context, bail};
use heliostat_git::{entries, make_folder_durably};

/// Makes a folder, or takes one that is empty.
pub fn take_empty(folder: &Path, option: &str) -> anyhow::Result<()> {
    let cannot_use = || format!("cannot use {}", folder.display());
    make_folder_durably(folder).with_context(cannot_use)?;
    if entries(folder).with_context(cannot_use)?.next().is_some() {
        bail!("{} is not empty: nothing is written over; choose another {option}", folder.display());
    }
    Ok(())
}

/// Copies files and folders, so that `into` afterwards holds all that `from` does. The caller brings it to the disk.
pub fn copy_tree(from: &Path, into: &Path) -> io::Result<()> {
    make_folder_durably(into)?;
    for entry in entries(from)? {
        let entry = entry?;
        let target = into.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_empty_folder_is_taken_and_a_copy_has_everything() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (from, into) = (folder.path().join("from"), folder.path().join("into/deep"));
        take_empty(&from, "DIR").expect("made");
        take_empty(&from, "DIR").expect("empty still");
        std::fs::create_dir(from.join("a")).expect("a folder");
        std::fs::write(from.join("a/file"), "text").expect("written");
        let refused = take_empty(&from, "DIR").expect_err("not empty");
        assert!(refused.to_string().ends_with("choose another DIR"), "{refused}");
        copy_tree(&from, &into).expect("copied");
        assert_eq!(std::fs::read_to_string(into.join("a/file")).expect("there"), "text");
    }
}
