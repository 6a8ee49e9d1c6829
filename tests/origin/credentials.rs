//! What a client shows of who it is goes to the origin and nowhere else: to no argument list, no log and no file.

use std::path::Path;
use std::{fs, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Operation;
use super::scene::{LONG_TOKEN_BYTES, Person, Place, Scene};
use crate::harness::{Manner, Received, eventually};

/// So much of a secret gives it away.
const SECRET_BYTES: usize = 40;

/// The beginning of the password, as it is and as it stands in a header.
fn secrets() -> [String; 2] {
    let password = Person::Reader.password();
    let header = STANDARD.encode(format!("reader:{password}"));
    [password, header].map(|secret| secret[..SECRET_BYTES].to_owned())
}

#[tokio::test]
async fn credentials_of_any_length_are_shown_to_the_origin_only() {
    let scene = Scene::start();
    let folder = scene.origin.folder(Place::Private.path());
    let url = scene.url(Person::Reader, Place::Private);
    // In the old protocol git fetches for the mirror. It is held when it comes to the objects, and looked at meanwhile.
    scene.origin.speak_old_protocol();
    scene.origin_is(Manner::HoldsFetches);
    let cloning = tokio::task::spawn_blocking(move || Operation::Clone.at(&url, &folder));
    let mirror = scene.mirror.process_id().expect("it runs");
    eventually("the origin to be asked for objects", || async {
        assert!(!is_in_an_argument(mirror), "a secret stands in an argument list");
        scene.origin.received().iter().any(Received::is_fetch).then_some(())
    })
    .await;
    assert!(!is_in_an_argument(mirror), "a secret stands in an argument list");
    scene.origin_is(Manner::Up);
    cloning.await.expect("it does not panic").expect("the reader may read");
    let shown = scene.origin.received();
    let long = shown.iter().filter(|request| request.authorization.len() > LONG_TOKEN_BYTES).count();
    assert!(long > 1, "what git and the mirror have asked");
    assert!(!holds_a_secret(scene.mirror.log().as_bytes()), "a secret stands in the log");
    let data = scene.mirror.data();
    assert_eq!(files_with_secrets(data.parent().expect("it lies in a folder")), Vec::<String>::new());
}

/// Whether a process that the mirror has started, or itself, shows a secret to everybody on this machine.
fn is_in_an_argument(mirror: u32) -> bool {
    let processes = fs::read_dir("/proc").expect("it is mounted").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of_the_mirror = ids.filter(|id| is_below(*id, mirror));
    of_the_mirror
        .filter_map(|id| fs::read(format!("/proc/{id}/cmdline")).ok())
        .any(|line| holds_a_secret(&line))
}

fn is_below(process: u32, ancestor: u32) -> bool {
    process == ancestor || parent_of(process).is_some_and(|parent| parent > 1 && is_below(parent, ancestor))
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

fn holds_a_secret(bytes: &[u8]) -> bool {
    secrets().iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
}

fn files_with_secrets(folder: &Path) -> Vec<String> {
    let entries = match fs::read_dir(folder) {
        // The mirror runs, and removes what it has made for a while.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        entries => entries.expect("it can be listed"),
    };
    entries
        .flatten()
        .flat_map(|entry| {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => files_with_secrets(&path),
                Ok(kind) if kind.is_file() && holds_a_secret(&fs::read(&path).unwrap_or_default()) => {
                    vec![path.display().to_string()]
                }
                _ => Vec::new(),
            }
        })
        .collect()
}
