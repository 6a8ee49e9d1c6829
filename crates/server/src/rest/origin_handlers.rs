//! What the handlers of a mirror of another Git server have at hand.

use std::sync::Arc;

use heliostat_api::{Call, Handlers};
use heliostat_foreign::RepositoryPath;
use heliostat_origin::Origin;
use heliostat_origin::permit::{self, Operator};
use heliostat_refusal::Refusal;
use url::Url;

use crate::http::problem::Problem;
use crate::http::request_record::{self, LoggedCaller};
use crate::log_level::LogLevel;
use crate::metrics::{MetricsToken, check_operator};

/// What logs call those who run this server: it has no users of its own.
const OPERATOR: &str = "operator";

/// Everything that these handlers need.
pub struct OriginHandlers {
    /// The domain.
    pub origin: Arc<Origin>,
    /// Where clients find this server.
    pub base_url: Url,
    /// Who shows it runs this server; without one, who asks from its machine does.
    pub operator_token: Option<MetricsToken>,
    /// How much is logged.
    pub log_level: LogLevel,
}

impl OriginHandlers {
    /// Lets those pass who run this server. Users of the origin do not: it says of them only what they may read.
    pub(super) fn operator(&self, call: &Call) -> Result<Operator, Problem> {
        let operator = permit::operate(|| check_operator(call, self.operator_token.as_ref()))?;
        request_record::called_as(LoggedCaller::User(OPERATOR.to_owned()));
        Ok(operator)
    }

    /// The repository that is named by its path, or by its URL at the origin or here.
    pub(super) fn path_of(&self, named: &str) -> Result<RepositoryPath, Problem> {
        let bases = [self.origin.base_url(), &self.base_url].map(|url| url.as_str().trim_end_matches('/'));
        let path = bases.iter().find_map(|base| named.strip_prefix(base)).unwrap_or(named);
        if path.contains("://") {
            let message =
                format!("{named:?} is neither at the origin, {}, nor here at {}.", bases[0], bases[1]);
            return Err(Refusal::invalid("repository", message).into());
        }
        let path = RepositoryPath::parse(path);
        Ok(path.map_err(|error| Refusal::invalid("repository", format!("{error}.")))?)
    }
}

impl Handlers for OriginHandlers {
    type Error = Problem;
}
