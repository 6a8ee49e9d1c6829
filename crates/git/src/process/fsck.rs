//! What arriving objects are checked for before they are kept.
//!
//! Some malformed objects are harmless and stand in histories that cannot be changed any more. Others are weapons: a
//! tree with an entry `.git` or `..`, or a `.gitmodules` with a name or an address of that kind, makes clients that
//! check it out write where they must not. Those are refused from every client, whatever an operator has chosen.

use std::str::FromStr;

use thiserror::Error;

/// How strictly pushes are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fsck {
    /// Whatever `git fsck --strict` complains about is refused.
    Strict,
    /// What old tools have written is let through: identities, dates and modes of another form.
    #[default]
    Lenient,
    /// Only what would harm clients is refused.
    Off,
}

/// A text that names no kind of check.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is neither strict, lenient nor off")]
pub struct InvalidFsck(String);

/// Complaints about what would harm those who check it out, by the names that `git` has for them.
const HARMFUL: &[&str] = &[
    "hasDot",
    "hasDotdot",
    "hasDotgit",
    "emptyName",
    "fullPathname",
    "gitmodulesSymlink",
    "gitmodulesName",
    "gitmodulesUrl",
    "gitmodulesPath",
    "gitmodulesUpdate",
    // In one that cannot be read, nothing can be found.
    "gitmodulesLarge",
    "gitmodulesBlob",
    "gitmodulesMissing",
];

/// Complaints about what old tools have written.
const OLD_FASHIONED: &[&str] = &[
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTagName",
    "badTimezone",
    "extraHeaderEntry",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "multipleAuthors",
    "nulInCommit",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
];

/// Complaints about what is useless and harmless.
const MALFORMED: &[&str] = &[
    "badObjectSha1",
    "badParentSha1",
    "badTree",
    "badTreeSha1",
    "badType",
    "duplicateEntries",
    "gitattributesBlob",
    "gitattributesLarge",
    "gitattributesLineLength",
    "gitattributesMissing",
    "missingAuthor",
    "missingCommitter",
    "missingObject",
    "missingTag",
    "missingTagEntry",
    "missingTree",
    "missingType",
    "missingTypeEntry",
    "nullSha1",
    "treeNotSorted",
    "unknownType",
];

impl Fsck {
    /// As an option says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lenient => "lenient",
            Self::Off => "off",
        }
    }

    /// How the first push into a repository is checked: it may bring a history that is older than any rule.
    #[must_use]
    pub fn of_import(self) -> Self {
        if self == Self::Strict { Self::Lenient } else { self }
    }

    /// What `git receive-pack` is told.
    pub(crate) fn of_push(self) -> Vec<(String, String)> {
        self.settings("receive")
    }

    /// What `git fetch` is told: whether what is harmless is good enough is for the other server to say.
    pub(crate) fn of_fetch() -> Vec<(String, String)> {
        Self::Off.settings("fetch")
    }

    /// The same for `git index-pack`, which takes it as an argument.
    pub(crate) fn of_index_pack() -> String {
        let rules = Self::of_fetch()
            .into_iter()
            .filter_map(|(key, verdict)| Some(format!("{}={verdict}", key.strip_prefix("fetch.fsck.")?)));
        rules.collect::<Vec<_>>().join(",")
    }

    fn settings(self, service: &str) -> Vec<(String, String)> {
        let overlooked: &[&[&str]] = match self {
            Self::Strict => &[],
            Self::Lenient => &[OLD_FASHIONED],
            Self::Off => &[OLD_FASHIONED, MALFORMED],
        };
        let rule = |name: &&str, verdict: &str| (format!("{service}.fsck.{name}"), verdict.to_owned());
        let harmful = HARMFUL.iter().map(|name| rule(name, "error"));
        let overlooked = overlooked.iter().flat_map(|names| names.iter()).map(|name| rule(name, "ignore"));
        [(format!("{service}.fsckObjects"), "true".to_owned())]
            .into_iter()
            .chain(harmful)
            .chain(overlooked)
            .collect()
    }
}

impl FromStr for Fsck {
    type Err = InvalidFsck;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Strict, Self::Lenient, Self::Off]
            .into_iter()
            .find(|fsck| fsck.as_str() == text)
            .ok_or_else(|| InvalidFsck(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    #[test]
    fn options_are_read_as_they_are_written() {
        for fsck in [Fsck::Strict, Fsck::Lenient, Fsck::Off] {
            assert_eq!(fsck.as_str().parse(), Ok(fsck));
        }
        assert_eq!(
            "no".parse::<Fsck>().map_err(|error| error.to_string()),
            Err("\"no\" is neither strict, lenient nor off".to_owned())
        );
    }

    #[tokio::test]
    async fn git_knows_every_complaint_by_its_name() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let settings = Fsck::Off.of_push();
        assert_eq!(settings.len(), 1 + HARMFUL.len() + OLD_FASHIONED.len() + MALFORMED.len());
        let command = repository.command("receive a push").args(["receive-pack", "--stateless-rpc"]);
        let command = command.arg(repository.path()).checking(settings).input(b"0000".to_vec());
        let finished = command.run().await.expect("it ends");
        assert_eq!(finished.stderr, "");
    }
}
