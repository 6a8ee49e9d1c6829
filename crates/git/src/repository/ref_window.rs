//! A few references of a repository that has very many, for a process that would look at each of them.
//!
//! Before `git fetch` asks for anything, it looks up what every reference here names, and does it once more to make sure
//! that what has come is whole: with 200,000 references that takes half a second, whatever has changed. Through a
//! window it works on the same objects and sees only some references.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::sync::Arc;

use heliostat_git_wire::ObjectId;
use tempfile::TempDir;

use crate::disk::blocking;
use crate::process::GitCommand;
use crate::repository::Repository;

/// With more references than this, `git` is shown only some of them where that is enough: it would look up what each of
/// them names.
pub(crate) const MANY_REFS: usize = 4_000;

/// A folder that git takes for a repository whose only references are some of another one. It is removed when it is
/// dropped.
#[derive(Debug)]
pub(crate) struct RefWindow {
    folder: TempDir,
    objects: OsString,
}

impl Repository {
    /// A window on what these objects lead to; references name all of them. Not for a repository in which commits lack
    /// their parents: that is written down beside its references.
    pub(crate) async fn ref_window(&self, tips: &BTreeSet<ObjectId>) -> io::Result<Arc<RefWindow>> {
        let (path, mut packed) = (self.path().to_owned(), String::new());
        for (number, tip) in tips.iter().enumerate() {
            writeln!(packed, "{tip} refs/tips/{number:08}").expect("a text takes everything");
        }
        blocking(move || {
            let path = std::path::absolute(path)?;
            let folder = tempfile::Builder::new().prefix("heliostat-refs-").tempdir()?;
            fs::create_dir(folder.path().join("refs"))?;
            fs::copy(path.join("config"), folder.path().join("config"))?;
            fs::write(folder.path().join("HEAD"), "ref: refs/heads/none\n")?;
            fs::write(folder.path().join("packed-refs"), packed)?;
            Ok(Arc::new(RefWindow { folder, objects: path.join("objects").into_os_string() }))
        })
        .await
    }

    /// An invocation that may write objects and sees only the references of the window.
    pub(crate) fn command_through(&self, window: &Arc<RefWindow>, operation: &'static str) -> GitCommand {
        let command = self.git().command(operation).repository(window.folder.path());
        let command = command.env("GIT_OBJECT_DIRECTORY", &window.objects);
        command.holding(self.writer()).holding(Arc::clone(window))
    }
}
