//! `heliostat wait`: until a mirror has a commit or a ref, for build servers that begin with it.
//!
//! The mirror is asked again and again, each time for as long as it answers, and also when it cannot be reached for a
//! moment. How it ended is told by the exit code.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::connection::MirrorConnection;
use super::named_resource::is_number;
use super::repository::RepositoryName;
use super::{Session, api};
use crate::client::CallError;
use crate::exit_code::{self, WrongUsage};
use crate::options::{duration, parse_commit, parse_http_url, parse_reference};
use crate::output::{Column, OutputFormat, print_failure};

/// How long one request waits at most: what stands between the two may end one that is silent for longer.
const MAX_REQUEST_WAIT: Duration = Duration::from_secs(20);

/// The pause after a request that was not answered.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Answers after which it is asked again.
const PASSING: [StatusCode; 4] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// What to wait for, and where.
#[derive(Debug, Args)]
pub struct WaitOptions {
    /// The repository: its URL, or the path in it, as in /acme/tool.git; its id on the upstream; or PROJ/slug together with
    /// --upstream.
    #[arg(value_name = "REPOSITORY")]
    repository: String,
    /// Full name of a commit that can be fetched from the mirror then [default: none].
    #[arg(long, value_name = "SHA", value_parser = parse_commit)]
    commit: Option<String>,
    /// Full name of a ref that the mirror has then, as in refs/heads/main; with --commit and an id, one that leads to the
    /// commit [default: none].
    #[arg(long = "ref", value_name = "REF", value_parser = parse_reference)]
    reference: Option<String>,
    /// How long to wait at most.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
    /// Upstream that is asked for the id of PROJ/slug [default: none, the id is given].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_UPSTREAM", value_parser = parse_http_url)]
    upstream: Option<Url>,
    #[command(flatten)]
    connection: MirrorConnection,
}

const COLUMNS: [Column; 4] = [
    Column::text("REPOSITORY", "/repositoryId"),
    Column::text("MIRROR", "/mirrorName"),
    Column::text("GENERATION", "/generation"),
    Column::text("URL", "/cloneUrls/0/href"),
];

const COLUMNS_BY_ADDRESS: [Column; 3] = [
    Column::text("REPOSITORY", "/path"),
    Column::text("CLONE", "/cloneUrl"),
    Column::text("PUSH", "/pushUrl"),
];

/// Waits.
pub async fn run(options: WaitOptions) -> anyhow::Result<ExitCode> {
    match is_address(&options.repository) {
        true => wait_by_address(options).await,
        false => wait_by_id(options).await,
    }
}

/// Whether a repository is named by its path or its URL.
fn is_address(repository: &str) -> bool {
    repository.starts_with('/') || repository.contains("://")
}

async fn wait_by_address(options: WaitOptions) -> anyhow::Result<ExitCode> {
    let (client, output) = options.connection.open_as_given()?;
    let path = api::path(&api::MIRRORING, &["servedRepos", "ensure"]);
    let wanted = json!({
        "repository": options.repository,
        "commits": Vec::from_iter(options.commit),
        "refs": Vec::from_iter(options.reference),
    });
    let answered = repeatedly(options.timeout, |seconds| {
        let mut wanted = wanted.clone();
        wanted["wait"] = seconds.into();
        client.post(&path).body(wanted).send()
    });
    tell(answered.await?, output, &COLUMNS_BY_ADDRESS)
}

async fn wait_by_id(options: WaitOptions) -> anyhow::Result<ExitCode> {
    let upstream_id = options.connection.upstream_id.clone();
    // Before credentials are asked for: those would not help.
    let named = named_on_upstream(&options.repository, options.upstream)?;
    let session = options.connection.open().await?;
    let id = id_of(&session, named).await?;
    let path = match &upstream_id {
        Some(upstream) => api::path(&api::MIRRORING, &["upstreamServers", upstream, "repos", &id, "wait"]),
        None => api::path(&api::MIRRORING, &["mirrorRepos", &id, "wait"]),
    };
    let answered = repeatedly(options.timeout, |seconds| {
        let mut call = session.client.get(&path).query("timeout", &seconds.to_string());
        for (name, value) in [("commit", &options.commit), ("ref", &options.reference)] {
            if let Some(value) = value {
                call = call.query(name, value);
            }
        }
        call.send()
    });
    tell(answered.await?, session.output, &COLUMNS)
}

/// Shows what is there, or why it is not.
fn tell(
    answered: Result<Value, CallError>,
    output: OutputFormat,
    columns: &[Column],
) -> anyhow::Result<ExitCode> {
    match answered {
        Ok(found) => {
            output.show(&found, columns);
            Ok(ExitCode::SUCCESS)
        }
        Err(not_in_time) => {
            let (code, status) = (exit_code::NOT_IN_TIME, not_in_time.status().map(|status| status.as_u16()));
            print_failure(output, &not_in_time.into(), code, status);
            Ok(ExitCode::from(code))
        }
    }
}

