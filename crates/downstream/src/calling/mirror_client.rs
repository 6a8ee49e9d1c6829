//! How this server calls a mirror: signed with the mirror's secret, below the address at which it is called.

use std::time::Duration;

use heliostat_auth::Secret;
use heliostat_peer::{Call, CallError, PeerClient, Signer};
use heliostat_storage::MirrorServer;
use reqwest::Method;
use serde::Serialize;
use url::Url;

use super::addresses::called_at;

/// Something to send to a mirror.
pub(crate) struct MirrorCall<'a, B: ?Sized> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) event_key: Option<&'a str>,
    pub(crate) body: &'a B,
    pub(crate) timeout: Duration,
}

/// Sends something to a mirror in the name of this server. Any 2xx is a success.
pub(crate) async fn send<B: Serialize + ?Sized>(
    client: &PeerClient,
    mirror: &MirrorServer,
    call: MirrorCall<'_, B>,
) -> Result<(), CallError> {
    let foreign = |_| CallError::ForeignAddress(call.url.to_owned());
    let base_url = called_at(&mirror.base_url, &mirror.descriptor_uri).map_err(foreign)?;
    let secret = Secret::new(mirror.shared_secret.as_str());
    let signer = Signer { issuer: &mirror.client_key, secret: &secret, base_url: &base_url };
    let url = Url::parse(call.url).map_err(foreign)?;
    let mut request = Call::new(call.method, url).body(call.body).signed_by(signer).timeout(call.timeout);
    if let Some(event_key) = call.event_key {
        request = request.header("X-Event-Key", event_key);
    }
    client.send(request).await
}
