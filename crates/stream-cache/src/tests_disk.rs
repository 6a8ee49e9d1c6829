//! Tests of what happens on disk: restarts, damage, a full disk, the budget, forgotten groups.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tempfile::TempDir;

use crate::entry::MAX_MEMORY_BYTES;
use crate::fixture::*;
use crate::store::DISK_BLOCK_BYTES;
use crate::{CacheKey, CacheOptions};

const BUDGET: u64 = 1 << 30;

fn open(folder: &Path) -> Cache {
    Cache::open(folder, options(BUDGET)).expect("opens")
}

/// A folder in which an earlier process left the answer 1.
async fn left_behind(length: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = open(folder.path());
    drop(cache.answer(key(1), yields(&content(length))).await.expect("answered"));
    // A reader that leaves too early would take the computation along.
    while !cache.holds(&key(1)) {
        let mut reader = cache.answer(key(1), yields(&content(length))).await.expect("answered");
        rest(&mut reader).await.expect("whole");
    }
    quiet(&cache).await;
    let files = files_below(folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    let file = files[0].clone();
    (folder, file)
}

async fn store(cache: &Cache, key: CacheKey, length: usize) {
    let mut reader = cache.answer(key, yields(&content(length))).await.expect("answered");
    assert_eq!(rest(&mut reader).await.expect("whole").len(), length);
    quiet(cache).await;
}

#[tokio::test]
async fn entries_survive_a_restart_and_halves_do_not() {
    let (folder, file) = left_behind(500_000).await;
    let half = folder.path().join("growing/17");
    fs::write(&half, "half of it").expect("written");
    let removed = folder.path().join("removed/3");
    fs::create_dir(&removed).expect("made");
    let stray = file.with_file_name("notes.txt");
    fs::write(&stray, "not ours").expect("written");
    let cache = open(folder.path());
    assert!(!half.exists() && !removed.exists());
    let mut reader = cache.answer(key(1), nothing).await.expect("stored");
    assert_eq!(reader.total_bytes(), Some(500_000));
    assert_eq!(rest(&mut reader).await.expect("whole"), content(500_000));
    eventually("the folder is looked through", || !stray.exists()).await;
    let counters = quiet(&cache).await;
    assert_eq!((counters.hits, counters.misses, counters.saved), (1, 0, COST));
    let disk_bytes = u64::next_multiple_of(500_000, DISK_BLOCK_BYTES);
    assert_eq!((counters.entries, counters.bytes), (1, disk_bytes));
    // The second time it need not be checked.
    cache.answer(key(1), nothing).await.expect("stored");
    assert_eq!(cache.counters().hits, 2);
}

#[test]
fn outside_a_runtime_entries_are_found_before_it_returns() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (folder, _) = runtime.block_on(left_behind(1000));
    let cache = open(folder.path());
    assert!(cache.holds(&key(1)));
    assert_eq!((cache.counters().entries, cache.usage()[&0].bytes), (1, DISK_BLOCK_BYTES));
}

#[tokio::test]
async fn damage_of_any_kind_is_never_served() {
    type Damage = fn(&fs::File);
    let damages: [(&str, Damage); 5] = [
        ("cut", |file| file.set_len(400_000).expect("cut")),
        ("emptied", |file| file.set_len(0).expect("cut")),
        ("longer", |file| file.set_len(600_000).expect("longer")),
        ("changed", |file| file.write_all_at(b"x", 1234).expect("written")),
        ("footer changed", |file| file.write_all_at(b"x", 500_000 + 50).expect("written")),
    ];
    for (what, damage) in damages {
        for restart in [true, false] {
            let (folder, path) = left_behind(500_000).await;
            let mut cache = open(folder.path());
            if !restart {
                cache.answer(key(1), nothing).await.expect("stored, and checked");
                quiet(&cache).await;
            }
            let file = fs::OpenOptions::new().write(true).open(&path).expect("there");
            damage(&file);
            file.set_modified(std::time::SystemTime::now() + Duration::from_secs(1)).expect("set");
            if restart {
                cache = open(folder.path());
            }
            let mut reader = cache.answer(key(1), yields(&content(500_000))).await.expect("answered");
            assert_eq!(rest(&mut reader).await.expect("whole"), content(500_000), "{what}");
            let counters = quiet(&cache).await;
            assert_eq!(counters.misses, 1, "{what}, restart: {restart}");
            let mut again = cache.answer(key(1), nothing).await.expect("stored anew");
            assert_eq!(rest(&mut again).await.expect("whole"), content(500_000), "{what}");
        }
    }
}

