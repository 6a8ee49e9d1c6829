//! A repository that is about to be copied: found on disk, or fetched from a URL first.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use heliostat_git::Git;
use tempfile::TempDir;
use url::Url;

use super::source_credentials::SourceCredentials;
use super::user_git::UserGit;
use crate::exit_code::NoSuchThing;
use crate::output::{OutputFormat, Progress};

/// A repository on this machine that holds exactly what is to be copied.
pub struct SourceRepository {
    path: PathBuf,
    /// Where it came from, as a person would say it.
    origin: String,
    /// Present when it was made for the copy; gone with this value.
    _temporary: Option<TempDir>,
}

impl SourceRepository {
    /// Takes a directory, a bundle or a URL. A path that exists wins, whatever it looks like. What is fetched stays in the cache
    /// if there is one, and is fetched again only if it is new.
    pub async fn from_path_or_url(
        git: &Git,
        source: &str,
        credentials: &SourceCredentials,
        cache: Option<&Path>,
        output: OutputFormat,
    ) -> anyhow::Result<Self> {
        let path = Path::new(source);
        if path.is_dir() {
            return Self::at(git, path).await;
        }
        // A file is a bundle, or nothing that git can read.
        if !path.is_file() && !looks_like_url(source) {
            let missing = format!("{source:?} is neither a directory here nor the URL of a repository");
            return Err(NoSuchThing(missing).into());
        }
        if holds_a_password(source) {
            bail!(
                "the URL holds a password, which everybody on this machine can read in the list of processes; use --source-user \
                 and --source-password-file, or a credential helper of git"
            );
        }
        let (temporary, path) = match cache {
            Some(cache) => (None, cache.to_owned()),
            None => {
                let directory = temporary_directory()?;
                let path = directory.path().join("source.git");
                (Some(directory), path)
            }
        };
        let progress = Progress::start(output, "Fetching the source");
        let is_there = path.is_dir();
        if is_there && !path.join("HEAD").is_file() {
            bail!("{} is there and is no cache of an earlier import; name another --cache", path.display());
        }
        let user_git = UserGit::of(git);
        let fetched = credentials.try_with(&user_git, source, async |access| {
            let on_progress = |line: &str| progress.git_line(line);
            match is_there {
                true => heliostat_git::fetch_mirror(git, source, &path, access, on_progress).await,
                false => heliostat_git::clone_mirror(git, source, &path, access, on_progress).await,
            }
        });
        let fetched = fetched.await.map_err(|error| credentials.in_words(error));
        fetched.context("the source cannot be fetched")?;
        progress.finish("Fetched the source");
        Ok(Self { path, origin: source.to_owned(), _temporary: temporary })
    }

