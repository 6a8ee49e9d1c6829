//! Clients in another network namespace: this program again, started there, told what to do line by line.
//!
//! It stays for the whole run, so that entering the namespace is not measured.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::client::clone_request::PackSeen;
use crate::client::conversation::Conversation;
use crate::client::raw_post::{Connection, Request};
use crate::process::{self, dying_with_us};
use crate::repositories::git::Git;
use crate::side_by_side::side_by_side;

/// How long one task may take: longer than everything in it, which has limits of its own.
const TASK_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// What a client is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Task {
    /// Run git.
    Git {
        /// Its arguments.
        arguments: Vec<String>,
        /// Where.
        folder: PathBuf,
        /// Value of the header that says who asks.
        authorization: Option<String>,
    },
    /// Send so many equal requests of clones at once.
    Clones {
        /// Address of the repository.
        url: String,
        /// What is asked.
        body: String,
        /// How many.
        at_once: usize,
    },
    /// Ask so many times at once all that git asks for a clone, over a connection each.
    Conversations {
        /// Address of the repository.
        url: String,
        /// Value of the header that says who asks.
        authorization: Option<String>,
        /// What is asked at last.
        fetch: String,
        /// How many.
        at_once: usize,
    },
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
enum Outcome {
    Seconds(f64),
    Failed(String),
}

/// A client in a namespace.
#[derive(Debug)]
pub struct NamespaceClient {
    child: Child,
    tasks: ChildStdin,
    outcomes: Receiver<String>,
}

impl NamespaceClient {
    /// Starts it.
    pub fn start(namespace: &str) -> anyhow::Result<Self> {
        let mut command = dying_with_us("ip");
        command.args(["netns", "exec", namespace]).arg(std::env::current_exe()?).arg("--run-tasks");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = process::spawn(&mut command)?;
        let tasks = child.stdin.take().context("its standard input is a pipe")?;
        let stdout = BufReader::new(child.stdout.take().context("its standard output is a pipe")?);
        let (sender, outcomes) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(NamespaceClient { child, tasks, outcomes })
    }

    /// Lets it do something; returns how many seconds it took.
    pub fn run(&mut self, task: &Task) -> anyhow::Result<f64> {
        writeln!(self.tasks, "{}", serde_json::to_string(task)?)?;
        let line = self.outcomes.recv_timeout(TASK_TIMEOUT);
        let line = line.with_context(|| format!("no answer to {task:?} in {} s", TASK_TIMEOUT.as_secs()))?;
        match serde_json::from_str(&line).with_context(|| format!("a client answered {line:?}"))? {
            Outcome::Seconds(seconds) => Ok(seconds),
            Outcome::Failed(reason) => bail!("{reason}"),
        }
    }
}

impl Drop for NamespaceClient {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

/// What the started program does: a task per line until there is none.
pub fn run_tasks() -> anyhow::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let started = Instant::now();
        let outcome = match serde_json::from_str(&line?).map_err(Into::into).and_then(|task| do_task(&task)) {
            Ok(()) => Outcome::Seconds(started.elapsed().as_secs_f64()),
            Err(error) => Outcome::Failed(format!("{error:#}")),
        };
        println!("{}", serde_json::to_string(&outcome)?);
    }
    Ok(())
}

fn do_task(task: &Task) -> anyhow::Result<()> {
    match task {
        Task::Git { arguments, folder, authorization } => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let git = authorization.as_deref().map_or_else(Git::without_credentials, Git::with_authorization);
            git.run(folder, &arguments)?;
        }
        Task::Clones { url, body, at_once } => {
            let request = Request::upload_pack(url, None, body.as_bytes(), Connection::Closed)?;
            side_by_side(*at_once, *at_once, |_| {
                let mut seen = PackSeen::default();
                request.send(|piece| seen.take(piece))?;
                seen.objects()
            })?;
        }
        Task::Conversations { url, authorization, fetch, at_once } => {
            let asked = Conversation::new(url, authorization.as_deref(), fetch.as_bytes())?;
            side_by_side(*at_once, *at_once, |_| asked.hold())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_fail_with_a_reason() {
        let arguments = vec!["no-such-command".into()];
        let task = Task::Git { arguments, folder: "/".into(), authorization: None };
        let error = do_task(&task).expect_err("there is none");
        assert!(error.to_string().contains("git no-such-command failed"), "{error}");
        let text = serde_json::to_string(&task).expect("it is JSON");
        assert!(!text.contains('\n') && serde_json::from_str::<Task>(&text).is_ok());
    }
}
