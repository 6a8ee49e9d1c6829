//! A mirror whose files are damaged heals by itself, and never serves a clone that is wrong.

use crate::harness::{Pair, ServerOptions, eventually};

use super::files::{When, empty};
use super::scene::{Got, Patient};

#[tokio::test]
async fn whatever_is_damaged_while_a_mirror_is_down_heals() {
    damaged(When::Down).await;
}

#[tokio::test]
async fn whatever_is_damaged_while_a_mirror_runs_heals() {
    damaged(When::Running).await;
}

/// Empties one file in each repository, and waits until the mirror is whole again.
async fn damaged(when: When) {
    let arguments = ["--sweep-interval", "1s", "--sync-tolerance", "0s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..Default::default() };
    let mut pair = Pair::start_with(ServerOptions::default(), options).await;
    let patients = Patient::at_the_mirror(&mut pair).await;
    if when == When::Down {
        pair.mirror.kill();
    }
    for patient in &patients {
        if let Some(file) = patient.kind.find(&patient.place(&pair.mirror)) {
            empty(&file);
        }
    }
    if when == When::Down {
        pair.mirror.restart();
    }
    let urls: Vec<_> = patients.iter().map(|patient| pair.mirror_url(&patient.repository)).collect();
    for (patient, url) in patients.iter().zip(&urls) {
        let got = patient.read_or_be_refused(url, &format!("emptied {when:?}"));
        println!("{:?} emptied {when:?}: {got:?}", patient.kind);
    }
    for (patient, url) in patients.iter().zip(&urls) {
        let what = format!("{:?} to heal", patient.kind);
        eventually(&what, || async { (patient.read(url) == Got::Right).then_some(()) }).await;
    }
    eventually("nothing to be out of sync", || async {
        let path = "/rest/mirroring/latest/supportInfo/out-of-sync-repos/content";
        let list = pair.mirror_admin().get(path).await.expect(200).json();
        list.as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
    eventually("a good status", || async {
        (pair.mirror.anonymous().get("/status").await.status == 200).then_some(())
    })
    .await;
}
