//! A mirror whose files are damaged heals by itself, never serves a clone that is wrong, and says where the upstream is.

use serde_json::Value;

use crate::harness::{Client, Pair, ServerOptions, bare_repositories, eventually, git_output};

use super::files::{When, all_damages};
use super::scene::{Got, Patient, Role};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_damaged_while_a_mirror_is_down_heals() {
    damaged(When::Down).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_damaged_while_a_mirror_runs_heals() {
    damaged(When::Running).await;
}

/// Damages one file in each repository, and waits until the mirror is whole again.
async fn damaged(when: When) {
    let arguments = ["--sweep-interval", "1s", "--sync-tolerance", "0s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..Default::default() };
    let mut pair = Pair::start_with(ServerOptions::default(), options).await;
    let damages = all_damages();
    let patients = Patient::at(Role::Mirror, &mut pair, damages.iter().map(|(kind, _)| *kind)).await;
    let places = Patient::places(&patients, &pair.mirror);
    if when == When::Down {
        pair.mirror.kill_with_children();
    }
    for ((kind, damage), place) in damages.iter().zip(&places) {
        if let Some(file) = kind.find(place) {
            damage.inflict(&file);
        }
    }
    if when == When::Down {
        pair.mirror.restart();
    }
    let upstream = pair.upstream.base_url().as_str().trim_end_matches('/').to_owned();
    // Repairs are quick: who reads first and looks then may find that all is well again.
    let client = pair.mirror_admin();
    let listed = tokio::spawn(async move { while out_of_sync(&client).await.is_empty() {} });
    for (patient, (_, damage)) in patients.iter().zip(&damages) {
        let got = patient.read_or_be_refused(&pair.mirror_url(&patient.repository));
        println!("{} {damage:?}: {got:?}", patient.name());
        if let Got::Refused(errors) = got {
            // Git shows what the answer says only where it asks for references.
            assert!(errors.contains(&upstream) || errors.contains("RPC failed"), "{errors}");
        }
    }
    for patient in &patients {
        let (what, url) = (format!("{} to heal", patient.name()), pair.mirror_url(&patient.repository));
        eventually(&what, || async { (patient.read(&url) == Got::Right).then_some(()) }).await;
    }
    assert!(listed.is_finished(), "nothing was listed as out of sync");
    // What is made anew may be read with the help of the upstream meanwhile.
    let places = eventually("one copy of each", || async {
        Some(bare_repositories(&pair.mirror.data())).filter(|places| places.len() == patients.len())
    })
    .await;
    for place in places {
        eventually(&format!("{} to be whole", place.display()), || async {
            git_output(&place, &["fsck", "--no-dangling"]).status.success().then_some(())
        })
        .await;
    }
    eventually("nothing to be out of sync", || async {
        out_of_sync(&pair.mirror_admin()).await.is_empty().then_some(())
    })
    .await;
    eventually("a good status", || async {
        (pair.mirror.anonymous().get("/status").await.status == 200).then_some(())
    })
    .await;
}

/// The repositories that are listed as out of sync.
async fn out_of_sync(client: &Client) -> Vec<Value> {
    let path = "/rest/mirroring/latest/supportInfo/out-of-sync-repos/content";
    client.get(path).await.expect(200).json().as_array().expect("a list").clone()
}
