//! The base: the pack that clones begin with, made of what stays.
//!
//! A pack may be sent to anybody as it is only while somebody may have all that is in it. Topic branches are rewritten
//! and deleted every day, and pull requests are not part of a plain clone; so a base holds what the default branch,
//! tags and branches that nobody has moved for some time need. It is replaced when it is outgrown, or no longer valid.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::plan::{Thresholds, needs_base};
use super::stock::{Base, Pack, Stock, pack_folder};
use crate::bundle::BundleRecord;
use crate::error::GitError;
use crate::object_id::ObjectId;
use crate::ref_name::RefName;
use crate::ref_snapshot::RefSnapshot;
use crate::repository::Repository;

/// A pack that holds exactly what these branches and tags need.
pub(super) struct NewBase {
    /// The name of the pack.
    pub(super) pack: String,
    tips: Vec<(RefName, ObjectId)>,
}

impl Repository {
    /// A base, when one is due: the only pack, if it is one, or else a pack that is written now. `refs` were read
    /// before the look at the packs: then all that they need is there.
    pub(super) async fn new_base(
        &self,
        stock: &Stock,
        refs: &RefSnapshot,
        thresholds: &Thresholds,
    ) -> Result<Option<NewBase>, GitError> {
        if !needs_base(stock, refs, thresholds) {
            return Ok(None);
        }
        let base = match self.only_pack_as_base(stock, refs).await {
            Ok(None) => self.write_base(refs, thresholds.settled_age).await,
            found => found,
        };
        match base {
            Err(error @ GitError::Failed { .. }) => {
                tracing::warn!(
                    repository.path = %self.path().display(),
                    error = &error as &dyn std::error::Error,
                    "cannot make a pack for clones to begin with; the next maintenance tries again"
                );
                Ok(None)
            }
            base => base,
        }
    }

    /// The only pack, if it holds exactly what all branches and tags need: as many objects are the same objects.
    async fn only_pack_as_base(
        &self,
        stock: &Stock,
        refs: &RefSnapshot,
    ) -> Result<Option<NewBase>, GitError> {
        let [only] = stock.packs.as_slice() else { return Ok(None) };
        if only.is_kept || stock.loose_objects > 0 {
            return Ok(None);
        }
        let tips = refs.branches_and_tags();
        let is_exact = self.count_reachable(&tips).await? == only.objects;
        Ok(is_exact.then(|| NewBase { pack: only.name.clone(), tips }))
    }

    /// How many objects one needs for these.
    async fn count_reachable(&self, tips: &[(RefName, ObjectId)]) -> Result<u64, GitError> {
        let operation = "count objects";
        let command = self.background(operation).args(["rev-list", "--stdin", "--objects", "--count"]);
        let done = command.arg("--use-bitmap-index").input(lines_of(tips)).run().await?;
        let count = String::from_utf8_lossy(&done.stdout).trim().parse();
        count.map_err(|_| {
            let output = String::from_utf8_lossy(&done.stdout).into_owned();
            GitError::UnexpectedOutput { operation, output }
        })
    }

    async fn write_base(
        &self,
        refs: &RefSnapshot,
        settled_age: Duration,
    ) -> Result<Option<NewBase>, GitError> {
        let tips = self.settled_tips(refs, settled_age).await?;
        if tips.is_empty() {
            return Ok(None);
        }
        let command = self.background("pack what clones begin with").args([
            "pack-objects",
            "--quiet",
            "--revs",
            "--non-empty",
            "--delta-base-offset",
        ]);
        let place = pack_folder(self.path()).join("pack");
        let done = command.arg(place).input(lines_of(&tips)).run().await?;
        let hash = String::from_utf8_lossy(done.stdout.trim_ascii()).into_owned();
        Ok((!hash.is_empty()).then(|| NewBase { pack: format!("pack-{hash}"), tips }))
    }

    /// The default branch, and every branch and tag that was made some time ago.
    async fn settled_tips(
        &self,
        refs: &RefSnapshot,
        settled_age: Duration,
    ) -> Result<Vec<(RefName, ObjectId)>, GitError> {
        let default = refs.head().and_then(|head| head.target());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let latest = now.saturating_sub(settled_age).as_secs();
        let command = self.background("list settled branches and tags").arg("for-each-ref");
        let command = command.arg("--format=%(objectname) %(creatordate:unix) %(refname)");
        let done = command.args(["refs/heads/", "refs/tags/"]).run().await?;
        let listed = String::from_utf8_lossy(&done.stdout);
        let tips = listed.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ' ');
            let (object, date, name) = (parts.next()?, parts.next()?, parts.next()?);
            let name = RefName::parse(name).ok()?;
            // What has no date is no commit and no annotated tag: rarely made, rarely moved.
            let is_settled = date.parse::<u64>().map_or(date.is_empty(), |date| date <= latest);
            let is_wanted = is_settled || default.as_ref() == Some(&name);
            is_wanted.then(|| Some((name, ObjectId::parse(object).ok()?))).flatten()
        });
        Ok(tips.collect())
    }

    /// Offers the new base as a bundle, or the one before as long as its pack stays.
    pub(super) async fn renew_bundle(
        &self,
        new_base: Option<&NewBase>,
        before: Option<&Base>,
        needed: &[Pack],
    ) -> Result<bool, GitError> {
        let pack_named = |name: &str| needed.iter().find(|pack| pack.name == name);
        if let Some(base) = new_base
            && let Some(pack) = pack_named(&base.pack)
        {
            let objects_beside = needed.iter().map(|pack| pack.objects).sum::<u64>() - pack.objects;
            let record = BundleRecord::new(pack, &base.tips, objects_beside);
            return self.offer_bundle(record).await.map(|()| true);
        }
        if before.is_some_and(|base| pack_named(&base.pack.name).is_some()) {
            return Ok(true);
        }
        self.withdraw_bundle().await.map(|()| false)
    }
}

/// One object to a line.
fn lines_of(tips: &[(RefName, ObjectId)]) -> Vec<u8> {
    tips.iter().flat_map(|(_, object)| [object.as_str(), "\n"]).collect::<String>().into_bytes()
}
