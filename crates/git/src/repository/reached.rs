//! Whether references lead to objects: what a client may have, and what stays when a repository is cleaned.
//!
//! `git upload-pack` does not check that for clients of version 2 of its protocol, so it is checked here. Commits are
//! looked for in history. Everything else is looked for with the help of bitmaps; without them, git shows what is below
//! the tips only as far as commits lie between them, and what it has not found so is looked for among all objects.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git_wire::{ObjectId, lines_of};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::process::{GitCommand, GitError, Lane, read_tail, write_input};
use crate::repository::Repository;

/// How long a client is held up while history is searched.
const SEARCH_TIME_LIMIT: Duration = Duration::from_secs(20);

/// How long a client is held up while all objects are gone through, of a repository that has no bitmaps yet.
const LISTING_TIME_LIMIT: Duration = Duration::from_mins(2);

/// How long either may take when no client waits: a very large repository without bitmaps takes longer than any client
/// would wait.
const UNHURRIED_TIME_LIMIT: Duration = Duration::from_hours(2);

const OPERATION: &str = "look whether references lead to an object";

/// Who wants to know, and so how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchFor {
    /// A client waits for the answer.
    Client,
    /// No client waits, and other work that needs the cores goes first.
    Housekeeping,
}

impl SearchFor {
    fn command(self, repository: &Repository) -> GitCommand {
        let command = repository.command(OPERATION);
        match self {
            Self::Client => command.time_limit(SEARCH_TIME_LIMIT),
            Self::Housekeeping => command.yielding().time_limit(UNHURRIED_TIME_LIMIT),
        }
    }

    fn listing_time_limit(self) -> Duration {
        match self {
            Self::Client => LISTING_TIME_LIMIT,
            Self::Housekeeping => UNHURRIED_TIME_LIMIT,
        }
    }
}

/// An object that no reference leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// Which one.
    pub object: ObjectId,
    /// Whether it is here all the same.
    pub is_here: bool,
}

/// Objects apart by what they are.
#[derive(Default)]
struct Sorted {
    missing: BTreeSet<ObjectId>,
    commits: BTreeSet<ObjectId>,
    others: BTreeSet<ObjectId>,
}

