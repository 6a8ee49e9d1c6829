//! `cargo xtask tidy`: a linter for the repository itself. Each rule names the file and what mends it.

mod documents;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::outcome::{Finding, Outcome};
use crate::workspace;

/// Longest handwritten Rust file.
const MAX_RUST_LINES: usize = 500;
/// Inputs of the fuzzer.
const CORPUS: &str = "tests/fuzz/corpus/";
/// File names that say nothing.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "manager", "common", "helpers"];

/// Checks every file that git tracks, and every new one that it does not ignore.
pub fn run() -> anyhow::Result<Outcome> {
    let root = workspace::root();
    let mut findings = Vec::new();
    let files = files(&root)?;
    let tree = documents::Tree::of(&files);
    for file in &files {
        // What clients send is kept as it was.
        if file.starts_with(CORPUS) {
            continue;
        }
        let Ok(text) = fs::read_to_string(root.join(file)) else {
            continue;
        };
        findings.extend(findings_in(file, &text));
        if documents::is_document(file) {
            findings.extend(documents::findings_in(file, &text, &tree));
        }
    }
    Ok(Outcome::of_findings(findings, "the repository is tidy"))
}

fn files(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    let names = String::from_utf8_lossy(&output.stdout);
    let names = names.split('\0').filter(|name| !name.is_empty());
    // One that was removed is still listed until that is committed.
    Ok(names.filter(|name| root.join(name).exists()).map(str::to_owned).collect())
}

/// Everything that is untidy in one file.
pub fn findings_in(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut finding = |problem: String, remedy: &str| {
        findings.push(Finding { problem: format!("{file}: {problem}"), remedy: remedy.into() });
    };
    let generated = file.contains("/generated/");
    for (index, line) in text.lines().enumerate() {
        if line != line.trim_end() && !generated {
            finding(format!("line {} ends in white space", index + 1), "remove it, or run `cargo fmt`");
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        finding("does not end in a line break".into(), "add one");
    }
    if let Some(stem) = file.strip_suffix(".rs") {
        let name = stem.rsplit('/').next().unwrap_or(stem);
        let lines = text.lines().count();
        if lines > MAX_RUST_LINES && !generated {
            finding(format!("has {lines} lines, more than {MAX_RUST_LINES}"), "split it by idea");
        }
        if EMPTY_NAMES.contains(&name) {
            finding("its name says nothing".into(), "name it after the question that it answers");
        }
        if !text.starts_with("//!") && !text.starts_with("#![") {
            finding("has no module documentation".into(), "say in its first lines why it exists");
        }
    }
    if file.ends_with("Cargo.toml") && file != "Cargo.toml" {
        if !text.contains("[lints]\nworkspace = true") {
            finding("does not take the workspace's lints".into(), "add `[lints]` with `workspace = true`");
        }
        for line in text.lines().filter(|line| line.contains("version = \"")) {
            finding(format!("names a version itself: {line}"), "name it in [workspace.dependencies]");
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::findings_in;

    fn problems(file: &str, text: &str) -> Vec<String> {
        findings_in(file, text).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        assert!(problems("crates/a/src/b.rs", "//! Why.\n").is_empty());
    }

    #[test]
    fn each_rule_finds_its_planted_fault() {
        assert_eq!(problems("a.rs", "//! Why.\nlet a; \n"), ["a.rs: line 2 ends in white space"]);
        assert_eq!(problems("a.rs", "//! Why."), ["a.rs: does not end in a line break"]);
        assert_eq!(problems("a.rs", "fn a() {}\n"), ["a.rs: has no module documentation"]);
        assert_eq!(problems("x/utils.rs", "//! Why.\n"), ["x/utils.rs: its name says nothing"]);
        let long = format!("//! Why.\n{}", "\n".repeat(500));
        assert_eq!(problems("a.rs", &long), ["a.rs: has 501 lines, more than 500"]);
        let manifest = "[package]\nversion.workspace = true\n[dependencies]\nserde = { version = \"1\" }\n";
        assert_eq!(problems("x/Cargo.toml", manifest).len(), 2);
    }
}
