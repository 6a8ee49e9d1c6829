//! Puts an upstream together: data, database, git, domain, routes.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use heliostat_api::{Role, roles};
use heliostat_auth::Secret;
use heliostat_git_serve::{ServedRepositories, ServingEngine};
use heliostat_peer::{AddressRules, Authorities, Clock};
use heliostat_storage::{Database, UpstreamStore};
use heliostat_upstream::Upstream;
use poem::{EndpointExt, Route, RouteMethod};
use poem_openapi::OpenApiService;

use super::data_folder::{DataFolder, repositories_in};
use super::options::{StartError, UpstreamOptions};
use super::running_role::{Listening, RunningRole};
use super::tools::{mark_folder, open_database, open_git};
use crate::documents;
use crate::git::UpstreamGit;
use crate::git::http::GitEndpoint;
use crate::http::{ClientRoom, DatabaseGate, RememberedAnswers};
use crate::metrics::{
    self, DiskMetrics, FollowedRepositories, MAX_FOLLOWED_REPOSITORIES, Metrics, MirrorStandings,
    ProcessMetrics, RepositoryNames, UpstreamMetrics,
};
use crate::pages::{self, health, status};
use crate::rest::UpstreamHandlers;

/// Starts an upstream; it answers requests when this returns.
pub fn start_upstream(options: UpstreamOptions) -> LocalBoxFuture<'static, Result<RunningRole, StartError>> {
    start(options).boxed_local()
}

async fn start(options: UpstreamOptions) -> Result<RunningRole, StartError> {
    let common = &options.common;
    common.require_base_url()?;
    let data = DataFolder::open(&common.data).await?;
    data.close_contents().await?;
    let git = open_git(common, &Authorities::default()).await?.with_fsck(options.fsck);
    let database = open_database(common, heliostat_storage::Role::Upstream).await?;
    let folder = repositories_in(data.path());
    let repositories = ServedRepositories::new(git, folder.clone(), &common.serving)
        .map_err(|error| StartError::Data { path: folder, error })?;
    let listening = Listening::open(common).await?;

    let domain_options = heliostat_upstream::UpstreamOptions {
        base_url: listening.base_url.clone(),
        data: data.path().to_owned(),
        admin_password: options.admin_password.clone().map(Secret::new),
        outgoing: AddressRules::for_server(&listening.base_url, listening.address.ip(), &options.outgoing),
        trash_time: common.trash_time,
        request_lifetime: options.request_lifetime,
        small_push_bytes: options.small_push_bytes,
        mirror_lease: options.mirror_lease,
        clock: Clock::system(),
    };
    let engine = Arc::clone(repositories.engine());
    let opened = Upstream::open(UpstreamStore::new(database.clone()), repositories, domain_options).await;
    let (domain, admin) = opened.map_err(|error| StartError::domain("upstream", &error))?;
    mark_folder(common, &database, heliostat_storage::Role::Upstream).await?;
    if let Some(admin) = admin {
        let password_file = admin.password_file.as_ref().map(|file| tracing::field::display(file.display()));
        tracing::info!(user.name = admin.name.as_str(), password_file, "created the first administrator");
    }

    let role = RunningRole::new(Role::Upstream, &listening, data, database.clone())?;
    let background = domain.clone();
    let stop = role.stop();
    role.spawn(async move { background.run(stop).await });
    let asked = (engine, domain.clone(), database.clone(), role.clients().clone());
    let take_metrics = move || {
        let (engine, upstream, database, clients) = asked.clone();
        async move { metrics_of(&engine, &upstream, &database, &clients).await }
    };
    let metrics = metrics::metrics(common.metrics_token.clone(), common.commit, take_metrics);
    let home = pages::upstream_home(&options.display_name, &domain, listening.cleartext_notice());
    let routes = routes(home, domain, database.clone(), metrics, role.clients(), &options);
    let remembered = RememberedAnswers::following(database.clone(), Clock::system());
    role.serve(listening.listener, Role::Upstream, None, remembered, routes.with(DatabaseGate { database }));
    Ok(role)
}

async fn metrics_of(
    engine: &ServingEngine,
    upstream: &Upstream,
    database: &Database,
    clients: &ClientRoom,
) -> Metrics {
    let serving = engine.counters();
    let shown = metrics::shown_repositories(&serving);
    // A database that is away is not waited for.
    let (mirrors, followed, counts, paths) = match database.absence() {
        None => {
            let (mirrors, followed, counts, paths) = tokio::join!(
                upstream.mirror_standings(),
                upstream.followings().furthest_behind(MAX_FOLLOWED_REPOSITORIES),
                upstream.counts(),
                upstream.paths_on_disk(&shown)
            );
            (mirrors.ok(), followed.ok(), counts.ok(), paths.unwrap_or_default())
        }
        Some(_) => (None, None, None, Vec::new()),
    };
    Metrics {
        role: Role::Upstream.as_str(),
        serving,
        names: RepositoryNames::in_projects(paths),
        housekeeping: engine.housekeeping_counters(),
        room: engine.room(),
        database: Some(database.counters()),
        upstream: Some(UpstreamMetrics {
            pushes: upstream.repositories().push_counters(),
            webhooks: upstream.webhooks().delivery_counters(),
            counts,
        }),
        disk: Some(DiskMetrics::new(&upstream.disk_agreement())),
        mirrors: mirrors.map(MirrorStandings::new),
        following: Some(upstream.followings().status()),
        followed: followed.map(FollowedRepositories::new),
        clients: clients.counters(),
        process: ProcessMetrics::now(),
        ..Metrics::default()
    }
}

fn routes(
    home: Route,
    domain: Upstream,
    database: Database,
    metrics: RouteMethod,
    clients: &ClientRoom,
    options: &UpstreamOptions,
) -> Route {
    let (spool, tls) = (clients.spool().clone(), clients.tls().cloned());
    let base_url = domain.base_url().clone();
    let handlers = Arc::new(UpstreamHandlers::new(
        domain.clone(),
        &options.display_name,
        options.reported_version,
        options.common.log_level.clone(),
    ));
    let rest = OpenApiService::new(roles::upstream_routes(&handlers), "Heliostat", env!("CARGO_PKG_VERSION"));
    let git = UpstreamGit::new(domain.clone(), database.max_connections());
    let routes = home
        .nest_no_strip("/scm", GitEndpoint::new(git, spool))
        .nest("/rest", rest)
        .at("/status", status::upstream_status(domain.clone(), database.clone(), tls.clone()))
        .at("/readyz", status::upstream_status(domain, database, tls))
        .at("/healthz", health::liveness())
        .at("/metrics", metrics);
    documents::mount(routes, &base_url, Role::Upstream)
}