impl Repository {
    /// One of these objects that is not here, or that none of `tips` leads to; `None` when there is no such object.
    pub fn first_unreached<'a>(
        &'a self,
        objects: &'a BTreeSet<ObjectId>,
        tips: &'a BTreeSet<ObjectId>,
        search: SearchFor,
    ) -> BoxFuture<'a, Result<Option<Unreached>, GitError>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in each crate above.
        self.look_for_unreached(objects, tips, search).boxed()
    }

    async fn look_for_unreached(
        &self,
        objects: &BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
        search: SearchFor,
    ) -> Result<Option<Unreached>, GitError> {
        match self.search_unreached(objects, tips, search).await {
            Err(error) => self.without_what_is_gone(objects, tips, search, error).await,
            searched => searched,
        }
    }

    async fn search_unreached(
        &self,
        objects: &BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
        search: SearchFor,
    ) -> Result<Option<Unreached>, GitError> {
        let unknown: BTreeSet<_> = objects.difference(tips).cloned().collect();
        if unknown.is_empty() {
            return Ok(None);
        }
        let sorted = self.sorted_by_kind(&unknown, search).await?;
        if let Some(object) = sorted.missing.iter().next().cloned() {
            return Ok(Some(Unreached { object, is_here: false }));
        }
        let found = self.first_unreached_of(&sorted, tips, search).await?;
        Ok(found.map(|object| Unreached { object, is_here: true }))
    }

    /// One of these objects, which were here, that none of the tips leads to.
    async fn first_unreached_of(
        &self,
        Sorted { commits, others, .. }: &Sorted,
        tips: &BTreeSet<ObjectId>,
        search: SearchFor,
    ) -> Result<Option<ObjectId>, GitError> {
        let commit = self.first_unreached_commit(commits, tips, search).await?;
        if commit.is_some() || others.is_empty() {
            return Ok(commit);
        }
        let doubtful = self.not_seen_below(others, tips, search).await?;
        if doubtful.is_empty() {
            return Ok(None);
        }
        Ok(self.unlisted(doubtful, tips, search).await?.into_iter().next())
    }

    /// Searches once more without what is not here any more, if that is why the search has failed: what no reference leads to
    /// may be removed at any time, also what one named a moment ago, and git takes it for damage when it misses it.
    async fn without_what_is_gone(
        &self,
        objects: &BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
        search: SearchFor,
        error: GitError,
    ) -> Result<Option<Unreached>, GitError> {
        if !error.fault().is_some_and(|fault| fault.is_damage()) {
            return Err(error);
        }
        let _no_removal = self.removals().hold_off().await;
        let mut doubtful = tips.clone();
        self.refs().await?.retain_unnamed(&mut doubtful);
        doubtful.extend(objects.difference(tips).cloned());
        let gone = self.sorted_by_kind(&doubtful, search).await?.missing;
        if gone.is_empty() {
            return Err(error);
        }
        let left = tips.difference(&gone).cloned().collect();
        self.search_unreached(objects, &left, search).await
    }

    /// Those of these objects that are here.
    pub async fn present(&self, objects: &BTreeSet<ObjectId>) -> Result<BTreeSet<ObjectId>, GitError> {
        let mut sorted = self.sorted_by_kind(objects, SearchFor::Client).await?;
        sorted.commits.append(&mut sorted.others);
        Ok(sorted.commits)
    }

    /// Whether these objects are here with all that they need, given that this is so for what references name. What was fetched
    /// stays for a while when nothing leads to it any more.
    pub async fn holds_whole(&self, objects: &BTreeSet<ObjectId>) -> Result<bool, GitError> {
        let command = SearchFor::Client.command(self);
        let command = command.args(["rev-list", "--objects", "--quiet", "--stdin", "--not", "--all"]);
        let ended = command.input(lines_of("", objects).into_bytes()).run_to_end().await?;
        Ok(ended.status.success())
    }

    async fn sorted_by_kind(
        &self,
        objects: &BTreeSet<ObjectId>,
        search: SearchFor,
    ) -> Result<Sorted, GitError> {
        let mut sorted = Sorted::default();
        if objects.is_empty() {
            return Ok(sorted);
        }
        let command = search.command(self).args(["cat-file", "--batch-check=%(objecttype)"]);
        let listing = command.input(lines_of("", objects).into_bytes()).run().await?.stdout;
        let mut lines = listing.split_inclusive(|byte| *byte == b'\n');
        for object in objects {
            let set = match lines.next() {
                Some(b"commit\n") => &mut sorted.commits,
                Some(b"tree\n" | b"blob\n" | b"tag\n") => &mut sorted.others,
                Some(line) if line.ends_with(b" missing\n") => &mut sorted.missing,
                _ => return Err(GitError::unexpected(OPERATION, &listing)),
            };
            set.insert(object.clone());
        }
        Ok(sorted)
    }

    /// What is left after everything that the tips reach begins with one of those that are looked for.
    async fn first_unreached_commit(
        &self,
        commits: &BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
        search: SearchFor,
    ) -> Result<Option<ObjectId>, GitError> {
        let Some(any) = commits.first() else { return Ok(None) };
        let input = lines_of("", commits) + &lines_of("^", tips);
        let command = search.command(self).args(["rev-list", "--stdin", "--max-count=1"]);
        let left = command.input(input.into_bytes()).run().await?.stdout;
        let first = ObjectId::from_hex(left.trim_ascii()).filter(|object| commits.contains(object));
        Ok((!left.is_empty()).then(|| first.unwrap_or_else(|| any.clone())))
    }

    /// Those of these folders, files and tags that git does not see below the tips, which it does with bitmaps.
    async fn not_seen_below(
        &self,
        objects: &BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
        search: SearchFor,
    ) -> Result<BTreeSet<ObjectId>, GitError> {
        let input = lines_of("", objects) + &lines_of("^", tips);
        let command = search.command(self).args(["rev-list", "--stdin", "--objects", "--use-bitmap-index"]);
        let left = match command.input(input.into_bytes()).run().await {
            Err(GitError::OutputTooLarge { .. }) => return Ok(objects.clone()),
            left => left?.stdout,
        };
        let left = left.split(|byte| *byte == b'\n').filter_map(object_of_line);
        Ok(left.filter(|object| objects.contains(object)).collect())
    }

    /// Those of these objects that are not among all that the tips lead to.
    async fn unlisted(
        &self,
        objects: BTreeSet<ObjectId>,
        tips: &BTreeSet<ObjectId>,
        search: SearchFor,
    ) -> Result<BTreeSet<ObjectId>, GitError> {
        let command = search.command(self).args(["rev-list", "--stdin", "--objects", "--use-bitmap-index"]);
        let listed = strike_out_listed(&command, lines_of("", tips).into_bytes(), objects);
        let limit = search.listing_time_limit();
        let timed_out = |_| GitError::TimedOut { operation: OPERATION, limit };
        tokio::time::timeout(limit, listed).await.map_err(timed_out)?
    }
}

