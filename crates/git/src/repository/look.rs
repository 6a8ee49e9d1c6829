//! Whether a repository on disk is what it should be: by a cheap look, or by reading everything.
//!
//! The look opens every file that git would open, and compares what files say about each other: sizes, beginnings and
//! ends, the objects that references name. That finds what power failures, full disks and wrong hands do, at the cost of
//! a few reads for each file. What it finds is proven. What git can make from the rest is removed when it is not whole. [`Repository::examine`] reads every object besides.
//!
//! Files come and go while the repository is in use. What is missing is looked for once more before it is called so.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git_wire::{ObjectFormat, ObjectId, RefName, RefSnapshot, lines_of};

use crate::disk::{blocking, entries};
use crate::process::{Fault, GitError, is_about_content};
use crate::repository::Repository;
use crate::repository::derived::{Scrutiny, discard_broken};

/// How many references are asked for their objects in one look.
const MAX_TIPS: usize = 10_000;

/// How many loose objects are opened in one look; housekeeping packs them long before.
const MAX_LOOSE_OBJECTS: usize = 20_000;

/// The beginning of an index of a pack: its magic number and version.
const INDEX_START: [u8; 8] = *b"\xfftOc\0\0\0\x02";

/// The beginning of a pack: its magic number and version.
const PACK_START: [u8; 8] = *b"PACK\0\0\0\x02";

/// Where the names of an index begin: after its start and the table of first bytes.
const INDEX_NAMES_AT: u64 = 8 + 256 * 4;

/// What lies in the place of a repository.
pub(super) enum Found {
    Repository,
    Nothing,
    Faulty(Fault),
}

impl Repository {
    /// A look that costs little. The references are those of the disk afterwards, in memory as well.
    pub async fn look(&self) -> Result<RefSnapshot, Fault> {
        self.look_closely(Scrutiny::Shape).await
    }

    /// The same, which reads so much of what git can make anew.
    fn look_closely(&self, scrutiny: Scrutiny) -> BoxFuture<'_, Result<RefSnapshot, Fault>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in each crate above.
        self.look_at_everything(scrutiny).boxed()
    }

    async fn look_at_everything(&self, scrutiny: Scrutiny) -> Result<RefSnapshot, Fault> {
        let place = self.path().to_owned();
        match blocking(move || Ok(look_at(&place))).await.map_err(|error| no_answer(&error))? {
            Found::Repository => {}
            Found::Nothing => return Err(Fault::Damaged("its folder is not there".to_owned())),
            Found::Faulty(fault) => return Err(fault),
        }
        let refs = self.refs().await.map_err(|error| fault_of(&error))?;
        let (place, format) = (self.path().to_owned(), format_of(&refs));
        blocking(move || Ok(look_into(&place, format, scrutiny)))
            .await
            .map_err(|error| no_answer(&error))??;
        self.look_for_tips(&refs).await?;
        self.first_looks().note(self.id());
        Ok(refs)
    }

    /// Reads everything, at low priority. What `git` calls damaged has to be so twice: it says the same of an object that
    /// it could not open.
    pub async fn examine(&self) -> Result<(), Fault> {
        for last in [false, true] {
            self.look_closely(Scrutiny::Checksum).await?;
            match self.verify().await {
                Ok(()) => return Ok(()),
                Err(error) => match fault_of(&error) {
                    Fault::Damaged(reason) if last => return Err(Fault::Damaged(reason)),
                    Fault::Damaged(_) => {}
                    fault => return Err(fault),
                },
            }
        }
        Ok(())
    }

    /// Whether the objects that references name are there.
    async fn look_for_tips(&self, refs: &RefSnapshot) -> Result<(), Fault> {
        let Some((name, object)) = self.missing_tip(refs).await? else { return Ok(()) };
        // It may have been deleted meanwhile, and its object with it.
        let now = self.refs().await.map_err(|error| fault_of(&error))?;
        match self.missing_tip(&now).await? {
            None => Ok(()),
            Some(_) => Err(Fault::Damaged(format!("{name} names the object {object}, which is not there"))),
        }
    }

    async fn missing_tip(&self, refs: &RefSnapshot) -> Result<Option<(RefName, ObjectId)>, Fault> {
        let tips: BTreeMap<&ObjectId, &RefName> =
            refs.iter().map(|(name, object)| (object, name)).take(MAX_TIPS).collect();
        if tips.is_empty() {
            return Ok(None);
        }
        let command = self.command("look for the objects of references");
        let input = lines_of("", tips.keys().copied()).into_bytes();
        let answer = command.args(["cat-file", "--batch-check=%(objecttype)"]).input(input).yielding().run();
        let answer = answer.await.map_err(|error| fault_of(&error))?;
        let lines = answer.stdout.split(|byte| *byte == b'\n');
        let missing = tips.into_iter().zip(lines).find(|(_, line)| line.ends_with(b" missing"));
        Ok(missing.map(|((object, name), _)| (name.clone(), object.clone())))
    }
}

