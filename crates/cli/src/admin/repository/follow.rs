//! `heliostat repository follow` and its kin: repositories of the upstream that are kept equal to those of other servers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};

use super::RepositoryName;
use super::create::{Attributes, NewRepository, create_if_missing, take_back};
use super::import::name_in_upstream;
use crate::admin::{Session, UpstreamConnection, api};
use crate::client::CallError;
use crate::client::credentials::SourceAccount;
use crate::exit_code::{RefusalKind, Refused};
use crate::local_git;
use crate::options::duration;
use crate::output::{Column, Progress};

/// A larger file is some other file.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// How often it is asked how far it is.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// What is followed, and by what.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  heliostat repository follow https://example.com/some/tool.git --project PRJ\n  heliostat repository follow git@example.com:some/tool.git --project PRJ \\\n      --source-ssh-key-file deploy.key --interval 5m"
)]
pub struct FollowCommand {
    /// Address of the repository on the other server, by http, https, ssh (also as in git@host:acme/tool.git) or git.
    #[arg(value_name = "URL")]
    source: String,
    /// Project of the repository that follows.
    #[arg(long, value_name = "KEY")]
    project: String,
    /// Its name in the project [default: the last part of the URL].
    #[arg(long)]
    name: Option<String>,
    /// How often the source is looked at, from 5s to 7d [default: 1m, or as before].
    #[arg(long, value_name = "TIME", value_parser = duration::parse_positive)]
    interval: Option<Duration>,
    #[command(flatten)]
    account: SourceAccount,
    #[command(flatten)]
    ssh: SourceSsh,
    /// Make a repository that has branches already equal to the source; what only it has is lost [default: refuse].
    #[arg(long)]
    overwrite: bool,
    /// Description of a new repository [default: none].
    #[arg(long)]
    description: Option<String>,
    /// Let anonymous users read a new repository, without a password [default: false].
    #[arg(long)]
    public: bool,
    #[command(flatten)]
    connection: UpstreamConnection,
}

/// How a source over SSH lets the upstream in, and by what it is known.
#[derive(Debug, Args)]
struct SourceSsh {
    /// File on this machine with the private key by which a source over ssh lets the upstream read, a deploy key for instance,
    /// without a passphrase; the upstream keeps it [default: none, or as before].
    #[arg(long, value_name = "FILE")]
    source_ssh_key_file: Option<PathBuf>,
    /// File on this machine with the host keys by which a source over ssh is known, in lines as ssh-keyscan prints them; an
    /// empty file removes those of before [default: what the machine of the upstream knows, or as before].
    #[arg(long, value_name = "FILE")]
    source_known_hosts_file: Option<PathBuf>,
}

impl SourceSsh {
    /// What the files hold, as fields of a request.
    fn add_to(&self, body: &mut Value) -> anyhow::Result<()> {
        let files = [("sshKey", &self.source_ssh_key_file), ("knownHosts", &self.source_known_hosts_file)];
        for (field, file) in files {
            if let Some(file) = file {
                body[field] = read_small_file(file)?.into();
            }
        }
        Ok(())
    }
}

const COLUMNS: [Column; 9] = [
    Column::text("PROJECT", "/repository/project/key"),
    Column::text("SLUG", "/repository/slug"),
    Column::text("ID", "/repository/id"),
    Column::text("STATE", "/following/state"),
    Column::time("LAST ATTEMPT", "/following/lastAttemptAt"),
    Column::time("IN STEP AT", "/following/lastSuccessAt"),
    Column::text("LAG (MS)", "/following/lag"),
    Column::whole("SOURCE", "/following/url"),
    Column::text("ERROR", "/following/error/message"),
];

const FIELDS: [Column; 10] = [
    Column::text("SOURCE", "/url"),
    Column::text("STATE", "/state"),
    Column::text("LOOKING NOW", "/inProgress"),
    Column::text("EVERY (SECONDS)", "/intervalSeconds"),
    Column::text("USER", "/username"),
    Column::time("LAST ATTEMPT", "/lastAttemptAt"),
    Column::time("IN STEP AT", "/lastSuccessAt"),
    Column::time("LAST CHANGE", "/lastChangeAt"),
    Column::text("LAG (MS)", "/lag"),
    Column::text("ERROR", "/error/message"),
];

/// Creates the repository if it is missing, lets it follow, and waits for the first look. What was created goes again if
/// that fails.
pub async fn run(command: FollowCommand) -> anyhow::Result<()> {
    let Some(name) = command.name.clone().or_else(|| local_git::name_of(&command.source)) else {
        bail!("{:?} does not say what the copy should be called; use --name", command.source);
    };
    let mut body = json!({ "url": command.source, "overwrite": command.overwrite });
    if let Some(interval) = command.interval {
        body["intervalSeconds"] = interval.as_secs().into();
    }
    if let Some((user, password)) = command.account.name_and_password().await? {
        body["username"] = user.into();
        body["password"] = password.into();
    }
    command.ssh.add_to(&mut body)?;
    let (description, public) = (command.description, command.public);
    let mut attributes = Attributes { description, public, ..Attributes::default() };
    let session = command.connection.open().await?;
    loop {
        let new = NewRepository { name: &name, attributes: &attributes };
        let ensured = create_if_missing(&session.client, &command.project, &new).await?;
        let repository = name_in_upstream(&ensured.description)?;
        let followed = match begin(&session, &repository, &body).await {
            Ok(before) => wait(&session, &repository, &before).await.context("cannot ask how it goes"),
            Err(error) => Err(error.into()),
        };
        let is_followed = followed.as_ref().is_ok_and(|now| now["state"] == "IN_STEP");
        if ensured.is_new && !is_followed {
            take_back(&session.client, &repository).await;
            // Which hash names the source's objects shows only when it is looked at.
            if attributes.object_format.is_none() && has_other_hash(followed.as_ref().ok()) {
                attributes.object_format = Some("sha256".to_owned());
                continue;
            }
        }
        let now = followed?;
        fail_unless_in_step(&repository, &now, ensured.is_new)?;
        session.output.show(&now, &FIELDS);
        return Ok(());
    }
}

