//! The command line: which commands there are, in the order in which one needs them.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::admin::{
    clone_url, mirror_servers, permission, project, repository, request, token, user, wait, webhook,
};
use crate::backup::{BackupOptions, RestoreOptions};
use crate::completions::CompletionsOptions;
use crate::demo::DemoOptions;
use crate::doctor::DoctorOptions;
use crate::exit_code;
use crate::git_setup::GitSetupOptions;
use crate::man_pages::ManOptions;
use crate::openapi::OpenapiOptions;
use crate::role::mirror::MirrorRoleOptions;
use crate::role::upstream::UpstreamRoleOptions;
use crate::trash;

/// What people do first.
const EXAMPLES: &str = "\
Examples:
  heliostat demo                                          see it work
  heliostat upstream --data /srv/upstream                 run a primary server
  heliostat mirror --upstream https://git.example.com --name Saigon
  heliostat mirror --origin https://github.com            mirror any Git server
  heliostat request accept Saigon                         let the mirror in
  heliostat clone-url PRJ/site --mirror Saigon            where to clone from";

/// Options of all commands stand behind those of a command in its help, and not between them.
const OF_ALL_COMMANDS: usize = 900;

/// Smart mirrors for Git: an upstream, its mirrors, and their administration.
///
/// Options that name an environment variable are settings: a flag wins over the variable,
/// the variable over the file given by --config, the file over the default.
/// The file is TOML, its keys are the long names of the options: `sweep-interval = "3m"`.
#[derive(Debug, Parser)]
#[command(
    name = "heliostat",
    version,
    propagate_version = true,
    max_term_width = 110,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{}", exit_code::HELP),
)]
pub struct Cli {
    /// TOML file with settings.
    #[arg(long, global = true, value_name = "FILE", env = "HELIOSTAT_CONFIG", display_order = OF_ALL_COMMANDS)]
    pub config: Option<PathBuf>,
    /// File with the certificates of authorities in PEM that are trusted beside the system's when other servers are called,
    /// by git as well [default: none].
    #[arg(long, global = true, value_name = "FILE", env = "HELIOSTAT_CA_FILE", display_order = OF_ALL_COMMANDS)]
    pub ca_file: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `heliostat` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run an upstream and a mirror in one process, with a real repository that is ready to clone.
    #[command(
        after_help = "Examples:\n  heliostat demo\n  heliostat demo --json --port 8000 --repository /srv/checkout"
    )]
    Demo(DemoOptions),
    /// Run the primary server: pushes go here, mirrors follow it.
    Upstream(Box<UpstreamRoleOptions>),
    /// Run a mirror, of an upstream or of any other Git server, or administer the mirrors that an upstream knows.
    #[command(
        after_help = "Examples:\n  heliostat mirror --upstream https://git.example.com --name Saigon \\\n      --data /srv/saigon\n  heliostat mirror --origin https://github.com --data /srv/mirror\n  heliostat mirror list\n  heliostat mirror status --mirror-url https://saigon.example.com"
    )]
    Mirror(Box<MirrorCommand>),
    /// Copy the database and the repositories of a role, which may be running, into an empty directory.
    #[command(after_help = "Examples:\n  heliostat backup /backup/monday --data /srv/upstream")]
    Backup(BackupOptions),
    /// Make the data directory of a role from a backup.
    #[command(after_help = "Examples:\n  heliostat restore /backup/monday --data /srv/upstream-new")]
    Restore(RestoreOptions),
    /// Check what a role needs from this machine, and say what to do about what is missing.
    #[command(
        after_help = "Examples:\n  heliostat doctor --data /srv/upstream --listen 127.0.0.1:7990\n  heliostat doctor --data /srv/saigon --upstream https://git.example.com"
    )]
    Doctor(Box<DoctorOptions>),
    /// Let git read from a mirror what is named by the address of its origin; what is pushed still goes to the origin.
    #[command(
        after_help = "Examples:\n  heliostat git-setup --origin https://git.example.com \\\n      --mirror-url https://saigon.example.com --global"
    )]
    GitSetup(GitSetupOptions),
    /// Print the contract of the REST API, for client generators and portals.
    #[command(
        after_help = "Examples:\n  heliostat openapi --yaml\n  heliostat openapi --json --edition 3.1 --role mirror \\\n      --server https://saigon.example.com"
    )]
    Openapi(OpenapiOptions),
    /// Projects of an upstream.
    #[command(subcommand, after_help = "Examples:\n  heliostat project create PRJ --name Website")]
    Project(project::ProjectCommand),
    /// Repositories of an upstream.
    #[command(
        subcommand,
        after_help = "Examples:\n  heliostat repository create PRJ/site\n  heliostat repository import https://example.com/some/tool.git --project PRJ\n  heliostat repository follow https://example.com/some/tool.git --project PRJ"
    )]
    Repository(repository::RepositoryCommand),
    /// Users of an upstream.
    #[command(
        subcommand,
        after_help = "Examples:\n  heliostat user create ann --email ann@example.com \\\n      --new-password-file ann.password"
    )]
    User(user::UserCommand),
    /// Access tokens, which stand in for a password.
    #[command(
        subcommand,
        after_help = "Examples:\n  heliostat token create ci --permission REPO_READ --expiry-days 90 \\\n      --save-file ci.token"
    )]
    Token(token::TokenCommand),
    /// Who may do what: globally, in a project, in a repository.
    #[command(
        subcommand,
        after_help = "Examples:\n  heliostat permission grant ann write --project PRJ\n  heliostat permission grant ann read --repository PRJ/site"
    )]
    Permission(permission::PermissionCommand),
    /// Addresses that are told of pushes to a repository, and of mirrors that serve them.
    #[command(
        subcommand,
        after_help = "Examples:\n  heliostat webhook create PRJ/site https://ci.example.com/hook \\\n      --secret-file hook.secret\n  heliostat webhook log PRJ/site 5 --outcome failure"
    )]
    Webhook(webhook::WebhookCommand),
    /// Wait until a mirror has a commit or a ref, before a build begins with it.
    ///
    /// Without --commit and --ref it waits for everything that the upstream has now.
    ///
    /// Exit codes: 0, it is there. 3, the time is over and it is not there. The others are those of all commands: 4, who asks
    /// must sign in or may not read the repository. 5, the mirror does not show them such a repository. 7, the mirror cannot
    /// be asked.
    #[command(
        after_help = "Examples:\n  heliostat wait /scm/prj/site.git --mirror-url https://saigon.example.com \\\n      --commit \"$COMMIT\" --timeout 2m"
    )]
    Wait(wait::WaitOptions),
    /// Print where a repository is cloned from: the upstream, a mirror, or the nearest mirror.
    CloneUrl(clone_url::CloneUrlOptions),
    /// Requests of mirrors that want to join an upstream.
    #[command(
        subcommand,
        after_help = "Examples:\n  heliostat request list --state pending\n  heliostat request accept Saigon --seen-url https://saigon.example.com \\\n      --project PRJ"
    )]
    Request(request::RequestCommand),
    /// Repositories that lie in the trash of a data directory.
    #[command(subcommand, after_help = "Examples:\n  heliostat trash list --data /srv/saigon")]
    Trash(trash::TrashCommand),
    /// Print what a shell needs to complete commands, options and values.
    #[command(after_help = COMPLETIONS)]
    Completions(CompletionsOptions),
    /// Write a manual page for each command into a directory.
    #[command(after_help = "Examples:\n  heliostat man /usr/local/share/man/man1")]
    Man(ManOptions),
}