/// What an error of git says about the repository; whatever it is, nothing is proven by an unknown one.
fn fault_of(error: &GitError) -> Fault {
    error.fault().unwrap_or_else(|| Fault::CannotReadNow(error.to_string()))
}

fn no_answer(error: &io::Error) -> Fault {
    Fault::CannotReadNow(error.to_string())
}

/// Whether the parts of a repository are there. Blocks.
pub(super) fn look_at(place: &Path) -> Found {
    match fs::metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nothing,
        Err(error) => return Found::Faulty(unreadable("its folder", &error)),
        Ok(metadata) if !metadata.is_dir() => return damaged("it is not a folder"),
        Ok(_) => {}
    }
    for part in ["objects", "refs"] {
        match fs::metadata(place.join(part)) {
            Ok(metadata) if metadata.is_dir() => {}
            Err(error) if !is_about_content(&error) => {
                return Found::Faulty(unreadable(&format!("its folder {part}"), &error));
            }
            Ok(_) | Err(_) => return damaged(&format!("it has no folder {part}")),
        }
    }
    match fs::read_to_string(place.join("HEAD")) {
        Err(error) => Found::Faulty(unreadable("its HEAD", &error)),
        Ok(head) if is_head(head.trim_end()) => Found::Repository,
        Ok(_) => damaged("its HEAD names neither a reference nor a commit"),
    }
}

fn is_head(head: &str) -> bool {
    match head.strip_prefix("ref: ") {
        Some(name) => RefName::parse(name.trim_start()).is_ok(),
        None => ObjectId::parse(head).is_ok(),
    }
}

fn damaged(what: &str) -> Found {
    Found::Faulty(Fault::Damaged(what.to_owned()))
}

/// Only a failure that is about what lies there is damage.
fn unreadable(what: &str, error: &io::Error) -> Fault {
    let reason = format!("{what} cannot be read: {error}");
    if is_about_content(error) { Fault::Damaged(reason) } else { Fault::CannotReadNow(reason) }
}

/// Compares what the files say about each other, and removes what git can make anew and is not whole. Blocks.
fn look_into(place: &Path, format: ObjectFormat, scrutiny: Scrutiny) -> Result<(), Fault> {
    match fs::read(place.join("config")) {
        Err(error) => return Err(unreadable("its configuration", &error)),
        Ok(config) if config.is_empty() => {
            return Err(Fault::Damaged("its configuration is empty".to_owned()));
        }
        // As a power failure leaves a file of which only the length was written. Git would say so only where it is needed.
        Ok(config) if config.contains(&0) => {
            return Err(Fault::Damaged("its configuration holds zero bytes".to_owned()));
        }
        Ok(_) => {}
    }
    let objects = place.join("objects");
    discard_broken(&objects, format.hex_len() as u64 / 2, scrutiny)
        .map_err(|error| unreadable("a file that git made from others", &error))?;
    let pack_folder = objects.join("pack");
    for name in names_in(&pack_folder)? {
        if let Some(pack) = name.strip_suffix(".idx") {
            look_at_pack(&pack_folder, pack, format)?;
        }
    }
    look_at_loose_objects(&objects, format)
}

fn format_of(refs: &RefSnapshot) -> ObjectFormat {
    refs.object_format().unwrap_or(ObjectFormat::Sha1)
}

