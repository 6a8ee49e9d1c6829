//! Mirrors that ask to join, and what becomes of their requests.

use std::net::IpAddr;
use std::sync::Arc;

use heliostat_refusal::Refusal;
use heliostat_storage::{
    MirrorServerId, MirrorType, MirroringRequest, NewRequest, Page, PageRequest, RequestId, RequestState,
    StoreError,
};

use super::rate_limit::RegistrationRateLimit;
use crate::calling::{mirror_base_url, text_of, url_below};
use crate::members::{MAX_MIRROR_ID_BYTES, Members, product};
use crate::parts::DownstreamParts;
use crate::permit::SystemAdministrator;
use crate::text::{MAX_LONG_NAME_LENGTH, one_line};

/// Requests that may wait for a decision at the same time.
const MAX_PENDING_REQUESTS: u64 = 500;

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
}

/// Takes requests of mirrors, and lets mirrors in.
pub struct Joining {
    pub(super) parts: DownstreamParts,
    pub(super) members: Arc<Members>,
    rate_limit: RegistrationRateLimit,
    /// When this process began, in epoch milliseconds: what was under way before is not any more.
    pub(super) started_at: i64,
}

impl Joining {
    pub(crate) fn new(parts: DownstreamParts, members: Arc<Members>) -> Self {
        let started_at = parts.announcer.now_ms();
        Self { parts, members, rate_limit: RegistrationRateLimit::default(), started_at }
    }

    /// Files a mirror's request, or tells what has become of it. This needs no credentials.
    pub async fn register(
        self: &Arc<Self>,
        from: Option<IpAddr>,
        registration: Registration,
    ) -> Result<MirroringRequest, Refusal> {
        if !self.rate_limit.admit(from, self.parts.announcer.now_ms()) {
            return Err(Refusal::too_many("Too many requests from this address; try again later."));
        }
        let request = self.checked(&registration)?;
        let mirror_id = request.mirror_id.clone();
        let known = self.parts.store.find_request_of_mirror(&mirror_id).await?;
        match known.as_ref().map(|known| known.state) {
            Some(RequestState::Rejected) => return Err(rejected()),
            Some(RequestState::Accepted) => {
                self.install_again_if_never_seen(&mirror_id).await?;
                return known.ok_or_else(rejected);
            }
            Some(RequestState::Pending) => {}
            None => self.permit_another_request().await?,
        }
        let stored = match self.parts.store.upsert_request(request).await {
            Err(StoreError::Conflict { what: "mirror name", value }) => {
                let message = format!("Another mirror has the name {value:?}.");
                return Err(Refusal::conflict_in("mirrorName", message));
            }
            Err(StoreError::Conflict { what: "mirror base URL", value }) => {
                let message = format!("Another mirror has the base URL {value}.");
                return Err(Refusal::conflict_in("mirrorBaseUrl", message));
            }
            result => result?,
        };
        if known.is_none() {
            tracing::info!(mirror.id = %mirror_id, mirror.name = stored.name, "a mirror asks to join");
        }
        if stored.state == RequestState::Rejected { Err(rejected()) } else { Ok(stored) }
    }

    /// Requests in one state or all.
    pub async fn requests(
        &self,
        _: SystemAdministrator<'_>,
        state: Option<RequestState>,
        page: PageRequest,
    ) -> Result<Page<MirroringRequest>, Refusal> {
        Ok(self.parts.store.list_requests(state, page).await?)
    }

    /// One request. As published, an unknown one is a conflict.
    pub async fn request(&self, _: SystemAdministrator<'_>, id: &str) -> Result<MirroringRequest, Refusal> {
        let unknown = || Refusal::conflict(format!("The mirroring request {id} does not exist."));
        let id: RequestId = id.parse().map_err(|_| unknown())?;
        self.parts.store.find_request(id).await?.ok_or_else(unknown)
    }

    /// Turns a mirror away.
    pub async fn reject(
        &self,
        administrator: SystemAdministrator<'_>,
        id: &str,
    ) -> Result<MirroringRequest, Refusal> {
        let request = self.request(administrator, id).await?;
        match self
            .parts
            .store
            .set_request_state(request.id, RequestState::Rejected, self.parts.announcer.now_ms())
            .await
        {
            Err(StoreError::InUse { .. }) => {
                Err(Refusal::conflict("The request was accepted already; remove the mirror instead."))
            }
            result => Ok(result?),
        }
    }

    /// Forgets a request; the mirror may ask again.
    pub async fn delete_request(
        &self,
        administrator: SystemAdministrator<'_>,
        id: &str,
    ) -> Result<(), Refusal> {
        let request = self.request(administrator, id).await?;
        match self.parts.store.delete_request(request.id).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            result => Ok(result?),
        }
    }

    async fn permit_another_request(&self) -> Result<(), Refusal> {
        let pending = self.parts.store.count_requests(Some(RequestState::Pending)).await?;
        if pending >= MAX_PENDING_REQUESTS {
            let message =
                format!("{MAX_PENDING_REQUESTS} requests are waiting for a decision; no more are taken.");
            return Err(Refusal::too_many(message));
        }
        Ok(())
    }

    fn checked(&self, registration: &Registration) -> Result<NewRequest, Refusal> {
        let base_url = mirror_base_url(&self.parts.client, "mirrorBaseUrl", &registration.base_url)?;
        let descriptor_uri = url_below("addonDescriptorUri", &registration.descriptor_uri, &base_url)?;
        Ok(NewRequest {
            mirror_id: mirror_id(&registration.mirror_id)?,
            name: one_line("mirrorName", &registration.name, MAX_LONG_NAME_LENGTH)?,
            base_url: text_of(&base_url),
            descriptor_uri: descriptor_uri.to_string(),
            mirror_type: registration.mirror_type.unwrap_or(MirrorType::Single),
            product_type: product("productType", registration.product_type.as_deref())?,
            product_version: product("productVersion", registration.product_version.as_deref())?
                .unwrap_or_default(),
            requested_at: self.parts.announcer.now_ms(),
        })
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
