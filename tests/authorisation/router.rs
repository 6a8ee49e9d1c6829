//! The addresses that a server of each role answers, read off the source of its router, so that the doors of the matrix can be
//! held to them: an address that is added later fails a test until it has a row.

use std::fs;
use std::path::{Path, PathBuf};

use heliostat_api::Role;

/// Where addresses are given, below `crates/server/src`, and at servers of which roles.
const PLACES: [(&str, &[Role]); 9] = [
    ("documents/", &[Role::Upstream, Role::Mirror, Role::OriginMirror]),
    ("hooks.rs", &[Role::OriginMirror]),
    ("http/browser_session.rs", &[Role::Upstream, Role::Mirror]),
    ("pages/mirror/", &[Role::Mirror]),
    ("pages/origin/", &[Role::OriginMirror]),
    ("pages/upstream/", &[Role::Upstream]),
    ("roles/mirror_role.rs", &[Role::Mirror]),
    ("roles/origin_role.rs", &[Role::OriginMirror]),
    ("roles/upstream_role.rs", &[Role::Upstream]),
];

/// What stands before an address in the source, and whether all below it is meant. The first ones are routes; by the last one,
/// something answers before these are asked.
const MARKS: [(&str, Extent); 7] = [
    (".at(", Extent::Alone),
    (".try_at(", Extent::Alone),
    (".nest(", Extent::AllBelow),
    (".try_nest(", Extent::AllBelow),
    (".nest_no_strip(", Extent::AllBelow),
    (".try_nest_no_strip(", Extent::AllBelow),
    (".path() == ", Extent::Alone),
];

/// What follows in a file is not served.
const TESTS: &str = "#[cfg(test)]";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Alone,
    AllBelow,
}

/// An address that is answered, in the words of the router: `/users/:user`, `/openapi/*file`.
#[derive(Debug)]
pub struct Route {
    /// The address.
    pub address: String,
    extent: Extent,
}

impl Route {
    /// All that a server of this role has.
    pub fn all_of(role: Role) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/server/src");
        let sources: Vec<(String, String)> = files_below(&folder)
            .into_iter()
            .map(|file| {
                let name = file.strip_prefix(&folder).expect("it lies there").display().to_string();
                let text = fs::read_to_string(&file).expect("sources are text");
                (name, text.split(TESTS).next().unwrap_or_default().to_owned())
            })
            .collect();
        let mut routes = Vec::new();
        for (name, text) in &sources {
            let found = routes_in(text, &sources);
            if found.is_empty() {
                continue;
            }
            let place = PLACES.iter().find(|(place, _)| name.starts_with(place));
            let (_, roles) = place.unwrap_or_else(|| {
                panic!("say in tests/authorisation/router.rs which roles answer {found:?}, which {name} adds")
            });
            if roles.contains(&role) {
                routes.extend(found);
            }
        }
        routes
    }

    /// Whether a request for this path comes here.
    pub fn answers(&self, path: &str) -> bool {
        if self.extent == Extent::AllBelow {
            return path.strip_prefix(&self.address).is_some_and(|below| below.starts_with('/'));
        }
        let mut parts = path.split('/');
        for expected in self.address.split('/') {
            let Some(part) = parts.next() else { return false };
            if expected.starts_with('*') {
                return true;
            }
            let is_any = expected.starts_with(':') && !part.is_empty();
            if !is_any && part != expected {
                return false;
            }
        }
        parts.next().is_none()
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("is there").path());
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn routes_in(text: &str, sources: &[(String, String)]) -> Vec<Route> {
    let found_by = |(mark, extent): (&str, Extent)| {
        let found = text.match_indices(mark).map(|(at, _)| &text[at + mark.len()..]);
        let routes = found.map(|rest| Route { address: address_in(rest, sources), extent });
        routes.collect::<Vec<_>>()
    };
    MARKS.into_iter().flat_map(found_by).collect()
}

/// The address at the beginning of a piece of source: a literal, one with constants in it, or a constant.
fn address_in(rest: &str, sources: &[(String, String)]) -> String {
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("format!(").unwrap_or(rest);
    let Some(literal) = rest.strip_prefix('"') else {
        let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let name = rest.split(|character| !is_of_name(character)).next().unwrap_or_default();
        return constant(name, sources);
    };
    let mut address = literal.split('"').next().unwrap_or_default().to_owned();
    while let Some((before, (name, after))) =
        address.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        address = format!("{before}{}{after}", constant(name, sources));
    }
    address
}

fn constant(name: &str, sources: &[(String, String)]) -> String {
    let declared = format!("const {name}: &str = \"");
    let value = sources.iter().find_map(|(_, text)| text.split_once(&declared)?.1.split('"').next());
    value
        .unwrap_or_else(|| {
            panic!("tests/authorisation/router.rs cannot read the address {name:?}: give it as text")
        })
        .to_owned()
}
