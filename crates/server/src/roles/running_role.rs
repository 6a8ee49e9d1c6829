//! A role that answers requests, and how it starts and stops.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use heliostat_api::Role;
use heliostat_storage::Database;
use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::data_folder::DataFolder;
use super::options::{ListenOptions, StartError};
use crate::http::problem::Problem;
use crate::http::{
    self, Address, BrowserRules, BrowserSessions, ClientRoom, ConnectionOptions, Created, CrossOrigin,
    CrossSite, Envelope, RememberedAnswers, RequestLog, Tls, TlsPlacement, TrustedProxies, WholeBody,
};
use crate::pages::{ErrorPages, PagesOfThings};
use crate::traces::{TraceExporter, Traces};

/// How often it is looked whether the certificate soon ends.
const CERTIFICATE_LOOK_PAUSE: Duration = Duration::from_hours(24);
/// How long closing the database may wait for those who use it.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// A role at work.
#[derive(Debug)]
pub struct RunningRole {
    base_url: Url,
    address: SocketAddr,
    clients: ClientRoom,
    stop: CancellationToken,
    tasks: TaskTracker,
    database: Database,
    traces: Option<Traces>,
    browser_rules: BrowserRules,
    /// Held until everything else has ended.
    data: DataFolder,
}

impl RunningRole {
    /// `role` is what collectors of traces call it.
    pub(crate) fn new(
        role: Role,
        listening: &Listening,
        data: DataFolder,
        database: Database,
    ) -> Result<Self, StartError> {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (watched, stopped) = (database.clone(), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = watched.watch() => {}
            }
        });
        if let Some(tls) = listening.tls.clone() {
            tasks.spawn(warn_of_end(tls, stop.clone()));
        }
        let clients = ClientRoom::new(listening.connections, listening.trusted_proxies.clone(), data.path());
        let exporter = listening.trace_collector.as_ref().map(|collector| {
            TraceExporter::new(collector, role.as_str(), &listening.base_url).map_err(StartError::Traces)
        });
        let traces = exporter.transpose()?.map(|(traces, exporter)| {
            tasks.spawn(exporter.run(stop.clone()));
            traces
        });
        Ok(RunningRole {
            base_url: listening.base_url.clone(),
            address: listening.address,
            clients: clients.with_tls(listening.tls.clone()),
            stop,
            tasks,
            database,
            traces,
            browser_rules: BrowserRules::new(listening.https_only_for),
            data,
        })
    }

    /// The address that clients use.
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// The address that the role listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the certificate and its key again, for the connections from now on; those that are open go on as they are.
    /// What cannot be used leaves the former ones in use.
    pub fn reload(&self) {
        let Some(tls) = self.clients.tls() else {
            tracing::info!("nothing to read again: this server has no certificate of its own");
            return;
        };
        match tls.reload() {
            Ok(()) => {
                tracing::info!("the certificate and its key were read again");
                warn_of_certificate(tls, &self.base_url);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the former certificate stays in use: the files cannot be used");
            }
        }
    }

    /// Stops background work, lets running requests and pushes finish, and returns when all has ended. How long that
    /// may take is for the caller to say: dropping this future ends the wait.
    pub async fn drain(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Closes the database, and lets go of the data directory. Requests that still run find the database closed.
    pub fn close(self) -> LocalBoxFuture<'static, ()> {
        self.let_go().boxed_local()
    }

    async fn let_go(self) {
        match tokio::time::timeout(CLOSE_LIMIT, self.database.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot close the database");
            }
            Err(_) => tracing::warn!("the database was still in use when the role stopped"),
        }
        tracing::info!(data = %self.data.path().display(), "stopped");
    }

    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work.boxed());
    }

    /// What there is for clients.
    pub(crate) fn clients(&self) -> &ClientRoom {
        &self.clients
    }

    /// Answers requests. `partner` is a server whose pages may call this one.
    pub(crate) fn serve(
        &self,
        listener: TcpListener,
        role: Role,
        partner: Option<&Url>,
        remembered: RememberedAnswers,
        routes: impl Endpoint + 'static,
    ) {
        let routes =
            routes.with(self.clients.places().clone()).with(WholeBody::new(self.clients.spool().clone()));
        let context_path = context_path_of(&self.base_url);
        let endpoint = endpoint(role, routes, &self.base_url, partner);
        let endpoint = endpoint.with(self.browser_rules.clone()).with(remembered);
        let counters = self.clients.requests().clone();
        let endpoint = endpoint.with(RequestLog { context_path, counters, traces: self.traces.clone() });
        self.tasks.spawn(http::serve(listener, endpoint, self.clients.clone(), self.stop.clone()));
    }
}

fn endpoint(
    role: Role,
    routes: impl Endpoint + 'static,
    base_url: &Url,
    partner: Option<&Url>,
) -> impl Endpoint<Output = Response> + 'static {
    let context_path = context_path_of(base_url);
    // Boxed, because each layer holds the future of what is within: large ones would not fit the stack.
    routes
        .boxed()
        // The log tells of a panic when it happens.
        .with(CatchPanic::new().with_handler(|_| Problem::internal_and_logged().response()))
        .with(PagesOfThings::new(role, &context_path))
        .with(Envelope { role })
        .with(Created { context_path: context_path.clone() })
        .with(BrowserSessions::new(role, base_url))
        .with(CrossSite::new(base_url, partner))
        .with(CrossOrigin { role })
        .with(Address { context_path })
        .with(ErrorPages::new(role, base_url))
}

