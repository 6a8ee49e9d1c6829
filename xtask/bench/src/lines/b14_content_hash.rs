//! B14: the content hash of 200,000 refs, of all of them and after a push of one, against `git for-each-ref`, whose output
//! it is the hash of.
//!
//! It is measured in this process. The hash goes over all refs in the order of their names: after a push it is computed
//! from a little before the ref that has moved, so the place of this ref in the list decides what it costs.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, ensure};
use heliostat_git_wire::{ObjectId, RefName, RefSnapshot, RefStep};

use crate::measuring::samples::Samples;
use crate::repositories::git::Git;
use crate::repositories::many_refs;
use crate::results::report::{Bound, Report};
use crate::run::Run;
use crate::scratch;

/// One line for the list.
pub const SUMMARY: &str = "content hash of 200,000 refs: whole, and after a push of one";

const REFS: usize = 200_000;
/// Places in the list at which a ref moves, in percent.
const PLACES: [usize; 5] = [0, 25, 50, 75, 99];
/// Goals of the scoreboard.
const GOAL_TIMES_FASTER: f64 = 25.0;
const GOAL_AFTER_PUSH_MS: f64 = 0.3;

/// Hashes the refs of a repository.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let folder = scratch::folder("repository")?;
    let source = folder.path().join("many.git");
    many_refs::make(&source, REFS)?;
    let git = Git::without_credentials();
    let refs = git
        .refs(&source)?
        .into_iter()
        .map(|(name, object)| -> anyhow::Result<_> { Ok((RefName::parse(name)?, ObjectId::parse(object)?)) });
    let refs = refs.collect::<anyhow::Result<Vec<_>>>()?;

    let (mut listed, mut whole) = <(Samples, Samples)>::default();
    let mut moved = PLACES.map(|_| Samples::default());
    let mut expected = None;
    for round in run.rounds() {
        let started = Instant::now();
        git.run(&source, &["for-each-ref", "--format=%(objectname) %(refname)"])?;
        listed.push(milliseconds(started));
        let snapshot = RefSnapshot::from_entries(refs.iter().cloned());
        let started = Instant::now();
        let hash = snapshot.content_hash().clone();
        whole.push(milliseconds(started));
        ensure!(*expected.get_or_insert_with(|| hash.clone()) == hash, "the hash has changed by itself");
        for (place, samples) in PLACES.iter().zip(&mut moved) {
            let (name, from) = &refs[((refs.len() - 1) * place / 100).saturating_sub(round)];
            let to = refs.iter().map(|(_, object)| object).find(|object| *object != from);
            let step =
                RefStep { from: Some(from.clone()), to: Some(to.context("there are two commits")?.clone()) };
            let steps = BTreeMap::from([(name.clone(), step)]);
            let started = Instant::now();
            let after = snapshot.after(&steps).context("the step fits")?;
            let is_same = after.content_hash() == &hash;
            samples.push(milliseconds(started));
            ensure!(!is_same, "the hash does not tell that {name} has moved");
        }
    }

    let mut report = Report { setting: format!("{REFS} branches and tags."), ..Report::default() };
    report.measured("git for-each-ref", "ms", &listed);
    report.measured("whole", "ms", &whole);
    for (place, samples) in PLACES.iter().zip(&moved) {
        report.measured(format!("after a move at {place} % of the list"), "ms", samples);
    }
    let times = report.compared("git for-each-ref / whole", &listed, &whole);
    report.goal("B14 times faster", times.median(), Bound::AtLeast(GOAL_TIMES_FASTER), "x");
    let middle = moved[PLACES.len() / 2].median();
    report.goal("B14 after a push, middle of the list", middle, Bound::AtMost(GOAL_AFTER_PUSH_MS), "ms");
    report.notes.push(
        "SHA-256 of one text cannot go on behind a change without reading what follows: some 65 bytes for each ref".into(),
    );
    Ok(report)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
