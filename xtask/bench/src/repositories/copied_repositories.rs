//! Very many repositories in a moment: copies of one in the data of an upstream that does not run, each with a number and
//! a name of its own. Making them over REST would take minutes for what is not measured.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::process;
use crate::repositories::git::text;
use crate::side_by_side::side_by_side;

/// The program that changes the database.
const SQLITE: &str = "sqlite3";
const DATABASE: &str = "heliostat.db";
const REPOSITORIES: &str = "repositories";
/// The file in which a repository says which one it is.
const IDENTITY: &str = "heliostat-identity";
/// Repositories lie in so many folders, by their number.
const FOLDERS: usize = 256;
/// The number of the repository that is copied: the first that was made.
const ORIGINAL: usize = 1;
const COPIED_AT_ONCE: usize = 4;
/// How long the database may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Adds copies of the one repository that is there until there are so many.
pub fn multiply(data: &Path, count: usize) -> anyhow::Result<()> {
    eprintln!("   making {count} repositories of one");
    let original = place(data, ORIGINAL);
    ensure!(original.is_dir(), "{} is not there", original.display());
    side_by_side(COPIED_AT_ONCE, count.saturating_sub(ORIGINAL), |number| {
        let number = ORIGINAL + 1 + number;
        let copy = place(data, number);
        copy_folder(&original, &copy)?;
        Ok(fs::write(copy.join(IDENTITY), identity(number))?)
    })?;
    let mut script = String::from("BEGIN;\nCREATE TEMP TABLE one AS SELECT * FROM repository;\n");
    for number in ORIGINAL + 1..=count {
        let identity = identity(number);
        writeln!(
            script,
            "UPDATE one SET id = {number}, slug = 'copy-{number}', name = 'copy-{number}', \
             name_lower = 'copy-{number}', identity = '{identity}';\nINSERT INTO repository SELECT * FROM one;"
        )?;
    }
    script.push_str("COMMIT;\n");
    let file = data.join("copies.sql");
    fs::write(&file, script)?;
    let mut command = process::command(SQLITE);
    command.arg("-bail").arg(data.join(DATABASE)).arg(format!(".read {}", text(&file)?));
    process::succeed(&mut command, TIMEOUT)
        .with_context(|| format!("{SQLITE} makes the records; install the program"))?;
    Ok(fs::remove_file(file)?)
}

fn identity(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

fn place(data: &Path, number: usize) -> PathBuf {
    data.join(REPOSITORIES).join(format!("{:02x}", number % FOLDERS)).join(format!("{number}.git"))
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &copy)?;
        } else {
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_copied_with_what_is_below_it() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (from, to) = (folder.path().join("from"), folder.path().join("to/copy"));
        fs::create_dir_all(from.join("objects/pack")).expect("it can be made");
        fs::write(from.join("HEAD"), "ref: refs/heads/main\n").expect("it can be written");
        copy_folder(&from, &to).expect("it is copied");
        assert!(to.join("objects/pack").is_dir());
        assert_eq!(fs::read_to_string(to.join("HEAD")).expect("it is there"), "ref: refs/heads/main\n");
    }
}
