//! What a folder must not know although it stands below it in the same crate: it is kept for one folder inside.

use super::paths::Reference;
use super::source::Source;
use super::table::Apart;
use crate::outcome::Finding;

/// Every name that the folder must not use, once for each file.
pub fn wrong_names(rule: &Apart, sources: &[Source]) -> Vec<Finding> {
    let is_bound =
        |source: &&Source| lies_in(source, rule.folder) && !lies_in(source, rule.except) && !source.is_test;
    let mut findings = Vec::new();
    for source in sources.iter().filter(is_bound) {
        let wrong = |named: &&Reference| rule.paths.iter().any(|path| leads_into(named, path));
        if let Some(named) = source.named.references.iter().find(wrong) {
            findings.push(Finding {
                problem: format!("{}:{} names crate::{}", source.file, named.line, named.parts.join("::")),
                remedy: rule.reason.to_owned(),
            });
        }
    }
    findings
}

fn lies_in(source: &Source, folder: &str) -> bool {
    source.folder().strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn leads_into(named: &Reference, path: &str) -> bool {
    let mut parts = named.parts.iter();
    named.is_own && path.split("::").all(|wanted| parts.next().is_some_and(|part| part == wanted))
}

#[cfg(test)]
mod tests {
    use super::super::source::sources_of;
    use super::super::table::APART;
    use super::*;

    fn problems(within: &str, text: &str) -> Vec<String> {
        let files = [(within.to_owned(), text.to_owned())];
        let sources = sources_of("crates/server", &files);
        let found = APART.iter().flat_map(|rule| wrong_names(rule, &sources));
        found.map(|finding| finding.problem).collect()
    }

    #[test]
    fn planted_http_in_git_access_is_found_in_each_of_its_forms() {
        for (text, named) in [
            ("use crate::http::request_record;", "http::request_record"),
            ("use crate::http::request_record::{self, LoggedCaller};", "http::request_record"),
            (
                "fn f() { crate::http::request_record::called_as_shown(); }",
                "http::request_record::called_as_shown",
            ),
            ("use super::super::http::Spool;", "http::Spool"),
            ("use super::http::GitEndpoint;", "git::http::GitEndpoint"),
        ] {
            let expected = [format!("crates/server/src/git/mirror_git.rs:2 names crate::{named}")];
            assert_eq!(problems("git/mirror_git.rs", &format!("//! Why.\n{text}\n")), expected, "{text}");
        }
    }

    #[test]
    fn the_transport_and_other_folders_may_name_http() {
        let text = "use crate::http::request_record;\n";
        for within in ["git/http/endpoint.rs", "git/http/deep/part.rs", "hooks.rs", "github/part.rs"] {
            assert_eq!(problems(within, text), Vec::<String>::new(), "{within}");
        }
        assert_eq!(problems("git/mod.rs", "pub mod http;\n"), Vec::<String>::new());
        assert_eq!(problems("git/access.rs", "use http::Method;\nuse poem::http;\n"), Vec::<String>::new());
        let tested = "#[cfg(test)]\nmod tests { use crate::http::Spool; }\n";
        assert_eq!(problems("git/access.rs", tested), Vec::<String>::new());
    }
}
