//! Where options get their values: flags, then `HELIOSTAT_*`, then the TOML file, then the default.
//!
//! clap already knows flags, variables and defaults. The file is put underneath them: each of its values becomes
//! the default of the options of that name. An option is a setting when it names an environment variable; a file
//! may hold settings of several commands, but no key that none of them knows. A variable that is empty is not set:
//! Compose files and units write `${NAME:-}` for a variable that may not be set.

mod usage;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches};

use crate::command::Cli;
use crate::output::OutputFormat;

/// A settings file larger than this is some other file.
const MAX_SETTINGS_FILE_BYTES: u64 = 1024 * 1024;
/// What stands between the values of an option that takes several.
const LIST_DELIMITER: char = ',';

/// Why the options have no valid values.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The command line or a variable is wrong, or help was asked for; clap prints it.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read the settings file {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The file is too large.
    #[error("the settings file {path} is larger than {MAX_SETTINGS_FILE_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not TOML.
    #[error("the settings file {path} is not valid TOML: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// No command has this setting.
    #[error("the settings file {path} has the unknown key \"{key}\"{hint}")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The nearest known key, if one is near.
        hint: String,
    },
    /// The value has the wrong type or is not acceptable.
    #[error("the settings file {path} has a wrong value for \"{key}\": {reason}")]
    WrongValue {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is expected.
        reason: String,
    },
}

/// Reads the command line `argv`, with the environment and the settings file behind it.
pub fn parse(argv: impl IntoIterator<Item = OsString>) -> Result<Cli, SettingsError> {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let command = match settings_file(&argv) {
        Some(path) => with_defaults_from(Cli::command(), &path)?,
        None => Cli::command(),
    };
    let command = without_empty_variables(command);
    let matches = command.try_get_matches_from(&argv).map_err(|error| match error.use_stderr() {
        true => usage::told_well(error, &argv),
        // Help and version are asked for by the same way.
        false => error,
    })?;
    let cli = Cli::from_arg_matches(&matches)?;
    cli.check()?;
    Ok(cli)
}

/// The form in which the command on this line prints, as far as it has one: errors have the same.
pub fn wanted_output(argv: impl IntoIterator<Item = OsString>) -> OutputFormat {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let from_file = settings_file(&argv).and_then(|path| with_defaults_from(Cli::command(), &path).ok());
    let command = without_empty_variables(from_file.unwrap_or_else(Cli::command)).ignore_errors(true);
    if usage::asks_for_json(&argv) {
        return OutputFormat::Json;
    }
    let Ok(matches) = command.try_get_matches_from(argv) else { return OutputFormat::Table };
    let mut deepest = &matches;
    while let Some((_, below)) = deepest.subcommand() {
        deepest = below;
    }
    let wanted = deepest.try_get_one::<OutputFormat>("output");
    wanted.ok().flatten().copied().unwrap_or(OutputFormat::Table)
}

/// The variable from which an option has the value that clap complains of: the message names the option only.
pub fn variable_at_fault(error: &clap::Error, argv: impl IntoIterator<Item = OsString>) -> Option<String> {
    let text = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.as_str()),
        _ => None,
    };
    let option = text(ContextKind::InvalidArg)?.split([' ', '=']).next()?.strip_prefix("--")?.to_owned();
    let value = text(ContextKind::InvalidValue)?;
    let flag = format!("--{option}");
    let is_flag =
        |word: &str| word == flag || word.strip_prefix(&flag).is_some_and(|rest| rest.starts_with('='));
    if argv.into_iter().any(|word| word.to_str().is_some_and(is_flag)) {
        return None;
    }
    let name = format!("HELIOSTAT_{}", option.to_uppercase().replace('-', "_"));
    // Of a list, clap complains of the one value that is wrong.
    let holds = |found: String| found == value || found.split(LIST_DELIMITER).any(|one| one == value);
    std::env::var(&name).is_ok_and(holds).then_some(name)
}

