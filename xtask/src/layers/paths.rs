//! The paths that a source file names outside of its tests, in `use` and everywhere else.

use std::collections::BTreeMap;

use super::tokens::{Kind, Token};

/// A path where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The line, counted from one.
    pub line: usize,
    /// Its parts; of one into the crate, those below the crate's root.
    pub parts: Vec<String>,
    /// Whether it leads into this crate by `crate`, `self` or `super`.
    pub is_own: bool,
}

/// A module that is compiled for tests only and has a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestModule {
    name: String,
    /// What `#[path = "..."]` says.
    path: Option<String>,
}

/// Everything that a file names.
#[derive(Debug, Default)]
pub struct Named {
    /// The paths.
    pub references: Vec<Reference>,
    /// What `use` brings, by the name that it has here.
    pub uses: BTreeMap<String, Reference>,
    /// Its modules that are tests.
    pub test_modules: Vec<TestModule>,
}

impl TestModule {
    /// The files that it may have, seen from the file that declares it; a place with a slash at its end is a folder.
    pub fn places(&self, declared_in: &str) -> Vec<String> {
        let (folder, file) =
            declared_in.rsplit_once('/').map_or(("", declared_in), |(folder, file)| (folder, file));
        let below = |folder: &str, end: &str| {
            if folder.is_empty() { end.to_owned() } else { format!("{folder}/{end}") }
        };
        if let Some(path) = &self.path {
            return vec![below(folder, path)];
        }
        let folder = match file.trim_end_matches(".rs") {
            "mod" | "lib" | "main" => folder.to_owned(),
            stem => below(folder, stem),
        };
        let name = &self.name;
        [format!("{name}.rs"), format!("{name}/mod.rs"), format!("{name}/")]
            .map(|end| below(&folder, &end))
            .into()
    }
}

/// Reads the tokens of the file of a module.
pub fn named(tokens: &[Token], module: &[String]) -> Named {
    let mut walk =
        Walk { tokens, at: 0, module: module.to_vec(), inner: Vec::new(), depth: 0, found: Named::default() };
    walk.run();
    walk.found
}

struct Walk<'t> {
    tokens: &'t [Token],
    at: usize,
    /// The module at this place.
    module: Vec<String>,
    /// The depth of braces at which each module inside the file begins.
    inner: Vec<usize>,
    depth: usize,
    found: Named,
}

/// Words that begin an item, which ends with a semicolon or with its braces.
const ITEM_WORDS: [&str; 14] = [
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "macro_rules",
    "mod",
    "pub",
    "static",
    "struct",
    "trait",
    "type",
    "use",
];

