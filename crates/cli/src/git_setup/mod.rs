//! `heliostat git-setup`: lets git read from a mirror what people and scripts name by the address of the origin.
//!
//! Git rewrites addresses by itself (`url.<base>.insteadOf`), so nothing else on the machine changes: not the remotes of
//! checkouts, not submodules, not scripts. What is pushed still goes to the origin.

mod configured;
mod plan;
mod rewrites;

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use heliostat_git::Git;
use url::Url;

use crate::local_git::UserGit;
use crate::options::parse_http_url;
use crate::output;
use configured::Configured;
use plan::Plan;
use rewrites::{Forms, rewrites};

/// Which addresses are rewritten, and where that is written down.
#[derive(Debug, Args)]
pub struct GitSetupOptions {
    /// The Git server that people name in their addresses.
    #[arg(long, value_name = "URL", env = "HELIOSTAT_ORIGIN", value_parser = parse_http_url)]
    origin: Url,
    /// The mirror that git reads from instead.
    #[arg(
        long, value_name = "URL", env = "HELIOSTAT_MIRROR_URL", default_value = "http://127.0.0.1:7991",
        value_parser = parse_http_url
    )]
    mirror_url: Url,
    /// Rewrite addresses with this user name before the host as well; may be given several times [default: none].
    #[arg(long = "user", value_name = "NAME", value_parser = rewrites::parse_user)]
    users: Vec<String>,
    /// User name in the ssh addresses of the origin.
    #[arg(long, value_name = "NAME", default_value = "git", value_parser = rewrites::parse_user)]
    ssh_user: String,
    /// Port in the ssh addresses of the origin [default: that of ssh, 22].
    #[arg(long, value_name = "PORT")]
    ssh_port: Option<u16>,
    /// Leave ssh addresses as they are: who reads from the mirror needs a password or token of the origin, and ssh keys
    /// are of no use there.
    #[arg(long)]
    https_only: bool,
    /// Let git show to the mirror the password or token that it has for the origin, stored or by asking: without this it looks
    /// for one under the name of the mirror.
    #[arg(long)]
    credentials: bool,
    /// Write it into the configuration of this user; without this, the commands that would are printed.
    #[arg(long)]
    global: bool,
    /// Take back what earlier calls have written for this origin and this mirror, whichever other options they had.
    #[arg(long)]
    undo: bool,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    git: PathBuf,
}

/// Writes the rewriting down, takes it back, or prints the commands that would.
pub async fn run(options: GitSetupOptions) -> anyhow::Result<()> {
    let forms = Forms {
        users: &options.users,
        ssh_user: (!options.https_only).then_some(options.ssh_user.as_str()),
        ssh_port: options.ssh_port,
    };
    let given = rewrites(&options.origin, &options.mirror_url, &forms)?;
    let git = Git::discover(&options.git).await.context("git is needed to write its configuration");
    let git = git.map(|git| UserGit::of(&git));
    let configured = match &git {
        Ok(git) if options.global || options.undo => Configured::read(git).await?,
        // The commands can be printed for another machine.
        _ => Configured::default(),
    };
    let plan = match options.undo {
        true => Plan::to_undo(&options, given, &configured)?,
        false => Plan::to_write(&options, &given)?,
    };
    if !options.global {
        plan.settings.iter().for_each(|setting| output::line(&setting.command(options.undo)));
        return Ok(());
    }
    let git = git?;
    let mut written = 0;
    for setting in &plan.settings {
        if configured.has(setting) != options.undo {
            continue;
        }
        let arguments = setting.arguments(options.undo);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        git.run(Path::new("."), &arguments).await?;
        written += 1;
    }
    output::line(&summary(&options, written, &plan.shared));
    Ok(())
}

/// `shared` is what other settings still rewrite.
fn summary(options: &GitSetupOptions, written: usize, shared: &[String]) -> String {
    let (origin, mirror) = (&options.origin, &options.mirror_url);
    match (options.undo, written) {
        (false, 0) => format!("git reads {origin} from {mirror} already"),
        (false, _) => format!("git reads {origin} from {mirror} now, and still pushes to {origin}"),
        (true, 0) => format!("there was nothing to take back: git does not read {origin} from {mirror}"),
        (true, _) if shared.is_empty() => format!("git reads {origin} from there again"),
        (true, _) => format!(
            "git does not read {origin} from {mirror} any more; another insteadOf still rewrites {}, so pushInsteadOf stays \
             for what is pushed there",
            shared.join(" and ")
        ),
    }
}
