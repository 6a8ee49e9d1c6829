//! The first clone of a repository of which nothing is here yet: its pack is given to the client while it comes here from
//! elsewhere. The client waits for it once: not first for the pack, and then for the same pack made anew.
//!
//! It is an answer as any other, shared with those who ask for the same before all of it has come, and stored. It ends only when
//! all that came was found to be right here; what turns out wrong before is a clone that breaks off, as it would at its
//! origin.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt;
use heliostat_git::GitError;
use heliostat_git_wire::{FetchRequest, RefSnapshot};
use heliostat_stream_cache::CacheKey;

use crate::answer::Answer;
use crate::asking::{Asking, not_brought, refused_want};
use crate::compute::compute_from_forwarded;
use crate::object_source::{FetchOutcome, Forwarding};
use crate::served::ServedRepository;

impl ServedRepository {
    /// The answer to a plain clone of nothing but what the reader is shown (`refs`), if nothing is here yet. `None` where it is
    /// answered as any other request.
    pub(crate) async fn first_clone(
        &self,
        request: &Arc<FetchRequest>,
        refs: &RefSnapshot,
        asking: &Asking,
    ) -> Result<Option<Answer>, GitError> {
        let (Some(object_source), Some(responses)) =
            (asking.reader.object_source.as_ref(), self.engine().responses())
        else {
            return Ok(None);
        };
        if self.shown().is_none() {
            return Ok(None);
        }
        let here = self.repository.snapshot().await?;
        if !here.is_empty() || !request.is_whole_clone() || !are_named(request, refs) {
            return Ok(None);
        }
        let Some(digest) = request.cache_key(&here, &BTreeSet::new()) else { return Ok(None) };
        let key = CacheKey { group: self.repository.id(), digest };
        let first = request.wants().first().cloned();
        let forwarding = tokio::select! {
            biased;
            // Also while this one waits for its turn.
            entry = responses.joined(&key) => return Ok(Some(asking.stored_answer(entry, request))),
            forwarding = object_source.bring_forwarding(request.wants().clone(), asking.reader.key) => forwarding,
        };
        match (forwarding, first) {
            (Forwarding::Begun(pack), _) => {
                let (served, asked) = (self.clone(), Arc::clone(request));
                let passing = move || {
                    async move { compute_from_forwarded(&served, &asked, pack).await.map_err(Arc::new) }
                        .boxed()
                };
                let entry = responses.answer(key, passing).await;
                // What has begun and failed at once comes in another way, or is told by it.
                Ok(entry.ok().map(|entry| asking.stored_answer(entry, request)))
            }
            (Forwarding::Answered(FetchOutcome::NotOurs(object)), _) => Ok(Some(refused_want(&object))),
            (Forwarding::Answered(FetchOutcome::Unknown(reason)), Some(first)) => {
                Err(not_brought(&first, &reason))
            }
            (Forwarding::Answered(_), _) => Ok(None),
        }
    }
}