/// The path part of a base URL, without a slash at its end.
fn context_path_of(base_url: &Url) -> String {
    base_url.path().trim_end_matches('/').to_owned()
}

/// A socket that is open, and the address that clients use for it.
pub(crate) struct Listening {
    /// The open socket.
    pub listener: TcpListener,
    /// Where it listens.
    pub address: SocketAddr,
    /// What clients see.
    pub base_url: Url,
    /// How its connections are treated.
    pub connections: ConnectionOptions,
    /// The proxies that say whom they ask for.
    pub trusted_proxies: TrustedProxies,
    /// TLS, where the server has a certificate.
    pub tls: Option<Tls>,
    /// Whether something in front of the server encrypts.
    pub tls_in_front: bool,
    /// How long after each answer browsers are to come by https alone.
    pub https_only_for: Option<Duration>,
    /// The collector of traces, if there is one.
    pub trace_collector: Option<Url>,
}

impl Listening {
    /// Opens the socket; the base URL is that of the socket unless one was given.
    pub async fn open(options: &ListenOptions) -> Result<Self, StartError> {
        let failed = |error| StartError::Listen { address: options.listen, error };
        let tls = options.tls.clone().map(|files| Tls::open(files, options.kernel_tls)).transpose()?;
        let listener = http::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let base_url = match &options.base_url {
            Some(url) => usable_base_url(url, tls.as_ref())?,
            None => url_of(address, tls.as_ref()),
        };
        if options.https_only_for.is_some() && base_url.scheme() != "https" {
            let reason = "by --hsts browsers are told to come by https alone, so it must begin with https";
            return Err(StartError::BaseUrl { url: base_url, reason: reason.to_owned() });
        }
        if let Some(tls) = &tls {
            warn_of_certificate(tls, &base_url);
        }
        let listening = Listening {
            listener,
            address,
            base_url,
            connections: options.connections,
            trusted_proxies: options.trusted_proxies.clone(),
            tls,
            tls_in_front: options.tls_in_front,
            https_only_for: options.https_only_for,
            trace_collector: options.trace_collector.clone(),
        };
        if let Some(notice) = listening.cleartext_notice() {
            tracing::warn!(base_url = %listening.base_url, %address, "{notice}");
        }
        Ok(listening)
    }

    /// What is to be said where clients reach this server without encryption.
    pub fn cleartext_notice(&self) -> Option<&'static str> {
        let placement = TlsPlacement {
            base_url: &self.base_url,
            listen: self.address.ip(),
            in_server: self.tls.is_some(),
            in_front: self.tls_in_front,
        };
        placement.cleartext_notice()
    }
}

/// Says why clients of this address will refuse the certificate, or soon will.
fn warn_of_certificate(tls: &Tls, base_url: &Url) {
    if let Some(complaint) = tls.complaint(base_url) {
        tracing::warn!(%base_url, "{complaint}");
    }
}

/// Says each day that the certificate has ended or soon will, until the token ends.
async fn warn_of_end(tls: Tls, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(CERTIFICATE_LOOK_PAUSE)).await.is_some() {
        if let Some(notice) = tls.end_notice() {
            tracing::warn!("{notice}");
        }
    }
}

fn usable_base_url(url: &Url, tls: Option<&Tls>) -> Result<Url, StartError> {
    let unusable = |reason: &str| StartError::BaseUrl { url: url.clone(), reason: reason.to_owned() };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(unusable("it must be an http or https address with a host"));
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(unusable("it must have neither user, query nor fragment"));
    }
    if tls.is_some() && url.scheme() != "https" {
        return Err(unusable("a server with --tls-certificate speaks TLS, so it must begin with https"));
    }
    Ok(url.clone())
}

/// The URL of a socket on loopback.
fn url_of(address: SocketAddr, tls: Option<&Tls>) -> Url {
    let scheme = if tls.is_some() { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{address}")).expect("a socket address makes a URL")
}

#[cfg(test)]
mod tests {
    use heliostat_api::ErrorName;
    use heliostat_api::models::RestErrors;
    use heliostat_peer::DetachedTasks;
    use poem::Request;
    use poem::endpoint::make;
    use poem::http::StatusCode;

    use super::*;

    fn fail() -> Response {
        panic!("as the test wants it")
    }

    #[tokio::test]
    async fn a_request_whose_handler_panics_is_answered() {
        let handler = make(|request: Request| async move {
            let is_rest = request.uri().path().starts_with("/rest/");
            if is_rest { DetachedTasks::default().to_the_end(async { fail() }).await } else { fail() }
        });
        let base_url = Url::parse("https://git.example.com").expect("is a URL");
        let endpoint = endpoint(Role::Upstream, handler, &base_url, None);
        for uri in ["/rest/api/latest/projects", "/scm/prj/tool.git/info/refs?service=git-upload-pack"] {
            let answer = endpoint.call(Request::builder().uri_str(uri).finish()).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{uri}");
            assert_eq!(answer.content_type(), Some("application/json"), "{uri}");
            let body = answer.into_body().into_bytes().await.expect("it is in memory");
            let told: RestErrors = serde_json::from_slice(&body).expect("an envelope");
            let names: Vec<_> = told.errors.iter().map(|error| error.exception_name.as_deref()).collect();
            assert_eq!(names, [Some(ErrorName::InternalServer.as_str())], "{uri}");
        }
    }
}
