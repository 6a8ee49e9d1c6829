//! Mirrors that ask to join, and what becomes of their requests.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use heliostat_auth::{Secret, token_hash};
use heliostat_peer::{AddressPrefix, DetachedTasks, PeerClient};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    MirrorServerId, MirrorServerStore, MirrorType, MirroringRequest, NewRequest, OpenRequestLimits, Page,
    PageRequest, RepositoryRecords, RequestId, RequestState, StoreError,
};

use super::rate_limit::RegistrationRateLimit;
use crate::calling::{descriptor_uri, internal_url, mirror_base_url, text_of};
use crate::delivery::Announcer;
use crate::members::{MAX_MIRROR_ID_BYTES, Members, product};
use crate::parts::DownstreamParts;
use crate::permit::SystemAdministrator;
use crate::text::{MAX_LONG_NAME_LENGTH, one_line};

/// Requests that may wait for a decision at the same time.
const OPEN_REQUESTS: OpenRequestLimits = OpenRequestLimits { in_all: 500, per_network: 20 };
/// Shortest and longest registration key, in bytes. The shortest leaves no key that could be guessed from its hash.
const REGISTRATION_KEY_BYTES: RangeInclusive<usize> = 32..=255;

/// What helps a mirror whose name or base URL another one has.
const WAY_OUT: &str = "choose another one, or have an administrator of the upstream find that mirror (its log names it, and so do \
    heliostat request list and heliostat mirror list) and delete its request (heliostat request delete) or remove it \
    (heliostat mirror remove)";

/// A mirror's request as it was sent.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The id that the mirror has given itself.
    pub mirror_id: String,
    /// Its name.
    pub name: String,
    /// Where it is reached.
    pub base_url: String,
    /// Where it describes its end of the channel.
    pub descriptor_uri: String,
    /// How many nodes it has.
    pub mirror_type: Option<MirrorType>,
    /// What it runs.
    pub product_type: Option<String>,
    /// Which version of it.
    pub product_version: Option<String>,
    /// By which it proves later that the request is its own.
    pub key: Option<Secret>,
}

/// Takes requests of mirrors, and lets mirrors in.
pub struct Joining {
    pub(super) mirrors: MirrorServerStore,
    /// The projects that a mirror may be told to follow.
    pub(super) repositories: RepositoryRecords,
    pub(super) client: PeerClient,
    /// How this server names itself in what it signs.
    pub(super) client_key: String,
    pub(super) announcer: Arc<Announcer>,
    /// Work that outlives its request.
    pub(super) tasks: DetachedTasks,
    /// How long a request waits for a decision.
    pub(super) request_lifetime: Duration,
    pub(super) members: Arc<Members>,
    rate_limit: RegistrationRateLimit,
    /// When this process began, in epoch milliseconds: what was under way before is not any more.
    pub(super) started_at: i64,
}

impl Joining {
    pub(crate) fn new(parts: DownstreamParts, members: Arc<Members>) -> Self {
        let DownstreamParts { store, client, client_key, announcer, tasks, request_lifetime } = parts;
        let started_at = announcer.now_ms();
        Self {
            mirrors: store.mirrors,
            repositories: store.repositories,
            client,
            client_key,
            announcer,
            tasks,
            request_lifetime,
            members,
            rate_limit: RegistrationRateLimit::default(),
            started_at,
        }
    }

    /// Files a mirror's request, or tells what has become of it. This needs no credentials, so an open request keeps the
    /// addresses that an administrator has been shown. The mirror that filed it, and shows its key, gets another request with
    /// other addresses.
    pub async fn register(
        self: &Arc<Self>,
        from: Option<IpAddr>,
        registration: Registration,
    ) -> Result<MirroringRequest, Refusal> {
        let from = from.map(AddressPrefix::from);
        if !self.rate_limit.admit(from, self.announcer.now_ms()) {
            return Err(Refusal::too_many("Too many requests from this address; try again later."));
        }
        let request = self.checked(&registration, from)?;
        let mirror_id = request.mirror_id.clone();
        match self.mirrors.find_request_of_mirror(&mirror_id).await? {
            Some(known) => match known.state {
                RequestState::Rejected => Err(rejected()),
                RequestState::Accepted => {
                    self.install_again_if_never_seen(&mirror_id).await?;
                    Ok(known)
                }
                RequestState::Pending => self.repeated(known, request).await,
            },
            None => self.first(request).await,
        }
    }

    async fn first(&self, request: NewRequest) -> Result<MirroringRequest, Refusal> {
        self.forget_expired_requests().await?;
        let asked = request.clone();
        let filed = self.mirrors.file_request(request, OPEN_REQUESTS).await;
        let filed = self.unless_taken(filed, &asked).await?;
        // Another one may have come in between.
        same_addresses(&filed, &asked)?;
        tracing::info!(
            mirror.id = %filed.mirror_id, mirror.name = filed.name, mirror.url = filed.base_url,
            mirror.internal_url = internal_url(&filed.base_url, &filed.descriptor_uri),
            asked_from = asked.asked_from, "a mirror asks to join"
        );
        if filed.state == RequestState::Rejected { Err(rejected()) } else { Ok(filed) }
    }

