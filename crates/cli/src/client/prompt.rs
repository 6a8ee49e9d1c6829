//! Asks for a secret on the terminal without showing it.

use std::io::Write;

use anyhow::{Context, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Asks on standard error and reads a line from standard input, which must be a terminal.
pub async fn secret(question: &str) -> anyhow::Result<String> {
    let hidden = HiddenInput::start().context("cannot hide what is typed")?;
    eprint!("{question}");
    std::io::stderr().flush()?;
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    // Without this, Ctrl-C would leave a terminal that shows nothing of what is typed.
    let outcome = tokio::select! {
        line = reading => line.context("cannot read the terminal")?.map_err(anyhow::Error::from),
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("stopped")),
    };
    drop(hidden);
    eprintln!();
    let line = outcome?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => bail!("nothing was typed"),
        secret => Ok(secret.to_owned()),
    }
}

/// The terminal does not echo while this lives.
struct HiddenInput {
    before: Termios,
}

impl HiddenInput {
    fn start() -> std::io::Result<Self> {
        let before = tcgetattr(std::io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self { before })
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        // Nothing better can be done for a terminal that is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}
