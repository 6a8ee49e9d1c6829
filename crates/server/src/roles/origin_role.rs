//! Puts a mirror of another Git server together: data, database, git, domain, routes.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use heliostat_api::Role;
use heliostat_api::ops::{LogRoutes, ServedRepositoriesRoutes};
use heliostat_foreign::{ServerUrl, SmartHttp, SmartHttpOptions, Source};
use heliostat_origin::{Origin, OriginOptions};
use heliostat_peer::Clock;
use heliostat_storage::{Database, OriginStore};
use poem::{Route, RouteMethod};
use poem_openapi::OpenApiService;
use url::Url;

use super::data_folder::DataFolder;
use super::options::{OriginMirrorOptions, StartError};
use super::origin_doors::Doors;
use super::origin_hints::OriginHints;
use super::running_role::{Listening, RunningRole};
use super::tools::{claim_for_origin, mark_folder, open_database, open_git};
use crate::client_keys::OriginClientKeys;
use crate::documents;
use crate::git::OriginGit;
use crate::git::http::GitEndpoint;
use crate::hooks;
use crate::http::{ClientRoom, RememberedAnswers};
use crate::metrics::{
    self, Metrics, OriginFreshnessCounters, OriginMetrics, ProcessMetrics, RepositoryNames,
};
use crate::pages::{self, health, status};
use crate::rest::OriginHandlers;

/// What is started, in errors.
const ROLE: &str = "mirror";

/// Starts a mirror of another Git server; it answers requests when this returns.
pub fn start_origin_mirror(
    options: OriginMirrorOptions,
) -> LocalBoxFuture<'static, Result<RunningRole, StartError>> {
    start(options).boxed_local()
}

async fn start(options: OriginMirrorOptions) -> Result<RunningRole, StartError> {
    let common = &options.common;
    common.require_base_url()?;
    let source = Arc::new(source(&options)?);
    let clock = Clock::system();
    let authorities = options.authorities.clone();
    let hints = OriginHints::new(options.hints.clone(), source.base_url(), authorities, &clock)?;
    let hints = Arc::new(hints);
    let data = DataFolder::open(&common.data).await?;
    data.close_contents().await?;
    let git = open_git(common, &options.authorities).await?;
    let database = open_database(common, heliostat_storage::Role::Mirror).await?;
    let store = OriginStore::new(database.clone());
    claim_for_origin(common, &store, source.base_url()).await?;
    mark_folder(common, &database, heliostat_storage::Role::Mirror).await?;
    let listening = Listening::open(common).await?;
    let domain_options = OriginOptions {
        only: options.only.clone(),
        optional_git_suffix: options.optional_git_suffix,
        max_repositories: options.max_repositories,
        max_disk_bytes: options.max_repositories_bytes,
        verdict_lifetime: options.listing_lifetime,
        serve_stale: options.serve_stale,
        serving: common.serving.clone(),
        ..OriginOptions::new(data.path())
    };

    let role = RunningRole::new(Role::OriginMirror, &listening, data, database.clone())?;
    let origin = Origin::open(domain_options, git, store, source, hints.service(), role.stop()).await;
    let origin = origin.map_err(|error| StartError::domain(ROLE, &error))?;
    origin.run();
    let background = Arc::clone(&origin);
    role.spawn(async move { background.stopped().await });
    role.spawn(Arc::clone(&hints).follow(Arc::clone(&origin), role.stop()));
    let git = OriginGit {
        origin: Arc::clone(&origin),
        base_url: listening.base_url.clone(),
        keys: OriginClientKeys::new(),
        freshness: Arc::default(),
    };
    let take_metrics = metrics_of(
        Arc::clone(&origin),
        Arc::clone(&hints),
        database.clone(),
        Arc::clone(&git.freshness),
        role.clients().clone(),
    );
    let metrics = metrics::metrics(common.metrics_token.clone(), common.commit, move || {
        std::future::ready(take_metrics())
    });
    let handlers = OriginHandlers {
        origin: Arc::clone(&origin),
        base_url: listening.base_url.clone(),
        operator_token: common.metrics_token.clone(),
        log_level: common.log_level.clone(),
    };
    let name = options.name.as_deref();
    let home = pages::origin_home(name, &origin, &listening.base_url, listening.cleartext_notice());
    let tls = role.clients().tls().cloned();
    let status = [(); 2].map(|()| {
        status::origin_status(Arc::clone(&origin), database.clone(), tls.clone(), hints.complaint())
    });
    let own = own_routes(home, handlers, status, metrics, &listening.base_url);
    let doors = Doors {
        ours: hooks::mount(own, hints.receiver()),
        git: GitEndpoint::new(git, role.clients().spool().clone()),
        origin,
    };
    let (partner, remembered) = (None, RememberedAnswers::none());
    role.serve(listening.listener, Role::OriginMirror, partner, remembered, doors);
    Ok(role)
}

fn source(options: &OriginMirrorOptions) -> Result<SmartHttp, StartError> {
    let server: ServerUrl =
        options.origin.as_str().parse().map_err(|error| StartError::domain(ROLE, &error))?;
    let mut http = SmartHttpOptions::configured(server);
    http.authorities = options.authorities.clone();
    SmartHttp::new(http).map_err(|error| StartError::domain(ROLE, &error))
}

fn metrics_of(
    origin: Arc<Origin>,
    hints: Arc<OriginHints>,
    database: Database,
    freshness: Arc<OriginFreshnessCounters>,
    clients: ClientRoom,
) -> impl Fn() -> Metrics + Send + Sync {
    move || {
        let engine = origin.engine();
        Metrics {
            role: Role::OriginMirror.as_str(),
            serving: engine.counters(),
            names: RepositoryNames::at_paths(origin.paths_on_disk()),
            housekeeping: engine.housekeeping_counters(),
            room: engine.room(),
            database: Some(database.counters()),
            origin: Some(OriginMetrics::new(&origin.status(), freshness.snapshot())),
            hints: Some(hints.metrics()),
            clients: clients.counters(),
            process: ProcessMetrics::now(),
            ..Metrics::default()
        }
    }
}

fn own_routes(
    home: Route,
    handlers: OriginHandlers,
    [status, readiness]: [RouteMethod; 2],
    metrics: RouteMethod,
    base_url: &Url,
) -> Route {
    let handlers = Arc::new(handlers);
    let operations = (ServedRepositoriesRoutes::new(Arc::clone(&handlers)), LogRoutes::new(handlers));
    let rest = OpenApiService::new(operations, "Heliostat", env!("CARGO_PKG_VERSION"));
    let routes = home
        .nest("/rest", rest)
        .at("/status", status)
        .at("/readyz", readiness)
        .at("/healthz", health::liveness())
        .at("/metrics", metrics);
    documents::mount(routes, base_url, Role::OriginMirror)
}
