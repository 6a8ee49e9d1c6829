//! A repository for each kind of file, and readers who judge what they get.

use std::path::PathBuf;

use serde_json::Value;
use url::Url;

use crate::harness::{Checkout, Pair, Server, bare_repositories, git, git_output};

use super::files::{KINDS, Kind, make_all_kinds};

/// Files of the commits that are pushed, so that packs and objects have some size.
const FILES: u32 = 4;

/// A repository whose file of one kind is damaged.
pub struct Patient {
    /// What is damaged.
    pub kind: Kind,
    /// The repository, as the upstream names it.
    pub repository: Value,
    /// What it should hold.
    pub checkout: Checkout,
}

/// What a reader got.
#[derive(Debug, PartialEq)]
pub enum Got {
    /// Everything, as it is at the upstream.
    Right,
    /// Everything, as it was before the newest push.
    Older,
    /// Nothing: it was said at once that there is nothing to be had now.
    Refused,
    /// An answer that broke off.
    BrokenOff(String),
}

impl Patient {
    /// One for each kind of file, which its copy at the mirror has, with older commits and newer ones.
    pub async fn at_the_mirror(pair: &mut Pair) -> Vec<Self> {
        let patients = Self::of_all_kinds(pair).await;
        for patient in &patients {
            pair.mirrored(&patient.repository).await;
        }
        pair.mirror.kill();
        bare_repositories(&pair.mirror.data()).iter().for_each(|place| make_all_kinds(place));
        pair.mirror.restart();
        for patient in &patients {
            patient.push(pair, "newer");
            pair.mirrored(&patient.repository).await;
        }
        patients
    }

    async fn of_all_kinds(pair: &Pair) -> Vec<Self> {
        let project = pair.new_project(false).await;
        let mut patients = Vec::new();
        for kind in KINDS {
            let repository = pair.new_repository(&project).await;
            let patient = Patient { kind, repository, checkout: Checkout::new() };
            patient.push(pair, "older");
            patients.push(patient);
        }
        patients
    }

    /// Pushes a commit to the main branch.
    pub fn push(&self, pair: &Pair, name: &str) {
        for file in 0..FILES {
            let path = self.checkout.path().join(format!("{name}-{file}"));
            // No two repositories have the same commits.
            let line = format!("{:?} {name} {file}\n", self.kind);
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
            let refused =
                errors.contains("The requested URL returned error: 50") || errors.contains("remote: ");
            return if refused { Got::Refused } else { Got::BrokenOff(errors) };
        }
        let copy = folder.path().join("copy");
        git(&copy, &["fsck"]);
        let refs = git(&copy, &["for-each-ref", "--format=%(objectname) %(refname)"]);
        let (tip, name) = refs.split_once(' ').unwrap_or_default();
        let pushed = git(self.checkout.path(), &["rev-list", "HEAD"]);
        match pushed.lines().position(|commit| commit == tip) {
            Some(age) if name == "refs/heads/main" => {
                if age == 0 {
                    Got::Right
                } else {
                    Got::Older
                }
            }
            _ => panic!("a clone of the repository with its {:?} damaged has {refs:?}", self.kind),
        }
    }

    /// The same where nothing may be got but what is right, or nothing; one answer may break off, but not the next.
    pub fn read_or_be_refused(&self, url: &Url, what: &str) -> Got {
        let mut got = self.read(url);
        if let Got::BrokenOff(errors) = &got {
            println!("{:?} {what} broke off: {errors}", self.kind);
            got = self.read(url);
        }
        assert!(matches!(got, Got::Right | Got::Refused), "{:?} {what}: {got:?}", self.kind);
        got
    }

    /// Where it lies at a role.
    pub fn place(&self, server: &Server) -> PathBuf {
        let wanted = git(self.checkout.path(), &["rev-parse", "HEAD"]);
        let has_it = |place: &PathBuf| {
            let refs = git_output(place, &["rev-parse", "refs/heads/main"]);
            String::from_utf8_lossy(&refs.stdout).trim() == wanted
        };
        bare_repositories(&server.data()).into_iter().find(has_it).expect("it is on the disk")
    }
}
