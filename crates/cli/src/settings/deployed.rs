//! What stands in `deploy/` names settings that there are: a file that is written once and read on other machines is the last
//! one to follow a renamed option.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use yaml_serde::Value;

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

/// Variables and their values.
type Variables = BTreeMap<String, String>;

/// The role takes these variables, with these values. They are given as options, since variables are the whole process's.
fn takes(role: &str, variables: &Variables) {
    let options = variables.iter().filter(|(name, _)| !SECRETS.contains(&name.as_str()));
    let options = options.map(|(name, value)| {
        let long = name.trim_start_matches("HELIOSTAT_").to_lowercase().replace('_', "-");
        format!("--{long}={value}")
    });
    let words: Vec<String> = ["heliostat".to_owned(), role.to_owned()].into_iter().chain(options).collect();
    let shown = words.join(" ");
    settings::parse(words.into_iter().map(Into::into)).unwrap_or_else(|error| panic!("{shown}: {error}"));
}

fn documents(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder().join(name)).expect("the file is there");
    text.split("\n---\n").map(|document| yaml_serde::from_str(document).expect("is YAML")).collect()
}

fn text_values(mapping: &Value) -> Variables {
    let pairs = mapping.as_mapping().expect("is a mapping").iter();
    let text = |value: &Value| value.as_str().expect("is a text").to_owned();
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}

/// What the image sets.
fn of_image() -> Variables {
    let text = fs::read_to_string(folder().join("docker/Dockerfile")).expect("the file is there");
    let words = text.split_whitespace().filter(|word| word.starts_with("HELIOSTAT_"));
    let pairs = words.filter_map(|word| word.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn each_server_of_the_compose_file_takes_its_variables() {
    let compose = &documents("docker/compose.yaml")[0];
    let mut roles = Vec::new();
    for (_, service) in compose["services"].as_mapping().expect("there are services") {
        let Some(role) = service["command"][0].as_str() else {
            continue;
        };
        let mut variables = of_image();
        variables.extend(text_values(&service["environment"]));
        takes(role, &variables);
        roles.push(role);
    }
    assert_eq!(roles, ["upstream", "mirror", "mirror"]);
}

#[test]
fn each_server_of_kubernetes_takes_its_variables() {
    let maps = documents("kubernetes/configuration.yaml");
    for (role, name) in [("upstream", "heliostat-upstream"), ("mirror", "heliostat-mirror")] {
        let mut variables = of_image();
        let map = maps.iter().find(|map| map["metadata"]["name"] == *name).expect("the role has settings");
        variables.extend(text_values(&map["data"]));
        let documents = documents(&format!("kubernetes/{role}.yaml"));
        let set = documents.iter().find(|document| document["kind"] == *"StatefulSet");
        let container = &set.expect("the role is a StatefulSet")["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["args"][0].as_str(), Some(role));
        assert_eq!(container["envFrom"][0]["configMapRef"]["name"].as_str(), Some(name));
        for variable in container["env"].as_sequence().into_iter().flatten() {
            let pod = format!("{name}-0");
            let value = variable["value"].as_str().unwrap_or(&pod).replace("$(HELIOSTAT_NAME)", &pod);
            let name = variable["name"].as_str().expect("a variable has a name");
            variables.insert(name.to_owned(), value);
        }
        takes(role, &variables);
    }
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