/// Lets a repository follow, and gives how that stood at this moment.
async fn begin(session: &Session, repository: &RepositoryName, body: &Value) -> Result<Value, CallError> {
    let path = path_of(repository);
    let before = match session.client.get(&path).send().await {
        Ok(before) => before,
        // It follows nothing yet.
        Err(_) => Value::Null,
    };
    session.client.put(&path).body(body.clone()).send().await?;
    Ok(before)
}

/// Waits until a look has ended that began later than the last one before.
async fn wait(session: &Session, repository: &RepositoryName, before: &Value) -> Result<Value, CallError> {
    let progress = Progress::start(session.output, &format!("Looking where {repository} comes from"));
    let path = path_of(repository);
    loop {
        let now = session.client.get(&path).send().await?;
        let is_another = now["url"] != before["url"];
        let looked = now["lastAttemptAt"].as_i64();
        let has_looked = looked > before["lastAttemptAt"].as_i64() || (is_another && looked.is_some());
        if has_looked && now["inProgress"] == false {
            progress.finish(&format!("Looked where {repository} comes from"));
            return Ok(now);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

fn has_other_hash(followed: Option<&Value>) -> bool {
    followed.is_some_and(|now| now["error"]["fault"] == "OBJECT_FORMAT")
}

fn fail_unless_in_step(repository: &RepositoryName, now: &Value, is_new: bool) -> anyhow::Result<()> {
    if now["state"] == "IN_STEP" {
        return Ok(());
    }
    let reason = now["error"]["message"].as_str().unwrap_or("the server does not say why");
    let message = match is_new {
        true => format!("nothing was created: {reason}"),
        false => format!("{repository} is not in step with what it follows, and goes on trying: {reason}"),
    };
    Err(Refused::new(kind_of(&now["error"]["fault"]), message).into())
}

/// What a script learns of a fault that the upstream has met: the same as if it had asked the source itself.
fn kind_of(fault: &Value) -> RefusalKind {
    match fault.as_str().unwrap_or_default() {
        "CREDENTIALS" | "FORBIDDEN" => RefusalKind::NotAllowed,
        "NOT_FOUND" => RefusalKind::NotFound,
        "OBJECT_FORMAT" | "ARCHIVED" => RefusalKind::InTheWay,
        "AWAY" | "NOT_TRUSTED" | "TOO_MANY" => RefusalKind::Unavailable,
        // Another address, an answer that is none, a source without refs, or a fault of the upstream itself.
        _ => RefusalKind::Other,
    }
}

/// Shows what a repository follows, or lists all that follow something.
pub async fn show(repository: Option<&RepositoryName>, connection: UpstreamConnection) -> anyhow::Result<()> {
    let session = connection.open().await?;
    match repository {
        Some(repository) => {
            session.output.show(&session.client.get(&path_of(repository)).send().await?, &FIELDS);
        }
        None => {
            let path = api::path(&api::CORE, &["admin", "following"]);
            session.output.list(&session.client.get(&path).all().await?, &COLUMNS);
        }
    }
    Ok(())
}

/// Has the source looked at, and waits until that has ended.
pub async fn look_now(repository: &RepositoryName, connection: UpstreamConnection) -> anyhow::Result<()> {
    let session = connection.open().await?;
    let before = session.client.get(&path_of(repository)).send().await?;
    session.client.post(&[path_of(repository), vec!["now"]].concat()).send().await?;
    let now = wait(&session, repository, &before).await?;
    fail_unless_in_step(repository, &now, false)?;
    session.output.show(&now, &FIELDS);
    Ok(())
}

/// Lets a repository follow nothing any more.
pub async fn stop(repository: &RepositoryName, connection: UpstreamConnection) -> anyhow::Result<()> {
    let session = connection.open().await?;
    session.client.delete(&path_of(repository)).send().await?;
    session.output.done(&format!("The repository {repository} follows nothing any more."));
    Ok(())
}

fn read_small_file(path: &Path) -> anyhow::Result<String> {
    let size = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
    if size > MAX_FILE_BYTES {
        bail!(
            "{} is larger than {MAX_FILE_BYTES} bytes and holds neither a key nor known hosts",
            path.display()
        );
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn path_of(repository: &RepositoryName) -> Vec<&str> {
    [repository.path(), vec!["following"]].concat()
}