    async fn repeated(
        &self,
        known: MirroringRequest,
        request: NewRequest,
    ) -> Result<MirroringRequest, Refusal> {
        let other_address = same_addresses(&known, &request);
        if other_address.is_ok() && describes_same(&known, &request) {
            return Ok(known);
        }
        if is_its_own(&known, &request) {
            return match other_address {
                Ok(()) => {
                    let asked = request.clone();
                    let described = self.mirrors.describe_request_anew(known.id, request).await;
                    self.unless_taken(described, &asked).await
                }
                Err(_) => self.replaced(&known, request).await,
            };
        }
        other_address?;
        Err(Refusal::conflict_in(
            "registrationKey",
            "The open request of this mirror says something else of it, and the registration key is not the one with \
             which it was filed; an administrator of the upstream must delete it before the mirror can ask anew.",
        ))
    }

    /// A mirror that has moved asks from its new address. Its old request is gone, so that it cannot be accepted by those who
    /// have seen the old address.
    async fn replaced(
        &self,
        known: &MirroringRequest,
        request: NewRequest,
    ) -> Result<MirroringRequest, Refusal> {
        let asked = request.clone();
        let replaced = self.mirrors.replace_request(known.id, request, OPEN_REQUESTS).await;
        let replaced = self.unless_taken(replaced, &asked).await?;
        same_addresses(&replaced, &asked)?;
        tracing::info!(
            mirror.id = %replaced.mirror_id, mirror.url = replaced.base_url, mirror.url_before = known.base_url,
            asked_from = asked.asked_from, "a mirror that asks to join has another address; its request is a new one"
        );
        Ok(replaced)
    }

    /// The request, or why it is not taken. Who asks may be anyone, and learns nothing of other mirrors; the log tells an
    /// administrator which one is in the way.
    async fn unless_taken(
        &self,
        filed: Result<MirroringRequest, StoreError>,
        asked: &NewRequest,
    ) -> Result<MirroringRequest, Refusal> {
        if let Err(StoreError::Conflict { .. }) = &filed
            && let Some(holder) = self.mirrors.find_name_holder(asked).await?
        {
            tracing::warn!(
                mirror.id = %asked.mirror_id, mirror.name = asked.name, mirror.url = asked.base_url,
                asked_from = asked.asked_from, holder.id = %holder.mirror_id, holder.name = holder.name,
                holder.url = holder.base_url, holder.request = holder.request.map(|id| id.to_string()),
                "a mirror that asks to join has the name or the base URL of another one; remove that one (heliostat mirror \
                 remove), or delete its request if it has one open (heliostat request delete)"
            );
        }
        filed.map_err(taken)
    }

    /// Forgets open requests about which no administrator has decided in time; returns how many.
    pub(super) async fn forget_expired_requests(&self) -> Result<u64, StoreError> {
        let lifetime_ms = i64::try_from(self.request_lifetime.as_millis()).unwrap_or(i64::MAX);
        let filed_before = self.announcer.now_ms().saturating_sub(lifetime_ms);
        let forgotten = self.mirrors.delete_open_requests(Some(filed_before)).await?;
        if forgotten > 0 {
            tracing::info!(
                requests = forgotten,
                lifetime_ms,
                "forgot requests of mirrors about which no administrator has decided"
            );
        }
        Ok(forgotten)
    }

    /// Requests in one state or all.
    pub async fn requests(
        &self,
        _: SystemAdministrator<'_>,
        state: Option<RequestState>,
        page: PageRequest,
    ) -> Result<Page<MirroringRequest>, Refusal> {
        Ok(self.mirrors.list_requests(state, page).await?)
    }

    /// One request. As published, an unknown one is a conflict.
    pub async fn request(&self, _: SystemAdministrator<'_>, id: &str) -> Result<MirroringRequest, Refusal> {
        let unknown = || Refusal::conflict(format!("The mirroring request {id} does not exist."));
        let id: RequestId = id.parse().map_err(|_| unknown())?;
        self.mirrors.find_request(id).await?.ok_or_else(unknown)
    }

    /// Turns a mirror away.
    pub async fn reject(
        &self,
        administrator: SystemAdministrator<'_>,
        id: &str,
    ) -> Result<MirroringRequest, Refusal> {
        let request = self.request(administrator, id).await?;
        match self
            .mirrors
            .set_request_state(request.id, RequestState::Rejected, self.announcer.now_ms())
            .await
        {
            Err(StoreError::InUse { .. }) => {
                Err(Refusal::conflict("The request was accepted already; remove the mirror instead."))
            }
            result => Ok(result?),
        }
    }

    /// Forgets all open requests; mirrors that still want to join ask again.
    pub async fn delete_open_requests(&self, _: SystemAdministrator<'_>) -> Result<(), Refusal> {
        let forgotten = self.mirrors.delete_open_requests(None).await?;
        tracing::info!(requests = forgotten, "an administrator has deleted all open requests of mirrors");
        Ok(())
    }

