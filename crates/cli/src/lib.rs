//! What the binary `heliostat` does: both roles, the demonstration, the administration and the doctor.
//!
//! `command` lists the commands; each has a module in `admin`, `backup`, `completions`, `demo`, `doctor`, `git_setup`,
//! `man_pages`, `openapi`, `role` or `trash`.
//! `options` and `settings` give options their values, `client` talks REST, `output` prints, `exit_code` tells scripts how it
//! went.

mod command;
mod exit_code;
mod options;
mod settings;

mod backup;
mod completions;
mod demo;
mod doctor;
mod git_setup;
mod man_pages;
mod openapi;
mod role;
mod trash;

mod admin;
mod client;
mod local_git;
mod output;

#[cfg(test)]
mod examples;

use std::process::ExitCode;

use command::Command;
use output::OutputFormat;
use rustix::fs::Mode;
use rustix::process::umask;
use settings::SettingsError;

/// What others may do with files and folders that this program makes: nothing.
const UMASK: Mode = Mode::RWXG.union(Mode::RWXO);

/// Does what the command line asks, and returns what the process ends with. The first thing that a process does.
pub fn run_command_line() -> ExitCode {
    // Before anything is made, by this process or by a git that it starts.
    umask(UMASK);
    let form = settings::wanted_output(std::env::args_os());
    let wrong_usage = |error: &anyhow::Error| {
        output::print_failure(form, error, exit_code::USAGE, None);
        ExitCode::from(exit_code::USAGE)
    };
    let cli = match settings::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(SettingsError::CommandLine(error)) if !error.use_stderr() => error.exit(),
        Err(SettingsError::CommandLine(error)) => {
            let variable = settings::variable_at_fault(&error, std::env::args_os());
            let origin = variable.map(|name| format!("the value comes from the variable {name}"));
            if form == OutputFormat::Json {
                let reason = settings::reason_in_one_line(&error);
                let origin = origin.map(|origin| format!("; {origin}")).unwrap_or_default();
                return wrong_usage(&anyhow::anyhow!("{reason}{origin}"));
            }
            let _ = error.print();
            origin.iter().for_each(|origin| output::hint(&format!("hint: {origin}")));
            return ExitCode::from(exit_code::USAGE);
        }
        Err(error) => return wrong_usage(&error.into()),
    };
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nothing installs a provider before the first line of this");
    if let Some(file) = &cli.ca_file
        && let Err(error) = heliostat_peer::trust_authorities(file)
    {
        return wrong_usage(&error.into());
    }
    let shared = if cli.command.is_role() { Ok(None) } else { local_git::share_authorities() };
    let _shared_until_the_end = match shared {
        Ok(shared) => shared,
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot write down whom git is to trust");
            output::print_failure(form, &error, exit_code::of(&error), None);
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("the process may start threads");
    let outcome = runtime.block_on(run(cli.command));
    // A blocked read of a terminal must not keep a finished process alive.
    runtime.shutdown_background();
    // Where standard error is not read, an error cannot be written to it either, and must not keep the process alive.
    let is_read = options::flush_log();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            let code = exit_code::of(&error);
            if is_read {
                output::print_failure(form, &error, code, exit_code::status_of(&error));
            }
            ExitCode::from(code)
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Upstream(options) => role::upstream::run(*options).await?,
        Command::Mirror(mirror) => match mirror.verb {
            None => role::mirror::run(mirror.role).await?,
            Some(verb) => admin::mirror_servers::run(verb).await?,
        },
        Command::Demo(options) => demo::run(options).await?,
        Command::Backup(options) => backup::back_up(options).await?,
        Command::Restore(options) => backup::restore(options).await?,
        Command::Doctor(options) => return doctor::run(*options).await,
        Command::GitSetup(options) => git_setup::run(options).await?,
        Command::Openapi(options) => openapi::run(&options)?,
        Command::Project(command) => admin::project::run(command).await?,
        Command::Repository(command) => admin::repository::run(command).await?,
        Command::User(command) => admin::user::run(command).await?,
        Command::Token(command) => admin::token::run(command).await?,
        Command::Webhook(command) => admin::webhook::run(command).await?,
        Command::Permission(command) => admin::permission::run(command).await?,
        Command::Wait(options) => return admin::wait::run(options).await,
        Command::CloneUrl(options) => admin::clone_url::run(options).await?,
        Command::Request(command) => admin::request::run(command).await?,
        Command::Trash(command) => trash::run(command).await?,
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man_pages::run(&options)?,
    }
    Ok(ExitCode::SUCCESS)
}
