//! Asking the origin for a part of a long list, to see whether that part is so still.
//!
//! A list of very many references is long, and most commands want few of them. So where the origin has shown a reader a long
//! list lately, it is asked first for what the reader wants to see. If that is as it was, the list holds for this part, and
//! for nothing else: what the reader may fetch is proven by this part, and the rest of the list is not shown. If it is
//! not, or another request of the same reader is under way at that moment, the whole is asked for, as ever.
//!
//! A part therefore never changes what is known of a reader, here or on the disk: while the origin says nothing, they are
//! shown the last whole list, in which each part that they were shown since stands as they have seen it.

use std::sync::Arc;
use std::time::Instant;

use heliostat_foreign::{Listing, Refusal};
use heliostat_git_wire::LsRefs;

use super::ask_origin::{Heard, HeardRefs, Question, ReaderAccess};
use super::listings::Shown;
use super::reader::{NewEnough, Reader};

/// Lists of so many references are long: a second question costs less than the list.
const LONG_LIST_REFS: usize = 5_000;

/// A part is no larger than one in so many of all references.
const PART_OF_LIST: usize = 2;

/// More beginnings of names, or longer ones taken together, are no part that is asked for.
const MAX_PREFIXES: usize = 32;
const MAX_PREFIX_BYTES: usize = 1024;

impl ReaderAccess {
    /// What of the last list is known to be so still by words that are new enough, if something is.
    pub(super) fn confirmed(&self, reader: &Reader, wanted: NewEnough) -> Option<Heard> {
        let (part, asked_at) = reader.confirmed(wanted)?;
        let shown = self.last_list(reader)?;
        Some(Heard { part: Some(part), ..Heard::told(shown, asked_at) })
    }

    /// Whether there is a long list of which it makes sense to ask for this part.
    pub(super) fn is_worth_asking(&self, question: Question<'_>, part: &LsRefs) -> bool {
        let prefixes = part.prefixes();
        let bytes: usize = prefixes.iter().map(Vec::len).sum();
        if prefixes.is_empty() || prefixes.len() > MAX_PREFIXES || bytes > MAX_PREFIX_BYTES {
            return false;
        }
        self.last_list(question.reader).is_some_and(|shown| {
            let refs = shown.listing.refs();
            refs.len() >= LONG_LIST_REFS && refs.count_of(part) <= refs.len() / PART_OF_LIST
        })
    }

    /// Asks for a part, or for the whole, unless another request has brought enough by now.
    pub(super) async fn ask_for_part(
        self: &Arc<Self>,
        question: Question<'_>,
        part: &LsRefs,
        wanted: NewEnough,
    ) -> Result<Heard, Refusal> {
        let Question { key, reader, .. } = question;
        let Ok(turn) = Arc::clone(&reader.turn).try_lock_owned() else {
            let turn = Arc::clone(&reader.turn).lock_owned().await;
            let is_covered = |heard: &Heard| heard.part.as_ref().is_some_and(|known| known.covers(part));
            if let Some(heard) = self.confirmed(reader, wanted).filter(is_covered) {
                self.count_shared();
                return Ok(heard);
            }
            return match self.known(&key.0, reader, wanted).await {
                Some(heard) => heard,
                None => self.ask(question, turn).await,
            };
        };
        if let Some(shown) = self.last_list(reader) {
            let (began, asked_at) = (Instant::now(), self.clock().now_ms());
            match self.part_now(question, part).await {
                Ok(Some(now)) if is_as_before(&shown, &now, part) => {
                    self.count_asked();
                    self.contact().note_answer(self.clock().now_ms());
                    reader.note_confirmed(part, began, asked_at);
                    return Ok(Heard { part: Some(part.clone()), ..Heard::told(shown, asked_at) });
                }
                Ok(_) => {}
                Err(silence) => {
                    self.count_asked();
                    return self.heard_nothing(question, began, silence).await;
                }
            }
        }
        self.ask(question, turn).await
    }

    async fn part_now(&self, question: Question<'_>, part: &LsRefs) -> Result<Option<Listing>, Refusal> {
        let _place = self.place_for(question).await;
        self.in_time(self.source().list_part(&question.key.0, question.credentials, part)).await
    }

    /// The list that a reader was shown last, while it may be asked whether a part of it is so still.
    fn last_list(&self, reader: &Reader) -> Option<Arc<Shown>> {
        let grant = reader.unquestioned_grant()?;
        let is_young = grant.at.elapsed() <= self.lifetimes().list_age();
        self.find_list(grant.listed.as_ref().filter(|_| is_young)?)
    }
}

impl Heard {
    /// That the origin shows this.
    pub(super) fn told(shown: Arc<Shown>, asked_at: i64) -> Self {
        Self { refs: HeardRefs::Told(shown), asked_at, outage: None, part: None }
    }
}

/// Whether a client is told the same of a part by both lists.
fn is_as_before(shown: &Shown, now: &Listing, part: &LsRefs) -> bool {
    let (before, part) = (&shown.listing, part.clone().in_full());
    before.object_format() == now.object_format()
        && before.moved_to() == now.moved_to()
        && before.refs().list(&part) == now.refs().list(&part)
}
