//! What only some crates may name, and what some crates must do without.

use super::paths::Reference;
use super::source::Source;
use super::table::{BARRED, CONFINED, UNCONFINED};
use crate::outcome::Finding;

/// Every name in the sources of a crate that it must not use, once for each file.
pub fn wrong_names(folder: &str, sources: &[Source]) -> Vec<Finding> {
    let mut rules: Vec<(&str, &str)> = Vec::new();
    if !UNCONFINED.contains(&folder) {
        let closed = CONFINED.iter().filter(|confined| !confined.to.contains(&folder));
        rules.extend(closed.map(|confined| (confined.path, confined.reason)));
    }
    for barred in BARRED.iter().filter(|barred| barred.krate == folder) {
        rules.extend(barred.paths.iter().map(|path| (*path, barred.reason)));
    }
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        for (path, reason) in &rules {
            if let Some(named) = source.named.references.iter().find(|named| begins_with(named, path)) {
                findings.push(Finding {
                    problem: format!("{}:{} names {}", source.file, named.line, named.parts.join("::")),
                    remedy: (*reason).to_owned(),
                });
            }
        }
    }
    findings
}

fn begins_with(named: &Reference, path: &str) -> bool {
    let mut parts = named.parts.iter();
    !named.is_own && path.split("::").all(|wanted| parts.next().is_some_and(|part| part == wanted))
}

#[cfg(test)]
mod tests {
    use super::super::source::sources_of;
    use super::*;

    fn problems(folder: &str, text: &str) -> Vec<String> {
        let files = [("a.rs".to_owned(), text.to_owned())];
        wrong_names(folder, &sources_of(folder, &files)).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn a_planted_database_call_outside_storage_is_found() {
        let text = "//! Why.\nuse sea_orm::EntityTrait;\n";
        assert_eq!(problems("crates/mirror", text), ["crates/mirror/src/a.rs:2 names sea_orm::EntityTrait"]);
        assert_eq!(problems("crates/storage", text), Vec::<String>::new());
        assert_eq!(problems("crates/mirror", "// sea_orm:: is not used here\n"), Vec::<String>::new());
        assert_eq!(problems("crates/cli", text), Vec::<String>::new());
    }

    #[test]
    fn a_planted_process_and_a_planted_framework_are_found() {
        assert_eq!(problems("crates/mirror", "fn f() { tokio::process::Command::new(\"x\"); }\n").len(), 1);
        assert_eq!(problems("crates/git", "fn f() { tokio::process::Command::new(\"x\"); }\n").len(), 0);
        assert_eq!(problems("crates/upstream", "#[derive(poem_openapi::Object)]\nstruct S;\n").len(), 1);
    }

    #[test]
    fn planted_io_in_a_parser_is_found_in_each_of_its_forms() {
        for text in [
            "use std::io;",
            "use std::{fmt, io::Read};",
            "fn f() { std::fs::read(\"x\"); }",
            "use std::net::TcpStream;",
            "use std::process;",
            "use tokio::sync::Mutex;",
        ] {
            assert_eq!(problems("crates/git-wire", text).len(), 1, "{text}");
            assert_eq!(problems("crates/git", text).len(), 0, "{text}");
        }
        assert_eq!(
            problems("crates/git-wire", "#[cfg(test)]\nmod tests { use std::fs; }"),
            Vec::<String>::new()
        );
    }
}
