//! How two servers find out which of very many repositories they know differently, without telling of each.
//!
//! Repositories are compared in parts: those whose ids lie between two multiples of [`PART_REPOSITORIES`]. A mirror tells
//! the digest of each part as it knows it, and learns of those parts only whose digest is another one at the upstream.
//! The digest covers everything that a mirror keeps of what the upstream says, and is made of what is kept, so that two
//! equal ones leave nothing to compare.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// How many ids one part covers. A part that differs is told in full, about 1.5 KiB for each repository.
pub const PART_REPOSITORIES: i32 = 256;

/// The part that a repository belongs to.
pub fn part_of(repository_id: i32) -> i32 {
    repository_id.div_euclid(PART_REPOSITORIES)
}

/// The first and the last id of a part.
pub fn ids_of_part(part: i32) -> (i32, i32) {
    let first = part.saturating_mul(PART_REPOSITORIES);
    (first, first.saturating_add(PART_REPOSITORIES - 1))
}

/// What is compared of a repository. Fields are written in the order of their names, which makes the JSON canonical.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToldRepository<'a> {
    /// Hash over the references.
    pub content_hash: &'a str,
    /// Full name of the default branch.
    pub default_branch: Option<&'a str>,
    /// How many times the references have changed.
    pub generation: i64,
    /// The upstream's id.
    pub id: i32,
    /// What tells it from another repository with its id.
    pub identity: Option<&'a str>,
    /// Hash over what else the upstream knows.
    pub metadata_hash: &'a str,
    /// The name to show.
    pub name: &'a str,
    /// The project that it is in.
    pub project: ToldProject<'a>,
    /// Whether all may read it.
    pub public: bool,
    /// How many times it was ordered to remove what no reference leads to.
    pub purge: i64,
    /// The name in URLs.
    pub slug: &'a str,
}

/// What is compared of the project that a repository is in.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ToldProject<'a> {
    /// The upstream's id.
    pub id: i32,
    /// The key in URLs.
    pub key: &'a str,
    /// The name to show.
    pub name: &'a str,
    /// Whether all may read what is in it.
    pub public: bool,
}

/// The digest of one part, to which its repositories are added in the order of their ids.
#[derive(Debug, Default)]
pub struct PartDigest {
    hasher: Sha256,
    line: Vec<u8>,
}

impl PartDigest {
    /// Adds the next repository.
    pub fn add(&mut self, repository: &ToldRepository<'_>) {
        self.line.clear();
        serde_json::to_writer(&mut self.line, repository).expect("numbers, strings and booleans serialise");
        self.line.push(b'\n');
        self.hasher.update(&self.line);
    }

    /// SHA-256, in hex, over a line of canonical JSON for each repository.
    pub fn finish(self) -> String {
        hex::encode(self.hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: ToldRepository<'_> = ToldRepository {
        content_hash: "c",
        default_branch: Some("refs/heads/main"),
        generation: 7,
        id: 24,
        identity: Some("i"),
        metadata_hash: "m",
        name: "Engine",
        project: ToldProject { id: 3, key: "APP", name: "App", public: false },
        public: true,
        purge: 0,
        slug: "engine",
    };

    fn digest(repositories: &[ToldRepository<'_>]) -> String {
        let mut digest = PartDigest::default();
        repositories.iter().for_each(|repository| digest.add(repository));
        digest.finish()
    }

    #[test]
    fn every_id_is_in_the_part_whose_bounds_hold_it() {
        for id in [0, 1, 255, 256, 257, i32::MAX] {
            let (first, last) = ids_of_part(part_of(id));
            assert!((first..=last).contains(&id), "{id}: {first} to {last}");
        }
        assert_eq!((part_of(255), part_of(256)), (0, 1));
    }

    #[test]
    fn a_digest_is_that_of_the_lines_that_the_contract_describes() {
        let line = concat!(
            r#"{"contentHash":"c","defaultBranch":"refs/heads/main","generation":7,"id":24,"identity":"i","#,
            r#""metadataHash":"m","name":"Engine","project":{"id":3,"key":"APP","name":"App","public":false},"#,
            r#""public":true,"purge":0,"slug":"engine"}"#,
            "\n"
        );
        assert_eq!(digest(&[ENGINE]), hex::encode(Sha256::digest(line)));
    }

    #[test]
    fn whatever_changes_changes_the_digest() {
        let before = digest(&[ENGINE]);
        let changes: [fn(&mut ToldRepository<'_>); 12] = [
            |it| it.content_hash = "d",
            |it| it.default_branch = None,
            |it| it.generation = 8,
            |it| it.identity = None,
            |it| it.metadata_hash = "n",
            |it| it.name = "Motor",
            |it| it.project.id = 4,
            |it| it.project.key = "LIB",
            |it| it.project.public = true,
            |it| it.public = false,
            |it| it.purge = 1,
            |it| it.slug = "motor",
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = ENGINE;
            change(&mut changed);
            assert_ne!(digest(&[changed]), before, "change {number}");
        }
        assert_ne!(digest(&[ENGINE, ToldRepository { id: 25, ..ENGINE }]), before);
        assert_ne!(digest(&[]), before);
    }
}
