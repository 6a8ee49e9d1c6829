//! From a request to its answer, by the cheapest way that gives what `git upload-pack` would give.
//!
//! 1. What references alone can answer comes from memory: advertisements and `ls-refs`.
//! 2. A fetch that wants what references do not lead to, now or lately, is refused, whether or not it is here; in a copy of
//!    another repository, unless that one gives it. Where nothing is here yet, a clone is what comes from there.
//! 3. Others are reduced to their meaning. If their wants are reachable now, and the meaning says all that the answer
//!    depends on, then the answer was computed before, or is being computed, or is computed now for all who ask.
//! 4. Everything else is computed for this client alone, with a permit.
//!
//! So a stored answer never serves what the repository itself would not.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt};
use heliostat_git::{
    ByteStream, ClientKey, GitError, ObjectInfoRequest, Permit, advertise_by_git, upload_pack_by_git,
};
use heliostat_git_wire::{
    Bands, Bundles, Command, CommandName, FatalErrorWatch, FetchRequest, GitProtocol, GitService,
    LegacyVersion, LsRefs, MAX_QUESTIONED_OBJECTS, ObjectFormat, ObjectId, RefSnapshot, RequestError,
    advertisement, advertisement_v2, error_packet, push_advertisement, wants_progress_v0, wants_progress_v2,
};
use heliostat_stream_cache::{CacheKey, ResponseError, ResponseStream};

use crate::answer::{Answer, AwaitedAnswer, Framing, GitReader, TELL_AFTER, Waited};
use crate::as_shown::too_long;
use crate::asking::{Asking, OPERATION, not_brought, refused_want};
use crate::beside_answer::{BesideAnswer, ShownProgress, with_beside};
use crate::compute::{compute, compute_by_upload_pack};
use crate::object_source::FetchOutcome;
use crate::reachability::Wanted;
use crate::request_body::{MAX_VERY_LONG_REQUEST_BYTES, RequestBody, RequestPermits};
use crate::served::ServedRepository;

/// How often the other repository is asked for the sake of one request. Each question holds all that is not here.
const MAX_QUESTIONS: usize = 4;

