//! `heliostat repository`: create, import, follow, look at, adopt, restore, purge, warm and delete repositories.

mod adopt;
mod create;
mod follow;
mod import;
mod purge;
mod repository_name;
mod restore;
mod warm;

use std::str::FromStr;

use clap::Subcommand;

use super::{Confirmation, UpstreamConnection, api};
use crate::output::Column;

pub use create::{Attributes, NewRepository, create_if_missing};
pub use import::{clone_url, name_in_upstream, push_all, set_default_branch};
pub use repository_name::RepositoryName;

/// What can be done with repositories. A repository is named as in PROJ/slug.
#[derive(Debug, Subcommand)]
pub enum RepositoryCommand {
    /// Create an empty repository.
    #[command(
        after_help = "Examples:\n  heliostat repository create PRJ/site\n  heliostat repository create PRJ/site --default-branch main --public"
    )]
    Create {
        /// Where, as in PROJ/name.
        #[arg(value_name = "PROJ/NAME", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        #[command(flatten)]
        attributes: Attributes,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Copy all branches and tags of a repository into the upstream; the repository is created if it is missing.
    Import(import::ImportCommand),
    /// Keep a repository of the upstream equal to one on another Git server, from which pushes come from then on; it is
    /// created if it is missing.
    Follow(follow::FollowCommand),
    /// Show what a repository follows, and how that goes.
    #[command(
        after_help = "Examples:\n  heliostat repository following\n  heliostat repository following PRJ/tool"
    )]
    Following {
        /// Which, as in PROJ/slug [default: list all that follow something].
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: Option<RepositoryName>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Look now whether there is something new where a repository comes from, and wait until it is here.
    #[command(after_help = "Examples:\n  heliostat repository follow-now PRJ/tool")]
    FollowNow {
        /// Which, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Let a repository follow nothing any more: what is in it stays, and it takes pushes again.
    #[command(after_help = "Examples:\n  heliostat repository unfollow PRJ/tool")]
    Unfollow {
        /// Which, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Take over a repository that is on the upstream's disk without a record, as after a restore of an older database;
    /// without arguments, list them and the recorded ones that are not served.
    Adopt(adopt::AdoptCommand),
    /// Bring back what a mirror has of a repository that is missing or damaged at the upstream.
    Restore(restore::RestoreCommand),
    /// Remove at once everything that no branch or tag leads to, at the upstream and on every mirror: how a secret is taken
    /// out of a repository, after the branches and tags that lead to it were deleted or moved.
    Purge(purge::PurgeCommand),
    /// Have a mirror compute what builds are about to ask for, so that the first of them is answered as fast as the others.
    Warm(warm::WarmCommand),
    /// List the repositories that one may read.
    #[command(
        after_help = "Examples:\n  heliostat repository list\n  heliostat repository list --project PRJ"
    )]
    List {
        /// Only those of this project [default: all].
        #[arg(long, value_name = "KEY")]
        project: Option<String>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Show a repository.
    #[command(after_help = "Examples:\n  heliostat repository show PRJ/site")]
    Show {
        /// Which, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Delete a repository with everything in it, here and on every mirror; it asks first.
    #[command(
        after_help = "Examples:\n  heliostat repository delete PRJ/site\n  heliostat repository delete PRJ/site --yes"
    )]
    Delete {
        /// Which, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
}

const COLUMNS: [Column; 6] = [
    Column::text("PROJECT", "/project/key"),
    Column::text("SLUG", "/slug"),
    Column::text("ID", "/id"),
    Column::text("STATE", "/state"),
    Column::text("PUBLIC", "/public"),
    Column::text("NAME", "/name"),
];

const FIELDS: [Column; 9] = [
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[2],
    COLUMNS[3],
    COLUMNS[4],
    COLUMNS[5],
    Column::text("DESCRIPTION", "/description"),
    Column::text("DEFAULT BRANCH", "/defaultBranch"),
    Column::text("CLONE URL", "/links/clone/0/href"),
];

/// Runs one of them.
pub async fn run(command: RepositoryCommand) -> anyhow::Result<()> {
    match command {
        RepositoryCommand::Create { repository, attributes, connection } => {
            let session = connection.open().await?;
            let new = NewRepository { name: &repository.slug, attributes: &attributes };
            let created = new.create(&session.client, &repository.project).await?;
            session.output.show(&created, &FIELDS);
        }
        RepositoryCommand::Import(command) => import::run(command).await?,
        RepositoryCommand::Follow(command) => follow::run(command).await?,
        RepositoryCommand::Following { repository, connection } => {
            follow::show(repository.as_ref(), connection).await?;
        }
        RepositoryCommand::FollowNow { repository, connection } => {
            follow::look_now(&repository, connection).await?;
        }
        RepositoryCommand::Unfollow { repository, connection } => {
            follow::stop(&repository, connection).await?;
        }
        RepositoryCommand::Adopt(command) => adopt::run(command).await?,
        RepositoryCommand::Restore(command) => restore::run(command).await?,
        RepositoryCommand::Purge(command) => purge::run(command).await?,
        RepositoryCommand::Warm(command) => warm::run(command).await?,
        RepositoryCommand::List { project, connection } => {
            let session = connection.open().await?;
            let path = match &project {
                Some(key) => api::path(&api::CORE, &["projects", key, "repos"]),
                None => api::path(&api::CORE, &["repos"]),
            };
            session.output.list(&session.client.get(&path).all().await?, &COLUMNS);
        }
        RepositoryCommand::Show { repository, connection } => {
            let session = connection.open().await?;
            session.output.show(&session.client.get(&repository.path()).send().await?, &FIELDS);
        }
        RepositoryCommand::Delete { repository, confirmation, connection } => {
            let session = connection.open().await?;
            if !confirmation.is_given() {
                let branches = api::path(&repository.path(), &["branches"]);
                let branches = session.client.get(&branches).all().await?.len();
                let loss = format!(
                    "This deletes {repository} with its branches ({branches}), tags, permissions and webhooks, and mirrors \
                     stop serving it."
                );
                confirmation.ask(&loss).await?;
            }
            session.client.delete(&repository.path()).send().await?;
            session.output.done(&format!("Deleted the repository {repository}."));
        }
    }
    Ok(())
}
