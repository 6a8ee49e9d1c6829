//! The folder of bare repositories that all peers serve: each kept as a careful administrator keeps it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::process::{self, LOOK_UP_TIMEOUT};
use crate::repositories::git::{Git, text};
use crate::scratch;

/// The folder.
#[derive(Debug)]
pub struct ServedFolder {
    folder: TempDir,
    /// Where git has its own programs, `git-http-backend` among them.
    pub exec_path: PathBuf,
}

impl ServedFolder {
    /// An empty one.
    pub fn new() -> anyhow::Result<Self> {
        let folder = scratch::folder("served")?;
        // Apache reads it as another user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let configuration = "[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n";
        fs::write(folder.path().join("gitconfig"), configuration)?;
        fs::create_dir(folder.path().join("repositories"))?;
        let exec_path = Git::without_credentials().run(Path::new("/"), &["--exec-path"])?.into();
        Ok(ServedFolder { folder, exec_path })
    }

    /// An empty one that takes pushes, with everything on the disk before they are acknowledged.
    pub fn for_durable_pushes() -> anyhow::Result<Self> {
        let served = Self::new()?;
        let settings = "[http]\n\treceivepack = true\n[core]\n\tfsync = objects,derived-metadata,reference\n";
        let configuration = fs::read_to_string(served.gitconfig())? + settings;
        fs::write(served.gitconfig(), configuration)?;
        Ok(served)
    }

    /// The folder with the repositories.
    pub fn repositories(&self) -> PathBuf {
        self.folder.path().join("repositories")
    }

    /// The configuration that the servers' git reads.
    pub fn gitconfig(&self) -> PathBuf {
        self.folder.path().join("gitconfig")
    }

    /// The folder of one.
    pub fn path(&self, slug: &str) -> PathBuf {
        self.repositories().join(format!("{slug}.git"))
    }

    /// Adds an empty repository that everybody may write to: Apache works as another user.
    pub fn add_empty(&self, slug: &str) -> anyhow::Result<()> {
        let path = self.path(slug);
        Git::without_credentials().init_bare(&path)?;
        process::succeed(process::command("chmod").args(["-R", "a+rwX"]).arg(&path), LOOK_UP_TIMEOUT)?;
        Ok(())
    }

    /// Adds a copy of a repository: one pack with a bitmap, a commit graph and a multi-pack index.
    pub fn add(&self, slug: &str, source: &Path) -> anyhow::Result<()> {
        let git = Git::without_credentials();
        let path = self.path(slug);
        git.run(Path::new("/"), &["clone", "--quiet", "--bare", "--no-local", text(source)?, text(&path)?])?;
        git.run(&path, &["repack", "-a", "-d", "-b", "-q"])?;
        git.run(&path, &["commit-graph", "write", "--reachable", "--changed-paths", "--no-progress"])?;
        git.run(&path, &["multi-pack-index", "write", "--no-progress"])?;
        git.run(&path, &["pack-refs", "--all"])?;
        git.run(&path, &["config", "uploadpack.allowFilter", "true"])?;
        git.run(&path, &["config", "receive.autogc", "false"])?;
        Ok(())
    }
}
