//! The file under flags and defaults. Variables are tested on the real binary, in `tests/settings.rs`.

use std::io::Write;
use std::time::Duration;

use super::*;
use crate::command::Command;
use crate::role::mirror::MirrorRoleOptions;

fn mirror_with(file: &str, flags: &[&str]) -> Result<MirrorRoleOptions, SettingsError> {
    let mut settings = tempfile::NamedTempFile::new().expect("the temporary directory is writable");
    settings.write_all(file.as_bytes()).expect("the temporary directory has space");
    let mut argv =
        vec![OsString::from("heliostat"), "mirror".into(), "--config".into(), settings.path().into()];
    argv.extend(flags.iter().map(OsString::from));
    match parse(argv)?.command {
        Command::Mirror(mirror) => Ok(mirror.role),
        _ => panic!("not the mirror command"),
    }
}

fn message(file: &str) -> String {
    mirror_with(file, &[]).expect_err("the file is wrong").to_string()
}

const JOINED: &str = "upstream = 'http://up:7990'\nname = 'tokyo'\n";

#[test]
fn the_file_wins_over_the_default_and_satisfies_required_options() {
    let mirror =
        mirror_with(&format!("{JOINED}sweep-interval = '10s'\nsync-parallelism = 7"), &[]).expect("valid");
    assert_eq!(mirror.name.as_deref(), Some("tokyo"));
    assert_eq!(mirror.sweep_interval, Duration::from_secs(10));
    assert_eq!(mirror.sync_parallelism, 7);
    assert_eq!(mirror.freshness_cap, Duration::from_secs(2), "the default stays where the file is silent");
}

#[test]
fn a_flag_wins_over_the_file() {
    let mirror = mirror_with(&format!("{JOINED}sweep-interval = '10s'"), &["--sweep-interval", "20s"]);
    assert_eq!(mirror.expect("valid").sweep_interval, Duration::from_secs(20));
}

#[test]
fn booleans_are_booleans() {
    let allowed = mirror_with(&format!("{JOINED}allow-mass-removal = true"), &[]).expect("valid");
    assert!(allowed.allow_mass_removal);
    let refused = mirror_with(&format!("{JOINED}allow-mass-removal = false"), &[]).expect("valid");
    assert!(!refused.allow_mass_removal);
    assert!(message("allow-mass-removal = 'yes'").ends_with("expected true or false, found string"));
}

#[test]
fn settings_of_other_commands_may_share_the_file() {
    assert!(mirror_with(&format!("{JOINED}display-name = 'Primary'"), &[]).is_ok());
}

#[test]
fn an_unknown_key_is_named_with_its_nearest_neighbour() {
    let told = message("sweep-intreval = '3m'");
    assert!(told.contains("unknown key \"sweep-intreval\", did you mean \"sweep-interval\"?"), "{told}");
    assert!(
        message("[mirror]\nname = 'x'").contains("wrong value")
            || message("[mirror]").contains("unknown key")
    );
}

#[test]
fn a_wrong_value_is_named_with_file_and_key() {
    let told = message("sweep-interval = 180");
    assert!(told.contains("wrong value for \"sweep-interval\": expected a string, found integer"), "{told}");
    let told = message("listen = 'everywhere'");
    assert!(told.contains("wrong value for \"listen\"") && told.contains("everywhere"), "{told}");
    assert!(message("log-format = 'xml'").contains("[possible values: text, json]"));
    assert!(message("sync-parallelism = 0").contains("wrong value for \"sync-parallelism\""));
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    let told = message("listen = '127.0.0.1:0'\nname = \n");
    assert!(told.contains("not valid TOML: line 2"), "{told}");
}

#[test]
fn equal_names_have_equal_types() {
    fn check(command: &clap::Command, known: &BTreeMap<String, Arg>) {
        for argument in command.get_arguments().filter(|argument| is_setting(argument)) {
            let first = &known[argument.get_long().expect("a setting has a long name")];
            assert!(
                first.get_value_parser().type_id() == argument.get_value_parser().type_id(),
                "{argument}"
            );
        }
        command.get_subcommands().for_each(|below| check(below, known));
    }
    let mut known = BTreeMap::new();
    collect_settings(&Cli::command(), &mut known);
    check(&Cli::command(), &known);
}
