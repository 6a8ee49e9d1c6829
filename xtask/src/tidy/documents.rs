//! Documents keep to their word: what they name is there, and a walk through the code is as short as promised.

use std::collections::BTreeSet;

use crate::outcome::Finding;

/// Most files that a walk leads through.
const MAX_LINKS: usize = 6;
/// The document with the walks, and how the heading above them begins.
const WALKS: (&str, &str) = ("ARCHITECTURE.md", "Walks");
/// Names with these endings are files of this repository wherever they stand.
const OWN_ENDINGS: [&str; 2] = [".rs", ".md"];

/// Every file and every folder of the repository.
pub struct Tree {
    paths: BTreeSet<String>,
    top_folders: BTreeSet<String>,
}

impl Tree {
    /// The tree of these files.
    pub fn of(files: &[String]) -> Self {
        let (mut paths, mut top_folders) = (BTreeSet::new(), BTreeSet::new());
        for file in files {
            paths.insert(file.clone());
            for (at, _) in file.match_indices('/') {
                paths.insert(file[..at].to_owned());
            }
            top_folders.extend(file.split_once('/').map(|(first, _)| first.to_owned()));
        }
        Tree { paths, top_folders }
    }

    fn has(&self, path: &str) -> bool {
        self.paths.contains(path.trim_end_matches('/'))
    }

    fn has_an_end(&self, end: &str) -> bool {
        self.has(end) || self.paths.iter().any(|path| path.ends_with(&format!("/{end}")))
    }
}

/// Whether a file is a document whose words are checked. What has changed may name what is gone.
pub fn is_document(file: &str) -> bool {
    let is_of_root = matches!(file, "ARCHITECTURE.md" | "CONTRIBUTING.md" | "README.md");
    is_of_root || (file.starts_with("docs/") && file.ends_with(".md"))
}

/// Everything that a document promises and does not keep.
pub fn findings_in(document: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let mut findings = dead_paths(document, text, tree);
    if document == WALKS.0 {
        findings.extend(long_walks(document, text));
    }
    findings
}

/// Paths and links that lead nowhere.
fn dead_paths(document: &str, text: &str, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(text) {
        let dead_spans = spans(line).filter(|span| !is_there(span, tree)).map(str::to_owned);
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        let dead_links = links(line).filter(|target| {
            let path = joined(folder, target.split('#').next().unwrap_or_default());
            !is_elsewhere(target) && !path.is_some_and(|path| path.is_empty() || tree.has(&path))
        });
        for path in dead_spans.chain(dead_links.map(str::to_owned)) {
            findings.push(Finding {
                problem: format!("{document}: line {number} names {path}, which is not there"),
                remedy: "name what is there, from the root of the repository; a link from its document"
                    .into(),
            });
        }
    }
    findings
}

/// Lines outside of code blocks, counted from one.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    })
}

/// What stands between back quotes, but for the texts of links: where those lead is checked instead.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    let outside = line.split('[').enumerate().map(|(at, part)| match part.split_once("](") {
        Some((_, rest)) if at > 0 => rest,
        _ => part,
    });
    outside.flat_map(|part| part.split('`').skip(1).step_by(2))
}

/// Where the links of a line lead.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

