//! How this server calls a mirror: signed with the mirror's secret, below the address at which it is called.

use std::time::Duration;

use heliostat_api::{BodyOf, Callback};
use heliostat_auth::Secret;
use heliostat_peer::{Call, CallError, PeerClient, Signer};
use heliostat_storage::MirrorServer;
use url::Url;

use super::addresses::called_at;

/// Tells a mirror something at an address that its descriptor names, in the name of this server. Any 2xx is a success.
pub(crate) async fn tell<C: Callback>(
    client: &PeerClient,
    mirror: &MirrorServer,
    url: &str,
    callback: &C,
    body: &impl BodyOf<C>,
    timeout: Duration,
) -> Result<(), CallError> {
    let foreign = |_| CallError::ForeignAddress(url.to_owned());
    let base_url = called_at(&mirror.base_url, &mirror.descriptor_uri).map_err(foreign)?;
    let secret = Secret::new(mirror.shared_secret.as_str());
    let signer = Signer { issuer: &mirror.client_key, secret: &secret, base_url: &base_url };
    let call = Call::at(Url::parse(url).map_err(foreign)?, callback, body);
    client.send(call.signed_by(signer).timeout(timeout)).await
}