/// Whether references that the reader is shown name all that they want.
fn are_named(request: &FetchRequest, refs: &RefSnapshot) -> bool {
    let mut unnamed = request.wants().clone();
    refs.retain_unnamed(&mut unnamed);
    unnamed.is_empty()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::future::BoxFuture;
    use futures_util::{TryStreamExt, stream};
    use heliostat_git::fixture::Workshop;
    use heliostat_git::{ByteStream, ClientKey, GitProtocol, ObjectId, PackForwarder, forwarded_pack};
    use heliostat_git_wire::{ObjectFormat, RefName, spelled};
    use parking_lot::Mutex;

    use super::*;
    use crate::answer::GitReader;
    use crate::engine::ServingOptions;
    use crate::object_source::{ObjectSource, Sizes};

    /// Another server that has begun to give what is in this pack, or gives nothing.
    #[derive(Debug, Default)]
    struct Other {
        pack: Mutex<Option<Bytes>>,
        giving: Mutex<Option<PackForwarder>>,
    }

    impl ObjectSource for Other {
        fn bring(&self, objects: BTreeSet<ObjectId>, _: ClientKey) -> BoxFuture<'_, FetchOutcome> {
            let object = objects.into_iter().next().expect("an object");
            std::future::ready(FetchOutcome::NotOurs(object)).boxed()
        }

        fn bring_forwarding(
            &self,
            objects: BTreeSet<ObjectId>,
            client: ClientKey,
        ) -> BoxFuture<'_, Forwarding> {
            async move {
                let Some(pack) = self.pack.lock().take() else {
                    return Forwarding::Answered(self.bring(objects, client).await);
                };
                let (forwarder, mut forwarded) = forwarded_pack("one");
                forwarder.forward(&pack).await;
                *self.giving.lock() = Some(forwarder);
                assert!(forwarded.has_begun().await);
                Forwarding::Begun(forwarded)
            }
            .boxed()
        }

        fn sizes(&self, _: BTreeSet<ObjectId>, _: ClientKey) -> BoxFuture<'_, Result<Sizes, String>> {
            std::future::ready(Ok(Sizes::new())).boxed()
        }
    }

    struct World {
        _workshop: Workshop,
        here: ServedRepository,
        other: Arc<Other>,
        tip: ObjectId,
    }

    impl World {
        async fn new() -> Self {
            let workshop = Workshop::new().await;
            let there = workshop.bare_with_commits("there", &["main"]).await;
            let tip = workshop.run(there.path(), &["rev-parse", "main"]);
            let tip = ObjectId::parse(tip.trim()).expect("an object");
            workshop.shell(there.path(), "echo main | git pack-objects -q --revs --stdout >pack");
            let pack = std::fs::read(there.path().join("pack")).expect("readable");
            let other = Other { pack: Mutex::new(Some(pack.into())), ..Other::default() };
            let cache_folder = Some(workshop.folder("cache"));
            let options = ServingOptions { cache_folder, ..ServingOptions::default() };
            let here = ServedRepository::alone_with(workshop.bare("here", ObjectFormat::Sha1), &options);
            Self { _workshop: workshop, here, other: Arc::new(other), tip }
        }

        /// An answer that has begun, for a reader who is shown this.
        async fn asked(&self, shown: &ObjectId) -> ByteStream {
            let want = format!("want {}", self.tip);
            let lines = ["command=fetch", "object-format=sha1", "|", "ofs-delta", &want, "done", "."];
            let body = Bytes::from(spelled(&lines));
            let name = RefName::parse("refs/heads/main").expect("valid");
            let served = self.here.clone().showing(RefSnapshot::from_entries([(name, shown.clone())]));
            let object_source: Arc<dyn ObjectSource> = self.other.clone();
            let reader = GitReader::from(ClientKey::verified("ada")).asking(object_source);
            let protocol = GitProtocol::from_header(Some("version=2"));
            let answer = served.upload_pack(stream::iter([Ok(body)]), &protocol, reader).await;
            answer.expect("answered").into_stream()
        }

        fn giving(&self) -> PackForwarder {
            self.other.giving.lock().take().expect("it has begun")
        }
    }

    async fn all(answer: ByteStream) -> Option<Vec<u8>> {
        let pieces: Result<Vec<Bytes>, _> = answer.try_collect().await;
        pieces.ok().map(|pieces| pieces.concat())
    }

    fn holds(answer: &[u8], text: &str) -> bool {
        answer.windows(text.len()).any(|part| part == text.as_bytes())
    }

    #[tokio::test]
    async fn it_is_shared_with_those_who_are_shown_it() {
        let world = World::new().await;
        let (first, second) = (world.asked(&world.tip).await, world.asked(&world.tip).await);
        let another = ObjectId::parse("1".repeat(40)).expect("an object");
        let refused = all(world.asked(&another).await).await.expect("an answer");
        assert!(holds(&refused, &format!("not our ref {}", world.tip)), "it is not shown to this one");
        world.giving().finish();
        let first = all(first).await.expect("whole");
        assert!(holds(&first, "packfile") && holds(&first, "PACK") && first.ends_with(b"0000"));
        assert_eq!(all(second).await, Some(first));
    }

    #[tokio::test]
    async fn what_is_not_finished_breaks_off_for_all_and_is_not_stored() {
        let world = World::new().await;
        let (first, second) = (world.asked(&world.tip).await, world.asked(&world.tip).await);
        drop(world.giving());
        assert_eq!((all(first).await, all(second).await), (None, None));
        let refused = all(world.asked(&world.tip).await).await.expect("an answer");
        assert!(holds(&refused, &format!("not our ref {}", world.tip)));
    }
}
