//! Creates a repository, or finds that it is there.

use anyhow::Context;
use clap::Args;
use reqwest::StatusCode;
use serde_json::{Map, Value};

use crate::admin::api;
use crate::client::{CallError, Client};

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

/// The repository of that name in a project, created if there is none.
pub async fn create_if_missing(
    client: &Client,
    project: &str,
    new: &NewRepository<'_>,
) -> anyhow::Result<Value> {
    match new.create(client, project).await {
        Err(error) if error.status() == Some(StatusCode::CONFLICT) => {}
        outcome => return Ok(outcome?),
    }
    let path = api::path(&api::CORE, &["projects", project, "repos"]);
    let repositories = client.get(&path).all().await?;
    let same = |repository: &&Value| {
        let name = repository.get("name").and_then(Value::as_str).unwrap_or_default();
        let slug = repository.get("slug").and_then(Value::as_str).unwrap_or_default();
        name.eq_ignore_ascii_case(new.name) || slug.eq_ignore_ascii_case(new.name)
    };
    let found = repositories.iter().find(same).cloned();
    found.with_context(|| {
        format!("{project} has a repository that is in the way of {:?}, but does not show it", new.name)
    })
}
