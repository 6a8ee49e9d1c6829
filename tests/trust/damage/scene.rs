//! Repositories of which one file each is damaged, and readers who judge what they get.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use url::Url;

use crate::harness::{Checkout, Pair, Server, bare_repositories, git, git_output};

use super::files::{Kind, make_all_kinds};

/// Files of the commits that are pushed, so that packs and objects have some size.
const FILES: u32 = 4;

/// A repository of which one file is damaged.
pub struct Patient {
    /// What is damaged.
    pub kind: Kind,
    /// The repository, as the upstream names it.
    pub repository: Value,
    /// What it should hold.
    pub checkout: Checkout,
}

/// Whose copy of the repositories is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Upstream,
    Mirror,
}

/// What a reader got.
#[derive(Debug, PartialEq)]
pub enum Got {
    /// Everything, as it is at the upstream.
    Right,
    /// Everything, as it was before the newest push.
    Older,
    /// Nothing: it was said at once that there is nothing to be had now, in these words.
    Refused(String),
    /// An answer that broke off.
    BrokenOff(String),
}

impl Role {
    /// The server with this role.
    pub fn of(self, pair: &mut Pair) -> &mut Server {
        match self {
            Self::Upstream => &mut pair.upstream,
            Self::Mirror => &mut pair.mirror,
        }
    }
}

impl Patient {
    /// One for each of these, whose copy at this role has every kind of file: older commits in a pack, and a newer one.
    pub async fn at(role: Role, pair: &mut Pair, kinds: impl Iterator<Item = Kind>) -> Vec<Self> {
        let project = pair.new_project(false).await;
        let mut patients = Vec::new();
        for kind in kinds {
            let repository = pair.new_repository(&project).await;
            let patient = Patient { kind, repository, checkout: Checkout::new() };
            patient.push(pair, "older");
            patients.push(patient);
        }
        for patient in &patients {
            pair.mirrored(&patient.repository).await;
        }
        let server = role.of(pair);
        server.kill_with_children();
        bare_repositories(&server.data()).iter().for_each(|place| make_all_kinds(place));
        server.restart();
        for patient in &patients {
            patient.push(pair, "newer");
            pair.mirrored(&patient.repository).await;
        }
        patients
    }

    /// Where they lie at a role, in the same order.
    pub fn places(patients: &[Self], server: &Server) -> Vec<PathBuf> {
        let main = |place: &Path| {
            let commit = git_output(place, &["rev-parse", "refs/heads/main"]).stdout;
            String::from_utf8_lossy(&commit).trim().to_owned()
        };
        let places = bare_repositories(&server.data()).into_iter();
        let places: HashMap<String, PathBuf> = places.map(|place| (main(&place), place)).collect();
        let place = |patient: &Self| {
            let commit = git(patient.checkout.path(), &["rev-parse", "HEAD"]);
            places.get(&commit).expect("it is on the disk").clone()
        };
        patients.iter().map(place).collect()
    }

    /// What it is about, and which it is of those of the same kind.
    pub fn name(&self) -> String {
        format!("{:?} of {}", self.kind, self.repository["slug"])
    }

    /// Pushes a commit to the main branch.
    pub fn push(&self, pair: &Pair, name: &str) {
        for file in 0..FILES {
            let path = self.checkout.path().join(format!("{name}-{file}"));
            // No two repositories have the same commits.
            let line = format!("{} {name} {file}\n", self.name());
            std::fs::write(path, line.repeat(500)).expect("a file can be written");
        }
        self.checkout.commit(name, name);
        self.checkout.push(&pair.upstream_url(&self.repository), &["HEAD:refs/heads/main"]);
    }

    /// Clones; fails the test when what is got is whole and yet wrong.
    pub fn read(&self, url: &Url) -> Got {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let cloned = git_output(folder.path(), &["clone", "--quiet", "--mirror", url.as_str(), "copy"]);
        if !cloned.status.success() {
            let errors = String::from_utf8_lossy(&cloned.stderr).into_owned();
            let is_refused = errors.contains("The requested URL returned error: 503");
            return if is_refused { Got::Refused(errors) } else { Got::BrokenOff(errors) };
        }
        let copy = folder.path().join("copy");
        git(&copy, &["fsck"]);
        let refs = git(&copy, &["for-each-ref", "--format=%(objectname) %(refname)"]);
        let (tip, name) = refs.split_once(' ').unwrap_or_default();
        let pushed = git(self.checkout.path(), &["rev-list", "HEAD"]);
        match pushed.lines().position(|commit| commit == tip) {
            Some(0) if name == "refs/heads/main" => Got::Right,
            Some(_) if name == "refs/heads/main" => Got::Older,
            _ => panic!("a clone of the repository with its {} has {refs:?}", self.name()),
        }
    }

    /// The same where nothing may be got but what is right, or nothing; one answer may break off, but not the next.
    pub fn read_or_be_refused(&self, url: &Url) -> Got {
        let mut got = self.read(url);
        if let Got::BrokenOff(errors) = &got {
            println!("{} broke off: {errors}", self.name());
            got = self.read(url);
        }
        assert!(matches!(got, Got::Right | Got::Refused(_)), "{}: {got:?}", self.name());
        got
    }
}
