//! The repository that the demonstration imports: one that is here, or a small one made for it.

use std::path::Path;

use anyhow::{Context, bail};
use heliostat_git::Git;

use crate::local_git::{self, SourceRepository, UserGit};

/// What the example holds, commit by commit.
const COMMITS: [(&str, &str, &str); 3] = [
    ("README.md", "# Example\n\nA repository to follow.\n", "Add a read-me"),
    ("mirror.txt", "A heliostat is a mirror that follows its source.\n", "Say what a heliostat is"),
    ("source.txt", "The source moves all day.\n", "Say what it follows"),
];

/// The repository of the demonstration.
pub struct Chosen {
    /// Where it is.
    pub source: SourceRepository,
    /// The name that it gets.
    pub name: String,
    /// Why it is not the checkout around the current directory, if that was looked for.
    pub instead_of_checkout: Option<String>,
}

/// The wanted repository, else the checkout around the current directory, else an example made in `scratch`.
pub async fn choose(git: &Git, wanted: Option<&Path>, scratch: &Path) -> anyhow::Result<Chosen> {
    if let Some(path) = wanted {
        let source = SourceRepository::at(git, path).await?;
        // The mirror is shown to follow by a commit on top of those that there are.
        if source.is_empty(git).await? {
            bail!("{} has no commits: make one, or name another --repository", source.origin());
        }
        return Ok(Chosen { source, name: name_of(path), instead_of_checkout: None });
    }
    let reason = match checkout_here(git).await {
        Ok((source, name)) => return Ok(Chosen { source, name, instead_of_checkout: None }),
        Err(reason) => format!("{reason:#}"),
    };
    let path = make(git, scratch).await.context("cannot make the example repository")?;
    let source = SourceRepository::at(git, &path).await?;
    Ok(Chosen { source, name: "example".to_owned(), instead_of_checkout: Some(reason) })
}

async fn checkout_here(git: &Git) -> anyhow::Result<(SourceRepository, String)> {
    let here = std::env::current_dir().context("the current directory is gone")?;
    let user_git = UserGit::of(git);
    let inside = user_git.run(&here, &["rev-parse", "--show-toplevel"]).await;
    let top = inside.map_err(|_| anyhow::anyhow!("the current directory is in no git checkout"))?;
    let top = Path::new(&top);
    let commits = user_git.run(top, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).await;
    commits.map_err(|_| anyhow::anyhow!("the checkout in {} has no commits", top.display()))?;
    Ok((SourceRepository::at(git, top).await?, name_of(top)))
}

fn name_of(path: &Path) -> String {
    let name = path.to_str().and_then(local_git::name_of).unwrap_or_default();
    // What the server takes in names; anything else becomes a dash.
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }
    };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "repository".to_owned() } else { name.to_owned() }
}

async fn make(git: &Git, scratch: &Path) -> anyhow::Result<std::path::PathBuf> {
    let path = scratch.join("example");
    std::fs::create_dir_all(&path)?;
    let git = UserGit::for_loopback(git);
    git.run(&path, &["init", "--quiet", "--initial-branch=main"]).await?;
    git.run(&path, &["config", "user.name", "Heliostat"]).await?;
    git.run(&path, &["config", "user.email", "demo@heliostat.invalid"]).await?;
    git.run(&path, &["config", "commit.gpgSign", "false"]).await?;
    for (file, content, message) in COMMITS {
        std::fs::write(path.join(file), content)?;
        git.run(&path, &["add", "--", file]).await?;
        git.run(&path, &["commit", "--quiet", "--message", message]).await?;
    }
    git.run(&path, &["branch", "feature/sunrise", "HEAD~1"]).await?;
    git.run(&path, &["tag", "v1.0"]).await?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_example_is_a_whole_repository() {
        let git = Git::discover(Path::new("git")).await.expect("git is installed");
        let scratch = tempfile::tempdir().expect("the temporary directory is writable");
        let path = make(&git, scratch.path()).await.expect("git works");
        let source = SourceRepository::at(&git, &path).await.expect("it is a repository");
        assert_eq!(source.default_branch(&git).await.as_deref(), Some("refs/heads/main"));
        let named = choose(&git, Some(&path), scratch.path()).await.expect("it was named");
        assert_eq!(
            (named.source.origin(), named.name.as_str()),
            (path.to_str().unwrap_or_default(), "example")
        );
        assert!(choose(&git, Some(Path::new("/nonexistent")), scratch.path()).await.is_err());
    }

    #[tokio::test]
    async fn a_repository_without_commits_is_refused() {
        let git = Git::discover(Path::new("git")).await.expect("git is installed");
        let scratch = tempfile::tempdir().expect("the temporary directory is writable");
        UserGit::for_loopback(&git).run(scratch.path(), &["init", "--quiet"]).await.expect("git works");
        let Err(error) = choose(&git, Some(scratch.path()), scratch.path()).await else {
            panic!("there is nothing to show");
        };
        let error = error.to_string();
        assert!(error.contains("has no commits") && error.contains("--repository"), "{error}");
    }

    #[test]
    fn names_suit_the_server() {
        assert_eq!(name_of(Path::new("/nowhere/my site!")), "my-site");
        assert_eq!(name_of(Path::new("/nowhere/site.git")), "site");
        assert_eq!(name_of(Path::new("/")), "repository");
    }
}
