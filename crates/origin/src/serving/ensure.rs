//! Seeing to it that commits and references can be fetched from here, for those who begin with it: build servers above all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use heliostat_foreign::{Credentials, RepositoryPath};
use heliostat_git::{ClientKey, ContentHash, GitError, ObjectId, RefName};
use heliostat_refusal::Refusal;

use super::opening::{Freshness, NotOpened, OpenedRepository, Opening, Visit};
use crate::repositories::branches_and_tags;

/// Most commits and references of one request, each.
const MAX_AWAITED: usize = 100;

/// Pause before the origin is asked again whether it has what it did not have.
const ASK_PAUSE: Duration = Duration::from_secs(2);

/// When the origin is asked again for a commit that it did not give, although it shows the same as before: what makes it give
/// more need not be seen.
const SAME_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What is to be here; if nothing is named, all branches and tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awaited {
    /// Objects that are to be had.
    pub commits: BTreeSet<ObjectId>,
    /// References that are to be there; what they name is brought as well.
    pub references: BTreeSet<RefName>,
}

/// What is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ensured {
    /// Those of the commits that the origin does not give to this reader.
    pub missing_commits: BTreeSet<ObjectId>,
    /// What each of the references names, and `None` where the origin does not show it.
    pub references: BTreeMap<RefName, Option<ObjectId>>,
    /// How fresh that is.
    pub freshness: Freshness,
}

impl Ensured {
    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.missing_commits.is_empty() && self.references.values().all(Option::is_some)
    }
}

impl Awaited {
    fn names_nothing(&self) -> bool {
        self.commits.is_empty() && self.references.is_empty()
    }

    fn check(&self) -> Result<(), Refusal> {
        for (context, count) in [("commits", self.commits.len()), ("refs", self.references.len())] {
            if count > MAX_AWAITED {
                let message = format!("At most {MAX_AWAITED} {context} can be asked for at once.");
                return Err(Refusal::invalid(context, message));
            }
        }
        Ok(())
    }
}

impl Opening {
    /// Brings what is awaited here, and waits so long for what the origin does not have yet. Returns what is here then.
    pub(crate) async fn ensure(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        awaited: &Awaited,
        wait: Duration,
        client: ClientKey,
    ) -> Result<Ensured, NotOpened> {
        awaited.check()?;
        let began = Instant::now();
        let mut answers = Answers::default();
        loop {
            let opened = self.open(path, credentials, Visit::First, client).await?;
            let ensured = bring(&opened, awaited, &mut answers, client).await?;
            let rest = wait.saturating_sub(began.elapsed());
            if ensured.is_complete() || rest.is_zero() {
                return Ok(ensured);
            }
            drop(opened);
            tokio::time::sleep(ASK_PAUSE.min(rest)).await;
        }
    }
}

/// Whether the origin gives commits to one who waits for them, as long as it shows the same.
#[derive(Debug, Default)]
struct Answers {
    are_given: BTreeMap<ObjectId, bool>,
    shown: Option<ContentHash>,
    since: Option<Instant>,
}

impl Answers {
    /// The commits among these of which the origin has said nothing since it shows this.
    fn unknown_among(&mut self, commits: &BTreeSet<ObjectId>, shown: &ContentHash) -> BTreeSet<ObjectId> {
        let is_old = self.since.is_none_or(|since| since.elapsed() >= SAME_AGAIN_AFTER);
        if is_old || self.shown.as_ref() != Some(shown) {
            *self =
                Self { are_given: BTreeMap::new(), shown: Some(shown.clone()), since: Some(Instant::now()) };
        }
        commits.iter().filter(|commit| !self.are_given.contains_key(*commit)).cloned().collect()
    }

    fn is_given(&self, commit: &ObjectId) -> bool {
        self.are_given.get(commit) == Some(&true)
    }
}

async fn bring(
    opened: &OpenedRepository,
    awaited: &Awaited,
    answers: &mut Answers,
    client: ClientKey,
) -> Result<Ensured, Refusal> {
    let reader = opened.reader(client, Vec::new());
    let mut references: BTreeMap<RefName, Option<ObjectId>> = BTreeMap::new();
    for name in &awaited.references {
        references.insert(name.clone(), opened.refs.get(name.as_str()).cloned());
    }
    let named: BTreeSet<ObjectId> = match awaited.names_nothing() {
        true => branches_and_tags(&opened.refs).refs().map(|found| found.object().clone()).collect(),
        false => references.values().flatten().cloned().collect(),
    };
    let unavailable = opened.repository.make_ready(&named, &reader).await.map_err(refusal_of)?;
    if unavailable.is_some() {
        // It was deleted between two questions.
        references.values_mut().for_each(|object| {
            if *object == unavailable {
                *object = None;
            }
        });
    }
    let mut missing_commits = BTreeSet::new();
    if awaited.names_nothing() {
        missing_commits.extend(unavailable);
    }
    let mut asked = answers.unknown_among(&awaited.commits, opened.refs.content_hash());
    if asked.len() > 1 && matches!(opened.repository.make_ready(&asked, &reader).await, Ok(None)) {
        answers.are_given.extend(std::mem::take(&mut asked).into_iter().map(|commit| (commit, true)));
    }
    // One by one, because each may be the one that is missing.
    for commit in asked {
        let wanted = BTreeSet::from([commit.clone()]);
        match opened.repository.make_ready(&wanted, &reader).await {
            Ok(unavailable) => {
                answers.are_given.insert(commit, unavailable.is_none());
            }
            // It cannot be found out now.
            Err(GitError::Refused { .. }) => {}
            Err(error) => return Err(Refusal::internal(error)),
        }
    }
    missing_commits.extend(awaited.commits.iter().filter(|commit| !answers.is_given(commit)).cloned());
    Ok(Ensured { missing_commits, references, freshness: opened.freshness.clone() })
}

fn refusal_of(error: GitError) -> Refusal {
    match error {
        GitError::Refused { message, .. } => Refusal::unavailable(message),
        error => Refusal::internal(error),
    }
}
