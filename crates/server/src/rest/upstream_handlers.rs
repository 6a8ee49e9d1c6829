//! What the handlers of an upstream have at hand, and how they find out who is calling.

use heliostat_api::{Call, Handlers};
use heliostat_auth::{Caller, Credentials};
use heliostat_refusal::Refusal;
use heliostat_upstream::{Identified, RequestFacts, Upstream};

use crate::http::problem::Problem;
use crate::http::{remembered_answers, request_record, rest_places};
use crate::log_level::LogLevel;
use crate::wire::UpstreamWire;
use crate::wire::reported_version::ReportedVersion;

/// Everything that the handlers of an upstream need.
pub struct UpstreamHandlers {
    /// The domain.
    pub upstream: Upstream,
    /// Makes the answers.
    pub wire: UpstreamWire,
    /// How much is logged.
    pub log_level: LogLevel,
}

impl UpstreamHandlers {
    /// The handlers of this upstream, which calls itself `display_name` and tells its clients a version.
    pub fn new(
        upstream: Upstream,
        display_name: &str,
        version: ReportedVersion,
        log_level: LogLevel,
    ) -> Self {
        let wire = UpstreamWire::new(upstream.base_url(), display_name).reporting(version);
        UpstreamHandlers { upstream, wire, log_level }
    }

    /// Finds out who is calling.
    pub(super) async fn identify(&self, call: &Call) -> Result<Caller, Problem> {
        let credentials = Credentials::parse(call.authorization.as_deref(), None).map_err(Refusal::from)?;
        let facts = RequestFacts {
            method: &call.method,
            path: &call.path,
            raw_query: call.query.as_deref(),
            peer: call.peer,
        };
        let Identified { caller, until_ms } =
            self.upstream.accounts().identify_for_a_while(credentials, facts).await?;
        request_record::called_by(&caller);
        remembered_answers::holds_until(until_ms);
        rest_places::go_on_as(&caller).await;
        Ok(caller)
    }
}

impl Handlers for UpstreamHandlers {
    type Error = Problem;
}
