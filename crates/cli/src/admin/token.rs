//! `heliostat token`: access tokens of a user.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::{Map, Value};

use super::{UpstreamConnection, api, named_resource};
use crate::exit_code::WrongUsage;
use crate::output::Column;

/// Only the owner may read a file that holds a token.
const TOKEN_FILE_MODE: u32 = 0o600;

/// What can be done with access tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token. It is shown this once, or written to the file that --save-file names.
    #[command(
        after_help = "Examples:\n  heliostat token create ci --permission REPO_READ --save-file ci.token\n  heliostat token create ci --of ann --expiry-days 90"
    )]
    Create {
        /// Name by which it is recognised in lists.
        name: String,
        /// What it may do, as in REPO_READ; give it again for more [default: what the server gives].
        #[arg(long, value_name = "PERMISSION")]
        permission: Vec<String>,
        /// Days after which it expires [default: never].
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
        expiry_days: Option<u32>,
        /// New file for the token, instead of standard output [default: none].
        #[arg(long, value_name = "FILE")]
        save_file: Option<PathBuf>,
        /// Whose token [default: the user who calls; needed when a token calls].
        #[arg(long, value_name = "USER")]
        of: Option<String>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// List tokens, without the secrets.
    #[command(after_help = "Examples:\n  heliostat token list\n  heliostat token list --of ann")]
    List {
        /// Whose tokens [default: the user who calls; needed when a token calls].
        #[arg(long, value_name = "USER")]
        of: Option<String>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Delete a token: it stops working at once.
    #[command(
        after_help = "Examples:\n  heliostat token delete c64af210b7234de99212bca052b02faf\n  heliostat token delete c64af210b7234de99212bca052b02faf --of ann"
    )]
    Delete {
        /// Id, as listed.
        id: String,
        /// Whose token [default: the user who calls; needed when a token calls].
        #[arg(long, value_name = "USER")]
        of: Option<String>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
}

const COLUMNS: [Column; 5] = [
    Column::text("ID", "/id"),
    Column::text("NAME", "/name"),
    Column::text("PERMISSIONS", "/permissions"),
    Column::time("CREATED", "/createdDate"),
    Column::time("EXPIRES", "/expiryDate"),
];
const CREATED: [Column; 3] = [COLUMNS[0], COLUMNS[1], Column::text("TOKEN", "/token")];

/// Runs one of them.
pub async fn run(command: TokenCommand) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create { name, permission, expiry_days, save_file, of, connection } => {
            let owner = owner(of, &connection)?;
            let session = connection.open().await?;
            let slug = named_resource::user_slug(&session.client, &owner).await?;
            let body = creation(&name, &permission, expiry_days);
            // Before there is a token: if the file could not be created, the token would be valid, and lost.
            let file = save_file.map(TokenFile::create).transpose()?;
            let mut token =
                session.client.put(&api::path(&api::USER_TOKENS, &[&slug])).body(body).send().await?;
            if let Some(file) = file {
                let secret =
                    token.get("token").and_then(Value::as_str).context("the server gave no token")?;
                token["token"] = file.keep(secret)?.into();
            }
            session.output.show(&token, &CREATED);
        }
        TokenCommand::List { of, connection } => {
            let owner = owner(of, &connection)?;
            let session = connection.open().await?;
            let slug = named_resource::user_slug(&session.client, &owner).await?;
            let tokens = session.client.get(&api::path(&api::USER_TOKENS, &[&slug])).all().await?;
            session.output.list(&tokens, &COLUMNS);
        }
        TokenCommand::Delete { id, of, connection } => {
            let owner = owner(of, &connection)?;
            let session = connection.open().await?;
            let slug = named_resource::user_slug(&session.client, &owner).await?;
            session.client.delete(&api::path(&api::USER_TOKENS, &[&slug, &id])).send().await?;
            session.output.done(&format!("Deleted the token {id}."));
        }
    }
    Ok(())
}

/// Whose tokens are meant.
fn owner(of: Option<String>, connection: &UpstreamConnection) -> anyhow::Result<String> {
    let unknown = "a token calls, and does not tell whose it is: say by --of whose tokens are meant";
    of.or_else(|| connection.user().map(str::to_owned)).ok_or_else(|| WrongUsage(unknown.to_owned()).into())
}

fn creation(name: &str, permissions: &[String], expiry_days: Option<u32>) -> Value {
    let mut body = Map::from_iter([("name".to_owned(), Value::from(name))]);
    if !permissions.is_empty() {
        let names: Vec<Value> =
            permissions.iter().map(|name| name.to_uppercase().replace('-', "_").into()).collect();
        body.insert("permissions".to_owned(), names.into());
    }
    if let Some(days) = expiry_days {
        body.insert("expiryDays".to_owned(), days.into());
    }
    Value::Object(body)
}

/// A new file for a token; without one it is gone again.
struct TokenFile {
    path: PathBuf,
    file: File,
    is_kept: bool,
}

impl TokenFile {
    fn create(path: PathBuf) -> anyhow::Result<Self> {
        let opened = File::options().write(true).create_new(true).mode(TOKEN_FILE_MODE).open(&path);
        match opened {
            Ok(file) => Ok(Self { path, file, is_kept: false }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("{} is there already: name a new file", path.display())
            }
            Err(error) => Err(error).with_context(|| format!("cannot write a token to {}", path.display())),
        }
    }

    /// Writes the token, and says where it is.
    fn keep(mut self, secret: &str) -> anyhow::Result<String> {
        let written = writeln!(self.file, "{secret}");
        written.with_context(|| format!("cannot write the token to {}", self.path.display()))?;
        self.is_kept = true;
        Ok(format!("in {}", self.path.display()))
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // Best effort: an empty file is left, and no token.
            std::fs::remove_file(&self.path).ok();
        }
    }
}
