//! An upstream whose files are damaged says so loudly, serves nothing that is wrong, and serves everything else.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::harness::{Pair, ServerOptions, eventually};

use super::files::{Damage, Kind, When, all_damages};
use super::scene::{Got, Patient, Role};

#[tokio::test]
async fn whatever_is_damaged_while_an_upstream_is_down_is_told_and_not_served() {
    damaged(When::Down).await;
}

#[tokio::test]
async fn whatever_is_damaged_while_an_upstream_runs_is_told_and_not_served() {
    damaged(When::Running).await;
}

/// Damages one file in each repository, sees what readers and administrators get, and puts the files back.
async fn damaged(when: When) {
    let arguments = ["--sweep-interval", "1s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..Default::default() };
    let mut pair = Pair::start_with(ServerOptions::default(), options).await;
    // A reference whose file is gone has the value that was packed before: that cannot be told from a change by hand.
    let mut damages = all_damages();
    damages.retain(|damage| !matches!(damage, (Kind::LooseRef, Damage::Removed)));
    let patients = Patient::at(Role::Upstream, &mut pair, damages.iter().map(|(kind, _)| *kind)).await;
    let places = Patient::places(&patients, &pair.upstream);
    if when == When::Down {
        pair.upstream.kill_with_children();
    }
    let mut damaged: Vec<(&Patient, PathBuf, Vec<u8>)> = Vec::new();
    for ((patient, (kind, damage)), place) in patients.iter().zip(&damages).zip(&places) {
        if let Some(file) = kind.find(place) {
            let content = std::fs::read(&file).expect("it can be read");
            damage.inflict(&file);
            println!("{} {damage:?}", patient.name());
            damaged.push((patient, file, content));
        }
    }
    if when == When::Down {
        pair.upstream.restart();
    }
    let mut refused = BTreeSet::new();
    for (patient, ..) in &damaged {
        let got = patient.read_or_be_refused(&pair.upstream_url(&patient.repository));
        println!("{}: {got:?}", patient.name());
        if let Got::Refused(_) = got {
            refused.insert(patient.name());
        }
    }
    assert!(!refused.is_empty(), "nothing was ever refused");
    eventually(&format!("{refused:?} to be told"), || async {
        told(&pair, &patients).await.is_superset(&refused).then_some(())
    })
    .await;
    let status = pair.upstream.anonymous().get("/status").await.expect(200).json();
    assert!(status["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{status}");
    for (patient, ..) in &damaged {
        let there = pair.mirror_url(&patient.repository);
        let what = format!("the mirror to serve what has its {} at the upstream", patient.name());
        eventually(&what, || async { (patient.read(&there) == Got::Right).then_some(()) }).await;
    }
    // What is whole is served and followed as ever.
    let (whole, _checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&whole).await;

    for (_, file, content) in damaged.iter().filter(|(patient, ..)| !patient.kind.is_derived()) {
        std::fs::write(file, content).expect("it can be written");
    }
    for (patient, ..) in &damaged {
        let url = pair.upstream_url(&patient.repository);
        let what = format!("{} to be served after it was put back", patient.name());
        eventually(&what, || async { (patient.read(&url) == Got::Right).then_some(()) }).await;
    }
    eventually("nothing to be told of", || async { told(&pair, &patients).await.is_empty().then_some(()) })
        .await;
}

/// Of which repositories administrators are told that they are not served.
async fn told(pair: &Pair, patients: &[Patient]) -> BTreeSet<String> {
    let path = "/rest/api/latest/admin/repository-faults?limit=1000";
    let faults = pair.admin().get(path).await.expect(200).json();
    let unserved = faults["unserved"].as_array().expect("a list");
    let is_told = |patient: &&Patient| {
        unserved.iter().any(|entry| entry["repository"]["slug"] == patient.repository["slug"])
    };
    patients.iter().filter(is_told).map(Patient::name).collect()
}
