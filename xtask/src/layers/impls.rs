//! `impl T` stands in the folder of `T`: what a type can do is found where the type is.
//!
//! Traits may be implemented anywhere; methods of its own a type has at home only. Else a type grows until each of
//! its methods can call each other without an import, and no folder shows what depends on what.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;
use super::tokens::{Kind, Token};
use crate::outcome::Finding;

/// Every `impl T` of a crate that stands elsewhere than `T`.
pub fn strays(sources: &[Source]) -> Vec<Finding> {
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        for name in types(&source.tokens) {
            homes.entry(name).or_default().insert(source.folder());
        }
    }
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test) {
        for (line, name) in own_impls(&source.tokens) {
            let Some(folders) = homes.get(name).filter(|folders| !folders.contains(source.folder())) else {
                continue;
            };
            let home: Vec<String> = folders.iter().map(|folder| format!("src/{folder}")).collect();
            findings.push(Finding {
                problem: format!(
                    "{}:{line}: `impl {name}` stands outside of {}",
                    source.file,
                    home.join(", ")
                ),
                remedy: format!("make it a function, or a type of this folder that is handed a {name}"),
            });
        }
    }
    findings
}

/// The names of the types that a file defines.
fn types(tokens: &[Token]) -> impl Iterator<Item = &str> {
    tokens.windows(2).filter_map(|pair| match pair[0].word() {
        Some("struct" | "enum") => pair[1].word(),
        _ => None,
    })
}

/// The types that a file gives methods to outside of traits, with the line of each.
fn own_impls(tokens: &[Token]) -> Vec<(usize, &str)> {
    let starts =
        tokens.iter().enumerate().filter(|(at, token)| token.is_word("impl") && begins_item(tokens, *at));
    starts.filter_map(|(at, token)| Some((token.line, own_impl(&tokens[at + 1..])?))).collect()
}

/// `impl Trait` in a type follows some sign or word; an item follows the end of another or an attribute.
fn begins_item(tokens: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|at| &tokens[at]) else { return true };
    matches!(before.kind, Kind::Sign('}' | ';' | ']' | '{')) || before.is_word("unsafe")
}

/// The type behind `impl`, unless a trait is implemented for it.
fn own_impl(tokens: &[Token]) -> Option<&str> {
    let (mut depth, mut name, mut behind_arrow) = (0_usize, None, false);
    for (at, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Sign('<') => depth += 1,
            Kind::Sign('>') if !behind_arrow => depth = depth.saturating_sub(1),
            Kind::Sign('{' | ';') if depth == 0 => return name,
            Kind::Word(word) if depth == 0 => match word.as_str() {
                "for" => return None,
                "where" => return name,
                // Generics of the block itself stand before any name.
                word => name = Some(word),
            },
            _ => {}
        }
        behind_arrow = tokens[at].is_sign('-');
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::source::sources_of;
    use super::super::tokens::tokens;
    use super::*;

    #[test]
    fn an_impl_of_a_type_is_told_from_one_of_a_trait() {
        let text = "impl A { fn f(x: impl Fn(u8)) -> impl Iterator { } }\nimpl<'a, T: Into<B>> C<'a, T> where T: D {}\n\
                    impl fmt::Display for E {}\nimpl<F> super::G<F>\nwhere\n    F: for<'a> Fn(&'a u8),\n{}\n\
                    unsafe impl Send for H {}\n#[allow(x)]\nimpl I<dyn Fn() -> u8> {}\n";
        assert_eq!(own_impls(&tokens(text)), [(1, "A"), (2, "C"), (4, "G"), (10, "I")]);
    }

    fn problems(elsewhere: &str) -> Vec<String> {
        let files = [
            ("lib.rs", "mod home;\nmod away;\n"),
            ("home/mod.rs", "pub struct Role {}\nimpl Role { fn f() {} }\n"),
            ("home/more.rs", "impl super::Role { fn g() {} }\n"),
            ("away/mod.rs", elsewhere),
        ];
        let files = files.map(|(within, text)| (within.to_owned(), text.to_owned()));
        strays(&sources_of("crates/x", &files)).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn methods_outside_of_the_types_folder_are_found() {
        let found = problems("use crate::home::Role;\n\nimpl Role { fn h() {} }\n");
        assert_eq!(found, ["crates/x/src/away/mod.rs:3: `impl Role` stands outside of src/home"]);
        let found = problems("impl crate::home::Role { fn h() {} }\n");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn traits_and_types_of_others_are_not_its_business() {
        assert_eq!(problems("impl Clone for Role {}\n"), Vec::<String>::new());
        assert_eq!(problems("impl Vec2 { }\n"), Vec::<String>::new());
        assert_eq!(problems("struct Own;\nimpl Own {}\n"), Vec::<String>::new());
    }
}
