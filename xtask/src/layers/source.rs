//! The Rust files of a crate, with the paths that they name and the place of each in the tree of modules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::paths::{self, Named};
use super::tokens::{self, Token};

/// A source file of a crate.
#[derive(Debug)]
pub struct Source {
    /// Its path from the root of the repository.
    pub file: String,
    /// Its path from the crate's `src`.
    pub within: String,
    /// The modules from the crate's root down to the file; empty for `lib.rs`.
    pub module: Vec<String>,
    /// Whether only tests are compiled from it.
    pub is_test: bool,
    /// Everything in it.
    pub tokens: Vec<Token>,
    /// What it names outside of its tests.
    pub named: Named,
}

impl Source {
    fn of(file: String, within: String, text: &str) -> Self {
        let module = module_of(&within);
        let tokens = tokens::tokens(text);
        let named = paths::named(&tokens, &module);
        Source { file, within, module, is_test: false, tokens, named }
    }

    /// Whether this is the root of the crate.
    pub fn is_root(&self) -> bool {
        self.module.is_empty()
    }

    /// The folder or, for a file that is in none, the name of the file without its ending.
    pub fn room(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// The folder below `src` that the file lies in; empty for `src` itself.
    pub fn folder(&self) -> &str {
        self.within.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// The files below `src` of a crate in a folder of the repository, in the order of their names.
pub fn sources(root: &Path, folder: &str) -> anyhow::Result<Vec<Source>> {
    let src = root.join(folder).join("src");
    let mut files = Vec::new();
    // The whole-system tests have no library.
    if !src.is_dir() {
        return Ok(Vec::new());
    }
    for path in rust_files(&src)? {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let within = path.strip_prefix(&src).unwrap_or(&path).display().to_string();
        files.push((within, text));
    }
    Ok(sources_of(folder, &files))
}

/// The same from names below `src` and texts.
pub fn sources_of(folder: &str, files: &[(String, String)]) -> Vec<Source> {
    let mut sources: Vec<Source> = files
        .iter()
        .map(|(within, text)| Source::of(format!("{folder}/src/{within}"), within.clone(), text))
        .collect();
    let mut tests = BTreeSet::new();
    for source in &sources {
        tests.extend(source.named.test_modules.iter().flat_map(|module| module.places(&source.within)));
    }
    for source in &mut sources {
        let is_below = |place: &String| place.ends_with('/') && source.within.starts_with(place.as_str());
        source.is_test = tests.contains(&source.within) || tests.iter().any(is_below);
    }
    sources
}

fn module_of(within: &str) -> Vec<String> {
    let mut parts: Vec<String> = within.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let is_root = parts.len() == 1 && matches!(parts[0].as_str(), "lib" | "main");
    if is_root || parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// Every Rust file below a folder.
pub fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_knows_its_module_and_whether_it_is_a_test() {
        let files = [
            ("lib.rs", "mod a;\n#[cfg(test)]\nmod tests;\n"),
            ("a/mod.rs", "mod b;\n#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod others;\n"),
            ("a/b.rs", "#[cfg(test)]\nmod deep;\n"),
            ("a/b/deep.rs", ""),
            ("a/b_tests.rs", ""),
            ("tests/mod.rs", "mod one;\n"),
            ("tests/one.rs", ""),
        ];
        let files = files.map(|(within, text)| (within.to_owned(), text.to_owned()));
        let sources = sources_of("crates/x", &files);
        let told: Vec<_> = sources.iter().map(|source| (source.module.join("::"), source.is_test)).collect();
        let told: Vec<_> = told.iter().map(|(module, is_test)| (module.as_str(), *is_test)).collect();
        let expected = [
            ("", false),
            ("a", false),
            ("a::b", false),
            ("a::b::deep", true),
            ("a::b_tests", true),
            ("tests", true),
            ("tests::one", true),
        ];
        assert_eq!(told, expected);
        assert_eq!(sources[2].room(), "a");
        assert_eq!((sources[2].folder(), sources[0].folder()), ("a", ""));
    }
}
