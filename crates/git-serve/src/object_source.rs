//! Where to ask about objects that a client wants and that the references here do not lead to.
//!
//! Who copies another repository may be a moment behind it, and knows less about what it still gives. So the other one
//! decides, each time anew, and what it gives comes here before the client is answered; a first clone is answered while it
//! comes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::{ClientKey, ForwardedPack, ObjectId};
use heliostat_stream_cache::Progress;
use tokio::sync::watch;

/// What became of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchOutcome {
    /// The client may have all of them, and they are here with all that they need.
    All,
    /// The client may not have this one, or it is nowhere.
    NotOurs(ObjectId),
    /// It cannot be found out; in a few words, why not.
    Unknown(String),
}

/// What became of the question by one who takes the pack while it comes.
#[derive(Debug)]
pub enum Forwarding {
    /// The client may have all of them, and they have begun to come: in a pack of all of them, of all that they need, and
    /// of nothing else.
    Begun(ForwardedPack),
    /// It has an answer, and nothing is forwarded.
    Answered(FetchOutcome),
}

/// The sizes of objects, in bytes.
pub type Sizes = BTreeMap<ObjectId, u64>;

/// The repository of which the one here is a copy, as one of its readers finds it.
pub trait ObjectSource: fmt::Debug + Send + Sync {
    /// Asks whether the reader may have these objects, and brings here those that are not.
    fn bring(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> BoxFuture<'_, FetchOutcome>;

    /// The same where nothing is here yet: what comes may be taken while it comes.
    fn bring_forwarding(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> BoxFuture<'_, Forwarding> {
        self.bring(objects, client).map(Forwarding::Answered).boxed()
    }

    /// How far what is being brought here is, for all who wait for it; nothing is told by one that does not know.
    fn progress(&self) -> Option<watch::Receiver<Progress>> {
        None
    }

    /// Asks for the sizes of these objects. What the reader may not have is left out. An error says in a few words why it
    /// cannot be found out.
    fn sizes(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> BoxFuture<'_, Result<Sizes, String>>;
}
