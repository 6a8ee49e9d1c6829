//! An empty bare repository, as `git init` makes one: it is a few small files, and many are made at once.

use std::fs;
use std::io;
use std::path::Path;

use heliostat_git_wire::{ObjectFormat, RefName};

/// The folders that `git` expects, besides those above them.
const FOLDERS: [&str; 4] = ["objects/info", "objects/pack", "refs/heads", "refs/tags"];

/// What a repository is configured to be.
const CONFIG_SHA1: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/// Other names of objects are an extension, which only a newer version of the format may have.
const CONFIG_SHA256: &str = "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n\tbare = true\n\
                             [extensions]\n\tobjectformat = sha256\n";

/// Makes one whose `HEAD` names this branch. Blocks.
pub(super) fn init_bare(path: &Path, head: &RefName, format: ObjectFormat) -> io::Result<()> {
    for folder in FOLDERS {
        fs::create_dir_all(path.join(folder))?;
    }
    let config = match format {
        ObjectFormat::Sha1 => CONFIG_SHA1,
        ObjectFormat::Sha256 => CONFIG_SHA256,
    };
    fs::write(path.join("config"), config)?;
    fs::write(path.join("HEAD"), format!("ref: {head}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::files_below;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn it_is_what_git_makes() {
        let workshop = Workshop::new().await;
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            let (ours, of_git) =
                (workshop.path(&format!("ours-{format}")), workshop.path(&format!("git-{format}")));
            init_bare(&ours, &RefName::branch("a/trunk").expect("valid"), format).expect("made");
            let init =
                workshop.git.command("make a repository").args(["init", "--quiet", "--bare", "--template="]);
            let init = init.arg(format!("--object-format={format}")).arg("--initial-branch=a/trunk");
            init.arg("--").arg(&of_git).run().await.expect("made");
            let names: Vec<_> = files_below(of_git.clone())
                .map(|file| file.expect("readable").path().strip_prefix(&of_git).expect("below").to_owned())
                .collect();
            assert_eq!(names.len(), 2, "{names:?}");
            for name in names {
                let read = |folder: &Path| fs::read_to_string(folder.join(&name)).expect("readable");
                assert_eq!(read(&ours), read(&of_git), "{}", name.display());
            }
            for folder in FOLDERS {
                assert!(of_git.join(folder).is_dir() && ours.join(folder).is_dir(), "{folder}");
            }
        }
    }
}
