//! JGit, the git of Java programs: Debian's package, because no package registry of ours carries one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::debian;

/// Where Debian keeps Java libraries.
const FOLDER: &str = "/usr/share/java";

/// The program and what it needs. Debian's own start script leaves some of them out, and so the list stands here.
const LIBRARIES: [&str; 17] = [
    "org.eclipse.jgit.pgm",
    "org.eclipse.jgit",
    "org.eclipse.jgit.lfs",
    "org.eclipse.jgit.archive",
    "org.eclipse.jgit.http.apache",
    "org.eclipse.jgit.ui",
    "args4j",
    "commons-compress",
    "httpclient",
    "httpcore",
    "commons-logging",
    "commons-codec",
    "javaewah",
    "jsch",
    "slf4j-api",
    "slf4j-nop",
    "gson",
];

/// The class path of the program.
pub fn find_or_install() -> anyhow::Result<OsString> {
    if !missing().is_empty() {
        debian::install("jgit-cli")?;
    }
    if let Some(library) = missing().first() {
        bail!("the package jgit-cli was installed, but {} is not there", library.display());
    }
    Ok(std::env::join_paths(libraries()).expect("no name of a library has a colon"))
}

fn missing() -> Vec<PathBuf> {
    libraries().filter(|library| !library.is_file()).collect()
}

fn libraries() -> impl Iterator<Item = PathBuf> {
    LIBRARIES.iter().map(|name| Path::new(FOLDER).join(format!("{name}.jar")))
}
