//! Mirrors that ask to join, and what becomes of their requests.

use std::net::IpAddr;

use heliostat_auth::{Caller, path_below_base};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    MirrorServerId, MirrorType, MirroringRequest, NewRequest, Page, PageRequest, RequestId, RequestState,
    StoreError,
};
use url::Url;

use crate::names;
use crate::permit;
use crate::upstream::Upstream;

/// Requests that may wait for a decision at the same time.
const MAX_PENDING_REQUESTS: u64 = 500;
/// Longest mirror id, in bytes.
pub(crate) const MAX_MIRROR_ID_BYTES: usize = 64;
/// Longest URL that is accepted from a mirror, in bytes.
pub(crate) const MAX_URL_BYTES: usize = 2_048;
/// Longest product name or version, in characters.
pub(crate) const MAX_PRODUCT_LENGTH: usize = 255;

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

impl Upstream {
    /// Files a mirror's request, or tells what has become of it. Anybody may call this.
    pub async fn register(
        &self,
        from: Option<IpAddr>,
        registration: Registration,
    ) -> Result<MirroringRequest, Refusal> {
        if !self.0.register_limit.admit(from, self.now_ms()) {
            return Err(Refusal::too_many("Too many requests from this address; try again later."));
        }
        let request = self.checked(&registration)?;
        let mirror_id = request.mirror_id.clone();
        let known = self.store().find_request_of_mirror(&mirror_id).await?;
        match known.as_ref().map(|known| known.state) {
            Some(RequestState::Rejected) => return Err(rejected()),
            Some(RequestState::Accepted) => {
                self.install_again_if_never_seen(&mirror_id).await?;
                return known.ok_or_else(rejected);
            }
            Some(RequestState::Pending) => {}
            None => self.permit_another_request().await?,
        }
        let stored = match self.store().upsert_request(request).await {
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
        caller: &Caller,
        state: Option<RequestState>,
        page: PageRequest,
    ) -> Result<Page<MirroringRequest>, Refusal> {
        permit::sys_admin(caller)?;
        Ok(self.store().list_requests(state, page).await?)
    }

    /// One request. As published, an unknown one is a conflict.
    pub async fn request(&self, caller: &Caller, id: &str) -> Result<MirroringRequest, Refusal> {
        permit::sys_admin(caller)?;
        let unknown = || Refusal::conflict(format!("The mirroring request {id} does not exist."));
        let id: RequestId = id.parse().map_err(|_| unknown())?;
        self.store().find_request(id).await?.ok_or_else(unknown)
    }

    /// Turns a mirror away.
    pub async fn reject(&self, caller: &Caller, id: &str) -> Result<MirroringRequest, Refusal> {
        let request = self.request(caller, id).await?;
        match self.store().set_request_state(request.id, RequestState::Rejected, self.now_ms()).await {
            Err(StoreError::InUse { .. }) => {
                Err(Refusal::conflict("The request was accepted already; remove the mirror instead."))
            }
            result => Ok(result?),
        }
    }

    /// Forgets a request; the mirror may ask again.
    pub async fn delete_request(&self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let request = self.request(caller, id).await?;
        match self.store().delete_request(request.id).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            result => Ok(result?),
        }
    }

    async fn permit_another_request(&self) -> Result<(), Refusal> {
        let pending = self.store().count_requests(Some(RequestState::Pending)).await?;
        if pending >= MAX_PENDING_REQUESTS {
            let message =
                format!("{MAX_PENDING_REQUESTS} requests are waiting for a decision; no more are taken.");
            return Err(Refusal::too_many(message));
        }
        Ok(())
    }

    fn checked(&self, registration: &Registration) -> Result<NewRequest, Refusal> {
        let base_url = self.mirror_base_url("mirrorBaseUrl", &registration.base_url)?;
        let descriptor_uri = url_below("addonDescriptorUri", &registration.descriptor_uri, &base_url)?;
        Ok(NewRequest {
            mirror_id: mirror_id(&registration.mirror_id)?,
            name: names::one_line("mirrorName", &registration.name, names::MAX_LONG_NAME_LENGTH)?,
            base_url: text_of(&base_url),
            descriptor_uri: descriptor_uri.to_string(),
            mirror_type: registration.mirror_type.unwrap_or(MirrorType::Single),
            product_type: product("productType", registration.product_type.as_deref())?,
            product_version: product("productVersion", registration.product_version.as_deref())?
                .unwrap_or_default(),
            requested_at: self.now_ms(),
        })
    }

    /// Reads and checks a mirror's base URL.
    pub(crate) fn mirror_base_url(&self, field: &str, text: &str) -> Result<Url, Refusal> {
        let url = web_address(field, text)?;
        if url.query().is_some() || url.path().contains("//") {
            return Err(Refusal::invalid(field, "The base URL has a query or an empty path segment."));
        }
        self.0
            .mirrors
            .check_address(&url)
            .map_err(|refused| Refusal::invalid(field, format!("The address {refused}.")))?;
        Ok(url)
    }
}

/// An http or https URL without credentials and fragment.
fn web_address(field: &str, text: &str) -> Result<Url, Refusal> {
    let invalid = |why: &str| Refusal::invalid(field, format!("{why}."));
    if text.len() > MAX_URL_BYTES {
        return Err(invalid("The URL is too long"));
    }
    let url =
        Url::parse(text.trim()).map_err(|error| invalid(&format!("The URL cannot be read: {error}")))?;
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return Err(invalid("The URL must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(invalid("The URL must not contain credentials or a fragment"));
    }
    Ok(url)
}

/// A URL with the origin, and below the path, of a mirror's base URL.
pub(crate) fn url_below(field: &str, text: &str, base_url: &Url) -> Result<Url, Refusal> {
    let url = web_address(field, text)?;
    if url.origin() != base_url.origin() || path_below_base(base_url.path(), url.path()).is_none() {
        return Err(Refusal::invalid(
            field,
            format!("The URL is not below the mirror's base URL {base_url}."),
        ));
    }
    Ok(url)
}

/// The one spelling of a base URL: without a slash at its end.
pub(crate) fn text_of(base_url: &Url) -> String {
    base_url.as_str().trim_end_matches('/').to_owned()
}

/// A product's name or version; empty is none.
pub(crate) fn product(field: &str, text: Option<&str>) -> Result<Option<String>, Refusal> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => names::one_line(field, text, MAX_PRODUCT_LENGTH).map(Some),
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
    fn descriptors_are_below_the_base_url() {
        let base_url = Url::parse("https://mirror.example.com/eu").expect("a valid URL");
        assert!(url_below("x", "https://mirror.example.com/eu/descriptor", &base_url).is_ok());
        assert!(url_below("x", "https://mirror.example.com:443/eu/a/../b", &base_url).is_ok());
        for text in [
            "https://mirror.example.com/us/descriptor",
            "https://mirror.example.com/eu/../us",
            "http://mirror.example.com/eu/x",
            "https://mirror.example.com:8443/eu/x",
            "https://mirror.example.com.evil.example/eu/x",
            "https://user@mirror.example.com/eu/x",
            "/eu/x",
            "file:///etc/passwd",
        ] {
            assert!(url_below("x", text, &base_url).is_err(), "{text}");
        }
    }

    #[test]
    fn one_base_url_has_one_spelling() {
        for text in ["https://m.example.com/", "https://m.example.com", "HTTPS://M.example.com:443/"] {
            assert_eq!(text_of(&web_address("x", text).expect("a valid URL")), "https://m.example.com");
        }
    }

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