/// Reads the listing until all are found: it may be much longer than what one holds in memory.
async fn strike_out_listed(
    command: &GitCommand,
    input: Vec<u8>,
    mut objects: BTreeSet<ObjectId>,
) -> Result<BTreeSet<ObjectId>, GitError> {
    let io_error = |error| GitError::Io { operation: OPERATION, error };
    let mut process = command.spawn(Lane::Own).await?;
    let stdin = process.stdin.take().expect("spawned with a piped stdin");
    let stdout = process.stdout.take().expect("spawned with a piped stdout");
    let stderr = process.stderr.take().expect("spawned with a piped stderr");
    let strike_out = async {
        let (mut lines, mut line) = (BufReader::new(stdout), Vec::new());
        while !objects.is_empty() && lines.read_until(b'\n', &mut line).await.map_err(io_error)? > 0 {
            if let Some(object) = object_of_line(line.trim_ascii_end()) {
                objects.remove(&object);
            }
            line.clear();
        }
        Ok::<_, GitError>(objects)
    };
    let said = async { read_tail(stderr).await.map_err(io_error) };
    let struck_out = async {
        let ((), objects, said) = tokio::try_join!(write_input(stdin, &input).map(Ok), strike_out, said)?;
        Ok::<_, GitError>((objects, said))
    };
    let (objects, said) = struck_out.await?;
    // One that was not read to its end has been ended by that.
    if objects.is_empty() {
        return Ok(objects);
    }
    let status = process.wait().await.map_err(io_error)?;
    match status.success() {
        true => Ok(objects),
        false => Err(GitError::from_failure(OPERATION, None, &status.to_string(), &said)),
    }
}

