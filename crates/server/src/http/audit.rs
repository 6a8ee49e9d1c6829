//! Lines of the log about who has tried to get in, and what administrators have done.
//!
//! Their form is a promise: `docs/operating.md` shows it, and programs such as fail2ban read it. The address comes before
//! everything that a client has chosen.

use poem::http::{Method, StatusCode};

use super::request_record::{CLIENT_LEFT, Known, LoggedCaller, RequestRecord};

/// The module under which the lines are logged, for `--log-level`.
const AUDIT: &str = "heliostat_audit";

/// The scheme of servers, whose secrets cannot be guessed: a mirror that was removed, or whose clock is wrong, goes on to
/// call, and must not be banned with all who come from its address.
const SIGNED: &str = "JWT";

/// Parameters of queries that say what an operation is about, and never hold secrets.
const TELLING: [&str; 4] = ["name", "permission", "displayName", "version"];

/// Writes what is to be known later of a request that was answered with this status.
pub fn write(record: &RequestRecord, status: StatusCode) {
    let known = record.known();
    match &known.caller {
        // A mirror asks for its user, whose address it knows.
        Some(LoggedCaller::Server(server)) if status == StatusCode::UNAUTHORIZED => {
            tracing::warn!(
                target: AUDIT,
                {
                    server.name = server.as_str(),
                    operation = known.operation,
                    request.id = record.context.request_id(),
                },
                "login failed at another server"
            );
        }
        Some(LoggedCaller::User(name)) if is_act(record, &known) => act(record, &known, name, Some(status)),
        Some(_) => {}
        None if status == StatusCode::UNAUTHORIZED => failed_login(record, &known),
        None => {}
    }
}

/// The same of a request whose client has left before it was answered: what it asks for may be done all the same.
pub fn write_unanswered(record: &RequestRecord) {
    let known = record.known();
    if let Some(LoggedCaller::User(name)) = &known.caller
        && is_act(record, &known)
    {
        act(record, &known, name, None);
    }
}

/// Credentials were shown that are wrong. Who shows none only hears that they are needed.
fn failed_login(record: &RequestRecord, known: &Known) {
    let Some(scheme) = record.scheme else { return };
    if scheme == SIGNED {
        tracing::warn!(
            target: AUDIT,
            {
                client.address = record.client.map(tracing::field::display),
                operation = known.operation,
                http.path = record.path.as_str(),
                request.id = record.context.request_id(),
            },
            "signature refused"
        );
        return;
    }
    tracing::warn!(
        target: AUDIT,
        {
            client.address = record.client.map(tracing::field::display),
            user.name = known.claimed_name.as_deref(),
            scheme,
            operation = known.operation,
            http.path = record.path.as_str(),
            request.id = record.context.request_id(),
        },
        "login failed"
    );
}

/// Whether a user has asked to change something other than what is in repositories.
fn is_act(record: &RequestRecord, known: &Known) -> bool {
    let is_read = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&record.method);
    !is_read && known.repository.is_none() && known.operation.is_some()
}

fn act(record: &RequestRecord, known: &Known, user: &str, status: Option<StatusCode>) {
    let outcome = match status {
        None => "unanswered",
        Some(status) if status.is_success() => "done",
        Some(status) if status.is_client_error() => "refused",
        Some(_) => "failed",
    };
    let parameters = telling(record.query.as_deref());
    tracing::info!(
        target: AUDIT,
        {
            client.address = record.client.map(tracing::field::display),
            user.name = user,
            operation = known.operation,
            outcome,
            http.path = record.path.as_str(),
            subject = known.subject.as_deref(),
            parameters = parameters.as_deref(),
            http.status = status.map_or(CLIENT_LEFT, |status| status.as_u16()),
            request.id = record.context.request_id(),
        },
        "administrative act"
    );
}

/// The parameters that say what an operation is about, as sent.
fn telling(query: Option<&str>) -> Option<String> {
    let pairs = query?.split('&');
    let told: Vec<&str> =
        pairs.filter(|pair| pair.split_once('=').is_some_and(|(name, _)| TELLING.contains(&name))).collect();
    (!told.is_empty()).then(|| told.join("&"))
}

#[cfg(test)]
mod tests {
    use super::telling;

    #[test]
    fn parameters_are_logged_that_say_what_it_is_about() {
        let told = |query| telling(Some(query));
        assert_eq!(
            told("name=ann&permission=ADMIN&password=secret&jwt=a.b.c").as_deref(),
            Some("name=ann&permission=ADMIN")
        );
        assert_eq!(told("password=secret"), None);
        assert_eq!(telling(None), None);
    }
}