const COMPLETIONS: &str = "\
Examples:
  heliostat completions bash \\
      > ~/.local/share/bash-completion/completions/heliostat
  heliostat completions zsh > ~/.zfunc/_heliostat
  heliostat completions fish > ~/.config/fish/completions/heliostat.fish

The shells look for it there, zsh only with fpath+=~/.zfunc before compinit in ~/.zshrc.";

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

impl Command {
    /// Whether it runs a server.
    pub fn is_role(&self) -> bool {
        match self {
            Self::Upstream(_) => true,
            Self::Mirror(mirror) => mirror.verb.is_none(),
            _ => false,
        }
    }
}

impl Cli {
    /// That options go together which clap cannot judge.
    pub fn check(&self) -> Result<(), clap::Error> {
        let (name, checked) = match &self.command {
            Command::Mirror(mirror) if mirror.verb.is_none() => ("mirror", mirror.role.source().map(|_| ())),
            Command::Doctor(doctor) => ("doctor", doctor.check()),
            _ => return Ok(()),
        };
        checked.map_err(|wrong| {
            let mut all = Self::command();
            // Built, because only then a command knows how it is called.
            all.build();
            let command = all.find_subcommand_mut(name).expect("it is the one that was given");
            command.error(wrong.kind(), wrong)
        })
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
        let nothing =
            settings::parse(["heliostat", "mirror"].map(Into::into)).expect_err("it mirrors nothing");
        assert!(nothing.to_string().contains("Usage: heliostat mirror"), "{nothing}");
        let both = [&origin[..], &["--upstream", "http://up:7990"]].concat();
        assert_eq!(kind(&both), Some(ErrorKind::ArgumentConflict));
    }

