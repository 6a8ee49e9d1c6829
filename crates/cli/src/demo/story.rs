//! What the demonstration shows, in the order in which it happens.

use std::path::Path;

use anyhow::Context;
use heliostat_git::Git;
use heliostat_server::LogLevel;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{DemoOptions, Roles, check, example_repository, follow_push, join, say, stage, synchronisation};
use crate::admin::project;
use crate::admin::repository::{
    Attributes, NewRepository, RepositoryName, clone_url, create_if_missing, name_in_upstream, push_all,
    set_default_branch,
};
use crate::client::Client;
use crate::local_git::{SourceRepository, UserGit};
use crate::output::{OutputFormat, line};

/// Key of the project; public, so that the clone command that is printed needs no password.
const PROJECT: &str = "DEMO";

/// Tells the story. Without `--check` it has no end of its own.
pub async fn tell(
    options: &DemoOptions,
    data: &Path,
    roles: &mut Roles,
    log_level: LogLevel,
) -> anyhow::Result<()> {
    let git = Git::discover(&options.git).await?;
    let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
    let chosen = example_repository::choose(&git, options.repository.as_deref(), scratch.path()).await?;
    if let Some(reason) = &chosen.instead_of_checkout {
        say(options, &format!("Importing a small example, because {reason}"));
    }

    let ports = stage::Ports::from(options.port);
    let upstream = stage::start_upstream(data, &options.git, ports, roles, log_level.clone()).await?;
    say(options, &format!("Upstream is up at {}", shown(&upstream.admin)));
    let repository = import(&git, &chosen.source, &chosen.name, &upstream).await?;
    say(options, &format!("Imported {} as {repository}", chosen.source.origin()));

    let upstream_url = upstream.admin.base_url();
    let mirror_url = stage::start_mirror(data, &options.git, ports, upstream_url, roles, log_level).await?;
    let mirror = Client::new(mirror_url, Some(&upstream.authorization));
    say(options, &format!("Mirror is up at {}", shown(&mirror)));
    join::accept_mirror(&upstream.admin, stage::MIRROR_NAME).await?;
    say(options, "The mirror asked to join, and was accepted");

    synchronisation::show(&upstream.admin, &mirror, &repository).await?;
    say(options, &format!("The mirror holds {repository}"));

    let push = follow_push::FollowedPush {
        git: UserGit::for_loopback(&git),
        upstream: &upstream,
        mirror: &mirror,
        repository: &repository,
    };
    say(options, &push.run(scratch.path()).await?);

    let mirror_clone_url = clone_url(mirror.base_url(), &repository);
    if options.check {
        let upstream_clone_url = clone_url(upstream.admin.base_url(), &repository);
        let told = check::compare(
            &UserGit::for_loopback(&git),
            &upstream_clone_url,
            &mirror_clone_url,
            scratch.path(),
        )
        .await?;
        line(&told);
        return Ok(());
    }
    if options.json {
        line(&ready(&upstream, &mirror, &repository).to_string());
        return std::future::pending().await;
    }
    line(&summary(&upstream, &mirror, mirror_clone_url.as_str()));
    std::future::pending().await
}

async fn import(
    git: &Git,
    source: &SourceRepository,
    name: &str,
    upstream: &stage::Upstream,
) -> anyhow::Result<RepositoryName> {
    let admin = &upstream.admin;
    let project = project::creation(PROJECT, Some("Demonstration"), None, true);
    match admin.post(&["rest", "api", "latest", "projects"]).body(project).send().await {
        Ok(_) => {}
        // It is there when the data directory is used again.
        Err(error) if error.status() == Some(StatusCode::CONFLICT) => {}
        Err(error) => return Err(error).context("cannot create the project"),
    }
    let attributes = Attributes { public: true, ..Attributes::default() };
    let created = create_if_missing(admin, PROJECT, &NewRepository { name, attributes: &attributes }).await?;
    let repository = name_in_upstream(&created.description)?;
    push_all(git, source, admin, &repository, &upstream.authorization, OutputFormat::Table).await?;
    if let Some(branch) = source.default_branch(git).await {
        set_default_branch(admin, &repository, &branch).await?;
    }
    Ok(repository)
}

/// What a program needs to go on.
fn ready(upstream: &stage::Upstream, mirror: &Client, repository: &RepositoryName) -> Value {
    let at = |server: &Client| clone_url(server.base_url(), repository).to_string();
    json!({
        "upstream": { "url": shown(&upstream.admin), "cloneUrl": at(&upstream.admin) },
        "mirror": { "url": shown(mirror), "name": stage::MIRROR_NAME, "cloneUrl": at(mirror) },
        "repository": repository.to_string(),
        "user": "admin",
        "password": upstream.password,
    })
}

fn summary(upstream: &stage::Upstream, mirror: &Client, mirror_clone_url: &str) -> String {
    let (at_upstream, at_mirror) = (shown(&upstream.admin), shown(mirror));
    let password = &upstream.password_place;
    format!(
        "
Clone from the mirror; the project is public, so no password is needed:
  git clone {mirror_clone_url}

             upstream                             mirror
  console    {:<36} {at_mirror}/
  API        {:<36} {at_mirror}/swagger-ui/

  user admin, password in {password}

Ctrl-C ends the demonstration.",
        format!("{at_upstream}/"),
        format!("{at_upstream}/swagger-ui/"),
    )
}

fn shown(client: &Client) -> &str {
    client.base_url().as_str().trim_end_matches('/')
}
