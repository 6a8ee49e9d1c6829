//! What is wrong with a command line, told without what misleads: clap offers to take an unknown option for a value, and its
//! usage asks for options that a variable has given already.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::command::Cli;

/// Commands that are given the options of the role that they are for. They take those that they use.
const TAKE_OPTIONS_OF_ROLES: [&str; 3] = ["doctor", "backup", "restore"];

/// The error of a command line, with the usage of its command and the options that may have been meant.
pub fn told_well(mut error: clap::Error, argv: &[OsString]) -> clap::Error {
    if let Some(ContextValue::StyledStrs(tips)) = error.remove(ContextKind::Suggested) {
        let fit: Vec<_> = tips.into_iter().filter(|tip| !tip.to_string().contains("as a value")).collect();
        if !fit.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(fit));
        }
    }
    let Some(mut command) = command_on(argv) else { return error };
    if let Some(meant) = meant_by(&error, &command) {
        error.insert(ContextKind::SuggestedArg, ContextValue::String(meant));
    } else if let Some(tip) = said_of_a_role(&error, &command) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    if error.get(ContextKind::Usage).is_some() {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(command.render_usage()));
    }
    error
}

/// Whether a line asks for JSON in words: behind the first thing that is wrong, clap reads no further.
pub fn asks_for_json(argv: &[OsString]) -> bool {
    let words: Vec<&str> = argv.iter().filter_map(|word| word.to_str()).collect();
    let in_two = words.windows(2).any(|pair| matches!(pair, ["-o" | "--output", "json"]));
    in_two || words.iter().any(|word| matches!(*word, "-ojson" | "-o=json" | "--output=json"))
}

/// The command that a command line names, as far as it can be read.
fn command_on(argv: &[OsString]) -> Option<clap::Command> {
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(argv).ok()?;
    let mut command = Cli::command();
    command.build();
    let mut matches = &matches;
    while let Some((name, below)) = matches.subcommand() {
        command = command.find_subcommand(name)?.clone();
        matches = below;
    }
    Some(command)
}

/// The name of an option that the command does not have, where clap knows none that is spelled alike.
fn unknown_option(error: &clap::Error) -> Option<&str> {
    if error.kind() != ErrorKind::UnknownArgument || error.get(ContextKind::SuggestedArg).is_some() {
        return None;
    }
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(unknown) => unknown.strip_prefix("--"),
        _ => None,
    }
}

/// What to do with an option of a role that was given to a command which takes some of them, and not this one.
fn said_of_a_role(error: &clap::Error, command: &clap::Command) -> Option<String> {
    let unknown = unknown_option(error)?;
    if !TAKE_OPTIONS_OF_ROLES.contains(&command.get_name()) {
        return None;
    }
    let roles = Cli::command();
    let has_it = |role: &&str| {
        let role = roles.find_subcommand(role);
        role.is_some_and(|role| role.get_arguments().any(|argument| argument.get_long() == Some(unknown)))
    };
    let role = ["upstream", "mirror"].into_iter().find(has_it)?;
    let command = command.get_name();
    Some(format!("heliostat {role} has '--{unknown}', and heliostat {command} does without it: leave it out"))
}

/// An option of the command that has the unknown one as a part of its name, where clap knows none that is spelled alike.
fn meant_by(error: &clap::Error, command: &clap::Command) -> Option<String> {
    let word = unknown_option(error)?;
    let mut options = command.get_arguments().filter_map(|argument| argument.get_long());
    let meant = options.find(|long| long.split('-').any(|part| part == word))?;
    Some(format!("--{meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = Cli::command().try_get_matches_from(&argv).expect_err("the line is wrong");
        told_well(error, &argv).to_string()
    }

    #[test]
    fn an_unknown_option_is_not_offered_as_a_value() {
        let told_of_name = told("heliostat user create bob --name Bob");
        assert!(told_of_name.contains("'--display-name'"), "{told_of_name}");
        for line in ["heliostat user create bob --name Bob", "heliostat project delete PRJ --yes"] {
            assert!(!told(line).contains("as a value"), "{}", told(line));
        }
    }

    #[test]
    fn an_option_of_a_role_that_is_not_needed_is_told_to_be_one() {
        let doctor = told("heliostat doctor --name Saigon");
        assert!(
            doctor.contains("heliostat mirror has '--name'") && doctor.contains("leave it out"),
            "{doctor}"
        );
        let backup = told("heliostat backup /b --data /d --listen 127.0.0.1:1");
        assert!(backup.contains("heliostat upstream has '--listen'"), "{backup}");
        for line in ["heliostat doctor --nothing", "heliostat project list --listen x"] {
            assert!(!told(line).contains("leave it out"), "{}", told(line));
        }
    }

    #[test]
    fn the_usage_is_that_of_the_command() {
        let usage = "Usage: heliostat project delete [OPTIONS] <KEY>";
        for line in ["heliostat project delete", "heliostat project delete PRJ --yes"] {
            assert!(told(line).contains(usage), "{}", told(line));
        }
        assert!(told("heliostat nothing").contains("Usage: heliostat [OPTIONS] <COMMAND>"));
    }
}
