//! An upstream whose files are damaged says so loudly, serves nothing that is wrong, and serves everything else.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::harness::{Checkout, Pair, ServerOptions, eventually};

use super::files::{DAMAGES, Damage, Kind, When};
use super::scene::{Got, Patient, make_all_kinds_at};

#[tokio::test]
async fn whatever_is_damaged_while_an_upstream_is_down_is_told_and_not_served() {
    let mut scene = Scene::start().await;
    for damage in DAMAGES {
        scene.round(damage, When::Down).await;
    }
}

#[tokio::test]
async fn whatever_is_damaged_while_an_upstream_runs_is_told_and_not_served() {
    let mut scene = Scene::start().await;
    for damage in DAMAGES {
        scene.round(damage, When::Running).await;
    }
}

struct Scene {
    pair: Pair,
    patients: Vec<Patient>,
    round: u32,
}

impl Scene {
    async fn start() -> Self {
        let arguments = ["--sweep-interval", "1s"].map(str::to_owned).to_vec();
        let options = ServerOptions { arguments, ..Default::default() };
        let pair = Pair::start_with(ServerOptions::default(), options).await;
        let patients = Patient::of_all_kinds(&pair).await;
        Self { pair, patients, round: 0 }
    }

    /// Damages one file in each repository in the same way, sees what readers and administrators get, and puts the files
    /// back.
    async fn round(&mut self, damage: Damage, when: When) {
        self.round += 1;
        self.pair.upstream.kill();
        make_all_kinds_at(&self.pair.upstream);
        self.pair.upstream.restart();
        for patient in &self.patients {
            patient.push(&self.pair, &format!("round-{}", self.round));
            self.pair.mirrored(&patient.repository).await;
        }
        if when == When::Down {
            self.pair.upstream.kill();
        }
        let mut damaged: Vec<(&Patient, PathBuf, Vec<u8>)> = Vec::new();
        for patient in &self.patients {
            if let Some(file) = patient.kind.find(&patient.place(&self.pair.upstream)) {
                let content = std::fs::read(&file).expect("it can be read");
                damage.inflict(&file);
                damaged.push((patient, file, content));
            }
        }
        if when == When::Down {
            self.pair.upstream.restart();
        }
        let mut refused = BTreeSet::new();
        for (patient, ..) in &damaged {
            let url = self.pair.upstream_url(&patient.repository);
            let got = patient.read_or_be_refused(&url, &format!("{damage:?} {when:?}"));
            if got == Got::Refused {
                refused.insert(patient.kind);
            }
        }
        println!("{damage:?} {when:?}: refused {refused:?}");
        eventually(&format!("{refused:?} to be told of after {damage:?}"), || async {
            (self.told().await.is_superset(&refused)).then_some(())
        })
        .await;
        for (patient, ..) in &damaged {
            let there = self.pair.mirror_url(&patient.repository);
            let what = format!("the mirror to serve what has its {:?} damaged at the upstream", patient.kind);
            eventually(&what, || async { (patient.read(&there) == Got::Right).then_some(()) }).await;
        }
        let status = self.pair.upstream.anonymous().get("/status").await.expect(200).json();
        assert!(status["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{status}");
        let (whole, _): (_, Checkout) = self.pair.pushed_repository(false).await;
        self.pair.mirrored(&whole).await;
        for (_, file, content) in &damaged {
            std::fs::write(file, content).expect("it can be written");
        }
        for (patient, ..) in &damaged {
            let url = self.pair.upstream_url(&patient.repository);
            let what = format!("{:?} to be served after it was put back", patient.kind);
            eventually(&what, || async { (patient.read(&url) == Got::Right).then_some(()) }).await;
        }
        eventually("nothing to be told of", || async { self.told().await.is_empty().then_some(()) }).await;
    }

    /// Of which repositories administrators are told that they are not served.
    async fn told(&self) -> BTreeSet<Kind> {
        let faults =
            self.pair.admin().get("/rest/api/latest/admin/repository-faults").await.expect(200).json();
        let unserved = faults["unserved"].as_array().expect("a list").clone();
        let is_told = |patient: &&Patient| {
            unserved.iter().any(|entry| entry["repository"]["slug"] == patient.repository["slug"])
        };
        self.patients.iter().filter(is_told).map(|patient| patient.kind).collect()
    }
}
