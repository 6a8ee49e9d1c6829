//! The tables of settings in `docs/configuration.md`, made from the options themselves.
//!
//! The test below compares them with the document, so that a setting cannot be added, renamed or given another
//! default without its documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Arg, ArgAction, CommandFactory};

use super::is_setting;
use crate::command::Cli;

/// Between these lines of the document stands what this module writes.
const BEGIN: &str = "<!-- settings: generated from the options -->";
const END: &str = "<!-- settings: end -->";
/// Set to rewrite the document instead of comparing it.
const UPDATE_VARIABLE: &str = "UPDATE_DOCS";
const UPDATE_COMMAND: &str = "UPDATE_DOCS=1 cargo test -p heliostat settings::reference";

/// An option that is a setting, and the commands that have it with their defaults.
struct Setting {
    argument: Arg,
    defaults: BTreeMap<String, String>,
}

#[test]
fn the_document_lists_every_setting_with_its_default() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let document = std::fs::read_to_string(&path).expect("docs/configuration.md can be read");
    let (before, rest) = document.split_once(BEGIN).expect("the document says where the tables begin");
    let (_, after) = rest.split_once(END).expect("the document says where the tables end");
    let expected = format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", tables());
    if std::env::var_os(UPDATE_VARIABLE).is_some() {
        std::fs::write(&path, &expected).expect("docs/configuration.md can be written");
        return;
    }
    assert!(
        document == expected,
        "docs/configuration.md does not list the settings as they are: run `{UPDATE_COMMAND}`"
    );
}

fn tables() -> String {
    let settings = settings();
    let has = |setting: &Setting, command: &str| setting.defaults.contains_key(command);
    let of_roles = |setting: &Setting| has(setting, "upstream") || has(setting, "mirror");
    let both = |setting: &Setting| has(setting, "upstream") && has(setting, "mirror");
    let mut text = String::new();
    let mut section = |title: &str, wanted: &dyn Fn(&Setting) -> bool| {
        let _ = writeln!(text, "### {title}\n\n| Setting | Variable | Value | Default | Meaning |");
        let _ = writeln!(text, "|---|---|---|---|---|");
        for (name, setting) in settings.iter().filter(|(_, setting)| wanted(setting)) {
            let _ = writeln!(text, "{}", row(name, setting));
        }
        text.push('\n');
    };
    section("Both roles", &both);
    section("Upstream", &|setting| has(setting, "upstream") && !both(setting));
    section("Mirror", &|setting| has(setting, "mirror") && !both(setting));
    section("Other commands", &|setting| !of_roles(setting));
    text.trim_end().to_owned()
}

/// Every setting by its name.
fn settings() -> BTreeMap<String, Setting> {
    let mut found = BTreeMap::new();
    let mut cli = Cli::command();
    // What holds for all commands is then with each of them.
    cli.build();
    for command in cli.get_subcommands() {
        collect(command, command.get_name(), &mut found);
    }
    found
}

fn collect(command: &clap::Command, path: &str, found: &mut BTreeMap<String, Setting>) {
    for argument in command.get_arguments().filter(|argument| is_setting(argument)) {
        let name = argument.get_long().expect("a setting has a long name").to_owned();
        let setting = found
            .entry(name)
            .or_insert_with(|| Setting { argument: argument.clone(), defaults: BTreeMap::new() });
        setting.defaults.insert(path.to_owned(), default_of(argument));
    }
    for below in command.get_subcommands() {
        collect(below, &format!("{path} {}", below.get_name()), found);
    }
}

fn row(name: &str, setting: &Setting) -> String {
    let Setting { argument, .. } = setting;
    let variable = argument.get_env().and_then(|name| name.to_str()).expect("a setting has a variable");
    let (meaning, _) = meaning_and_default(argument);
    format!(
        "| `{name}` | `{variable}` | {} | {} | {} |",
        value_of(argument),
        defaults_of(setting),
        meaning.replace('|', "\\|")
    )
}

/// What a value looks like: the words that a choice is made from, or the name of the value in the help.
fn value_of(argument: &Arg) -> String {
    if is_flag(argument) {
        return "`true`, `false`".to_owned();
    }
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|word| !word.is_hide_set())
        .map(|word| format!("`{}`", word.get_name()))
        .collect();
    if words.is_empty() {
        argument
            .get_value_names()
            .and_then(|names| names.first())
            .map_or_else(String::new, |name| name.to_string())
    } else {
        words.join(", ")
    }
}

/// One default if the roles agree, else each with its command. Other commands only count where no role has it.
fn defaults_of(setting: &Setting) -> String {
    let of_roles: Vec<(&String, &String)> = setting
        .defaults
        .iter()
        .filter(|(command, _)| ["mirror", "upstream"].contains(&command.as_str()))
        .collect();
    let told = if of_roles.is_empty() { setting.defaults.iter().collect() } else { of_roles };
    let first = told.first().expect("some command has the setting").1;
    if told.iter().all(|(_, default)| *default == first) {
        return first.clone();
    }
    told.iter().map(|(command, default)| format!("{default} ({command})")).collect::<Vec<_>>().join(", ")
}

fn default_of(argument: &Arg) -> String {
    if argument.is_required_set() {
        return "required".to_owned();
    }
    let (_, told) = meaning_and_default(argument);
    match argument.get_default_values() {
        [value] if !is_flag(argument) => format!("`{}`", value.to_string_lossy()),
        _ => told.unwrap_or_else(|| "none".to_owned()),
    }
}

/// The help without its "[default: ...]", and what that says.
fn meaning_and_default(argument: &Arg) -> (String, Option<String>) {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    match help.split_once(" [default: ") {
        Some((meaning, default)) => {
            let (default, rest) = default.split_once(']').unwrap_or((default, ""));
            (format!("{meaning}{rest}"), Some(default.to_owned()))
        }
        None => (help, None),
    }
}

fn is_flag(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::SetTrue)
}
