//! Creates a repository, or finds that it is there.

use anyhow::Context;
use clap::Args;
use reqwest::StatusCode;
use serde_json::{Map, Value};

use super::RepositoryName;
use crate::admin::api;
use crate::client::{CallError, Client};
use crate::output::hint;

/// What a new repository may be given.
#[derive(Debug, Default, Args)]
pub struct Attributes {
    /// Description [default: none].
    #[arg(long)]
    pub description: Option<String>,
    /// Default branch [default: the server's choice, or the source's when importing].
    #[arg(long, value_name = "BRANCH")]
    pub default_branch: Option<String>,
    /// Hash by which git names its objects, for good: sha1 or sha256 [default: sha1, or the source's when importing].
    #[arg(long, value_name = "FORMAT", value_parser = ["sha1", "sha256"])]
    pub object_format: Option<String>,
    /// Let anonymous users read it, without a password [default: false].
    #[arg(long)]
    pub public: bool,
}

/// A repository that does not exist yet.
pub struct NewRepository<'a> {
    /// Its name, of which the server makes the slug.
    pub name: &'a str,
    /// The rest.
    pub attributes: &'a Attributes,
}

impl NewRepository<'_> {
    /// Creates it in a project, and gives what the server says about it.
    pub async fn create(&self, client: &Client, project: &str) -> Result<Value, CallError> {
        let path = api::path(&api::CORE, &["projects", project, "repos"]);
        client.post(&path).body(self.body()).send().await
    }

    fn body(&self) -> Value {
        let mut body = Map::from_iter([
            ("name".to_owned(), self.name.into()),
            ("scmId".to_owned(), "git".into()),
            ("public".to_owned(), self.attributes.public.into()),
        ]);
        let optional = [
            ("description", &self.attributes.description),
            ("defaultBranch", &self.attributes.default_branch),
            ("objectFormat", &self.attributes.object_format),
        ];
        for (field, value) in optional {
            if let Some(value) = value {
                body.insert(field.to_owned(), value.as_str().into());
            }
        }
        Value::Object(body)
    }
}

/// A repository that was there, or is there now.
pub struct Ensured {
    /// What the server says about it.
    pub description: Value,
    /// Whether it was created just now, so that it may be taken back.
    pub is_new: bool,
}

/// The repository of that name in a project, created if there is none.
pub async fn create_if_missing(
    client: &Client,
    project: &str,
    new: &NewRepository<'_>,
) -> anyhow::Result<Ensured> {
    match new.create(client, project).await {
        Err(error) if error.status() == Some(StatusCode::CONFLICT) => {}
        outcome => return Ok(Ensured { description: outcome?, is_new: true }),
    }
    let path = api::path(&api::CORE, &["projects", project, "repos"]);
    let repositories = client.get(&path).all().await?;
    let same = |repository: &&Value| {
        let name = repository.get("name").and_then(Value::as_str).unwrap_or_default();
        let slug = repository.get("slug").and_then(Value::as_str).unwrap_or_default();
        name.eq_ignore_ascii_case(new.name) || slug.eq_ignore_ascii_case(new.name)
    };
    let description = repositories.iter().find(same).cloned().with_context(|| {
        format!("{project} has a repository that is in the way of {:?}, but does not show it", new.name)
    })?;
    Ok(Ensured { description, is_new: false })
}

/// Takes back a repository that was created for something which has failed.
pub async fn take_back(client: &Client, repository: &RepositoryName) {
    if let Err(error) = client.delete(&repository.path()).send().await {
        hint(&format!("The new repository {repository} could not be deleted again: {error}"));
    }
}
