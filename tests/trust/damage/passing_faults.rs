//! A file that cannot be opened for a moment is no reason to throw a good replica away.

use std::os::unix::fs::MetadataExt;

use fuser::Errno;

use crate::harness::{ForgetfulDisk, Pair, ServerOptions, eventually};

use super::scene::{Got, Patient, make_all_kinds_at};

#[tokio::test]
async fn a_passing_fault_costs_no_replica() {
    let Some(disk) = ForgetfulDisk::new() else { return };
    let options = ServerOptions {
        arguments: ["--sweep-interval", "1s"].map(str::to_owned).to_vec(),
        disk: Some(disk.path().to_owned()),
        ..Default::default()
    };
    let mut pair = Pair::start_with(ServerOptions::default(), options).await;
    let patients = Patient::of_all_kinds(&pair).await;
    for patient in &patients {
        pair.mirrored(&patient.repository).await;
    }
    pair.mirror.kill();
    make_all_kinds_at(&pair.mirror);
    pair.mirror.restart();
    for (round, error) in [Errno::EIO, Errno::EACCES, Errno::EMFILE].into_iter().enumerate() {
        for patient in &patients {
            patient.push(&pair, &format!("round-{round}"));
            pair.mirrored(&patient.repository).await;
        }
        let mut places = Vec::new();
        for patient in &patients {
            let place = patient.place(&pair.mirror);
            let number = std::fs::metadata(&place).expect("it is there").ino();
            if let Some(file) = patient.kind.find(&place) {
                disk.fail(&file, error);
            }
            places.push((place, number));
        }
        // Readers, pushes and sweeps come upon it.
        for patient in &patients {
            let _ = patient.read(&pair.mirror_url(&patient.repository));
            patient.push(&pair, &format!("round-{round}-meanwhile"));
        }
        for patient in &patients {
            let _ = patient.read(&pair.mirror_url(&patient.repository));
        }
        disk.stop_failing();
        for (patient, (place, number)) in patients.iter().zip(places) {
            let url = pair.mirror_url(&patient.repository);
            let what = format!("the repository with its {:?} to be served after {error:?}", patient.kind);
            eventually(&what, || async { (patient.read(&url) == Got::Right).then_some(()) }).await;
            let now = std::fs::metadata(&place).expect("it is still there").ino();
            assert_eq!(
                now,
                number,
                "{} was replaced because its {:?} gave {error:?}",
                place.display(),
                patient.kind
            );
        }
    }
}