    #[test]
    fn what_is_said_of_an_origin_is_refused_beside_an_upstream() {
        let upstream = ["heliostat", "mirror", "--upstream", "http://up:7990", "--name", "tokyo"];
        for option in [
            ["--hook-secret-file", "github=/etc/secret"],
            ["--origin-token-file", "/etc/token"],
            ["--github-app-id", "7"],
            ["--github-app-key-file", "/etc/key"],
            ["--discover", "github:acme"],
            ["--discovery-url", "https://api.example.com"],
            ["--only", "acme/*"],
            ["--origin-ca-file", "/etc/authority"],
            ["--max-repositories-size", "1GiB"],
        ] {
            let error = settings::parse(upstream.iter().chain(&option).map(Into::into));
            let told = error.expect_err(option[0]).to_string();
            assert!(told.contains(option[0]) && told.contains("--upstream http://up:7990"), "{told}");
            let origin = ["heliostat", "mirror", "--origin", "https://git.example.com"];
            settings::parse(origin.iter().chain(&option).map(Into::into)).expect("it is for an origin");
        }
    }

    #[test]
    fn what_is_said_of_an_upstream_is_refused_beside_an_origin() {
        let origin = ["heliostat", "mirror", "--origin", "https://git.example.com"];
        for option in [
            &["--upstream-public-url", "https://up.example.com"][..],
            &["--internal-url", "http://10.0.0.7:7991"],
            &["--lag-limit", "5m"],
            &["--allow-mass-removal"],
        ] {
            let error = settings::parse(origin.iter().chain(option).map(Into::into));
            let told = error.expect_err(option[0]).to_string();
            assert!(told.contains(option[0]) && told.contains("--origin https://git.example.com"), "{told}");
            let upstream = ["heliostat", "mirror", "--upstream", "http://up:7990", "--name", "tokyo"];
            settings::parse(upstream.iter().chain(option).map(Into::into)).expect("it is for an upstream");
        }
    }

    #[test]
    fn the_doctor_refuses_what_the_mirror_refuses() {
        let upstream = ["--upstream", "http://up:7990"];
        let origin = ["--origin", "https://git.example.com"];
        for (source, other, option) in [
            (origin, upstream, ["--internal-url", "http://10.0.0.7:7991"]),
            (origin, upstream, ["--upstream-public-url", "https://up.example.com"]),
            (upstream, origin, ["--origin-ca-file", "/etc/authority"]),
        ] {
            let told = |command: &[&str]| {
                let words = command.iter().chain(&source).chain(&option).map(Into::into);
                let told = settings::parse(words).expect_err(option[0]).to_string();
                told.lines().next().unwrap_or_default().to_owned()
            };
            let doctor = told(&["heliostat", "doctor"]);
            assert!(doctor.contains(option[0]) && doctor.contains(&source.join(" ")), "{doctor}");
            assert_eq!(doctor, told(&["heliostat", "mirror", "--name", "tokyo"]));
            let well = ["heliostat", "doctor"].iter().chain(&other).chain(&option).map(Into::into);
            settings::parse(well).expect("it is for the other");
            let both = ["heliostat", "doctor"].iter().chain(&source).chain(&other).chain(&option);
            settings::parse(both.map(Into::into)).expect("both are checked");
        }
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

    #[test]
    fn the_options_of_a_command_stand_before_those_of_all_commands() {
        let mut command = Cli::command();
        command.build();
        let wait = command.find_subcommand_mut("wait").expect("there is one").render_long_help().to_string();
        let place =
            |option: &str| wait.find(&format!(" {option} <")).unwrap_or_else(|| panic!("{option}: {wait}"));
        let places = ["--commit", "--ref", "--timeout", "--ca-file", "--config"].map(place);
        assert!(places.is_sorted(), "{wait}");
    }

    fn every_command(command: clap::Command) -> Vec<clap::Command> {
        let below = command.get_subcommands().cloned().flat_map(every_command).collect::<Vec<_>>();
        std::iter::once(command).chain(below).collect()
    }
}