fn names_in(folder: &Path) -> Result<Vec<String>, Fault> {
    let failed = |error: io::Error| unreadable(&folder.display().to_string(), &error);
    let mut names = Vec::new();
    for entry in entries(folder).map_err(failed)? {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// A pack and its index: each is as long as it says, and the index is that of the pack.
fn look_at_pack(folder: &Path, name: &str, format: ObjectFormat) -> Result<(), Fault> {
    let index = folder.join(format!("{name}.idx"));
    let pack = folder.join(format!("{name}.pack"));
    let compared = compare(&index, &pack, format.hex_len() as u64 / 2);
    match compared {
        Ok(None) => Ok(()),
        Ok(Some(problem)) => Err(Fault::Damaged(format!("{name}: {problem}"))),
        // Housekeeping has removed it a moment ago, the index first.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_there(&index)? => Ok(()),
        Err(error) => Err(unreadable(name, &error)),
    }
}

fn is_there(file: &Path) -> Result<bool, Fault> {
    fs::exists(file).map_err(|error| unreadable(&file.display().to_string(), &error))
}

fn compare(index: &Path, pack: &Path, hash_bytes: u64) -> io::Result<Option<String>> {
    let index = File::open(index)?;
    let (mut start, mut count) = ([0; 8], [0; 4]);
    index.read_exact_at(&mut start, 0)?;
    if start != INDEX_START {
        return Ok(Some("its index is none".to_owned()));
    }
    index.read_exact_at(&mut count, INDEX_NAMES_AT - 4)?;
    let objects = u64::from(u32::from_be_bytes(count));
    // A name, a checksum and a place for each object; places beyond 2 GiB take eight bytes more; two checksums.
    let expected = INDEX_NAMES_AT + objects * (hash_bytes + 8) + 2 * hash_bytes;
    let length = index.metadata()?.len();
    if length < expected || !(length - expected).is_multiple_of(8) {
        return Ok(Some(format!(
            "the length of its index, {length}, does not fit the number of its objects, {objects}"
        )));
    }
    let mut of_pack = vec![0; hash_bytes as usize];
    index.read_exact_at(&mut of_pack, length - 2 * hash_bytes)?;

    let pack = File::open(pack)?;
    pack.read_exact_at(&mut start, 0)?;
    pack.read_exact_at(&mut count, 8)?;
    if start != PACK_START || u64::from(u32::from_be_bytes(count)) != objects {
        return Ok(Some(format!("it does not begin as a pack does whose number of objects is {objects}")));
    }
    let mut end = vec![0; hash_bytes as usize];
    let length = pack.metadata()?.len();
    let Some(end_at) = length.checked_sub(hash_bytes) else {
        return Ok(Some(format!("its length, {length}, is too short for a pack")));
    };
    pack.read_exact_at(&mut end, end_at)?;
    Ok((end != of_pack).then(|| format!("it has {length} bytes and does not end as its index says")))
}

fn look_at_loose_objects(objects: &Path, format: ObjectFormat) -> Result<(), Fault> {
    let is_hex = |name: &str| name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut seen = 0;
    for folder in names_in(objects)?.into_iter().filter(|name| name.len() == 2 && is_hex(name)) {
        for name in names_in(&objects.join(&folder))? {
            if name.len() + 2 != format.hex_len() || !is_hex(&name) {
                continue;
            }
            look_at_loose_object(&objects.join(&folder).join(&name), &format!("{folder}{name}"))?;
            seen += 1;
            if seen == MAX_LOOSE_OBJECTS {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// An object is compressed: it begins with the two bytes of every zlib stream.
fn look_at_loose_object(file: &Path, name: &str) -> Result<(), Fault> {
    let mut start = [0; 2];
    match File::open(file).and_then(|mut file| file.read_exact(&mut start)) {
        Ok(()) if start[0] & 0x0f == 8 && u16::from_be_bytes(start).is_multiple_of(31) => Ok(()),
        Ok(()) => Err(Fault::Damaged(format!("the object {name} does not begin as one"))),
        // It is in a pack by now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unreadable(&format!("the object {name}"), &error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;
    use crate::fixture::Workshop;

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("listable") {
            let path = entry.expect("readable").path();
            if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
        }
        found.sort_unstable();
        found
    }

    /// One commit in a pack, one loose, a reference packed and one loose.
    async fn repository(workshop: &Workshop) -> Repository {
        let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
        workshop.run(
            repository.path(),
            &["-c", "pack.writeReverseIndex=false", "-c", "repack.writeBitmaps=false", "repack", "-adq"],
        );
        workshop.run(repository.path(), &["pack-refs", "--all"]);
        workshop.commit(&repository, "main");
        repository
    }

    /// Files without which everything is as it was.
    fn is_derived(file: &Path) -> bool {
        file.parent().is_some_and(|folder| folder.ends_with("hooks"))
            || ["objects/info/packs", "info/refs", "info/exclude", "description"]
                .iter()
                .any(|end| file.ends_with(end))
    }

    #[tokio::test]
    async fn what_is_whole_is_found_whole() {
        let workshop = Workshop::new().await;
        let repository = repository(&workshop).await;
        let refs = repository.look().await.expect("whole");
        assert_eq!(refs.len(), 2);
        repository.examine().await.expect("whole");
    }

    #[tokio::test]
    async fn every_file_that_is_emptied_is_damage_and_one_that_cannot_be_opened_is_not() {
        let workshop = Workshop::new().await;
        let repository = repository(&workshop).await;
        let files = files_below(repository.path());
        let mut looked_at = 0;
        for file in files.iter().filter(|file| !is_derived(file)) {
            let content = fs::read(file).expect("readable");
            fs::remove_file(file).expect("removed");
            fs::write(file, "").expect("emptied");
            let fault = repository.look().await.expect_err(&format!("{file:?} is empty"));
            assert!(fault.is_damage(), "{file:?}: {fault}");

            looked_at += 1;
            fs::remove_file(file).expect("removed");
            // A link in the place of a reference is another way of writing one.
            if file.starts_with(repository.path().join("refs")) {
                fs::write(file, content).expect("restored");
                continue;
            }
            // Opening it fails for a reason that says nothing about its content, also for root.
            symlink(file.file_name().expect("a file"), file).expect("linked");
            let fault = repository.look().await.expect_err(&format!("{file:?} cannot be opened"));
            assert!(!fault.is_damage(), "{file:?}: {fault}");

            fs::remove_file(file).expect("removed");
            fs::write(file, content).expect("restored");
        }
        assert!(looked_at >= 8, "{files:?}");
        repository.look().await.expect("whole again");
    }

    #[tokio::test]
    async fn a_configuration_of_zeros_is_damage() {
        let workshop = Workshop::new().await;
        let repository = repository(&workshop).await;
        let config = repository.path().join("config");
        let length = fs::read(&config).expect("readable").len();
        fs::write(&config, vec![0; length]).expect("written");
        assert!(repository.look().await.is_err_and(|fault| fault.is_damage()));
    }

    #[tokio::test]
    async fn a_pack_that_is_cut_or_gone_is_damage() {
        let workshop = Workshop::new().await;
        let repository = repository(&workshop).await;
        let files = files_below(&repository.path().join("objects/pack"));
        let pack = files.iter().find(|file| file.extension().is_some_and(|end| end == "pack"));
        let pack = pack.expect("a pack");
        let content = fs::read(pack).expect("readable");
        fs::remove_file(pack).expect("removed");
        assert!(repository.look().await.is_err_and(|fault| fault.is_damage()));
        fs::write(pack, &content[..content.len() - 30]).expect("cut");
        assert!(repository.look().await.is_err_and(|fault| fault.is_damage()));
        let mut bits = content.clone();
        let middle = bits.len() / 2;
        bits[middle] ^= 0x55;
        fs::remove_file(pack).expect("removed");
        fs::write(pack, bits).expect("written");
        // Only who reads everything sees it.
        assert!(repository.examine().await.is_err_and(|fault| fault.is_damage()));
    }

    #[tokio::test]
    async fn what_git_merely_dislikes_is_no_damage() {
        let workshop = Workshop::new().await;
        let repository = repository(&workshop).await;
        let tip = workshop.run(repository.path(), &["rev-parse", "main"]);
        let commit = workshop.run(repository.path(), &["cat-file", "commit", tip.trim()]);
        // Old tools wrote such commits, and many repositories have them.
        let commit = commit.replacen('<', "", 1);
        let file = workshop.folder("odd").join("commit");
        fs::write(&file, commit).expect("written");
        let file = file.to_str().expect("text");
        let odd =
            workshop.run(repository.path(), &["hash-object", "-t", "commit", "--literally", "-w", file]);
        workshop.run(repository.path(), &["update-ref", "refs/heads/odd", odd.trim()]);
        let said = repository.command("test").args(["fsck", "--full"]).run().await;
        assert!(said.is_err(), "git says nothing against it");
        repository.examine().await.expect("whole");
    }
}