#[tokio::test]
async fn an_entry_under_another_name_is_none() {
    let (folder, path) = left_behind(1000).await;
    let elsewhere = folder.path().join("entries").join(key(12).path());
    fs::create_dir_all(elsewhere.parent().expect("a folder")).expect("made");
    fs::rename(&path, &elsewhere).expect("moved");
    let cache = open(folder.path());
    let mut reader = cache.answer(key(12), yields(&content(5))).await.expect("answered");
    assert_eq!(rest(&mut reader).await.expect("whole"), content(5));
}

#[tokio::test]
async fn no_other_user_may_read_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("new/cache");
    let cache = open(&root);
    store(&cache, key(1), 10).await;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("entries")), 0o700);
    let file = files_below(&root).remove(0);
    assert_eq!((mode(file.parent().expect("a folder")), mode(&file)), (0o700, 0o600));
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).expect("set");
    open(&root);
    assert_eq!(mode(&root), 0o700);
}

#[tokio::test]
async fn a_folder_that_vanishes_fails_no_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("cache");
    let cache = open(&root);
    store(&cache, key(1), 1000).await;
    fs::remove_dir_all(&root).expect("removed");
    store(&cache, key(1), 1000).await;
    assert_eq!(cache.counters().misses, 2);
    store(&cache, key(1), 1000).await;
    assert_eq!((cache.counters().misses, cache.counters().hits), (2, 1));
    // And one that cannot even be made again.
    fs::remove_dir_all(&root).expect("removed");
    fs::write(&root, "in the way").expect("written");
    store(&cache, key(1), 1000).await;
    store(&cache, key(2), 300_000).await;
    cache.forget_group(0);
    let counters = cache.counters();
    assert_eq!((counters.misses, counters.not_stored, counters.entries), (4, 2, 0));
    fs::remove_file(&root).expect("removed");
    store(&cache, key(1), 1000).await;
    assert!(cache.holds(&key(1)), "it heals");
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_start_costs_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = FullDisk::at(0..usize::MAX);
    let cache = Cache::open_with(folder.path(), options(BUDGET), writer).expect("opens");
    store(&cache, key(1), 12_000_000).await;
    let counters = cache.counters();
    assert_eq!((counters.not_stored, counters.entries, counters.bytes), (1, 0, 0));
    assert!(!cache.holds(&key(1)));
    eventually("no file stays", || files_below(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn a_disk_that_fills_up_in_the_middle_costs_no_reader_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = FullDisk::at(2..usize::MAX);
    let cache = Cache::open_with(folder.path(), options(BUDGET), writer).expect("opens");
    let content = content(20_000_000);
    let mut spring = Spring::new();
    spring.send(&content.slice(..100_000));
    let mut ahead = cache.answer(key(1), spring.flows()).await.expect("begun");
    let mut behind = cache.answer(key(1), nothing).await.expect("joined");
    assert_eq!(take(&mut ahead, 100_000).await, content[..100_000]);
    assert_eq!(take(&mut behind, 30_000).await, content[..30_000]);
    spring.send(&content.slice(100_000..200_000));
    assert_eq!(take(&mut ahead, 50_000).await, content[100_000..150_000]);
    let mut sent = 200_000;
    while sent < content.len() {
        let end = content.len().min(sent + 100_000);
        spring.send(&content.slice(sent..end));
        sent = end;
    }
    let taken = Arc::clone(&spring.taken);
    spring.end();
    // The one ahead is held back by the one behind: memory takes the pieces up to its limit, and no more.
    let held = usize::try_from(MAX_MEMORY_BYTES).expect("small").next_multiple_of(100_000);
    let seen = 200_000 + held;
    assert_eq!(take(&mut ahead, seen - 150_000).await, content[150_000..seen]);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(next(&mut ahead, 1).now_or_never().is_none());
    assert!(
        taken.load(Ordering::Relaxed) * 100_000 < seen + (1 + pieces_at_once(100_000)) * 100_000,
        "a batch more at most"
    );
    let mut late = cache.answer(key(1), nothing).await.expect("nothing is lost yet, so it joins");
    let (ahead, behind, late) = tokio::join!(rest(&mut ahead), rest(&mut behind), rest(&mut late));
    assert_eq!(ahead.expect("whole"), content[seen..]);
    assert_eq!(behind.expect("whole"), content[30_000..]);
    assert_eq!(late.expect("whole"), content);
    let counters = quiet(&cache).await;
    assert_eq!((counters.not_stored, counters.entries, counters.bytes), (1, 0, 0));
    eventually("no file stays", || files_below(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn no_reader_joins_what_lost_its_beginning() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = FullDisk::at(0..usize::MAX);
    let cache = Cache::open_with(folder.path(), options(BUDGET), writer).expect("opens");
    let content = content(1000);
    let mut spring = Spring::new();
    spring.send(&content);
    let mut first = cache.answer(key(1), spring.flows()).await.expect("begun");
    assert!(cache.holds(&key(1)));
    take(&mut first, 1000).await;
    assert!(!cache.holds(&key(1)));
    let mut second = cache.answer(key(1), yields(&content)).await.expect("another computation");
    assert_eq!(rest(&mut second).await.expect("whole"), content);
    spring.send(&content);
    spring.end();
    assert_eq!(rest(&mut first).await.expect("whole"), content);
    assert_eq!(quiet(&cache).await.misses, 2);
}

#[tokio::test]
async fn others_make_room_when_the_disk_is_full() {
    let folder = tempfile::tempdir().expect("a folder");
    // Each answer takes a write for its bytes and one for its end; the third answer fails once.
    let writer = FullDisk::at(4..5);
    let cache = Cache::open_with(folder.path(), options(BUDGET), writer).expect("opens");
    for number in 1..=3 {
        store(&cache, key(number), 50_000).await;
    }
    let counters = cache.counters();
    assert_eq!((counters.write_failures, counters.not_stored), (1, 0));
    assert_eq!((counters.evictions, counters.entries), (2, 1));
    let mut reader = cache.answer(key(3), nothing).await.expect("stored");
    assert_eq!(rest(&mut reader).await.expect("whole"), content(50_000));
    assert_eq!(files_below(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_disk_that_has_no_room_for_the_end_keeps_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::open_with(folder.path(), options(BUDGET), FullDisk::at(1..2)).expect("opens");
    store(&cache, key(1), 50_000).await;
    let counters = cache.counters();
    assert_eq!((counters.not_stored, counters.entries, counters.bytes), (1, 0, 0));
    eventually("no file stays", || files_below(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn the_budget_is_kept_and_readers_keep_what_they_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let size = 50_000;
    let budget = 5 * (size as u64).next_multiple_of(DISK_BLOCK_BYTES);
    let cache = Cache::open(folder.path(), options(budget)).expect("opens");
    store(&cache, key(0), size).await;
    let mut reading = cache.answer(key(0), nothing).await.expect("stored");
    take(&mut reading, 10).await;
    for number in 1..=20 {
        store(&cache, key(number), size).await;
        let counters = cache.counters();
        assert!(counters.bytes <= budget, "{counters:?}");
        // One that is wanted again and again stays.
        let mut wanted = cache.answer(key(1), nothing).await.expect("stored");
        assert_eq!(rest(&mut wanted).await.expect("whole").len(), size);
    }
    let counters = cache.counters();
    assert_eq!((counters.entries, counters.evictions), (5, 16));
    assert!(!cache.holds(&key(0)) && cache.holds(&key(20)));
    eventually("files go too", || files_below(folder.path()).len() == 5).await;
    assert_eq!(rest(&mut reading).await.expect("whole"), content(size)[10..]);
}

#[tokio::test]
async fn what_is_too_large_passes_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::open(folder.path(), options(4_000_000)).expect("opens");
    store(&cache, key(1), 900_000).await;
    store(&cache, key(2), 20_000_000).await;
    let counters = cache.counters();
    assert_eq!((counters.entries, counters.not_stored, counters.evictions), (1, 1, 0));
    assert!(cache.holds(&key(1)) && !cache.holds(&key(2)));
    eventually("no other file stays", || files_below(folder.path()).len() == 1).await;
    let none = Cache::open(&folder.path().join("none"), options(0)).expect("opens");
    store(&none, key(1), 1000).await;
    assert_eq!((none.counters().entries, none.counters().not_stored), (0, 1));
}

#[tokio::test]
async fn a_smaller_budget_is_kept_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = open(folder.path());
    for number in 0..20 {
        store(&cache, key(number), 10_000).await;
    }
    drop(cache);
    let budget = 4 * u64::next_multiple_of(10_000, DISK_BLOCK_BYTES);
    let cache = Cache::open(folder.path(), options(budget)).expect("opens");
    eventually("files go", || files_below(folder.path()).len() == 4).await;
    let counters = cache.counters();
    assert!(counters.bytes <= budget && counters.entries == 4, "{counters:?}");
}

/// Files below a folder that this process has open, and of these the ones that were removed.
fn open_files_below(folder: &Path) -> (usize, usize) {
    let files: Vec<_> = fs::read_dir("/proc/self/fd")
        .expect("Linux")
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .filter(|path| path.starts_with(folder))
        .collect();
    let removed = files.iter().filter(|path| path.to_string_lossy().ends_with(" (deleted)")).count();
    (files.len(), removed)
}

#[tokio::test]
async fn a_bounded_number_of_files_stays_open_and_none_that_was_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = open(folder.path());
    for number in 0..150 {
        store(&cache, key(number), 10).await;
        cache.answer(key(number), nothing).await.expect("stored");
    }
    eventually("some are closed", || open_files_below(folder.path()) == (128, 0)).await;
    // One that was closed is opened again.
    let mut reader = cache.answer(key(0), nothing).await.expect("stored");
    assert_eq!(rest(&mut reader).await.expect("whole"), content(10));
    drop(reader);
    for group in 0..=15 {
        cache.forget_group(group);
    }
    eventually("all are closed", || open_files_below(folder.path()) == (0, 0)).await;
}

#[tokio::test]
async fn the_number_of_entries_is_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = CacheOptions { max_entries: 3, ..options(BUDGET) };
    let cache = Cache::open(folder.path(), options).expect("opens");
    for number in 0..6 {
        store(&cache, key(number), 1000).await;
        assert!(cache.counters().entries <= 3 && cache.holds(&key(number)));
    }
    eventually("files go too", || files_below(folder.path()).len() == 3).await;
}

#[tokio::test]
async fn a_forgotten_repository_leaves_nothing_but_its_readers() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = open(folder.path());
    for number in [1, 2, 11] {
        store(&cache, key(number), 50_000).await;
    }
    let mut reading = cache.answer(key(1), nothing).await.expect("stored");
    let mut spring = Spring::new();
    spring.send(&content(100));
    let mut following = cache.answer(key(3), spring.flows()).await.expect("begun");
    cache.forget_group(0);
    assert!(![1, 2, 3].iter().any(|number| cache.holds(&key(*number))) && cache.holds(&key(11)));
    assert_eq!(cache.usage().keys().copied().collect::<Vec<_>>(), [1]);
    // The same answer is computed anew, while the forgotten computation still runs.
    store_beside(&cache, key(3)).await;
    spring.send(&content(100));
    spring.end();
    assert_eq!(rest(&mut reading).await.expect("whole").len(), 50_000);
    assert_eq!(rest(&mut following).await.expect("whole").len(), 200);
    quiet(&cache).await;
    eventually("files go", || files_below(folder.path()).len() <= 2).await;
    let mut anew = cache.answer(key(3), yields(&content(77))).await.expect("answered");
    assert_eq!(rest(&mut anew).await.expect("whole"), content(77), "never what was forgotten");
}

#[tokio::test]
async fn what_was_removed_is_off_the_disk_and_what_failed_goes_the_next_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = open(folder.path());
    for number in [1, 2, 11] {
        store(&cache, key(number), 50_000).await;
    }
    let removed = folder.path().join("removed");
    fs::remove_dir(&removed).expect("it is empty");
    fs::write(&removed, "in the way").expect("written");
    assert!(cache.remove_group(0).await.is_err());
    assert!(!cache.holds(&key(1)), "it is not given any more all the same");
    fs::remove_file(&removed).expect("removed");
    let left = removed.join("0000000000000000-700");
    fs::create_dir_all(&left).expect("made");
    fs::write(left.join("entry"), "left by one that failed").expect("written");
    cache.remove_group(0).await.expect("removed");
    let files = files_below(folder.path());
    assert!(files.len() == 1 && files[0].starts_with(folder.path().join("entries")), "{files:?}");
    assert!(cache.holds(&key(11)));
    cache.remove_group(0).await.expect("there is nothing");
}

#[tokio::test]
async fn an_answer_in_the_making_has_no_file_once_its_group_was_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = open(folder.path());
    let (mut begun, mut late, mut other) = (Spring::new(), Spring::new(), Spring::new());
    begun.send(&content(100));
    other.send(&content(100));
    let mut following = cache.answer(key(1), begun.flows()).await.expect("begun");
    let mut beside = cache.answer(key(11), other.flows()).await.expect("begun");
    let mut asking = Box::pin(cache.answer(key(2), late.flows()));
    assert!(asking.as_mut().now_or_never().is_none());
    assert_eq!(files_below(folder.path()).len(), 2);
    cache.remove_group(0).await.expect("removed");
    assert_eq!(files_below(folder.path()).len(), 1, "the one of the other group");
    late.send(&content(200));
    let mut following_late = asking.await.expect("begun");
    assert_eq!(files_below(folder.path()).len(), 1, "nor does a computation that begins to write afterwards");
    begun.send(&content(100));
    [begun, late, other].into_iter().for_each(Spring::end);
    assert_eq!(rest(&mut following).await.expect("whole").len(), 200);
    assert_eq!(rest(&mut following_late).await.expect("whole").len(), 200);
    assert_eq!(rest(&mut beside).await.expect("whole").len(), 100);
    let counters = quiet(&cache).await;
    assert_eq!((counters.not_stored, counters.write_failures, counters.entries), (2, 0, 1));
    assert!(cache.holds(&key(11)));
}

