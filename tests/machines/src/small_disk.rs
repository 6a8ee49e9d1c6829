//! A disk of a few megabytes, in memory, that a test can fill.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A mounted disk. Servers on it must have ended before it is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// An empty one of this size; `None`, and a line that says so, where this user may mount nothing.
    pub fn new(mebibytes: u32) -> Option<Self> {
        let folder =
            tempfile::Builder::new().prefix("heliostat-disk-").tempdir().expect("a folder can be made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(folder.path());
        let output = mount.output().expect("mount can be run");
        if !output.status.success() {
            eprintln!("skipped: no disk can be mounted here: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(Self { folder })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.path()).status().expect("umount can be run");
    }
}