impl ServedRepository {
    /// The body of the answer to `GET info/refs`.
    pub fn advertise<'a>(
        &'a self,
        service: GitService,
        protocol: &'a GitProtocol,
    ) -> BoxFuture<'a, Result<Answer, GitError>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in each crate above.
        self.answer_refs(service, protocol).boxed()
    }

    async fn answer_refs(&self, service: GitService, protocol: &GitProtocol) -> Result<Answer, GitError> {
        let refs = self.refs().await?;
        let legacy = if protocol.version() == 1 { LegacyVersion::One } else { LegacyVersion::Zero };
        let known = match service {
            // Version 2 knows no push.
            GitService::ReceivePack => push_advertisement(&refs, legacy),
            GitService::UploadPack if protocol.version() == 2 => refs
                .object_format()
                .map(|format| advertisement_v2(format, self.offered_bundles(), self.offered_bands())),
            GitService::UploadPack => advertisement(&refs, legacy),
        };
        match known {
            Some(bytes) => Ok(Answer::Whole(bytes)),
            None => Ok(Answer::Streamed(advertise_by_git(&self.repository, service, protocol).await?)),
        }
    }

    /// The body of the answer to `POST git-upload-pack`. Returns when the first piece is there. What is wrong with a
    /// request is told in the answer, as `git` tells it.
    pub fn upload_pack<'a>(
        &'a self,
        request: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        protocol: &'a GitProtocol,
        reader: impl Into<GitReader>,
    ) -> BoxFuture<'a, Result<Answer, GitError>> {
        self.answer_upload_pack(request.boxed(), protocol, reader.into())
    }

    /// Compiled here, as [`ServedRepository::advertise`] is.
    fn answer_upload_pack<'a>(
        &'a self,
        request: ByteStream,
        protocol: &'a GitProtocol,
        reader: GitReader,
    ) -> BoxFuture<'a, Result<Answer, GitError>> {
        self.read_and_answer(request, protocol, reader).boxed()
    }

    async fn read_and_answer(
        &self,
        request: ByteStream,
        protocol: &GitProtocol,
        reader: GitReader,
    ) -> Result<Answer, GitError> {
        // Kept until the answer has begun: after that the request is not needed any more.
        let (request, permits) = match self.read_request(request, reader.key).await? {
            RequestBody::Whole(request, permits) => (request, permits),
            RequestBody::Long(..) if self.shown().is_some() => {
                return Ok(refused(&too_long(MAX_VERY_LONG_REQUEST_BYTES)));
            }
            RequestBody::Long(wants, request, _permits) => {
                return self.pass_on(&wants, request, protocol, reader.key).await;
            }
        };
        let answered = match protocol.version() {
            2 => self.answer_command(request, reader, permits).await,
            _ => match FetchRequest::parse_v0(&request) {
                Ok(fetch) => {
                    let shows_progress = wants_progress_v0(&request);
                    drop(request);
                    self.answer_or_tell(
                        fetch,
                        Asking { reader, shows_progress, bands: Bands::Pack, _permits: permits },
                    )
                    .await
                }
                Err(error) => Ok(refused(&error)),
            },
        };
        match answered {
            // The client is told in its own protocol, as git would have told it.
            Err(GitError::Refused { message, .. }) => Ok(Answer::Whole(error_packet(&message))),
            answered => answered,
        }
    }

    async fn answer_command(
        &self,
        request: Bytes,
        reader: GitReader,
        permits: RequestPermits,
    ) -> Result<Answer, GitError> {
        let command = match Command::read(&request) {
            Ok(Some(command)) => command,
            Ok(None) => return Ok(Answer::Whole(Bytes::new())),
            Err(error) => return Ok(refused(&error)),
        };
        let refs = self.refs().await?;
        let server = refs.object_format().unwrap_or(ObjectFormat::Sha1);
        if command.name() != CommandName::Fetch && command.object_format() != server {
            let client = command.object_format().to_string();
            return Ok(refused(&RequestError::WrongObjectFormat { server, client }));
        }
        match command.name() {
            CommandName::LsRefs => match LsRefs::parse(command.arguments()) {
                Ok(list) => Ok(Answer::Whole(self.list(&list).await?)),
                Err(error) => Ok(refused(&error)),
            },
            CommandName::Fetch => match FetchRequest::parse_v2_offered(&command, self.understood_bands()) {
                Ok(fetch) => {
                    let (shows_progress, bands) = (wants_progress_v2(&command), Bands::wanted_by(&command));
                    drop(request);
                    self.answer_or_tell(fetch, Asking { reader, shows_progress, bands, _permits: permits })
                        .await
                }
                Err(error) => Ok(refused(&error)),
            },
            CommandName::ObjectInfo => match ObjectInfoRequest::parse(&command) {
                Ok(asked) => {
                    let objects = asked.sized_objects();
                    let sizes = self.sizes_with_help(&refs, objects, &reader).await?;
                    let told: Vec<_> = objects.iter().map(|object| sizes.get(object).copied()).collect();
                    Ok(Answer::Whole(asked.answer(&told)))
                }
                Err(error) => Ok(refused(&error)),
            },
            CommandName::BundleUri => Ok(Answer::Whole(self.bundle_list())),
        }
    }

    fn offered_bundles(&self) -> Bundles {
        if self.offered_bundle().is_some() { Bundles::Offered } else { Bundles::None }
    }

    /// In which bands a client may have been offered answers: what is here now need not have been here then.
    fn understood_bands(&self) -> Bands {
        if self.shown().is_some() { Bands::All } else { Bands::Pack }
    }

    /// The answer; or what a client is told until it is there, if it is to come from elsewhere and that takes long.
    async fn answer_or_tell(&self, request: FetchRequest, asking: Asking) -> Result<Answer, GitError> {
        let object_source = asking.reader.object_source.clone();
        let framing = match (asking.bands, request.certain_head()) {
            (Bands::All, _) => Framing::in_bands(),
            (Bands::Pack, Some(head)) if object_source.is_some() => Framing::Head(head),
            _ => return self.answer_fetch(request, asking).await,
        };
        let (served, shows_progress) = (self.clone(), asking.shows_progress);
        let mut waited: Waited = async move { served.answer_fetch(request, asking).await }.boxed();
        if let Ok(answered) = tokio::time::timeout(TELL_AFTER, &mut waited).await {
            return answered.map(|answer| framing.of_answer(answer));
        }
        // Where its history is cut, a repository says so before anything else.
        if framing.is_head() && self.repository.snapshot().await?.is_shallow() {
            return waited.await;
        }
        let told = || object_source.and_then(|object_source| object_source.progress());
        let progress = shows_progress.then(|| ShownProgress::awaiting(told()));
        Ok(Answer::Awaited(AwaitedAnswer::new(waited, framing, progress)))
    }

    async fn answer_fetch(&self, request: FetchRequest, asking: Asking) -> Result<Answer, GitError> {
        if request.asks_for_nothing() {
            return Ok(Answer::Whole(Bytes::new()));
        }
        let refs = self.refs().await?;
        if let Err(error) = request.check_format(refs.object_format().unwrap_or(ObjectFormat::Sha1)) {
            return Ok(refused(&error));
        }
        let request = match self.as_shown(request).await? {
            Ok(request) => Arc::new(request),
            Err(packet) => return Ok(Answer::Whole(packet)),
        };
        if let Some(answer) = self.first_clone(&request, &refs, &asking).await? {
            return Ok(answer);
        }
        let stored_under = match self.may_have_with_help(&refs, request.wants(), &asking.reader).await? {
            Wanted::Unreachable(object) => return Ok(refused_want(&object)),
            // The next one may not have it any more.
            Wanted::LatelyReachable => None,
            Wanted::AllReachable => self.stored_under(&request, &refs, asking.reader.key).await,
        };
        match stored_under {
            Some(key) => self.answer_stored(key, request, &refs, asking).await,
            None => self.answer_alone(&request, asking).await,
        }
    }

    /// Whether a client may have these. Looking for them takes a permit, like computing; what is known takes none.
    pub(crate) async fn may_have(
        &self,
        refs: &RefSnapshot,
        wants: &BTreeSet<ObjectId>,
        client: ClientKey,
    ) -> Result<Wanted, GitError> {
        let (reachability, repository) = (self.engine().reachability(), &self.repository);
        if reachability.is_proven(repository, refs, wants) {
            return Ok(Wanted::AllReachable);
        }
        let _permit = self.engine().queue().permit(repository.id(), client).await;
        let checked = match self.shown() {
            None => reachability.check(repository, refs, wants).await,
            Some(shown) => {
                let here = repository.snapshot().await?;
                reachability.check_shown(repository, shown, &here, wants).await
            }
        };
        checked.inspect_err(|error| repository.note(error))
    }

    /// Brings those of these objects that the reader is shown and that no reference here names. Returns the answer to a reader
    /// who may not have one of them all the same.
    async fn bring_shown(
        &self,
        refs: &RefSnapshot,
        wants: &BTreeSet<ObjectId>,
        reader: &GitReader,
    ) -> Result<Option<Wanted>, GitError> {
        let mut unnamed = wants.clone();
        self.repository.snapshot().await?.retain_unnamed(&mut unnamed);
        let mut not_shown = unnamed.clone();
        refs.retain_unnamed(&mut not_shown);
        unnamed.retain(|object| !not_shown.contains(object));
        let Some(first) = unnamed.first().cloned() else { return Ok(None) };
        let Some(object_source) = &reader.object_source else { return Ok(Some(Wanted::Unreachable(first))) };
        match object_source.bring(unnamed, reader.key).await {
            FetchOutcome::All => Ok(None),
            FetchOutcome::NotOurs(object) => Ok(Some(Wanted::Unreachable(object))),
            FetchOutcome::Unknown(reason) => Err(not_brought(&first, &reason)),
        }
    }

    /// The same, where another repository may give what is not to be had from this one alone. What it gives is here then.
    async fn may_have_with_help(
        &self,
        refs: &RefSnapshot,
        wants: &BTreeSet<ObjectId>,
        reader: &GitReader,
    ) -> Result<Wanted, GitError> {
        if self.shown().is_some()
            && let Some(refused) = self.bring_shown(refs, wants, reader).await?
        {
            return Ok(refused);
        }
        let mut wanted = self.may_have(refs, wants, reader.key).await?;
        let Some(object_source) = &reader.object_source else { return Ok(wanted) };
        let mut rest = wants.clone();
        for _ in 0..MAX_QUESTIONS {
            let Wanted::Unreachable(object) = wanted else { break };
            let here = self.repository.asked_by(reader.key).present(&rest).await?;
            let mut asked: BTreeSet<_> = rest.difference(&here).cloned().collect();
            asked.insert(object.clone());
            if asked.len() > MAX_QUESTIONED_OBJECTS {
                return Ok(Wanted::Unreachable(object));
            }
            rest.retain(|object| !asked.contains(object));
            match object_source.bring(asked, reader.key).await {
                FetchOutcome::All => {}
                FetchOutcome::NotOurs(object) => return Ok(Wanted::Unreachable(object)),
                FetchOutcome::Unknown(reason) => return Err(not_brought(&object, &reason)),
            }
            // What was given to one reader is not given to the next one unasked.
            wanted = match self.may_have(refs, &rest, reader.key).await? {
                Wanted::AllReachable | Wanted::LatelyReachable => Wanted::LatelyReachable,
                unreachable => unreachable,
            };
        }
        Ok(wanted)
    }

    /// Whether a reader may have all of these, which are here then. Returns one that they may not have, if there is one.
    pub async fn make_ready(
        &self,
        wants: &BTreeSet<ObjectId>,
        reader: &GitReader,
    ) -> Result<Option<ObjectId>, GitError> {
        let refs = self.refs().await?;
        match self.may_have_with_help(&refs, wants, reader).await? {
            Wanted::Unreachable(object) => Ok(Some(object)),
            Wanted::AllReachable | Wanted::LatelyReachable => Ok(None),
        }
    }

    /// Under which key the answer to a request is or would be stored whose wants are reachable; `None` when it must not
    /// come from there.
    async fn stored_under(
        &self,
        request: &FetchRequest,
        refs: &RefSnapshot,
        client: ClientKey,
    ) -> Option<CacheKey> {
        self.engine().responses()?;
        // What an answer depends on is what is here, whatever the reader is shown.
        let here = match self.shown() {
            None => refs.clone(),
            Some(_) => self.repository.snapshot().await.ok()?,
        };
        let digest = request.cache_key(&here, &BTreeSet::new())?;
        let repository = self.repository.asked_by(client);
        let absent = self.engine().named_objects().absent(&repository, &here, request).await?;
        let digest = if absent.is_empty() { digest } else { request.cache_key(&here, &absent)? };
        Some(CacheKey { group: self.repository.id(), digest })
    }

    async fn answer_stored(
        &self,
        key: CacheKey,
        request: Arc<FetchRequest>,
        refs: &RefSnapshot,
        asking: Asking,
    ) -> Result<Answer, GitError> {
        let Some(responses) = self.engine().responses() else {
            return self.answer_alone(&request, asking).await;
        };
        self.engine().prewarm().note(key, &request, refs);
        let (served, asked, client) = (self.clone(), Arc::clone(&request), asking.reader.key);
        self.engine().joined_waits().join(&key, client);
        let compute = move || served.compute_with_permit(key, asked, client);
        match responses.answer(key, compute).await {
            Ok(entry) => Ok(asking.stored_answer(entry, &request)),
            Err(ResponseError::Failed(error)) => Err(unshared(error)),
            Err(ResponseError::Broken(error)) => {
                Err(GitError::Io { operation: OPERATION, error: error.to_io_error() })
            }
        }
    }

    /// A computation that waits for a permit, and keeps it until only slow readers hold it up.
    fn compute_with_permit(
        self,
        key: CacheKey,
        request: Arc<FetchRequest>,
        client: ClientKey,
    ) -> BoxFuture<'static, Result<ResponseStream, Arc<GitError>>> {
        async move {
            let waits = self.engine().joined_waits();
            let (served, permit) = waits.first(key, client, |client| self.with_permit(client)).await;
            let response = compute(&served, &request).await.map_err(Arc::new)?;
            Ok(response.with_permit(permit))
        }
        .boxed()
    }

    /// The permit ends with the first piece: what follows comes at the pace of this client, who may be slow.
    async fn answer_alone(&self, request: &FetchRequest, asking: Asking) -> Result<Answer, GitError> {
        let (served, _permit) = self.with_permit(asking.reader.key).await;
        let response = compute_by_upload_pack(&served, request).await?;
        let progress = asking.shows_progress.then(|| ShownProgress::new(response.progress));
        let beside = BesideAnswer::of(request, asking.reader.messages, progress);
        Ok(Answer::Streamed(with_beside(ended_by_refusal(response.output), beside)))
    }

    async fn pass_on(
        &self,
        wants: &BTreeSet<ObjectId>,
        request: ByteStream,
        protocol: &GitProtocol,
        client: ClientKey,
    ) -> Result<Answer, GitError> {
        if let Wanted::Unreachable(object) = self.may_have(&self.refs().await?, wants, client).await? {
            return Ok(refused_want(&object));
        }
        let (served, _permit) = self.with_permit(client).await;
        Ok(Answer::Streamed(upload_pack_by_git(&served.repository, request, protocol).await?))
    }

    /// Waits for a process and then for a core, so that who waits for a process holds up no core.
    pub(crate) async fn with_permit(&self, client: ClientKey) -> (Self, Permit) {
        let place = self.repository.place_for_fetch(client).await;
        let permit = self.engine().queue().permit(self.repository.id(), client).await;
        (self.at_place(place.with_usage_of(&permit), client), permit)
    }
}

/// The same answer, which ends where `git` has told why it refuses the rest: nothing is wrong with the connection.
fn ended_by_refusal(output: ByteStream) -> ByteStream {
    let (mut watch, mut is_told) = (FatalErrorWatch::default(), false);
    let mut goes_on = move |piece: &io::Result<Bytes>| match piece {
        Ok(bytes) => {
            is_told = watch.ends_with(bytes);
            true
        }
        Err(error) => !(is_told && is_refusal(error)),
    };
    output.take_while(move |piece| std::future::ready(goes_on(piece))).boxed()
}

fn is_refusal(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<GitError>());
    matches!(cause, Some(GitError::Refused { .. }))
}

fn refused(error: &RequestError) -> Answer {
    Answer::Whole(error.packet())
}

/// The failure itself for the only one who waited for it; otherwise one that several share.
fn unshared(error: Arc<GitError>) -> GitError {
    Arc::try_unwrap(error).unwrap_or_else(|error| match &*error {
        GitError::Refused { operation, message } => GitError::Refused { operation, message: message.clone() },
        _ => GitError::Shared(error),
    })
}
