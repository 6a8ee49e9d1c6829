//! What stands in `deploy/` names settings that there are: a file that is written once and read on other machines is the last
//! one to follow a renamed option.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;

use crate::command::Cli;
use crate::settings;

/// Variables that are no options, because their values are secret.
const SECRETS: [&str; 2] = ["HELIOSTAT_ADMIN_PASSWORD", "HELIOSTAT_PASSWORD"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read").flatten();
    let of_entry = |path: PathBuf| if path.is_dir() { files_in(&path) } else { vec![path] };
    entries.flat_map(|entry| of_entry(entry.path())).collect()
}

fn variables_of(command: &clap::Command, found: &mut BTreeSet<String>) {
    let variables = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
    found.extend(variables.map(str::to_owned));
    for below in command.get_subcommands() {
        variables_of(below, found);
    }
}

#[test]
fn each_variable_is_a_setting() {
    let mut known = BTreeSet::from(SECRETS.map(str::to_owned));
    variables_of(&Cli::command(), &mut known);
    let mut count = 0;
    for file in files_in(&folder()) {
        let text = fs::read_to_string(&file).expect("it is a text");
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        for name in text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("HELIOSTAT_")) {
            assert!(known.contains(name), "{} names {name}, which is no setting", file.display());
            count += 1;
        }
    }
    assert!(count > 10, "only {count} variables were found");
}

#[test]
fn the_files_of_the_units_are_read_also_with_what_is_commented_out() {
    for (role, without, further) in [
        ("upstream", "", &[][..]),
        // A mirror has one source, so the other one is left out; the file alone says none.
        ("mirror", "origin = ", &[][..]),
        ("mirror", "upstream = ", &[][..]),
        ("mirror", "#", &["--origin", "https://git.example.com"][..]),
    ] {
        let file = folder().join(format!("systemd/{role}.toml"));
        let text = fs::read_to_string(&file).expect("the file is there");
        let lines = text.lines().filter_map(|line| {
            let line = if without == "#" { line } else { line.strip_prefix("#   ").unwrap_or(line) };
            (without.is_empty() || !line.starts_with(without)).then(|| format!("{line}\n"))
        });
        let mut lines: Vec<String> = lines.collect();
        // An address that is commented out takes the place of the one before it.
        let listens: Vec<usize> = (0..lines.len()).filter(|&at| lines[at].starts_with("listen = ")).collect();
        if let [first, _] = listens[..] {
            lines.remove(first);
        }
        let copy = tempfile::NamedTempFile::new().expect("the temporary directory is writable");
        fs::write(copy.path(), lines.concat()).expect("can be written");
        let copy = copy.path().to_str().expect("is UTF-8");
        let arguments = ["heliostat", role, "--config", copy].into_iter().chain(further.iter().copied());
        settings::parse(arguments.map(Into::into))
            .unwrap_or_else(|error| panic!("{role}, {without}: {error}"));
    }
}