/// Like [`store`], while other computations are under way.
async fn store_beside(cache: &Cache, key: CacheKey) {
    let mut reader = cache.answer(key, yields(&content(77))).await.expect("answered");
    assert_eq!(rest(&mut reader).await.expect("whole"), content(77));
    eventually("it is stored", || cache.usage().contains_key(&key.group)).await;
}

#[tokio::test]
async fn ten_thousand_entries_open_quickly() {
    let (folder, file) = left_behind(100).await;
    let entry = fs::read(&file).expect("readable");
    let entries = folder.path().join("entries");
    for group in 0_u64..100 {
        let folder = entries.join(crate::key::folder_of(group));
        fs::create_dir_all(&folder).expect("made");
        for number in 0..100_u8 {
            let key = CacheKey { group, digest: [number; 32] };
            let mut entry = entry.clone();
            let footer = crate::footer::Footer {
                key,
                length: 100,
                cost: COST,
                checksum: crc32fast::hash(&entry[..100]),
            };
            entry[100..].copy_from_slice(&footer.encode());
            fs::write(entries.join(key.path()), entry).expect("written");
        }
    }
    let begun = std::time::Instant::now();
    let cache = Cache::open(folder.path(), CacheOptions::default()).expect("opens");
    let opened = begun.elapsed();
    eventually("all are found", || cache.counters().entries == 10_000).await;
    println!("opened after {opened:?}, looked through after {:?}", begun.elapsed());
    let key = CacheKey { group: 57, digest: [42; 32] };
    let mut reader = cache.answer(key, nothing).await.expect("stored");
    assert_eq!(rest(&mut reader).await.expect("whole"), content(100));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "in the way").expect("written");
    let error = Cache::open(&file, CacheOptions::default()).expect_err("not a folder");
    assert!(matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory), "{error:?}");
}