impl<'t> Walk<'t> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.get(self.at) {
            match &token.kind {
                Kind::Sign('#') if self.attribute_means_test() => self.skip_test_item(),
                Kind::Sign('{') => {
                    self.depth += 1;
                    self.at += 1;
                }
                Kind::Sign('}') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.inner.last() == Some(&self.depth) {
                        self.inner.pop();
                        self.module.pop();
                    }
                    self.at += 1;
                }
                Kind::Word(word) if word == "mod" && self.is_sign(2, '{') => {
                    self.module.extend(self.word(1).map(str::to_owned));
                    self.inner.push(self.depth);
                    self.at += 2;
                }
                Kind::Word(word) if word == "use" && !self.is_sign(1, '<') => {
                    self.at += 1;
                    self.use_tree(&[]);
                }
                Kind::Word(_) if !self.follows_a_path() => self.path(),
                _ => self.at += 1,
            }
        }
    }

    fn token(&self, ahead: usize) -> Option<&'t Token> {
        self.tokens.get(self.at + ahead)
    }

    fn word(&self, ahead: usize) -> Option<&'t str> {
        self.token(ahead)?.word()
    }

    fn is_sign(&self, ahead: usize, sign: char) -> bool {
        self.token(ahead).is_some_and(|token| token.is_sign(sign))
    }

    fn is_separator(&self, ahead: usize) -> bool {
        self.token(ahead).is_some_and(|token| token.kind == Kind::PathSeparator)
    }

    /// Whether what is here goes on with a path or a call, or tells where something may be seen.
    fn follows_a_path(&self) -> bool {
        let Some(before) = self.at.checked_sub(1).map(|at| &self.tokens[at]) else { return false };
        before.kind == Kind::PathSeparator || before.is_sign('.') || before.is_word("in")
    }

    fn path(&mut self) {
        let line = self.tokens[self.at].line;
        let mut parts = Vec::new();
        while let Some(word) = self.word(0) {
            parts.push(word.to_owned());
            self.at += 1;
            if !self.is_separator(0) || self.word(1).is_none() {
                break;
            }
            self.at += 1;
        }
        if parts.len() > 1 {
            self.note(line, parts);
        }
    }

    /// Reads what follows `use` or stands inside its braces, up to the sign that ends it.
    fn use_tree(&mut self, prefix: &[String]) {
        let mut parts = prefix.to_vec();
        let mut line = self.token(0).map_or(0, |token| token.line);
        let mut alias = None;
        while let Some(token) = self.token(0) {
            match &token.kind {
                Kind::Word(word) if word == "as" => {
                    alias = self.word(1).map(str::to_owned);
                    self.at += 2;
                }
                Kind::Word(word) => {
                    (parts, line) = ([parts, vec![word.clone()]].concat(), token.line);
                    self.at += 1;
                }
                Kind::PathSeparator => self.at += 1,
                Kind::Sign('{') => {
                    self.at += 1;
                    while self.token(0).is_some() && !self.is_sign(0, '}') {
                        self.use_tree(&parts);
                        self.at += usize::from(self.is_sign(0, ','));
                    }
                    self.at += 1;
                    return;
                }
                Kind::Sign('*') => {
                    parts.push("*".to_owned());
                    self.at += 1;
                }
                _ => break,
            }
        }
        if parts.len() > prefix.len() {
            self.note_use(line, parts, alias);
        } else if !self.is_sign(0, '}') && !self.is_sign(0, ',') && !self.is_sign(0, ';') {
            // Not Rust; but it must not be read for ever.
            self.at += 1;
        }
    }

    fn note_use(&mut self, line: usize, mut parts: Vec<String>, alias: Option<String>) {
        if parts.len() > 1 && parts.last().is_some_and(|last| last == "self") {
            parts.pop();
        }
        let name = alias.or_else(|| parts.last().cloned()).unwrap_or_default();
        if let Some(reference) = self.note(line, parts) {
            self.found.uses.insert(name, reference);
        }
    }

    fn note(&mut self, line: usize, parts: Vec<String>) -> Option<Reference> {
        let (parts, is_own) = match parts.first().map(String::as_str) {
            Some("crate") => (parts[1..].to_vec(), true),
            Some("self") => ([&self.module, &parts[1..]].concat(), true),
            Some("super") => {
                let up = parts.iter().take_while(|part| *part == "super").count();
                let stays = self.module.len().checked_sub(up)?;
                ([&self.module[..stays], &parts[up..]].concat(), true)
            }
            _ => (parts, false),
        };
        let reference = Reference { line, parts, is_own };
        self.found.references.push(reference.clone());
        Some(reference)
    }

    /// Whether `#[cfg(test)]` or the like is here.
    fn attribute_means_test(&self) -> bool {
        let is_cfg = self.is_sign(1, '[') && self.word(2) == Some("cfg");
        let inside = self.tokens[self.at..].iter().take_while(|token| !token.is_sign(']'));
        let words: Vec<&str> = inside.filter_map(Token::word).collect();
        is_cfg && words.contains(&"test") && !words.contains(&"not")
    }

    /// Skips attributes and the item, field or arm that they belong to.
    fn skip_test_item(&mut self) {
        let mut path = None;
        while self.is_sign(0, '#') {
            if self.word(2) == Some("path")
                && let Some(Kind::Text(text)) = self.token(4).map(|token| &token.kind)
            {
                path = Some(text.clone());
            }
            self.at += 1;
            self.skip_group();
        }
        let is_item = self.word(0).is_some_and(|word| ITEM_WORDS.contains(&word));
        while let Some(token) = self.token(0) {
            if token.is_word("mod") && self.is_sign(2, ';') {
                let name = self.word(1).unwrap_or_default().to_owned();
                self.found.test_modules.push(TestModule { name, path: path.clone() });
            }
            match token.kind {
                Kind::Sign(';') => {
                    self.at += 1;
                    return;
                }
                Kind::Sign(',') if !is_item => {
                    self.at += 1;
                    return;
                }
                Kind::Sign('{') => {
                    self.skip_group();
                    // `use a::{b};` goes on behind its braces.
                    self.at += usize::from(self.is_sign(0, ';'));
                    return;
                }
                Kind::Sign('(' | '[') => self.skip_group(),
                Kind::Sign('}' | ')' | ']') => return,
                _ => self.at += 1,
            }
        }
    }

    /// Skips what stands in braces, brackets or parentheses here.
    fn skip_group(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.token(0) {
            match token.kind {
                Kind::Sign('(' | '[' | '{') => depth += 1,
                Kind::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn found(text: &str, module: &str) -> Named {
        let module: Vec<String> =
            module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        named(&tokens(text), &module)
    }

    fn own(text: &str, module: &str) -> Vec<(usize, String)> {
        let references = found(text, module).references.into_iter().filter(|reference| reference.is_own);
        references.map(|reference| (reference.line, reference.parts.join("::"))).collect()
    }

    #[test]
    fn a_use_is_read_with_all_its_branches() {
        let text = "use crate::a::{self, b::C as D,\n  e::*};\nuse std::{io, fs::File};\n";
        assert_eq!(own(text, "x"), [(1, "a".into()), (1, "a::b::C".into()), (2, "a::e::*".into())]);
        let all = found(text, "x");
        let outer: Vec<_> =
            all.references.iter().filter(|r| !r.is_own).map(|reference| reference.parts.join("::")).collect();
        assert_eq!(outer, ["std::io", "std::fs::File"]);
        assert_eq!(all.uses["D"].parts.join("::"), "a::b::C");
    }

    #[test]
    fn paths_are_found_in_code_and_in_macros() {
        let text = "fn f() -> crate::a::T { call!(crate::b::G::<X>::new()); x.crate_ }\n";
        assert_eq!(own(text, "x"), [(1, "a::T".into()), (1, "b::G".into())]);
    }

    #[test]
    fn super_is_counted_from_where_it_stands() {
        let text = "use super::c;\nmod inner {\n  use super::super::d;\n}\nuse super::e;\n";
        assert_eq!(own(text, "a::b"), [(1, "a::c".into()), (3, "a::d".into()), (5, "a::e".into())]);
    }

    #[test]
    fn what_only_tests_name_is_left_out() {
        let text = "#[cfg(test)]\nuse crate::a::{B};\n#[cfg(test)]\nmod tests {\n use crate::c;\n}\n\
                    #[cfg(not(test))]\nuse crate::d::E;\n#[cfg(test)]\nfn f<A, B>() { crate::g::h(); }\nuse crate::i;\n";
        assert_eq!(own(text, "x"), [(8, "d::E".into()), (11, "i".into())]);
    }

    #[test]
    fn where_something_may_be_seen_is_no_use_of_it() {
        assert_eq!(own("pub(in crate::a::b) fn f() {}\npub(crate) fn g() {}\n", "a::b::c"), []);
    }
}
