//! `heliostat repository import`: copies a repository into an upstream, by REST and by a push over HTTP.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use heliostat_git::{Git, SecretHeader};
use serde_json::{Value, json};
use url::Url;

use super::create::{Attributes, NewRepository, create_if_missing, take_back};
use super::{FIELDS, RepositoryName};
use crate::admin::{Session, UpstreamConnection};
use crate::client::Client;
use crate::client::credentials::{Authorization, SourceAccount};
use crate::exit_code::{RefusalKind, Refused};
use crate::local_git::{self, SourceCredentials, SourceRepository};
use crate::output::{OutputFormat, Progress};
use crate::role::lifecycle::StopSignal;

/// What is copied, and to where.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  heliostat repository import /srv/checkout --project PRJ --name site\n  heliostat repository import https://example.com/some/tool.git --project PRJ\n  heliostat repository import https://example.com/some/private.git \\\n      --project PRJ --source-user ann --source-password-file ann.token"
)]
pub struct ImportCommand {
    /// Directory or bundle of a repository, or its URL.
    #[arg(value_name = "PATH_OR_URL")]
    source: String,
    /// Project into which it goes.
    #[arg(long, value_name = "KEY")]
    project: String,
    /// Name in the project [default: the last part of the path or URL].
    #[arg(long)]
    name: Option<String>,
    /// Make a repository that has branches already equal to the source; what only it has is lost
    /// [default: refuse].
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    account: SourceAccount,
    /// Folder in which what is fetched from a URL stays, so that the next import fetches only what is new
    /// [default: a temporary one].
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    attributes: Attributes,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    git: PathBuf,
    #[command(flatten)]
    connection: UpstreamConnection,
}

/// Creates the repository if it is missing, and pushes everything that the source has. What was created goes again if that
/// fails.
pub async fn run(command: ImportCommand) -> anyhow::Result<()> {
    let Some(name) = command.name.or_else(|| local_git::name_of(&command.source)) else {
        bail!("{:?} does not say what the copy should be called; use --name", command.source);
    };
    let git = Git::discover(&command.git).await?;
    let credentials = SourceCredentials::new(command.account.name_and_password().await?);
    let session = command.connection.open().await?;
    let cache = command.cache.as_deref();
    let source =
        SourceRepository::from_path_or_url(&git, &command.source, &credentials, cache, session.output)
            .await?;
    let is_empty = source.is_empty(&git).await?;

    let mut attributes = command.attributes;
    let format = source.object_format(&git).await?;
    if let Some(asked) = attributes.object_format.replace(format.clone())
        && asked != format
    {
        bail!(
            "the objects of {:?} are named by {format}, and not by {asked}; a copy cannot change that",
            command.source
        );
    }
    if is_empty && attributes.default_branch.is_none() {
        // Nothing that is pushed will say which branch the first commit is meant for.
        attributes.default_branch = source.head(&git).await;
    }
    let new = NewRepository { name: &name, attributes: &attributes };
    // From here on something may have to be taken back.
    let mut stop = StopSignal::listen()?;
    let ensured = create_if_missing(&session.client, &command.project, &new).await?;
    let repository = name_in_upstream(&ensured.description)?;
    if !ensured.is_new && !command.overwrite && has_branches(&session.client, &repository).await? {
        let taken =
            format!("{repository} has branches already; use --overwrite to replace them, or another --name");
        return Err(Refused::new(RefusalKind::InTheWay, taken).into());
    }
    let wanted = attributes.default_branch.filter(|_| !is_empty).map(|branch| {
        match branch.starts_with("refs/heads/") {
            true => branch,
            false => format!("refs/heads/{branch}"),
        }
    });
    let default_branch = match wanted {
        Some(branch) => Some(branch),
        None => source.default_branch(&git).await,
    };
    let copying = copy(&git, &source, &session, &repository, default_branch.as_deref(), command.overwrite);
    let copied = tokio::select! {
        copied = copying => copied,
        () = stop.received() => Err(anyhow::anyhow!("stopped")),
    };
    if copied.is_err() && ensured.is_new {
        take_back(&session.client, &repository).await;
    }
    copied?;
    session.output.show(&session.client.get(&repository.path()).send().await?, &FIELDS);
    Ok(())
}

/// Makes a repository of the upstream the same as the source.
async fn copy(
    git: &Git,
    source: &SourceRepository,
    session: &Session,
    repository: &RepositoryName,
    default_branch: Option<&str>,
    overwrite: bool,
) -> anyhow::Result<()> {
    let push = || push_all(git, source, &session.client, repository, session.authorization(), session.output);
    let mut pushed = push().await;
    if overwrite
        && pushed.is_err()
        && let Some(branch) = default_branch
        && set_default_branch(&session.client, repository, branch).await.is_ok()
    {
        // Only now may the default branch before go, if the source does not have it.
        pushed = push().await;
    }
    pushed.context("cannot copy it to the upstream")?;
    if let Some(branch) = default_branch {
        set_default_branch(&session.client, repository, branch).await?;
    }
    Ok(())
}

/// Pushes all branches and tags of the source, showing progress as fits the form of the output.
pub async fn push_all(
    git: &Git,
    source: &SourceRepository,
    upstream: &Client,
    repository: &RepositoryName,
    authorization: &Authorization,
    output: OutputFormat,
) -> anyhow::Result<()> {
    let url = clone_url(upstream.base_url(), repository);
    let secret = SecretHeader::new(authorization.header_text())?;
    let progress = Progress::start(output, &format!("Pushing to {repository}"));
    heliostat_git::push_mirror(git, source.path(), url.as_str(), Some(&secret), |line| {
        progress.git_line(line);
    })
    .await?;
    progress.finish(&format!("Pushed to {repository}"));
    Ok(())
}

async fn has_branches(client: &Client, repository: &RepositoryName) -> anyhow::Result<bool> {
    let mut path = repository.path();
    path.push("branches");
    let page = client.get(&path).query("limit", "1").send().await?;
    Ok(page.get("values").and_then(Value::as_array).is_some_and(|branches| !branches.is_empty()))
}

/// Makes a branch, given by its full name, the default one.
pub async fn set_default_branch(
    client: &Client,
    repository: &RepositoryName,
    branch: &str,
) -> anyhow::Result<()> {
    let mut path = repository.path();
    path.push("default-branch");
    client.put(&path).body(json!({ "id": branch })).send().await.context("cannot set the default branch")?;
    Ok(())
}

/// Where git finds a repository of the server at `base_url`: at the address by which we reach it, which may differ
/// from the one that the server tells to others.
pub fn clone_url(base_url: &Url, repository: &RepositoryName) -> Url {
    let mut url = base_url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        let slug = format!("{}.git", repository.slug);
        path.pop_if_empty().extend(["scm", &repository.project.to_lowercase(), &slug]);
    }
    url
}

/// Key and slug of a repository as the server has them.
pub fn name_in_upstream(repository: &Value) -> anyhow::Result<RepositoryName> {
    let text = |pointer| repository.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    match (text("/project/key"), text("/slug")) {
        (Some(project), Some(slug)) => Ok(RepositoryName { project, slug }),
        _ => bail!("the upstream does not say which repository it has created"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clone_urls_honour_the_context_path() {
        let repository = "PROJ/site".parse().expect("two parts");
        let base_url = Url::parse("https://host/git/").expect("a URL");
        assert_eq!(clone_url(&base_url, &repository).as_str(), "https://host/git/scm/proj/site.git");
    }
}