fn is_elsewhere(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

/// A relative path below a folder without `.` and `..`; `None` when it leaves the repository.
fn joined(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if target.is_empty() {
        return Some(String::new());
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether a span names something that is there, or no path of this repository at all.
fn is_there(span: &str, tree: &Tree) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-<>".contains(letter);
    if !span.chars().all(is_plain) || span.starts_with(['/', '-', '<']) {
        return true;
    }
    // Of a path with a placeholder, what stands before it.
    let path = match span.split_once('<') {
        Some((before, _)) => before.rsplit_once('/').map_or("", |(folder, _)| folder),
        None => span,
    };
    if path.split_once('/').is_some_and(|(first, _)| tree.top_folders.contains(first)) {
        return tree.has(path);
    }
    !OWN_ENDINGS.iter().any(|ending| path.ends_with(ending) && path != *ending) || tree.has_an_end(path)
}

/// Walks that are no list, or too long to follow.
fn long_walks(document: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut finding = |problem: String| {
        let remedy = format!("make it a numbered list of at most {MAX_LINKS} links to the files to read");
        findings.push(Finding { problem: format!("{document}: {problem}"), remedy });
    };
    let walks = walks(text);
    if walks.is_empty() {
        finding(format!("has no walk below a heading that begins with {:?}", WALKS.1));
    }
    for (heading, items) in walks {
        let files: BTreeSet<&str> = items.iter().flat_map(|item| files_of(item)).collect();
        if items.is_empty() {
            finding(format!("the walk {heading:?} is no numbered list"));
        }
        if items.len() > MAX_LINKS || files.len() > MAX_LINKS {
            let (steps, files) = (items.len(), files.len());
            finding(format!("the walk {heading:?} has {steps} steps and names {files} files"));
        }
        for item in items.iter().filter(|item| files_of(item).next().is_none()) {
            let start: String = item.chars().take(40).collect();
            finding(format!("the walk {heading:?} has a step without a file: {start}"));
        }
    }
    findings
}

/// The numbered items below each heading of the third rank in the part with the walks.
fn walks(text: &str) -> Vec<(&str, Vec<String>)> {
    let mut walks: Vec<(&str, Vec<String>)> = Vec::new();
    let mut is_inside = false;
    for (_, line) in prose(text) {
        if let Some(heading) = line.strip_prefix("## ") {
            is_inside = heading.starts_with(WALKS.1);
        } else if let Some(heading) = line.strip_prefix("### ").filter(|_| is_inside) {
            walks.push((heading, Vec::new()));
        } else if let Some((_, items)) = walks.last_mut().filter(|_| is_inside) {
            let numbered = line.split_once(". ").filter(|(number, _)| number.parse::<u32>().is_ok());
            match (numbered, items.last_mut()) {
                (Some((_, item)), _) => items.push(item.to_owned()),
                // An item goes on in the lines below it.
                (None, Some(item)) if line.starts_with(' ') => item.push_str(line),
                _ => {}
            }
        }
    }
    walks
}

/// The files that a step leads to: links, and paths between back quotes.
fn files_of(item: &str) -> impl Iterator<Item = &str> {
    let named = spans(item).filter(|span| span.contains('/') && span.ends_with(".rs"));
    links(item).filter(|target| !is_elsewhere(target)).chain(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(document: &str, text: &str) -> Vec<String> {
        let files = ["README.md", "crates/git/src/lib.rs", "crates/git/src/refs/load.rs", "docs/a/b.md"];
        let tree = Tree::of(&files.map(str::to_owned));
        findings_in(document, text, &tree).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn paths_that_are_there_and_words_that_are_none_pass() {
        for text in [
            "`crates/git/src/lib.rs`, `crates/git/`, `refs/load.rs`, `lib.rs`, `docs/a`",
            "`crates/git/src/<folder>/<file>.rs`, `crates/{a,b}/x.rs`, `cargo test x/y.rs`, `/status`, `--a/b.rs`",
            "`target/tools/x.rs.txt`, `repositories/<id>.git`, `n/a`, `.rs`",
            "```\n`crates/gone.rs`\n```",
            "[a](README.md) [b](crates/git/src/lib.rs#L1) [c](#walks) [d](https://example.com/x.rs) [e](docs/a/)",
        ] {
            assert_eq!(problems("README.md", text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(problems("docs/a/b.md", "[up](../../README.md) [here](b.md)"), Vec::<String>::new());
    }

    #[test]
    fn a_planted_path_that_leads_nowhere_is_found() {
        for text in [
            "`crates/git/src/gone.rs`",
            "`crates/gone/`",
            "`refs/gone.rs`",
            "`gone.rs`",
            "`GONE.md`",
            "`crates/gone/<folder>/<file>.rs`",
            "[a](gone.md)",
            "[a](crates/git/src/gone.rs#L1)",
            "[a](../README.md)",
        ] {
            let found = problems("CONTRIBUTING.md", &format!("# Title\n\nSee {text}.\n"));
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].starts_with("CONTRIBUTING.md: line 3 names "), "{found:?}");
        }
        assert_eq!(problems("docs/a/b.md", "[a](README.md)").len(), 1);
    }

    #[test]
    fn what_has_changed_may_name_what_is_gone() {
        assert!(is_document("README.md") && is_document("docs/decisions/0001-x.md"));
        assert!(
            !is_document("CHANGELOG.md") && !is_document("docs/x.svg") && !is_document("crates/a/README.md")
        );
    }

    fn walk(items: &str) -> Vec<String> {
        problems("ARCHITECTURE.md", &format!("## Walks\n\nOf six.\n\n### A clone\n\n{items}\n## Decisions\n"))
    }

    #[test]
    fn a_walk_of_six_links_passes() {
        let link = "[`git/lib.rs`](crates/git/src/lib.rs) reads,\n   and goes on.\n";
        let items: String = (1..=6).map(|number| format!("{number}. {link}")).collect();
        assert_eq!(walk(&items), Vec::<String>::new());
        assert_eq!(walk("1. `crates/git/src/lib.rs` reads.\n"), Vec::<String>::new());
    }

    #[test]
    fn a_walk_that_breaks_its_promise_is_found() {
        let link = "[`lib.rs`](crates/git/src/lib.rs) reads.\n";
        let items: String = (1..=7).map(|number| format!("{number}. {link}")).collect();
        assert_eq!(walk(&items), ["ARCHITECTURE.md: the walk \"A clone\" has 7 steps and names 1 files"]);
        let files = ["README.md", "docs/a", "docs", "crates", "crates/git", "crates/git/src", "docs/a/b.md"];
        let both =
            "1. [`git/x.rs`](README.md) `a/1.rs` `a/2.rs` `a/3.rs`\n2. `a/4.rs` `a/5.rs` `a/6.rs` is read.\n";
        let found = walk(both).pop().expect("there are seven");
        assert!(found.ends_with("has 2 steps and names 7 files"), "{found}");
        let many: String = files.map(|file| format!("[a]({file}) ")).concat();
        assert_eq!(walk(&format!("1. {many}\n")).len(), 1);
        assert_eq!(walk("It begins in `lib.rs`.\n").len(), 1);
        assert_eq!(walk("1. It begins.\n").len(), 1);
        assert_eq!(problems("ARCHITECTURE.md", "# Architecture\n").len(), 1);
    }
}
