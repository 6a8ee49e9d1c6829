//! A mirror whose files are damaged heals by itself, and never serves a clone that is wrong.

use serde_json::Value;

use crate::harness::{Pair, ServerOptions, eventually};

use super::files::{DAMAGES, Damage, When};
use super::scene::{Got, Patient, make_all_kinds_at};

#[tokio::test]
async fn whatever_is_damaged_while_a_mirror_is_down_heals() {
    let mut scene = Scene::start().await;
    for damage in DAMAGES {
        scene.round(damage, When::Down).await;
    }
}

#[tokio::test]
async fn whatever_is_damaged_while_a_mirror_runs_heals() {
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
        let arguments = ["--sweep-interval", "1s", "--sync-tolerance", "0s"].map(str::to_owned).to_vec();
        let options = ServerOptions { arguments, ..Default::default() };
        let pair = Pair::start_with(ServerOptions::default(), options).await;
        let patients = Patient::of_all_kinds(&pair).await;
        Self { pair, patients, round: 0 }
    }

    /// Damages one file in each repository in the same way, and waits until the mirror is whole again.
    async fn round(&mut self, damage: Damage, when: When) {
        self.round += 1;
        for patient in &self.patients {
            self.pair.mirrored(&patient.repository).await;
        }
        self.pair.mirror.kill();
        make_all_kinds_at(&self.pair.mirror);
        self.pair.mirror.restart();
        for patient in &self.patients {
            patient.push(&self.pair, &format!("round-{}", self.round));
            self.pair.mirrored(&patient.repository).await;
        }
        if when == When::Down {
            self.pair.mirror.kill();
        }
        for patient in &self.patients {
            if let Some(file) = patient.kind.find(&patient.place(&self.pair.mirror)) {
                damage.inflict(&file);
            }
        }
        if when == When::Down {
            self.pair.mirror.restart();
        }
        let urls: Vec<_> =
            self.patients.iter().map(|patient| self.pair.mirror_url(&patient.repository)).collect();
        for (patient, url) in self.patients.iter().zip(&urls) {
            let got = patient.read_or_be_refused(url, &format!("{damage:?} {when:?}"));
            println!("{:?} {damage:?} {when:?}: {got:?}", patient.kind);
        }
        for (patient, url) in self.patients.iter().zip(&urls) {
            let what = format!("{:?} {damage:?} {when:?} to heal", patient.kind);
            eventually(&what, || async { (patient.read(url) == Got::Right).then_some(()) }).await;
        }
        eventually("nothing to be out of sync", || async {
            self.out_of_sync().await.is_empty().then_some(())
        })
        .await;
        eventually("a good status", || async {
            (self.pair.mirror.anonymous().get("/status").await.status == 200).then_some(())
        })
        .await;
    }

    async fn out_of_sync(&self) -> Vec<String> {
        let path = "/rest/mirroring/latest/supportInfo/out-of-sync-repos/content";
        let list = self.pair.mirror_admin().get(path).await.expect(200).json();
        list.as_array().into_iter().flatten().map(Value::to_string).collect()
    }
}
