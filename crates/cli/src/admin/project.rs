//! `heliostat project`: the groups that repositories live in.

use clap::Subcommand;
use serde_json::{Map, Value};

use super::{UpstreamConnection, api};
use crate::output::Column;

/// What can be done with projects.
#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Create a project.
    #[command(
        after_help = "Examples:\n  heliostat project create PRJ\n  heliostat project create PRJ --name 'My project' --public"
    )]
    Create {
        /// Key, as in PROJ: a letter, then letters, digits and underscores.
        key: String,
        /// Name [default: the key].
        #[arg(long)]
        name: Option<String>,
        /// Description [default: none].
        #[arg(long)]
        description: Option<String>,
        /// Let anonymous users read it, without a password [default: false].
        #[arg(long)]
        public: bool,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// List the projects that one may see.
    #[command(after_help = "Examples:\n  heliostat project list\n  heliostat project list --name web")]
    List {
        /// Only those whose name contains this [default: all].
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Show a project.
    #[command(after_help = "Examples:\n  heliostat project show PRJ")]
    Show {
        /// Key.
        key: String,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Delete a project that has no repositories.
    #[command(after_help = "Examples:\n  heliostat project delete PRJ")]
    Delete {
        /// Key.
        key: String,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
}

const COLUMNS: [Column; 5] = [
    Column::text("KEY", "/key"),
    Column::text("ID", "/id"),
    Column::text("NAME", "/name"),
    Column::text("PUBLIC", "/public"),
    Column::text("DESCRIPTION", "/description"),
];

/// Runs one of them.
pub async fn run(command: ProjectCommand) -> anyhow::Result<()> {
    match command {
        ProjectCommand::Create { key, name, description, public, connection } => {
            let session = connection.open().await?;
            let body = creation(&key, name.as_deref(), description.as_deref(), public);
            let project =
                session.client.post(&api::path(&api::CORE, &["projects"])).body(body).send().await?;
            session.output.show(&project, &COLUMNS);
        }
        ProjectCommand::List { name, connection } => {
            let session = connection.open().await?;
            let mut call = session.client.get(&api::path(&api::CORE, &["projects"]));
            if let Some(name) = name {
                call = call.query("name", &name);
            }
            session.output.list(&call.all().await?, &COLUMNS);
        }
        ProjectCommand::Show { key, connection } => {
            let session = connection.open().await?;
            let project = session.client.get(&api::path(&api::CORE, &["projects", &key])).send().await?;
            session.output.show(&project, &COLUMNS);
        }
        ProjectCommand::Delete { key, connection } => {
            let session = connection.open().await?;
            session.client.delete(&api::path(&api::CORE, &["projects", &key])).send().await?;
            session.output.done(&format!("Deleted the project {key}."));
        }
    }
    Ok(())
}

/// The body that creates a project.
pub fn creation(key: &str, name: Option<&str>, description: Option<&str>, public: bool) -> Value {
    let mut body = Map::from_iter([
        ("key".to_owned(), key.into()),
        ("name".to_owned(), name.unwrap_or(key).into()),
        ("public".to_owned(), public.into()),
    ]);
    if let Some(description) = description {
        body.insert("description".to_owned(), description.into());
    }
    Value::Object(body)
}
