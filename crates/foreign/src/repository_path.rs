//! Where a repository is on a Git server, as clients name it: what comes after the host.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

/// Longest path of a repository that is passed on.
const MAX_REPOSITORY_PATH_BYTES: usize = 1024;

/// Longest part between two slashes: the origin keeps it as the name of a folder.
const MAX_PART_BYTES: usize = 255;

/// How deep a repository may lie; GitLab allows 20 groups in each other.
const MAX_PARTS: usize = 32;

/// A path such as `/acme/tool.git`, decoded, with a slash before it and none behind. Equal paths name one repository; that
/// two paths name the same one is known to the origin only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryPath(String);

/// A path that is not passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path:?} is not the path of a repository: {reason}")]
pub struct InvalidRepositoryPath {
    path: String,
    reason: &'static str,
}

impl RepositoryPath {
    /// Reads a path as it stands in a URL, without query: `/acme/t%C3%B6ol.git`, with or without the slash before it.
    pub fn parse(path: &str) -> Result<Self, InvalidRepositoryPath> {
        match decoded(path) {
            Ok(decoded) => Ok(Self(decoded)),
            Err(reason) => Err(InvalidRepositoryPath { path: path.chars().take(200).collect(), reason }),
        }
    }

    /// The path, decoded, with a slash before it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts between the slashes.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0[1..].split('/')
    }

    /// The same without the slash before it and without `.git` at its end, for patterns such as `acme/*` and for people.
    pub fn bare(&self) -> &str {
        let path = &self.0[1..];
        path.strip_suffix(".git").filter(|bare| !bare.is_empty() && !bare.ends_with('/')).unwrap_or(path)
    }

    /// The path with `.git` at its end, and without. One of the two is this path; the other one need not be valid.
    pub fn spellings(&self) -> [Self; 2] {
        let bare = self.bare();
        [Self(format!("/{bare}.git")), Self(format!("/{bare}"))]
    }

    /// Its place below a URL that ends with a slash, encoded as URLs are.
    pub fn below(&self, base: &Url) -> Url {
        let mut url = base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(self.parts());
        }
        url
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RepositoryPath {
    type Err = InvalidRepositoryPath;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        Self::parse(path)
    }
}

fn decoded(path: &str) -> Result<String, &'static str> {
    // Encoded it is at most three times as long.
    if path.len() > 3 * MAX_REPOSITORY_PATH_BYTES {
        return Err("it is too long");
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut decoded = String::with_capacity(path.len() + 1);
    for (index, part) in path.split('/').enumerate() {
        if index == MAX_PARTS {
            return Err("it has too many parts");
        }
        decoded.push('/');
        decoded.push_str(&decoded_part(part)?);
    }
    if decoded.len() > MAX_REPOSITORY_PATH_BYTES {
        return Err("it is too long");
    }
    Ok(decoded)
}

fn decoded_part(part: &str) -> Result<String, &'static str> {
    let part = percent_decode_str(part).decode_utf8().map_err(|_| "it is not UTF-8")?;
    match &*part {
        "" => Err("a part of it is empty"),
        "." | ".." => Err("a part of it is '.' or '..'"),
        part if part.len() > MAX_PART_BYTES => Err("a part of it is too long"),
        part if part.contains(['/', '\\', '?', '#']) => {
            Err("a part of it holds a slash, a backslash, '?' or '#'")
        }
        part if part.contains(char::is_control) => Err("it holds a control character"),
        part => Ok(part.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_spelling() {
        for (path, expected) in [
            ("/acme/tool.git", "/acme/tool.git"),
            ("acme/tool.git/", "/acme/tool.git"),
            ("/acme/t%6fol.git", "/acme/tool.git"),
            ("/~ann/t%C3%B6ol", "/~ann/t\u{f6}ol"),
            ("/acme/.github.git", "/acme/.github.git"),
            ("/a%20b/100%25", "/a b/100%"),
            ("/tool", "/tool"),
        ] {
            assert_eq!(RepositoryPath::parse(path).expect(path).as_str(), expected);
        }
    }

    #[test]
    fn hostile_paths_are_refused() {
        let long_part = format!("/{}", "a".repeat(MAX_PART_BYTES + 1));
        let long = format!("/{}", "abcdefgh/".repeat(MAX_REPOSITORY_PATH_BYTES));
        let deep = "/a".repeat(MAX_PARTS + 1);
        for path in [
            "",
            "/",
            "//",
            "/a//b",
            "//a",
            "/../etc",
            "/a/..",
            "/a/./b",
            "/a/%2e%2E/b",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/a?b",
            "/a%3fb",
            "/a#b",
            "/a%00b",
            "/a%0ab",
            "/a\nb",
            "/a%ffb",
            &long_part,
            &long,
            &deep,
        ] {
            assert!(RepositoryPath::parse(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_path_lies_below_its_server() {
        let path = RepositoryPath::parse("/a b/t%C3%B6ol%25.git").expect("valid");
        for (base, expected) in [
            ("https://git.example.com/", "https://git.example.com/a%20b/t%C3%B6ol%25.git"),
            ("https://git.example.com/scm/", "https://git.example.com/scm/a%20b/t%C3%B6ol%25.git"),
        ] {
            let url = path.below(&Url::parse(base).expect("a URL"));
            assert_eq!(url.as_str(), expected);
            let base = Url::parse(base).expect("a URL");
            let rest = url.path().strip_prefix(base.path()).expect("below it");
            assert_eq!(RepositoryPath::parse(rest).expect("valid"), path);
        }
    }

    #[test]
    fn patterns_see_it_without_what_is_around_it() {
        let bare = |path| RepositoryPath::parse(path).expect("valid").bare().to_owned();
        assert_eq!(bare("/acme/tool.git"), "acme/tool");
        assert_eq!(bare("/acme/tool"), "acme/tool");
        assert_eq!(bare("/acme/.git"), "acme/.git");
        for path in ["/acme/tool.git", "/acme/tool", "/acme/.git", "/.git"] {
            let path = RepositoryPath::parse(path).expect("valid");
            assert!(path.spellings().contains(&path), "{path}");
        }
    }
}
