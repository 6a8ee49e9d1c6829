//! Puts an upstream together: data, database, git, domain, routes.

use std::sync::Arc;

use heliostat_api::{Role, roles};
use heliostat_auth::Secret;
use heliostat_git_serve::ServedRepositories;
use heliostat_storage::{Database, UpstreamStore};
use heliostat_upstream::{MirrorAddresses, Upstream};
use poem::{EndpointExt, Route, RouteMethod};
use poem_openapi::OpenApiService;

use super::data_folder::{DataFolder, repositories_in};
use super::options::{StartError, UpstreamOptions};
use super::running_role::{Listening, RunningRole};
use super::tools::{mark_folder, open_database, open_git};
use crate::git::UpstreamGit;
use crate::git::http::GitEndpoint;
use crate::http::{DatabaseGate, Spool};
use crate::metrics::{self, DiskMetrics, Metrics, ProcessMetrics};
use crate::pages::{self, documents, status};
use crate::rest::UpstreamHandlers;

/// Starts an upstream; it answers requests when this returns.
pub async fn start_upstream(options: UpstreamOptions) -> Result<RunningRole, StartError> {
    let common = &options.common;
    let data = DataFolder::open(&common.data).await?;
    let git = open_git(common).await?;
    let database = open_database(common, heliostat_storage::Role::Upstream).await?;
    let folder = repositories_in(data.path());
    let repositories = ServedRepositories::new(git, folder.clone(), &common.serving)
        .map_err(|error| StartError::Data { path: folder, error })?;
    let listening = Listening::open(common).await?;

    let domain_options = heliostat_upstream::UpstreamOptions {
        base_url: listening.base_url.clone(),
        data: data.path().to_owned(),
        admin_password: options.admin_password.clone().map(Secret::new),
        mirror_addresses: match options.allow_special_mirror_addresses {
            true => MirrorAddresses::Anything,
            false => MirrorAddresses::Ordinary,
        },
        trash_time: common.trash_time,
        request_lifetime: options.request_lifetime,
        clock: heliostat_peer::Clock::system(),
    };
    let engine = Arc::clone(repositories.engine());
    let opened = Upstream::open(UpstreamStore::new(database.clone()), repositories, domain_options).await;
    let (domain, admin) = opened.map_err(|error| StartError::domain("upstream", &error))?;
    mark_folder(common, &database, heliostat_storage::Role::Upstream).await?;
    if let Some(file) = admin.and_then(|account| account.password_file) {
        tracing::info!(password_file = %file.display(), "created the user admin; the password is in this file");
    }

    let role = RunningRole::new(&listening, data, database.clone());
    let background = domain.clone();
    let stop = role.stop();
    role.spawn(async move { background.run(stop).await });
    let asked = domain.clone();
    let take_metrics = move || Metrics {
        role: Role::Upstream.as_str(),
        serving: engine.counters(),
        housekeeping: engine.housekeeping_counters(),
        room: engine.room(),
        disk: Some(DiskMetrics::new(&asked.disk_agreement())),
        mirror: None,
        process: ProcessMetrics::now(),
    };
    let metrics = metrics::metrics(common.metrics_token.clone(), take_metrics);
    let routes = routes(domain, database.clone(), metrics, role.spool().clone(), &options);
    role.serve(listening.listener, Role::Upstream, None, routes.with(DatabaseGate { database }));
    Ok(role)
}

fn routes(
    domain: Upstream,
    database: Database,
    metrics: RouteMethod,
    spool: Spool,
    options: &UpstreamOptions,
) -> Route {
    let context_path = domain.base_url().path().trim_end_matches('/').to_owned();
    let handlers =
        Arc::new(UpstreamHandlers::new(domain.clone(), &options.display_name, options.reported_version));
    let rest = OpenApiService::new(roles::upstream_routes(&handlers), "Heliostat", env!("CARGO_PKG_VERSION"));
    let routes = pages::upstream_home(&options.display_name, &domain)
        .nest_no_strip("/scm", GitEndpoint::new(UpstreamGit::new(domain.clone()), spool))
        .nest("/rest", rest)
        .at("/status", status::upstream_status(domain, database))
        .at("/metrics", metrics);
    documents::mount(routes, &context_path, Role::Upstream)
}