    /// Forgets a request; the mirror may ask again.
    pub async fn delete_request(
        &self,
        administrator: SystemAdministrator<'_>,
        id: &str,
    ) -> Result<(), Refusal> {
        let request = self.request(administrator, id).await?;
        match self.mirrors.delete_request(request.id).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            result => Ok(result?),
        }
    }

    fn checked(
        &self,
        registration: &Registration,
        from: Option<AddressPrefix>,
    ) -> Result<NewRequest, Refusal> {
        let base_url = mirror_base_url(&self.client, "mirrorBaseUrl", &registration.base_url)?;
        let (client, given) = (&self.client, &registration.descriptor_uri);
        let descriptor_uri = descriptor_uri(client, "addonDescriptorUri", given, &base_url)?;
        Ok(NewRequest {
            mirror_id: mirror_id(&registration.mirror_id)?,
            name: one_line("mirrorName", &registration.name, MAX_LONG_NAME_LENGTH)?,
            base_url: text_of(&base_url),
            descriptor_uri: descriptor_uri.to_string(),
            mirror_type: registration.mirror_type.unwrap_or(MirrorType::Single),
            product_type: product("productType", registration.product_type.as_deref())?,
            product_version: product("productVersion", registration.product_version.as_deref())?
                .unwrap_or_default(),
            key_hash: registration.key.as_ref().map(registration_key_hash).transpose()?,
            asked_from: from.map(|prefix| prefix.to_string()),
            requested_at: self.announcer.now_ms(),
        })
    }
}

/// Whether a request comes from the mirror that has filed the known one. Secrets are compared in constant time, and the hash
/// of one is as good as a secret here.
fn is_its_own(known: &MirroringRequest, request: &NewRequest) -> bool {
    match (&known.key_hash, &request.key_hash) {
        (Some(known), Some(shown)) => Secret::new(known.as_str()) == Secret::new(shown.as_str()),
        _ => false,
    }
}

/// Refuses a request whose addresses are not those that an administrator has been shown, or will be.
fn same_addresses(known: &MirroringRequest, request: &NewRequest) -> Result<(), Refusal> {
    let differs = |field: &str, asked: &str| {
        let message = format!(
            "The open request of this mirror has another address, and the registration key is not the one with which it was \
             filed; an administrator of the upstream must delete it before the mirror can ask from {asked}."
        );
        Err(Refusal::conflict_in(field, message))
    };
    if known.base_url != request.base_url {
        return differs("mirrorBaseUrl", &request.base_url);
    }
    if known.descriptor_uri != request.descriptor_uri {
        return differs("addonDescriptorUri", &request.descriptor_uri);
    }
    Ok(())
}

/// Whether a repeated request says of the mirror what the first one did.
fn describes_same(known: &MirroringRequest, request: &NewRequest) -> bool {
    known.name == request.name
        && known.mirror_type == request.mirror_type
        && known.product_type == request.product_type
        && known.product_version == request.product_version
}

fn registration_key_hash(key: &Secret) -> Result<String, Refusal> {
    let text = key.expose();
    let is_valid = REGISTRATION_KEY_BYTES.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_valid {
        return Ok(token_hash(key));
    }
    let (least, most) = (REGISTRATION_KEY_BYTES.start(), REGISTRATION_KEY_BYTES.end());
    let message = format!("A registration key consists of {least} to {most} letters, digits, - and _.");
    Err(Refusal::invalid("registrationKey", message))
}

/// Why a request is not taken.
fn taken(error: StoreError) -> Refusal {
    match error {
        StoreError::Conflict { what: "mirror name", value } => {
            let message = format!("Another mirror has the name {value:?}, or asks for it: {WAY_OUT}.");
            Refusal::conflict_in("mirrorName", message)
        }
        StoreError::Conflict { what: "mirror base URL", value } => {
            let message = format!("Another mirror has the base URL {value}, or asks for it: {WAY_OUT}.");
            Refusal::conflict_in("mirrorBaseUrl", message)
        }
        StoreError::LimitReached { what, limit } => Refusal::too_many(format!(
            "{limit} {what} wait for a decision; no more are taken until an administrator has decided about some."
        )),
        other => other.into(),
    }
}

fn mirror_id(text: &str) -> Result<MirrorServerId, Refusal> {
    let valid = (1..=MAX_MIRROR_ID_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if valid {
        return Ok(MirrorServerId::from(text));
    }
    let message =
        format!("A mirror id consists of at most {MAX_MIRROR_ID_BYTES} letters, digits and hyphens.");
    Err(Refusal::invalid("mirrorId", message))
}

fn rejected() -> Refusal {
    Refusal::conflict_in(
        "mirrorId",
        "An administrator has rejected this mirror. It can ask again once the rejected request is deleted.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_ids_are_plain() {
        for id in ["B0F5-CS21-45C2-CCK3", "4f0eb5fc-67fc-48f8-b4a7-87981f026c6a"] {
            assert!(mirror_id(id).is_ok(), "{id}");
        }
        for id in ["", "a b", "../x", &"a".repeat(65)] {
            assert!(mirror_id(id).is_err(), "{id}");
        }
    }
}