/// The object that a line of a listing begins with.
fn object_of_line(line: &[u8]) -> Option<ObjectId> {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    ObjectId::from_hex(&line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn what_references_lead_to_is_told_apart_with_and_without_bitmaps() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let path = repository.path();
        let object = |name: &str| {
            ObjectId::parse(workshop.run(path, &["rev-parse", name]).trim()).expect("an object name")
        };
        let write = |script: &str| workshop.shell(path, script).trim().to_owned();
        let old = ["main", "main^{tree}", "main:file"].map(object);
        // Another content of the same file, so that the first one is in history only.
        let blob = write("echo other | git hash-object -w --stdin");
        let tree = write(&format!("printf '100644 blob {blob}\\tfile\\n' | git mktree"));
        let next = write(&format!("git commit-tree -m next -p main {tree}"));
        workshop.run(path, &["update-ref", "refs/heads/main", &next]);
        workshop.run(path, &["tag", "-a", "-m", "annotated", "v1", "main"]);
        let tag = object("v1");
        workshop.run(path, &["tag", "-a", "-m", "of a tag", "v2", "v1"]);
        workshop.run(path, &["tag", "-d", "v1"]);
        let lost_blob = write("echo lost | git hash-object -w --stdin");
        let lost_tree = write(&format!("printf '100644 blob {lost_blob}\\tfile\\n' | git mktree"));
        let lost = write(&format!("git commit-tree -m lost -p main {lost_tree}"));
        workshop.run(path, &["tag", "-a", "-m", "gone", "gone", &lost]);
        let lost_tag = object("gone");
        workshop.run(path, &["tag", "-d", "gone"]);
        let parse = |name: &str| ObjectId::parse(name).expect("an object name");
        let lost = [lost_tag, parse(&lost), parse(&lost_tree), parse(&lost_blob), parse(&"12".repeat(20))];
        let tips = BTreeSet::from([object("main"), object("v2")]);
        for has_bitmap in [false, true] {
            if has_bitmap {
                write("git pack-objects --all --unpacked objects/pack/pack </dev/null");
                let lost = lost[..4].iter().map(|object| format!("{object}\n")).collect::<String>();
                write(&format!("printf '{lost}' | git pack-objects objects/pack/pack"));
                workshop.run(path, &["prune-packed"]);
                workshop.run(path, &["multi-pack-index", "write", "--bitmap"]);
            }
            for object in old.iter().chain([&tag, &parse(&tree), &parse(&blob)]) {
                let found = repository
                    .first_unreached(&BTreeSet::from([object.clone()]), &tips, SearchFor::Client)
                    .await;
                assert_eq!(found.expect("git runs"), None, "{object} with a bitmap: {has_bitmap}");
            }
            let all: BTreeSet<_> = old.iter().cloned().chain([tag.clone()]).collect();
            for (index, object) in lost.iter().enumerate() {
                let mut with = all.clone();
                with.insert(object.clone());
                let found =
                    repository.first_unreached(&with, &tips, SearchFor::Client).await.expect("git runs");
                let expected = Unreached { object: object.clone(), is_here: index < 4 };
                assert_eq!(found, Some(expected), "with a bitmap: {has_bitmap}");
            }
            let below_nothing = repository.first_unreached(&all, &BTreeSet::new(), SearchFor::Client).await;
            assert!(below_nothing.expect("git runs").is_some());
        }
        // As it is found when it was here a moment ago.
        let sorted = Sorted { commits: BTreeSet::from([lost[4].clone()]), ..Sorted::default() };
        let searched = repository.first_unreached_of(&sorted, &tips, SearchFor::Client).await;
        let error = searched.expect_err("git misses it");
        assert!(error.fault().is_some_and(|fault| fault.is_damage()), "{error}");
        let told = repository.without_what_is_gone(&sorted.commits, &tips, SearchFor::Client, error).await;
        let expected = Unreached { object: lost[4].clone(), is_here: false };
        assert_eq!(told.expect("no damage"), Some(expected));
        let present = repository.present(&lost.iter().cloned().collect()).await.expect("git runs");
        assert_eq!(present, lost[..4].iter().cloned().collect());
    }

    #[tokio::test]
    async fn a_tip_that_is_gone_leads_to_nothing_and_is_damage_only_where_a_reference_names_it() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let path = repository.path();
        let object = |text: &str| ObjectId::parse(text.trim()).expect("an object name");
        let first = object(&workshop.run(path, &["rev-parse", "main"]));
        let main = object(&workshop.commit(&repository, "main"));
        let lost = object(&workshop.run(path, &["commit-tree", "-m", "lost", "main^{tree}"]));
        let gone = object(&"34".repeat(20));
        let tips = BTreeSet::from([main, gone.clone()]);
        let is_lost = Unreached { object: lost.clone(), is_here: true };
        let was_tip = Unreached { object: gone.clone(), is_here: false };
        let search = async |wants: [&ObjectId; 2]| {
            let wants = wants.into_iter().cloned().collect();
            repository.first_unreached(&wants, &tips, SearchFor::Client).await
        };
        assert_eq!(search([&first, &first]).await.expect("no damage"), None);
        assert_eq!(search([&first, &lost]).await.expect("no damage"), Some(is_lost));
        assert_eq!(search([&first, &gone]).await.expect("no damage"), Some(was_tip));

        std::fs::write(path.join("refs/heads/broken"), format!("{gone}\n")).expect("written");
        assert!(search([&first, &lost]).await.is_err(), "what a reference names is missing");
    }

    #[tokio::test]
    async fn what_nothing_leads_to_is_whole_until_some_of_it_is_gone() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
        let path = repository.path();
        let object = |text: &str| ObjectId::parse(text.trim()).expect("an object name");
        let tip = object(&workshop.commit(&repository, "topic"));
        let parent = object(&workshop.run(path, &["rev-parse", "topic~1"]));
        workshop.run(path, &["update-ref", "-d", "refs/heads/topic"]);
        let is_whole = async |wanted: &ObjectId| {
            let wanted = BTreeSet::from([wanted.clone()]);
            repository.holds_whole(&wanted).await.expect("git runs")
        };
        assert!(is_whole(&tip).await && is_whole(&parent).await);
        let (folder, name) = parent.as_str().split_at(2);
        std::fs::remove_file(path.join("objects").join(folder).join(name)).expect("it lies by itself");
        assert!(!is_whole(&tip).await && !is_whole(&parent).await);
    }
}
