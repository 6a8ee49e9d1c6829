//! What the handlers of a mirror have at hand, and how they find out who is calling.

use std::sync::Arc;

use heliostat_api::ops::ImpliedUpstreamId;
use heliostat_api::{Call, Handlers};
use heliostat_auth::{Caller, Credentials, path_below_base};
use heliostat_mirror::permit::{self, Administrator, UpstreamItself};
use heliostat_mirror::{Mirror, RequestFacts};
use heliostat_refusal::Refusal;

use crate::http::problem::Problem;
use crate::http::{request_record, rest_places};
use crate::log_level::LogLevel;
use crate::wire::MirrorWire;

/// Everything that the handlers of a mirror need.
pub struct MirrorHandlers {
    /// The domain.
    pub mirror: Arc<Mirror>,
    /// Makes the answers.
    pub wire: MirrorWire,
    /// How much is logged.
    pub log_level: LogLevel,
}

impl MirrorHandlers {
    /// The handlers of a mirror.
    pub fn new(mirror: Arc<Mirror>, log_level: LogLevel) -> Self {
        let options = &mirror.options;
        let wire = MirrorWire::new(&options.base_url, &options.name, mirror.introduction.server_id());
        MirrorHandlers { mirror, wire, log_level }
    }

    /// Finds out who is calling.
    pub(super) async fn identify(&self, call: &Call) -> Result<Caller, Problem> {
        let caller = self.mirror.authenticator.identify(&self.credentials(call)?, self.facts(call)).await?;
        request_record::called_by(&caller);
        rest_places::go_on_as(&caller).await;
        Ok(caller)
    }

    /// Lets the upstream and its administrators pass.
    pub(super) async fn administrator(&self, call: &Call) -> Result<Administrator, Problem> {
        Ok(permit::administer(&self.identify(call).await?)?)
    }

    /// Lets the upstream itself pass. What users show does not help them here, so the upstream is not asked about it.
    pub(super) async fn upstream_itself(&self, call: &Call) -> Result<UpstreamItself, Problem> {
        let caller = match self.credentials(call)? {
            Credentials::Jwt(_) => self.identify(call).await?,
            Credentials::None | Credentials::Basic { .. } | Credentials::Bearer(_) => Caller::Anonymous,
        };
        Ok(permit::speak_for_upstream(&caller)?)
    }

    /// The credentials that the request carries.
    pub(super) fn credentials(&self, call: &Call) -> Result<Credentials, Problem> {
        let pairs = call.query.as_deref().unwrap_or_default().split('&');
        let link_token = pairs.filter_map(|pair| pair.strip_prefix("jwt=")).next();
        Credentials::parse(call.authorization.as_deref(), link_token)
            .map_err(|error| Refusal::from(error).into())
    }

    /// What a signature covers.
    pub(super) fn facts<'a>(&self, call: &'a Call) -> RequestFacts<'a> {
        RequestFacts {
            method: &call.method,
            path: path_below_base(self.wire.context_path(), &call.path).unwrap_or(&call.path),
            raw_query: call.query.as_deref(),
            peer: call.peer,
        }
    }
}

impl Handlers for MirrorHandlers {
    type Error = Problem;
}

impl ImpliedUpstreamId for MirrorHandlers {
    /// The upstream that this mirror follows. Whether there is one is no secret: `/status` tells everyone, so it is
    /// asked before the caller is known.
    fn implied_upstream_id(&self) -> Result<String, Problem> {
        Ok(self.mirror.link.followed()?.to_owned())
    }
}
