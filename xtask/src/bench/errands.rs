//! Clients in another network namespace: this program again, started there, told what to do line by line.
//!
//! It stays for the whole run, so that entering the namespace is not measured.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::clone_request::PackSeen;
use super::git::Git;
use super::raw_post::{Connection, Request};
use super::roles::dying_with_us;
use super::side_by_side::side_by_side;

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
    outcomes: BufReader<ChildStdout>,
}

impl Client {
    /// Starts it.
    pub fn start(namespace: &str) -> anyhow::Result<Self> {
        let mut command = dying_with_us(Path::new("ip"));
        command
            .args(["netns", "exec", namespace])
            .arg(std::env::current_exe()?)
            .args(["bench", "--run-errands"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let orders = child.stdin.take().context("its standard input is a pipe")?;
        let outcomes = BufReader::new(child.stdout.take().context("its standard output is a pipe")?);
        Ok(Client { child, orders, outcomes })
    }

    /// Lets it do something; returns how many seconds it took.
    pub fn run(&mut self, errand: &Errand) -> anyhow::Result<f64> {
        writeln!(self.orders, "{}", serde_json::to_string(errand)?)?;
        let mut line = String::new();
        self.outcomes.read_line(&mut line)?;
        match serde_json::from_str(&line).with_context(|| format!("a client answered {line:?}"))? {
            Outcome::Seconds(seconds) => Ok(seconds),
            Outcome::Failed(reason) => bail!("{reason}"),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
