//! A repository that all servers serve, and the requests of clones that change with each push.

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::client::clone_request::{self, Depth};
use crate::client::raw_post::{Connection, Request};
use crate::measuring::cost::Expected;
use crate::measuring::hits::Tally;
use crate::peers::tls_front::TlsFront;
use crate::repositories::git::{Git, text};
use crate::results::report::Report;
use crate::scratch;
use crate::testbed::{Contender, Standing, Subject, Testbed};

/// All servers, and what they serve.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The servers.
    pub testbed: &'a Testbed,
    /// The repository.
    pub subject: &'a Subject,
    /// Those who are asked, ours first.
    pub contenders: Vec<Contender>,
    tallies_before: Vec<(String, Tally)>,
    /// What stands in front of the contenders.
    fronts: Vec<TlsFront>,
}

/// The requests of a clone as it is after a push.
#[derive(Debug)]
pub struct Questions {
    /// What each contender is asked, in their order.
    pub requests: Vec<Request>,
    /// How many objects come.
    pub expected: Expected,
}

impl<'a> Scene<'a> {
    /// With the repository.
    pub fn new(testbed: &'a Testbed, subject: &'a Subject) -> anyhow::Result<Self> {
        let (contenders, tallies_before) = (testbed.contenders(subject), testbed.tallies()?);
        Ok(Scene { testbed, subject, contenders, tallies_before, fronts: Vec::new() })
    }

    /// The same over TLS, for the bearer of a token: `secured` speaks it itself, all others are behind nginx, our other
    /// mirror with its private repository among them.
    pub fn over_tls(testbed: &'a Testbed, subject: &'a Subject, secured: Contender) -> anyhow::Result<Self> {
        let mut scene = Self::new(testbed, subject)?;
        let token = secured.authorization.clone().context("it is for the bearer of a token")?;
        let plain: Vec<_> =
            scene.contenders.drain(..).filter(|contender| contender.standing != Standing::Ours).collect();
        scene.contenders.push(secured);
        for contender in plain {
            let (mut contender, front) = contender.behind_tls(&token, &testbed.certificate)?;
            if contender.is_ours() {
                contender.name = "ours, behind nginx".into();
            }
            scene.contenders.push(contender);
            scene.fronts.push(front);
        }
        Ok(scene)
    }

    /// Pushes a new commit to all servers and waits until all who are asked here serve it.
    pub fn push(&self) -> anyhow::Result<()> {
        self.testbed.push(self.subject)?;
        let refs = self.subject.author.refs()?;
        self.contenders
            .iter()
            .filter(|contender| contender.is_ours())
            .try_for_each(|ours| ours.wait_for_refs(&refs))
    }

    /// The requests of a clone of what is newest now.
    pub fn questions(&self, depth: Depth) -> anyhow::Result<Questions> {
        let wants = match depth {
            Depth::Full => self.subject.author.refs()?.into_values().collect(),
            Depth::One => vec![self.subject.author.tip()?],
        };
        let body = clone_request::clone(&wants, depth);
        let requests = self.contenders.iter().map(|contender| contender.request(&body, Connection::Closed));
        Ok(Questions { requests: requests.collect::<anyhow::Result<_>>()?, expected: Expected::default() })
    }

    /// Indices of all contenders, each time beginning with another one.
    pub fn turns(&self, round: usize) -> impl Iterator<Item = usize> + use<> {
        let count = self.contenders.len();
        (0..count).map(move |turn| (turn + round) % count)
    }

    /// Fails unless real clones from all servers are whole and have what was pushed last.
    pub fn check_clones(&self, depth: Depth) -> anyhow::Result<()> {
        eprintln!("   checking that {} clones from all servers are whole", depth.name());
        let refs = self.subject.author.refs()?;
        for contender in &self.contenders {
            let listed = contender.refs()?;
            ensure!(listed == refs, "{} lists other refs than were pushed", contender.name);
            let folder = scratch::folder_in_memory("clone")?;
            self.clone_with_git(contender, depth, &folder, 0)
                .and_then(|()| self.check_clone(&folder, 0))
                .with_context(|| format!("a clone from {} is not whole", contender.name))?;
        }
        Ok(())
    }

    /// A bare clone by real git.
    pub fn clone_with_git(
        &self,
        contender: &Contender,
        depth: Depth,
        folder: &TempDir,
        number: usize,
    ) -> anyhow::Result<()> {
        let into = folder.path().join(number.to_string());
        let mut arguments = vec!["clone", "--quiet", "--bare", "--branch", &self.subject.author.branch];
        if depth == Depth::One {
            arguments.extend(["--depth", "1"]);
        }
        arguments.extend([contender.url.as_str(), text(&into)?]);
        contender.git().run(folder.path(), &arguments)?;
        Ok(())
    }

    /// Fails unless such a clone is whole and new.
    pub fn check_clone(&self, folder: &TempDir, number: usize) -> anyhow::Result<()> {
        let git = Git::without_credentials();
        let clone = folder.path().join(number.to_string());
        git.check_connectivity(&clone)?;
        let (found, expected) = (git.run(&clone, &["rev-parse", "HEAD"])?, self.subject.author.tip()?);
        ensure!(found == expected, "it has {found}, {expected} was pushed");
        Ok(())
    }

    /// Tells how often caches had the answer, and who does not take part.
    pub fn conclude(&self, report: &mut Report) -> anyhow::Result<()> {
        let before =
            |name: &str| self.tallies_before.iter().find(|(known, _)| known == name).map(|(_, tally)| *tally);
        for (name, tally) in self.testbed.tallies()? {
            let tally = tally.since(before(&name).unwrap_or_default());
            if let Some(ratio) = tally.ratio() {
                let (hits, all) = (tally.hits, tally.hits + tally.misses);
                report.notes.push(format!("hit ratio of {name}: {:.1} % ({hits} of {all})", ratio * 100.0));
            }
        }
        report.notes.extend(self.testbed.absent.iter().map(|absent| format!("left out: {absent}")));
        if self.contenders.iter().any(|contender| !contender.group.is_exact()) {
            let text = "CPU is that of process trees, in steps of 10 ms: no control group could be made";
            report.notes.push(text.into());
        }
        report.notes.push(match self.fronts.is_empty() {
            true => "without TLS".into(),
            false => {
                "ours speaks TLS itself; for the others it ends in nginx, whose CPU counts for them".into()
            }
        });
        Ok(())
    }
}
