//! A browser: Debian's package, because no package registry carries one.

use std::path::PathBuf;

use anyhow::Context;

use crate::debian;

const PROGRAMS: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// The browser's program.
pub fn find_or_install() -> anyhow::Result<PathBuf> {
    if let Some(program) = find() {
        return Ok(program);
    }
    debian::install("chromium")?;
    find().context("the package chromium was installed, but its program is not where Debian keeps it")
}

fn find() -> Option<PathBuf> {
    PROGRAMS.iter().map(PathBuf::from).find(|program| program.is_file())
}