/// Asks until it is there or the time is over, each time for so many seconds. The error inside says what is not there in time,
/// the one outside that the mirror cannot be asked.
async fn repeatedly<Asking>(
    timeout: Duration,
    ask: impl Fn(u64) -> Asking,
) -> anyhow::Result<Result<Value, CallError>>
where
    Asking: Future<Output = Result<Value, CallError>>,
{
    let deadline = Instant::now().checked_add(timeout).context("--timeout is too long")?;
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        let seconds = rest.min(MAX_REQUEST_WAIT).as_millis().div_ceil(1_000);
        let error = match ask(u64::try_from(seconds).unwrap_or(0)).await {
            Ok(found) => return Ok(Ok(found)),
            Err(error) => error,
        };
        let is_over = Instant::now() >= deadline;
        if error.status() == Some(StatusCode::CONFLICT) {
            if is_over {
                return Ok(Err(in_all(error, timeout)));
            }
        } else if is_over || !is_passing(&error) {
            return Err(error.into());
        } else {
            tokio::time::sleep(RETRY_PAUSE.min(rest)).await;
        }
    }
}

/// The words of the server, which knows of the last of several requests only, with the time of all of them.
fn in_all(error: CallError, timeout: Duration) -> CallError {
    match error {
        CallError::Refused { status, message } => {
            let words = message.split_once("After ").and_then(|(_, words)| words.split_once(" s "));
            let message = match words {
                Some((_, words)) => format!("After {} s {words}", timeout.as_secs()),
                None => message,
            };
            CallError::Refused { status, message }
        }
        error => error,
    }
}

/// How a repository is named that is not named by its address.
#[derive(Debug)]
enum NamedOnUpstream {
    Id(String),
    Name(RepositoryName, Url),
}

fn named_on_upstream(repository: &str, upstream: Option<Url>) -> Result<NamedOnUpstream, WrongUsage> {
    if is_number(repository) {
        return Ok(NamedOnUpstream::Id(repository.to_owned()));
    }
    let Ok(name) = repository.parse::<RepositoryName>() else {
        return Err(WrongUsage(format!(
            "{repository:?} names no repository: give its URL that begins with http:// or https://, its path as in \
             /acme/tool.git, its id on the upstream, or PROJ/slug with --upstream"
        )));
    };
    let upstream = upstream.ok_or_else(|| {
        WrongUsage(format!(
            "--upstream is needed to find the id of {repository} by its name; its path does without, as in \
             /scm/prj/slug.git, or /{repository} at a mirror of another Git server"
        ))
    })?;
    Ok(NamedOnUpstream::Name(name, upstream))
}

/// The id by which the upstream knows the repository.
async fn id_of(session: &Session, named: NamedOnUpstream) -> anyhow::Result<String> {
    let (name, upstream) = match named {
        NamedOnUpstream::Id(id) => return Ok(id),
        NamedOnUpstream::Name(name, upstream) => (name, upstream),
    };
    let found = session.client_of(upstream).get(&name.path()).send().await?;
    found["id"]
        .as_i64()
        .map(|id| id.to_string())
        .context("the upstream does not tell the id of the repository")
}

fn is_passing(error: &CallError) -> bool {
    match error {
        CallError::Unreachable { .. } => true,
        _ => error.status().is_some_and(|status| PASSING.contains(&status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_do_is_told_with_those_that_do() {
        for (repository, hint) in [
            ("PRJ/site", "/scm/prj/slug.git"),
            ("acme/tool.git", "/acme/tool.git at a mirror"),
            ("git@git.example.com:acme/tool.git", "names no repository"),
            ("acme/tools/tool", "names no repository"),
        ] {
            let error = named_on_upstream(repository, None).expect_err("it does not do").to_string();
            assert!(error.contains(hint), "{repository}: {error}");
        }
        assert!(matches!(named_on_upstream("24", None), Ok(NamedOnUpstream::Id(id)) if id == "24"));
        let upstream = Url::parse("https://git.example.com/").expect("a URL");
        let named = named_on_upstream("PRJ/site", Some(upstream)).expect("it does");
        assert!(matches!(named, NamedOnUpstream::Name(name, _) if name.to_string() == "PRJ/site"));
    }

    #[test]
    fn the_time_that_is_told_is_that_of_the_command_and_not_of_its_last_request() {
        let status = StatusCode::CONFLICT;
        let told = |message: &str| {
            let error = CallError::Refused { status, message: message.to_owned() };
            in_all(error, Duration::from_secs(120)).to_string()
        };
        let words = "timeout: After 20 s this mirror does not have the ref refs/heads/main.";
        assert_eq!(told(words), "After 120 s this mirror does not have the ref refs/heads/main.");
        assert_eq!(told("another state"), "another state");
    }
}
