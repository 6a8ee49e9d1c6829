//! What holds while the origin says nothing: for a while, what it has said before.
//!
//! Where memory does not know what that was, as after a restart, the disk is asked: whether the reader was shown something or
//! refused, and what the list was that they were shown.

use std::sync::Arc;
use std::time::Instant;

use heliostat_foreign::{Credentials, Refusal, RepositoryPath};

use super::ask_origin::{Heard, HeardRefs, Question, ReaderAccess, ReaderKey};
use super::contact::is_about_the_origin;
use super::listings::{ListName, Shown};
use super::reader::{Grant, Reader};

impl ReaderAccess {
    /// The origin has said nothing to a question that began then. The caller holds the reader's turn.
    pub(super) async fn heard_nothing(
        &self,
        question: Question<'_>,
        began: Instant,
        refusal: Refusal,
    ) -> Result<Heard, Refusal> {
        let Question { key, reader, .. } = question;
        if is_about_the_origin(&refusal) {
            self.contact().note_failure(&refusal, self.clock().now_ms());
        }
        // Before those are told of the silence who wait for it: then what was said before decides. While it cannot be found out
        // whether they were refused, nothing holds.
        if self.remember(key, reader).await.is_err() {
            return Err(refusal);
        }
        if reader.grant().is_none() && !reader.is_refused() {
            let (key, everybody) = self.everybody(&key.0);
            // Who holds that turn asks for them just now, and remembers them as well.
            if let Ok(_turn) = Arc::clone(&everybody.turn).try_lock_owned() {
                self.remember(&key, &everybody).await.ok();
            }
        }
        reader.note_silence(began, refusal.clone());
        self.without_answer(&key.0, reader, refusal).await
    }

    /// Those who show no credentials.
    fn everybody(&self, path: &RepositoryPath) -> (ReaderKey, Arc<Reader>) {
        let key = (path.clone(), Credentials::anonymous().fingerprint(&self.key));
        let reader = self.readers.find_or_add(&key);
        (key, reader)
    }

    /// What holds: what the origin has said before of this reader, or of everybody. Builds come with a new token each, and who leaves
    /// it out is shown no less; but whom it has refused by name stays refused.
    pub(super) async fn without_answer(
        &self,
        path: &RepositoryPath,
        reader: &Reader,
        refusal: Refusal,
    ) -> Result<Heard, Refusal> {
        if refusal.is_verdict() {
            return Err(refusal);
        }
        let holds = |grant: &Grant| grant.at.elapsed() <= self.lifetimes().stale;
        let grant = match reader.grant().filter(holds) {
            None if !reader.is_refused() => self.everybody(path).1.grant().filter(holds),
            own => own,
        };
        let Some(grant) = grant else { return Err(refusal) };
        let told = match &grant.listed {
            Some(name) => self.kept_list(name).await,
            None => None,
        };
        let refs = told.map_or(HeardRefs::Before(grant.branches), HeardRefs::Told);
        Ok(Heard { refs, asked_at: grant.at_ms, outage: Some(refusal), part: None })
    }

    /// A list that is in memory or on the disk.
    async fn kept_list(&self, name: &ListName) -> Option<Arc<Shown>> {
        let find = || self.find_list(name);
        match find() {
            Some(shown) => Some(shown),
            None => self.lists.load(name, find, |listing| self.listings.shared(listing).1).await,
        }
    }
}
