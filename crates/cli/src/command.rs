//! The command line: which commands there are, in the order in which one needs them.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::admin::{
    mirror_servers, mirror_settings, permission, project, repository, request, token, user, wait, webhook,
};
use crate::backup::{BackupOptions, RestoreOptions};
use crate::demo::DemoOptions;
use crate::doctor::DoctorOptions;
use crate::git_setup::GitSetupOptions;
use crate::openapi::OpenapiOptions;
use crate::role::mirror::MirrorRoleOptions;
use crate::role::upstream::UpstreamRoleOptions;
use crate::trash;

/// Smart mirrors for Git: an upstream, its mirrors, and their administration.
///
/// Options that name an environment variable are settings: a flag wins over the variable,
/// the variable over the file given by --config, the file over the default.
/// The file is TOML, its keys are the long names of the options: `sweep-interval = "3m"`.
#[derive(Debug, Parser)]
#[command(name = "heliostat", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// TOML file with settings.
    #[arg(long, global = true, value_name = "FILE", env = "HELIOSTAT_CONFIG")]
    pub config: Option<PathBuf>,
    /// File with the certificates of authorities in PEM that are trusted beside the system's when other servers are called;
    /// git is told of this file alone [default: none].
    #[arg(long, global = true, value_name = "FILE", env = "HELIOSTAT_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `heliostat` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an upstream and a mirror in one process, with a real repository that is ready to clone.
    Demo(DemoOptions),
    /// Run the primary server: pushes go here, mirrors follow it.
    Upstream(Box<UpstreamRoleOptions>),
    /// Run a mirror, of an upstream or of any other Git server, or administer the mirrors that an upstream knows.
    Mirror(Box<MirrorCommand>),
    /// Copy the database and the repositories of a role, which may be running, into an empty directory.
    Backup(BackupOptions),
    /// Make the data directory of a role from a backup.
    Restore(RestoreOptions),
    /// Check what a role needs from this machine, and say what to do about what is missing.
    Doctor(DoctorOptions),
    /// Let git read from a mirror what is named by the address of its origin; what is pushed still goes to the origin.
    GitSetup(GitSetupOptions),
    /// Print the contract of the REST API, for client generators and portals.
    Openapi(OpenapiOptions),
    /// Print what the compiled code says of the contract, for the drift check.
    #[command(hide = true)]
    EmitContract,
    /// Projects of an upstream.
    #[command(subcommand)]
    Project(project::ProjectCommand),
    /// Repositories of an upstream.
    #[command(subcommand)]
    Repository(repository::RepositoryCommand),
    /// Users of an upstream.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Access tokens, which stand in for a password.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Who may do what: globally, in a project, in a repository.
    #[command(subcommand)]
    Permission(permission::PermissionCommand),
    /// Addresses that are told of pushes to a repository, and of mirrors that serve them.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Wait until a mirror has a commit or a ref, before a build begins with it.
    ///
    /// Without --commit and --ref it waits for everything that the upstream has now.
    ///
    /// Exit codes: 0, it is there. 1, the mirror cannot be asked, or does not let you read the repository. 2, the command
    /// line is wrong. 3, the time is over and it is not there.
    Wait(wait::WaitOptions),
    /// Requests of mirrors that want to join an upstream.
    #[command(subcommand)]
    Request(request::RequestCommand),
    /// What a mirror mirrors and how far it is, asked of the mirror itself.
    #[command(subcommand)]
    Settings(mirror_settings::SettingsCommand),
    /// Repositories that lie in the trash of a data directory.
    #[command(subcommand)]
    Trash(trash::TrashCommand),
}

/// `mirror` alone runs the role, with a verb it administers.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MirrorCommand {
    /// The role.
    #[command(flatten)]
    pub role: MirrorRoleOptions,
    /// The administration.
    #[command(subcommand)]
    pub verb: Option<mirror_servers::MirrorVerb>,
}

impl Cli {
    /// That options go together which clap cannot judge.
    pub fn check(&self) -> Result<(), clap::Error> {
        if let Command::Mirror(mirror) = &self.command
            && mirror.verb.is_none()
        {
            mirror.role.source().map_err(|wrong| Self::command().error(wrong.kind(), wrong))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;
    use crate::settings::{self, SettingsError};

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[test]
    fn mirror_is_a_role_and_a_noun() {
        let role = ["heliostat", "mirror", "--upstream", "http://up:7990", "--name", "tokyo"];
        let Command::Mirror(role) = Cli::parse_from(role).command else { panic!("not the mirror command") };
        assert!(role.verb.is_none());
        assert_eq!(role.role.name.as_deref(), Some("tokyo"));

        let Command::Mirror(noun) = Cli::parse_from(["heliostat", "mirror", "list"]).command else {
            panic!("not the mirror command")
        };
        assert!(matches!(noun.verb, Some(mirror_servers::MirrorVerb::List { .. })));

        let kind = |arguments: &[&str]| {
            let words = ["heliostat", "mirror"].iter().chain(arguments).map(|word| (*word).into());
            match settings::parse(words) {
                Err(SettingsError::CommandLine(error)) => Some(error.kind()),
                _ => None,
            }
        };
        let origin = ["--origin", "https://git.example.com"];
        assert_eq!(kind(&["--name", "tokyo"]), Some(ErrorKind::MissingRequiredArgument));
        assert_eq!(kind(&["--upstream", "http://up:7990"]), Some(ErrorKind::MissingRequiredArgument));
        assert_eq!(kind(&origin), None);
        let both = [&origin[..], &["--upstream", "http://up:7990"]].concat();
        assert_eq!(kind(&both), Some(ErrorKind::ArgumentConflict));
    }

    #[test]
    fn secrets_have_no_flag() {
        for command in every_command(Cli::command()) {
            for argument in command.get_arguments() {
                let name = argument.get_long().unwrap_or_default();
                let is_secret =
                    name.contains("password") || name.contains("token") || name.contains("secret");
                assert!(
                    !is_secret || name.ends_with("-file"),
                    "--{name} would put a secret on the command line"
                );
            }
        }
    }

    #[test]
    fn help_names_options_that_there_are() {
        for command in every_command(Cli::command()) {
            let known: Vec<&str> =
                command.get_arguments().filter_map(|argument| argument.get_long()).collect();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let named = about.split_whitespace().filter_map(|word| word.strip_prefix("--"));
            let unknown: Vec<&str> = named
                .map(|name| name.trim_end_matches(['.', ',', ';', ':', ')']))
                .filter(|name| !known.contains(name))
                .collect();
            assert!(unknown.is_empty(), "{}: {unknown:?} in {about:?}", command.get_name());
        }
    }

    #[test]
    fn settings_have_one_name_everywhere() {
        for command in every_command(Cli::command()) {
            for argument in command.get_arguments() {
                let Some(variable) = argument.get_env() else {
                    continue;
                };
                let long = argument.get_long().expect("a setting has a long name");
                let expected = format!("HELIOSTAT_{}", long.to_uppercase().replace('-', "_"));
                assert_eq!(variable.to_str(), Some(expected.as_str()));
            }
        }
    }

    fn every_command(command: clap::Command) -> Vec<clap::Command> {
        let below = command.get_subcommands().cloned().flat_map(every_command).collect::<Vec<_>>();
        std::iter::once(command).chain(below).collect()
    }
}
