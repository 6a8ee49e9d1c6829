//! The disk that the other tests stand on forgets what it may forget, and nothing else.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use crate::harness::ForgetfulDisk;

use super::seed::chance;

/// Enough to see each outcome, but for a chance of one in millions.
const CUTS: usize = 60;
/// And so many at most, until all that may happen has happened.
const MOST_CUTS: usize = 2_000;
/// Names that are made before a cut, and not synced.
const UNSYNCED: usize = 10;

#[test]
fn what_was_synced_survives_and_what_was_not_may_be_lost_in_every_way() {
    let mut chance = chance("forgetful disk");
    let Some(mut disk) = ForgetfulDisk::new() else { return };
    let mut outcomes = BTreeSet::new();
    for cut in 0..MOST_CUTS {
        if cut >= CUTS && outcomes.len() == 4 {
            break;
        }
        let root = disk.path().to_owned();
        let folder = root.join("folder");
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join("reference"), "old").expect("a file can be written");
        for kept in [&folder.join("reference"), &folder, &root] {
            File::open(kept).and_then(|file| file.sync_all()).expect("it can be synced");
        }
        fs::write(folder.join("reference.lock"), "new").expect("a file can be written");
        fs::rename(folder.join("reference.lock"), folder.join("reference")).expect("it can be renamed");
        assert_eq!(fs::read_to_string(folder.join("reference")).expect("it is there"), "new");

        disk.cut_power(&mut chance);
        fs::read(folder.join("reference")).expect_err("the disk has no power");
        disk.restore_power();
        outcomes.insert(fs::read_to_string(folder.join("reference")).expect("one of the two is there"));
    }
    let outcomes: Vec<&str> = outcomes.iter().map(String::as_str).collect();
    assert_eq!(outcomes, ["", "\0\0\0", "new", "old"]);
}

#[test]
fn a_file_that_was_synced_before_it_was_renamed_is_whole_under_either_name() {
    let mut chance = chance("forgetful disk");
    let Some(mut disk) = ForgetfulDisk::new() else { return };
    let mut outcomes = BTreeSet::new();
    for cut in 0..MOST_CUTS {
        if cut >= CUTS && outcomes.len() == 3 {
            break;
        }
        let (object, place) = (disk.path().join("incoming"), disk.path().join("object"));
        fs::write(&object, "content").expect("a file can be written");
        File::open(&object).and_then(|file| file.sync_all()).expect("it can be synced");
        fs::rename(&object, &place).expect("it can be renamed");
        disk.cut_power(&mut chance);
        disk.restore_power();
        let found = [&object, &place].map(|path| fs::read_to_string(path).ok());
        outcomes.insert(found.clone());
        for path in [&object, &place].into_iter().filter(|path| path.exists()) {
            fs::remove_file(path).expect("a file can be removed");
        }
        File::open(disk.path()).and_then(|folder| folder.sync_all()).expect("it can be synced");
    }
    let content = || Some("content".to_owned());
    let expected = [[None, None], [None, content()], [content(), None]];
    assert_eq!(outcomes, BTreeSet::from(expected));
}

#[test]
fn names_survive_in_the_order_in_which_they_changed() {
    let mut chance = chance("forgetful disk");
    let Some(mut disk) = ForgetfulDisk::new() else { return };
    let sync = |folder: &Path| File::open(folder).and_then(|file| file.sync_all()).expect("it can be synced");
    let mut outcomes = BTreeSet::new();
    for cut in 0..MOST_CUTS {
        if cut >= CUTS && outcomes.len() == 3 {
            break;
        }
        let folders = ["one", "another"].map(|name| disk.path().join(name));
        folders.iter().for_each(|folder| fs::create_dir_all(folder).expect("a folder can be made"));
        sync(disk.path());
        let make = |number: usize| {
            let name = folders[number % 2].join(format!("{cut}-{number}"));
            fs::create_dir(&name).expect("a folder can be made");
            name
        };
        let mut made = vec![make(0), make(1)];
        // That keeps what came before, wherever that was.
        sync(&folders[1]);
        made.extend((2..2 + UNSYNCED).map(make));
        disk.cut_power(&mut chance);
        disk.restore_power();
        let left = made.iter().take_while(|name| name.exists()).count();
        assert_eq!(left, made.iter().filter(|name| name.exists()).count(), "not in their order");
        assert!(left >= 2, "what was synced is lost");
        outcomes.insert(match left - 2 {
            0 => "none",
            UNSYNCED => "all",
            _ => "some",
        });
    }
    assert_eq!(outcomes, BTreeSet::from(["all", "none", "some"]));
}
