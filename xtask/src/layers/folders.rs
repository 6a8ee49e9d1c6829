//! Which folder of a crate may use which: down the rows of a table only.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;
use super::table::FolderOrder;
use crate::outcome::Finding;

/// Every use of a folder by one that does not stand above it, once for each file.
pub fn wrong_arrows(order: &FolderOrder, sources: &[Source]) -> Vec<Finding> {
    let rooms: BTreeSet<&str> = sources.iter().map(Source::room).filter(|room| !room.is_empty()).collect();
    let mut findings = misplaced(order, sources);
    let shown = shown_by_root(sources, &rooms);
    for source in sources.iter().filter(|source| !source.is_test && !source.is_root()) {
        let Some(own_row) = order.row(source.room()) else { continue };
        let mut told = BTreeSet::new();
        for reference in source.named.references.iter().filter(|reference| reference.is_own) {
            let Some(first) = reference.parts.first() else { continue };
            let target = rooms.get(first.as_str()).copied().or_else(|| shown.get(first.as_str()).copied());
            let Some((target, row)) = target.and_then(|target| Some((target, order.row(target)?))) else {
                continue;
            };
            let in_circle = |room: &str| order.circle.contains(&room);
            let is_known = row == own_row && in_circle(target) && in_circle(source.room());
            if target == source.room() || row > own_row || is_known || !told.insert(target) {
                continue;
            }
            let (own, krate) = (source.room(), order.krate);
            let rule = if row == own_row { "stand side by side" } else { "stand the other way round" };
            findings.push(Finding {
                problem: format!(
                    "{}:{}: {own} uses {target} (`{}`), and the two {rule} in the order of {krate}",
                    source.file,
                    reference.line,
                    reference.parts.join("::"),
                ),
                remedy: format!(
                    "let what is lower be handed what it needs, or move it: {krate} is {}",
                    order.shown()
                ),
            });
        }
    }
    findings
}

/// Rooms without a row, and rows without a room.
fn misplaced(order: &FolderOrder, sources: &[Source]) -> Vec<Finding> {
    let outside_tests = || sources.iter().filter(|source| !source.is_test && !source.is_root());
    let rooms: BTreeSet<&str> = outside_tests().map(Source::room).collect();
    let without_row = rooms.iter().filter(|room| order.row(room).is_none()).map(|room| Finding {
        problem: format!("{}: {room} has no place in the order of the crate's folders", order.krate),
        remedy: "give it one in xtask/src/layers/table.rs".to_owned(),
    });
    let without_room = order
        .rows
        .iter()
        .flat_map(|row| row.iter())
        .filter(|room| !rooms.contains(*room))
        .map(|room| Finding {
            problem: format!("{}: the order of its folders names {room}, which is not there", order.krate),
            remedy: "take it out of xtask/src/layers/table.rs".to_owned(),
        });
    without_row.chain(without_room).collect()
}

/// The rooms from which the root of the crate shows a name to all others.
fn shown_by_root<'s>(sources: &'s [Source], rooms: &BTreeSet<&'s str>) -> BTreeMap<&'s str, &'s str> {
    let mut shown = BTreeMap::new();
    for source in sources.iter().filter(|source| source.is_root()) {
        for (name, reference) in &source.named.uses {
            if let Some(room) = reference.parts.first().and_then(|first| rooms.get(first.as_str())) {
                shown.insert(name.as_str(), *room);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::source::sources_of;
    use super::*;

    const ORDER: FolderOrder =
        FolderOrder { krate: "crates/x", rows: &[&["high"], &["left", "right"], &["low"]], circle: &[] };

    fn problems(low: &str, left: &str, root: &str) -> Vec<String> {
        let files = [
            ("lib.rs", root),
            ("high/mod.rs", "use crate::low::Thing;\nuse crate::left;\n"),
            ("left/mod.rs", left),
            ("left/part.rs", "use super::Other;\n"),
            ("low/mod.rs", low),
            ("right.rs", ""),
        ];
        let files = files.map(|(within, text)| (within.to_owned(), text.to_owned()));
        wrong_arrows(&ORDER, &sources_of("crates/x", &files)).into_iter().map(|f| f.problem).collect()
    }

    #[test]
    fn arrows_that_point_down_are_fine() {
        assert_eq!(problems("", "use crate::low::Thing;\n", "mod low;\n"), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_points_up_is_found_in_each_of_its_forms() {
        for text in ["use crate::high::T;", "fn f() { super::high::g() }", "use crate::{high::T, right::R};"]
        {
            let found = problems(&format!("//! Why.\n{text}\n"), "", "");
            assert!(
                found[0].starts_with("crates/x/src/low/mod.rs:2: low uses high (`high::"),
                "{text}: {found:?}"
            );
            assert!(found[0].ends_with("the other way round in the order of crates/x"), "{found:?}");
        }
    }

    #[test]
    fn the_root_does_not_hide_an_arrow() {
        let found = problems("use crate::T;\n", "", "mod high;\npub use high::inner::Real as T;\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("crates/x/src/low/mod.rs:1: low uses high"), "{found:?}");
    }

    #[test]
    fn folders_side_by_side_do_not_know_each_other() {
        let found = problems("", "use crate::right::R;\n", "");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("left uses right") && found[0].contains("side by side"), "{found:?}");
    }

    #[test]
    fn a_circle_is_found_unless_it_is_known() {
        let files = [("left.rs", "use crate::right::R;\n"), ("right.rs", "use crate::left::L;\n")];
        let files = files.map(|(within, text)| (within.to_owned(), text.to_owned()));
        let found = |circle| {
            let order = FolderOrder { krate: "crates/x", rows: &[&["left", "right"]], circle };
            wrong_arrows(&order, &sources_of("crates/x", &files)).len()
        };
        assert_eq!((found(&[]), found(&["left"]), found(&["left", "right"])), (2, 2, 0));
    }

    #[test]
    fn circles_in_two_rows_excuse_no_arrow_between_them() {
        let files = [
            ("a.rs", "use crate::b::B;\n"),
            ("b.rs", "use crate::a::A;\nuse crate::c::C;\n"),
            ("c.rs", "use crate::d::D;\n"),
            ("d.rs", "use crate::a::A;\nuse crate::c::C;\n"),
        ];
        let files = files.map(|(within, text)| (within.to_owned(), text.to_owned()));
        let order = FolderOrder {
            krate: "crates/x",
            rows: &[&["a", "b"], &["c", "d"]],
            circle: &["a", "b", "c", "d"],
        };
        let found = wrong_arrows(&order, &sources_of("crates/x", &files));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].problem.starts_with("crates/x/src/d.rs:1: d uses a"), "{found:?}");
    }

    #[test]
    fn tests_may_use_what_they_like() {
        assert_eq!(
            problems("#[cfg(test)]\nmod tests { use crate::high::T; }\n", "", ""),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_order_names_what_is_there_and_all_of_it() {
        let files = [("new/mod.rs".to_owned(), String::new())];
        let found = wrong_arrows(&ORDER, &sources_of("crates/x", &files));
        let found: Vec<_> = found.into_iter().map(|finding| finding.problem).collect();
        assert_eq!(found[0], "crates/x: new has no place in the order of the crate's folders");
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(found[1].ends_with("names high, which is not there"), "{found:?}");
    }
}
