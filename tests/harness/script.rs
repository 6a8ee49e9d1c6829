//! Scripts that stand in the place of programs.

use std::path::Path;
use std::process::Command;

/// Writes a script that can be started at once.
///
/// By a process of its own: what another test is starting at this moment would hold a file that this process has open to
/// write, and the kernel starts no such file.
pub fn make_script(place: &Path, text: &str) {
    let write = ["-c", "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"", "sh"];
    let status = Command::new("sh").args(write).arg(place).arg(text).status().expect("sh can be run");
    assert!(status.success(), "{} is not written", place.display());
}
