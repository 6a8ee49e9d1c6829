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
use crate::client::raw_post::{Connection, Request};
use crate::process::{self, dying_with_us};
use crate::repositories::git::Git;
use crate::side_by_side::side_by_side;

/// How long one errand may take: longer than everything in it, which has limits of its own.
const ERRAND_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// What a client is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Errand {
    /// Run git without credentials.
    Git {
        /// Its arguments.
        arguments: Vec<String>,
        /// Where.
        folder: PathBuf,
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
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
enum Outcome {
    Seconds(f64),
    Failed(String),
}

/// A client in a namespace.
#[derive(Debug)]
pub struct Client {
    child: Child,
    orders: ChildStdin,
    outcomes: Receiver<String>,
}

impl Client {
    /// Starts it.
    pub fn start(namespace: &str) -> anyhow::Result<Self> {
        let mut command = dying_with_us("ip");
        command.args(["netns", "exec", namespace]).arg(std::env::current_exe()?).arg("--run-errands");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = process::spawn(&mut command)?;
        let orders = child.stdin.take().context("its standard input is a pipe")?;
        let stdout = BufReader::new(child.stdout.take().context("its standard output is a pipe")?);
        let (sender, outcomes) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Client { child, orders, outcomes })
    }

    /// Lets it do something; returns how many seconds it took.
    pub fn run(&mut self, errand: &Errand) -> anyhow::Result<f64> {
        writeln!(self.orders, "{}", serde_json::to_string(errand)?)?;
        let line = self.outcomes.recv_timeout(ERRAND_TIMEOUT);
        let line =
            line.with_context(|| format!("no answer to {errand:?} in {} s", ERRAND_TIMEOUT.as_secs()))?;
        match serde_json::from_str(&line).with_context(|| format!("a client answered {line:?}"))? {
            Outcome::Seconds(seconds) => Ok(seconds),
            Outcome::Failed(reason) => bail!("{reason}"),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

/// What the started program does: an errand per line until there is none.
pub fn run_all() -> anyhow::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let started = Instant::now();
        let outcome =
            match serde_json::from_str(&line?).map_err(Into::into).and_then(|errand| carry_out(&errand)) {
                Ok(()) => Outcome::Seconds(started.elapsed().as_secs_f64()),
                Err(error) => Outcome::Failed(format!("{error:#}")),
            };
        println!("{}", serde_json::to_string(&outcome)?);
    }
    Ok(())
}

fn carry_out(errand: &Errand) -> anyhow::Result<()> {
    match errand {
        Errand::Git { arguments, folder } => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            Git::without_credentials().run(folder, &arguments)?;
        }
        Errand::Clones { url, body, at_once } => {
            let request = Request::upload_pack(url, None, body.as_bytes(), Connection::Closed)?;
            side_by_side(*at_once, *at_once, |_| {
                let mut seen = PackSeen::default();
                request.send(|piece| seen.take(piece))?;
                seen.objects()
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errands_fail_with_a_reason() {
        let errand = Errand::Git { arguments: vec!["no-such-command".into()], folder: "/".into() };
        let error = carry_out(&errand).expect_err("there is none");
        assert!(error.to_string().contains("git no-such-command failed"), "{error}");
        let text = serde_json::to_string(&errand).expect("it is JSON");
        assert!(!text.contains('\n') && serde_json::from_str::<Errand>(&text).is_ok());
    }
}
