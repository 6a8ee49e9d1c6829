//! The binary `heliostat`: both roles, the demonstration, the administration and the doctor.
//!
//! `command` lists the commands; each has a module in `admin`, `backup`, `demo`, `doctor`, `git_setup`, `openapi`, `role` or
//! `trash`.
//! `options` and `settings` give options their values, `client` talks REST, `output` prints.

mod command;
mod options;
mod settings;

mod backup;
mod demo;
mod doctor;
mod git_setup;
mod openapi;
mod role;
mod trash;

mod admin;
mod client;
mod local_git;
mod output;

use std::process::ExitCode;

use command::Command;
use rustix::fs::Mode;
use rustix::process::umask;

/// What was asked could not be done.
const EXIT_FAILURE: u8 = 1;
/// The command line, the environment or the settings file is wrong.
const EXIT_USAGE: u8 = 2;

/// What others may do with files and folders that this program makes: nothing.
const UMASK: Mode = Mode::RWXG.union(Mode::RWXO);

fn main() -> ExitCode {
    // Before anything is made, by this process or by a git that it starts.
    umask(UMASK);
    let cli = match settings::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(settings::SettingsError::CommandLine(error)) => error.exit(),
        Err(error) => {
            output::print_error(&anyhow::Error::from(error));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nothing installs a provider before the first line of main");
    if let Some(file) = &cli.ca_file {
        if let Err(error) = heliostat_peer::trust_authorities(file) {
            output::print_error(&anyhow::Error::from(error));
            return ExitCode::from(EXIT_USAGE);
        }
        heliostat_git::trust_authorities(file);
    }
    let runtime = tokio::runtime::Runtime::new().expect("the process may start threads");
    let outcome = runtime.block_on(run(cli.command));
    // A blocked read of a terminal must not keep a finished process alive.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            output::print_error(&error);
            ExitCode::from(EXIT_FAILURE)
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
        Command::Doctor(options) => return doctor::run(options).await,
        Command::GitSetup(options) => git_setup::run(options).await?,
        Command::Openapi(options) => openapi::run(&options)?,
        Command::EmitContract => println!("{}", heliostat_server::emitted_contract()),
        Command::Project(command) => admin::project::run(command).await?,
        Command::Repository(command) => admin::repository::run(command).await?,
        Command::User(command) => admin::user::run(command).await?,
        Command::Token(command) => admin::token::run(command).await?,
        Command::Webhook(command) => admin::webhook::run(command).await?,
        Command::Permission(command) => admin::permission::run(command).await?,
        Command::Wait(options) => return admin::wait::run(options).await,
        Command::Request(command) => admin::request::run(command).await?,
        Command::Settings(command) => admin::mirror_settings::run(command).await?,
        Command::Trash(command) => trash::run(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}
