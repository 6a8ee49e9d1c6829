//! `heliostat user`: who may call an upstream.

use std::path::PathBuf;

use clap::Subcommand;
use heliostat_server::reset_password;
use serde_json::json;

use super::{Confirmation, UpstreamConnection, api, named_resource};
use crate::client::credentials;
use crate::output::{Column, line};

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create a user; the password comes from --new-password-file, else HELIOSTAT_NEW_PASSWORD, else it is asked for.
    #[command(
        after_help = "Examples:\n  heliostat user create ann --email ann@example.com\n  heliostat user create ann --new-password-file ann.password"
    )]
    Create {
        /// Name to log in with.
        name: String,
        /// Name shown to people [default: the name].
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        /// Mail address [default: none].
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// File that holds the new user's password, - for standard input [default: none].
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// List users.
    #[command(after_help = "Examples:\n  heliostat user list\n  heliostat user list --filter ann")]
    List {
        /// Only those whose name or mail address contains this [default: all].
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Delete a user with the user's permissions and tokens; it asks first.
    #[command(after_help = "Examples:\n  heliostat user delete ann\n  heliostat user delete ann --yes")]
    Delete {
        /// Name.
        name: String,
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Give a user a new password, found as by create.
    #[command(
        after_help = "Examples:\n  heliostat user password ann\n  heliostat user password ann --new-password-file ann.password"
    )]
    Password {
        /// Name.
        name: String,
        /// File that holds the new password, - for standard input [default: none].
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Give a user a new password in the data directory of an upstream that is stopped: the way back in when all
    /// passwords of administrators are lost. Run it as the user of the service; the password is found as by create.
    #[command(
        after_help = "Examples:\n  heliostat user reset-password --data /srv/upstream\n  heliostat user reset-password ann --data /srv/upstream"
    )]
    ResetPassword {
        /// Name.
        #[arg(default_value = "admin")]
        name: String,
        /// File that holds the new password, - for standard input [default: none].
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
        /// Data directory of the upstream.
        #[arg(long, value_name = "DIR", env = "HELIOSTAT_DATA", required = true)]
        data: PathBuf,
        /// Database of the upstream [default: an SQLite file inside --data].
        #[arg(long, value_name = "URL", env = "HELIOSTAT_DATABASE", hide_env_values = true)]
        database: Option<String>,
    },
}

const COLUMNS: [Column; 6] = [
    Column::text("NAME", "/name"),
    Column::text("ID", "/id"),
    Column::text("DISPLAY NAME", "/displayName"),
    Column::text("MAIL", "/emailAddress"),
    Column::text("ACTIVE", "/active"),
    Column::text("TYPE", "/type"),
];

/// Runs one of them.
pub async fn run(command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Create { name, display_name, email, new_password_file, connection } => {
            let session = connection.open().await?;
            let password = credentials::new_password(&name, new_password_file.as_deref()).await?;
            // In the body: a query string would be written to the logs of every proxy on the way.
            let mut body = json!({ "name": name, "password": password });
            body["displayName"] = display_name.unwrap_or_else(|| name.clone()).into();
            if let Some(email) = email {
                body["emailAddress"] = email.into();
            }
            session.client.post(&api::path(&api::CORE, &["admin", "users"])).body(body).send().await?;
            session.output.done(&format!("Created the user {name}."));
        }
        UserCommand::List { filter, connection } => {
            let session = connection.open().await?;
            let mut call = session.client.get(&api::path(&api::CORE, &["admin", "users"]));
            if let Some(filter) = filter {
                call = call.query("filter", &filter);
            }
            session.output.list(&call.all().await?, &COLUMNS);
        }
        UserCommand::Delete { name, confirmation, connection } => {
            let session = connection.open().await?;
            if !confirmation.is_given() {
                let slug = named_resource::user_slug(&session.client, &name).await?;
                let tokens = session.client.get(&api::path(&api::USER_TOKENS, &[&slug])).all().await?.len();
                let loss = format!(
                    "This deletes the user {name} with all permissions and access tokens ({tokens}): what uses them is locked out \
                     at once."
                );
                confirmation.ask(&loss).await?;
            }
            let users = api::path(&api::CORE, &["admin", "users"]);
            session.client.delete(&users).query("name", &name).send().await?;
            session.output.done(&format!("Deleted the user {name}."));
        }
        UserCommand::Password { name, new_password_file, connection } => {
            let session = connection.open().await?;
            let password = credentials::new_password(&name, new_password_file.as_deref()).await?;
            let body = json!({ "name": name, "password": password, "passwordConfirm": password });
            let path = api::path(&api::CORE, &["admin", "users", "credentials"]);
            session.client.put(&path).body(body).send().await?;
            session.output.done(&format!("Changed the password of {name}."));
        }
        UserCommand::ResetPassword { name, new_password_file, data, database } => {
            let password = credentials::new_password(&name, new_password_file.as_deref()).await?;
            let reset = reset_password(&data, database.as_deref(), &name, password).await?;
            line(&format!("Changed the password of {name}; start the upstream again."));
            if let Some(file) = reset.removed {
                line(&format!("Removed {}, which held the former one.", file.display()));
            }
        }
    }
    Ok(())
}