/// What clap finds wrong with a command line, without its heading, usage and hints.
pub fn reason_in_one_line(error: &clap::Error) -> String {
    let full = error.to_string();
    let paragraph = full.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The file named by `--config` or its variable. Errors are left to the real parse, which meets them again.
fn settings_file(argv: &[OsString]) -> Option<PathBuf> {
    let command = without_empty_variables(Cli::command()).ignore_errors(true);
    let matches = command.try_get_matches_from(argv).ok()?;
    matches.get_one::<PathBuf>("config").cloned()
}

/// The command without the variables that are empty.
fn without_empty_variables(mut command: clap::Command) -> clap::Command {
    let is_empty = |argument: &Arg| {
        let value = argument.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    let empty: Vec<_> =
        command.get_arguments().filter(|argument| is_empty(argument)).map(Arg::get_id).cloned().collect();
    for id in empty {
        command = command.mut_arg(id, |argument| argument.env(None::<&'static str>));
    }
    let below: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in below {
        command = command.mut_subcommand(name, without_empty_variables);
    }
    command
}

/// The command with the values of the file as defaults.
fn with_defaults_from(command: clap::Command, path: &Path) -> Result<clap::Command, SettingsError> {
    let mut known = BTreeMap::new();
    collect_settings(&command, &mut known);
    let mut defaults = BTreeMap::new();
    for (key, value) in read(path)? {
        let Some(argument) = known.get(&key) else {
            let hint = nearest(&key, known.keys());
            return Err(SettingsError::UnknownKey { path: path.to_owned(), key, hint });
        };
        match accepted_text(argument, &value) {
            Ok(text) => defaults.insert(key, text),
            Err(reason) => {
                return Err(SettingsError::WrongValue { path: path.to_owned(), key, reason });
            }
        };
    }
    Ok(apply(command, &defaults))
}

fn read(path: &Path) -> Result<toml::Table, SettingsError> {
    let unreadable = |error| SettingsError::Unreadable { path: path.to_owned(), error };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_SETTINGS_FILE_BYTES {
        return Err(SettingsError::TooLarge { path: path.to_owned() });
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        SettingsError::Malformed { path: path.to_owned(), message: format!("{place}{}", error.message()) }
    })
}

/// Every option that is a setting, by its long name. Equal names mean equal types (see the test below).
fn collect_settings(command: &clap::Command, known: &mut BTreeMap<String, Arg>) {
    for argument in command.get_arguments().filter(|argument| is_setting(argument)) {
        let key = argument.get_long().expect("a setting has a long name").to_owned();
        known.entry(key).or_insert_with(|| argument.clone());
    }
    for below in command.get_subcommands() {
        collect_settings(below, known);
    }
}

fn is_setting(argument: &Arg) -> bool {
    argument.get_env().is_some() && argument.get_id() != "config"
}

/// The value as the option would be written on the command line, if the option accepts it.
fn accepted_text(argument: &Arg, value: &toml::Value) -> Result<String, String> {
    let text = match (Expected::of(argument), value) {
        (Expected::Boolean, toml::Value::Boolean(flag)) => return Ok(flag.to_string()),
        (Expected::Integer, toml::Value::Integer(number)) => number.to_string(),
        (Expected::Text, toml::Value::String(text)) => text.clone(),
        (expected, found) => {
            return Err(format!("expected {}, found {}", expected.name(), found.type_str()));
        }
    };
    // The option's own parser decides, alone, so that its complaint can be told together with file and key.
    let long = argument.get_long().expect("a setting has a long name");
    clap::Command::new("settings")
        .no_binary_name(true)
        .arg(argument.clone().required(false).global(false))
        .try_get_matches_from([format!("--{long}={text}")])
        .map_err(|error| short_reason(&error))?;
    Ok(text)
}

/// The type that a setting has in the file.
enum Expected {
    Boolean,
    Integer,
    Text,
}

impl Expected {
    fn of(argument: &Arg) -> Self {
        let parsed_as = argument.get_value_parser().type_id();
        match argument.get_action() {
            ArgAction::SetTrue => Self::Boolean,
            _ if parsed_as == std::any::TypeId::of::<usize>() => Self::Integer,
            _ => Self::Text,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Integer => "an integer",
            Self::Text => "a string",
        }
    }
}

/// clap's message without its heading and usage: only the reason.
fn short_reason(error: &clap::Error) -> String {
    let full = error.to_string();
    let first = full.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let possible = full.lines().find(|line| line.trim_start().starts_with("[possible values"));
    match possible {
        Some(possible) => format!("{first} {}", possible.trim()),
        None => first.to_owned(),
    }
}

fn apply(mut command: clap::Command, defaults: &BTreeMap<String, String>) -> clap::Command {
    let settings: Vec<_> = command
        .get_arguments()
        .filter(|argument| is_setting(argument))
        .filter_map(|argument| Some((argument.get_id().clone(), defaults.get(argument.get_long()?)?.clone())))
        .collect();
    for (id, value) in settings {
        command = command.mut_arg(id, |argument| argument.default_value(value).required(false));
    }
    let below: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in below {
        command = command.mut_subcommand(name, |sub| apply(sub, defaults));
    }
    command
}

/// ", did you mean ...?" for a key that is a slip away from a known one.
fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a String>) -> String {
    const MAX_SLIPS: usize = 3;
    known
        .map(|candidate| (slips(key, candidate), candidate))
        .filter(|(distance, _)| *distance <= MAX_SLIPS)
        .min()
        .map(|(_, candidate)| format!(", did you mean \"{candidate}\"?"))
        .unwrap_or_default()
}

/// Edit distance between two words.
fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod deployed;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