    /// Takes the repository at a path, and says why it cannot be copied if so.
    pub async fn at(git: &Git, path: &Path) -> anyhow::Result<Self> {
        let origin = path.display().to_string();
        let Some(git_dir) = git.git_dir_of(path).await else {
            return Err(NoSuchThing(format!("{origin} is not a git repository")).into());
        };
        let user_git = UserGit::of(git);
        let unreadable = || unreadable(&origin);
        // A push of a shallow repository is refused by the server, with a message that does not help.
        if user_git.run_on(&git_dir, &["rev-parse", "--is-shallow-repository"]).await? == "true" {
            bail!("{origin} is a shallow clone; complete it by: git fetch --unshallow");
        }
        if lacks_what_it_left_elsewhere(&user_git, &git_dir).await.with_context(unreadable)? {
            bail!(
                "{origin} is a partial clone and lacks objects; import the repository that it was cloned from, or \
                 complete it by: git fetch --refetch --no-filter"
            );
        }
        if user_git.run_on(&git_dir, &["rev-parse", "--is-bare-repository"]).await? == "true" {
            return Ok(Self { path: path.to_owned(), origin, _temporary: None });
        }
        let directory = temporary_directory()?;
        let path = branches_and_tags(&user_git, path, directory.path()).await.with_context(unreadable)?;
        Ok(Self { path, origin, _temporary: Some(directory) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it came from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The hash by which its objects are named, as git calls it.
    pub async fn object_format(&self, git: &Git) -> anyhow::Result<String> {
        UserGit::of(git).run_on(&self.path, &["rev-parse", "--show-object-format"]).await
    }

    /// Whether it has neither branches nor tags.
    pub async fn is_empty(&self, git: &Git) -> anyhow::Result<bool> {
        let references = UserGit::of(git).run_on(&self.path, &["for-each-ref", "--count=1"]).await;
        Ok(references.with_context(|| unreadable(&self.origin))?.is_empty())
    }

    /// Its current branch as a full name, whether or not that has a commit.
    pub async fn head(&self, git: &Git) -> Option<String> {
        let git = UserGit::of(git);
        let head = git.run_on(&self.path, &["symbolic-ref", "--quiet", "HEAD"]).await;
        head.ok().filter(|name| !name.is_empty())
    }

    /// Its current branch as a full name, if that has a commit.
    pub async fn default_branch(&self, git: &Git) -> Option<String> {
        UserGit::of(git)
            .run_on(&self.path, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
            .await
            .ok()?;
        self.head(git).await
    }
}

/// Whether its references need objects that git would fetch when it wants them.
async fn lacks_what_it_left_elsewhere(git: &UserGit, git_dir: &Path) -> anyhow::Result<bool> {
    // Git fails when no setting has such a name.
    if git.run_on(git_dir, &["config", "--get-regexp", r"^remote\..*\.promisor$"]).await.is_err() {
        return Ok(false);
    }
    let missing = ["rev-list", "--objects", "--all", "--quiet", "--missing=print"];
    Ok(!git.run_on(git_dir, &missing).await?.is_empty())
}

/// A bare repository with the branches and tags of a checkout, which also has references that are its own
/// business: remote branches, stashes. It borrows the checkout's objects, so it is made in no time.
async fn branches_and_tags(git: &UserGit, checkout: &Path, directory: &Path) -> anyhow::Result<PathBuf> {
    let checkout = checkout.canonicalize().with_context(|| format!("cannot use {}", checkout.display()))?;
    let from = checkout.to_str().context("the path of the repository is not UTF-8")?;
    git.run(directory, &["clone", "--quiet", "--bare", "--shared", "--", from, "source.git"]).await?;
    let path = directory.join("source.git");
    let branches = git.run_on(&path, &["for-each-ref", "--count=1", "refs/heads/"]).await?;
    let has_commit = git.run_on(&path, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).await.is_ok();
    // Automation checks out commits and leaves no branch behind.
    if branches.is_empty() && has_commit {
        git.run_on(&path, &["update-ref", "refs/heads/main", "HEAD"]).await?;
        git.run_on(&path, &["symbolic-ref", "HEAD", "refs/heads/main"]).await?;
    }
    Ok(path)
}

fn unreadable(origin: &str) -> String {
    format!("{origin} cannot be read; `git fsck` in it tells more")
}

fn temporary_directory() -> anyhow::Result<TempDir> {
    tempfile::tempdir().context("cannot make a temporary directory")
}

/// The last part of a path or URL, without `.git`: what a copy is called if nothing else is said.
pub fn name_of(source: &str) -> Option<String> {
    let canonical = Path::new(source).canonicalize().ok();
    let text = canonical.as_deref().and_then(Path::to_str).unwrap_or(source);
    let text = text.trim_end_matches('/').trim_end_matches("/.git");
    let last = text.rsplit(['/', ':']).next()?;
    let name = last.strip_suffix(".git").unwrap_or(last);
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// Whether a URL holds a password, as in `https://user:password@host/x.git`.
fn holds_a_password(source: &str) -> bool {
    Url::parse(source).is_ok_and(|url| url.password().is_some())
}

/// `https://host/x.git`, or `host:x.git` as ssh has it.
fn looks_like_url(source: &str) -> bool {
    let host = source.split_once(':').map(|(host, _)| host);
    source.contains("://") || host.is_some_and(|host| !host.is_empty() && !host.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_called_like_its_source() {
        for source in [
            "https://host/team/site.git",
            "git@host:team/site.git",
            "host:site",
            "/nowhere/site/",
            "/nowhere/site/.git",
        ] {
            assert_eq!(name_of(source).as_deref(), Some("site"), "{source}");
        }
        assert_eq!(name_of(""), None);
    }

    #[tokio::test]
    async fn a_repository_that_lacks_what_its_branches_lead_to_is_named() {
        let git = Git::discover(Path::new("git")).await.expect("git is installed");
        let directory = temporary_directory().expect("the temporary directory is writable");
        let user_git = UserGit::for_loopback(&git);
        user_git.run(directory.path(), &["init", "--quiet", "--bare"]).await.expect("git works");
        std::fs::write(directory.path().join("refs/heads/main"), "12".repeat(20)).expect("is writable");
        let source = SourceRepository::at(&git, directory.path()).await.expect("it is a repository");
        let error = format!("{:#}", source.is_empty(&git).await.expect_err("its commit is missing"));
        assert!(error.contains(source.origin()) && error.contains("git fsck"), "{error}");
    }

    #[tokio::test]
    async fn a_checkout_gives_its_branches_and_tags_only() {
        let git = Git::discover(Path::new("git")).await.expect("git is installed");
        let directory = temporary_directory().expect("the temporary directory is writable");
        let user_git = UserGit::for_loopback(&git);
        let run =
            async |arguments: &[&str]| user_git.run(directory.path(), arguments).await.expect("git works");
        run(&["init", "--quiet", "--initial-branch=trunk"]).await;
        let identity = ["-c", "user.name=A", "-c", "user.email=a@b.invalid"];
        run(&[&identity[..], &["commit", "--quiet", "--allow-empty", "--message=one"]].concat()).await;
        run(&["update-ref", "refs/remotes/origin/other", "HEAD"]).await;
        run(&["tag", "v1"]).await;

        let refs = async |source: &SourceRepository| {
            user_git.run_on(source.path(), &["for-each-ref", "--format=%(refname)"]).await.expect("readable")
        };
        let source = SourceRepository::at(&git, directory.path()).await.expect("a checkout");
        assert_eq!(refs(&source).await, "refs/heads/trunk\nrefs/tags/v1");
        assert_eq!(source.default_branch(&git).await.as_deref(), Some("refs/heads/trunk"));

        run(&["checkout", "--quiet", "--detach"]).await;
        run(&["branch", "--quiet", "-D", "trunk"]).await;
        let detached = SourceRepository::at(&git, directory.path()).await.expect("a checkout");
        assert_eq!(refs(&detached).await, "refs/heads/main\nrefs/tags/v1");
        assert_eq!(detached.default_branch(&git).await.as_deref(), Some("refs/heads/main"));
    }

    #[test]
    fn passwords_in_urls_are_seen() {
        assert!(holds_a_password("https://ann:secret@host/x.git"));
        for source in ["https://ann@host/x.git", "ssh://git@host:22/x", "git@host:x.git", "/srv/a:b@c"] {
            assert!(!holds_a_password(source), "{source}");
        }
    }

    #[test]
    fn urls_are_told_from_paths() {
        for url in ["https://host/x", "ssh://git@host/x", "git@host:x.git", "file:///x"] {
            assert!(looks_like_url(url), "{url}");
        }
        for path in ["site", "./site", "/srv/a:b", ""] {
            assert!(!looks_like_url(path), "{path}");
        }
    }
}
