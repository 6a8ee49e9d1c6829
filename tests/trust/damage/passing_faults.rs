//! A file that cannot be opened for a moment is no reason to throw a good replica away.

use std::os::unix::fs::MetadataExt;

use heliostat_machines::Errno;
use rand::RngExt;

use crate::harness::{ForgetfulDisk, Pair, ServerOptions, eventually};
use crate::trust::seed::chance;

use super::files::KINDS;
use super::scene::{Got, Patient, Role};

/// Of a broken line to a disk, of wrong hands, and of too many files that are open.
const FAULTS: [Errno; 3] = [Errno::EIO, Errno::EACCES, Errno::EMFILE];

#[tokio::test]
async fn a_passing_fault_costs_no_replica() {
    let mut chance = chance("passing faults");
    let Some(disk) = ForgetfulDisk::new() else { return };
    let options = ServerOptions {
        arguments: ["--sweep-interval", "1s"].map(str::to_owned).to_vec(),
        disk: Some(disk.path().to_owned()),
        ..Default::default()
    };
    let mut pair = Pair::start_with(ServerOptions::default(), options).await;
    let patients = Patient::at(Role::Mirror, &mut pair, KINDS.into_iter()).await;
    let mut places = Vec::new();
    for (patient, place) in patients.iter().zip(Patient::places(&patients, &pair.mirror)) {
        let number = std::fs::metadata(&place).expect("it is there").ino();
        let fault = FAULTS[chance.random_range(0..FAULTS.len())];
        if let Some(file) = patient.kind.find(&place) {
            disk.fail(&file, fault);
        }
        places.push((place, number, fault));
    }
    // Pushes, sweeps and readers come upon it.
    for patient in &patients {
        patient.push(&pair, "meanwhile");
    }
    for (patient, (_, _, fault)) in patients.iter().zip(&places) {
        let got = patient.read(&pair.mirror_url(&patient.repository));
        println!("{:?} {fault:?}: {got:?}", patient.kind);
    }
    disk.stop_failing();
    for (patient, (place, number, fault)) in patients.iter().zip(places) {
        let url = pair.mirror_url(&patient.repository);
        let what = format!("the repository with its {:?} to be served after {fault:?}", patient.kind);
        eventually(&what, || async { (patient.read(&url) == Got::Right).then_some(()) }).await;
        let now = std::fs::metadata(&place).expect("it is still there").ino();
        assert_eq!(now, number, "{} was replaced: its {:?} gave {fault:?}", place.display(), patient.kind);
    }
}
