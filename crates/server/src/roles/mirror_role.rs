//! Puts a mirror together: data, database, git, domain, routes.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use heliostat_api::{Role, roles};
use heliostat_mirror::{MassRemoval, Mirror, UpstreamUrl};
use heliostat_peer::Authorities;
use heliostat_storage::{Database, MirrorStore};
use poem::{Route, RouteMethod};
use poem_openapi::OpenApiService;
use url::Url;

use super::data_folder::DataFolder;
use super::options::{MirrorOptions, StartError};
use super::running_role::{Listening, RunningRole};
use super::tools::{mark_folder, open_database, open_git, refuse_origin_mirror};
use crate::documents;
use crate::git::MirrorGit;
use crate::git::http::GitEndpoint;
use crate::http::{ClientRoom, RememberedAnswers};
use crate::metrics::{
    self, FreshnessCounters, LateRepositories, MAX_LATE_REPOSITORIES, Metrics, MirrorMetrics, ProcessMetrics,
    RepositoryNames,
};
use crate::pages::{self, health, status};
use crate::rest::MirrorHandlers;

/// Starts a mirror; it answers requests when this returns, and joins and follows its upstream in the background.
pub fn start_mirror(options: MirrorOptions) -> LocalBoxFuture<'static, Result<RunningRole, StartError>> {
    start(options).boxed_local()
}

async fn start(options: MirrorOptions) -> Result<RunningRole, StartError> {
    let common = &options.common;
    common.require_base_url()?;
    let parse =
        |url: &Url| UpstreamUrl::parse(url.as_str()).map_err(|error| StartError::domain("mirror", &error));
    let upstream = parse(&options.upstream)?;
    let upstream_public_url = options.upstream_public_url.as_ref().map(parse).transpose()?;
    let data = DataFolder::open(&common.data).await?;
    data.close_contents().await?;
    let git = open_git(common, &Authorities::default()).await?;
    let database = open_database(common, heliostat_storage::Role::Mirror).await?;
    refuse_origin_mirror(common, &database, &options.upstream).await?;
    let listening = Listening::open(common).await?;

    let base_url = listening.base_url.as_str();
    let mut domain_options =
        heliostat_mirror::MirrorOptions::new(&options.name, upstream, base_url, data.path());
    domain_options.upstream_public_url = upstream_public_url;
    domain_options.internal_url = internal_url(&options, &listening.base_url)?;
    domain_options.sweep_interval = options.sweep_interval;
    domain_options.sync_parallelism = options.sync_parallelism;
    domain_options.sync_tolerance = options.sync_tolerance;
    domain_options.lag_limit = options.lag_limit;
    domain_options.serve_stale = options.serve_stale;
    domain_options.freshness_cap = options.freshness_cap;
    domain_options.trash_time = common.trash_time;
    domain_options.serving = common.serving.clone();
    if options.allow_mass_removal {
        domain_options.mass_removal = MassRemoval::Allowed;
    }
    let opened = Mirror::open(domain_options, git, MirrorStore::new(database.clone())).await;
    let domain = opened.map_err(|error| StartError::domain("mirror", &error))?;
    mark_folder(common, &database, heliostat_storage::Role::Mirror).await?;

    let role = RunningRole::new(Role::Mirror, &listening, data, database.clone())?;
    domain.run(&role.stop());
    let background = domain.clone();
    role.spawn(async move { background.stopped().await });
    let git = MirrorGit { mirror: domain.clone(), base_url: base_url.to_owned(), freshness: Arc::default() };
    let take_metrics =
        metrics_of(domain.clone(), database.clone(), Arc::clone(&git.freshness), role.clients().clone());
    let metrics = metrics::metrics(common.metrics_token.clone(), common.commit, move || {
        std::future::ready(take_metrics())
    });
    let git = GitEndpoint::new(git, role.clients().spool().clone());
    let handlers = Arc::new(MirrorHandlers::new(domain.clone(), common.log_level.clone()));
    let home = pages::mirror_home(domain.clone(), listening.cleartext_notice());
    let tls = role.clients().tls().cloned();
    let status = [(); 2].map(|()| status::mirror_status(Arc::clone(&domain), database.clone(), tls.clone()));
    let routes = routes(home, &handlers, git, status, metrics, &listening.base_url);
    let partner = options.upstream_public_url.as_ref().unwrap_or(&options.upstream);
    role.serve(listening.listener, Role::Mirror, Some(partner), RememberedAnswers::none(), routes);
    Ok(role)
}

/// Where the upstream calls this mirror, if that is not the base URL: what is signed is the path below it, so both have one.
fn internal_url(options: &MirrorOptions, base_url: &Url) -> Result<Option<String>, StartError> {
    let Some(url) = &options.internal_url else { return Ok(None) };
    let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain || path(url) != path(base_url) {
        return Err(StartError::InternalUrl { url: url.clone(), base_url: Box::new(base_url.clone()) });
    }
    Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
}

fn metrics_of(
    domain: Arc<Mirror>,
    database: Database,
    freshness: Arc<FreshnessCounters>,
    clients: ClientRoom,
) -> impl Fn() -> Metrics + Send + Sync {
    move || {
        let engine = domain.engine();
        let serving = engine.counters();
        let paths = domain.status.paths_on_disk(&metrics::shown_repositories(&serving));
        Metrics {
            role: Role::Mirror.as_str(),
            serving,
            names: RepositoryNames::in_projects(paths),
            housekeeping: engine.housekeeping_counters(),
            room: engine.room(),
            database: Some(database.counters()),
            mirror: Some(MirrorMetrics::new(
                &domain.status.now(),
                LateRepositories::new(&domain.status.longest_behind(MAX_LATE_REPOSITORIES)),
                freshness.snapshot(),
            )),
            clients: clients.counters(),
            process: ProcessMetrics::now(),
            ..Metrics::default()
        }
    }
}

fn routes(
    home: Route,
    handlers: &Arc<MirrorHandlers>,
    git: GitEndpoint<MirrorGit>,
    [status, readiness]: [RouteMethod; 2],
    metrics: RouteMethod,
    base_url: &Url,
) -> Route {
    let rest = OpenApiService::new(roles::mirror_routes(handlers), "Heliostat", env!("CARGO_PKG_VERSION"));
    let routes = home
        .nest_no_strip("/scm", git)
        .nest("/rest", rest)
        .at("/status", status)
        .at("/readyz", readiness)
        .at("/healthz", health::liveness())
        .at("/metrics", metrics);
    documents::mount(routes, base_url, Role::Mirror)
}
