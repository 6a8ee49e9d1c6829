//! The mirror as a whole: which parts it has, and which tasks run in it. `parts.rs` puts them together.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use heliostat_git::Git;
use heliostat_git_serve::{ServingEngine, keep_house, keep_room};
use heliostat_storage::MirrorStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Authenticator;
use crate::inventory::{SelectedProjects, is_behind};
use crate::options::MirrorOptions;
use crate::parts::{Parts, StartError};
use crate::serving::{Arrivals, GitServing};
use crate::status::{Lookups, StatusReport, SupportInfo};
use crate::sync::{HeldBack, PendingChanges, SweepSignal, UpstreamEvents, Work};
use crate::upstream_link::{Introduction, UpstreamLink};

/// A replica that follows one upstream: its parts, for those who answer requests.
pub struct Mirror {
    /// What the operator decided.
    pub options: MirrorOptions,
    /// What this mirror says of itself.
    pub introduction: Arc<Introduction>,
    /// How it stands with its upstream.
    pub link: Arc<UpstreamLink>,
    /// Who is calling.
    pub authenticator: Arc<Authenticator>,
    /// Which projects are mirrored.
    pub selection: Arc<SelectedProjects>,
    /// What the upstream announces.
    pub events: Arc<UpstreamEvents>,
    /// Wakes the comparison with the upstream.
    pub sweep_signal: Arc<SweepSignal>,
    /// What waits for an administrator.
    pub held_back: HeldBack,
    /// What git requests go through.
    pub serving: GitServing,
    /// For those who wait for something to be here.
    pub arrivals: Arrivals,
    /// How things are.
    pub status: StatusReport,
    /// Upstreams and single repositories.
    pub lookups: Lookups,
    /// For those who look for a fault.
    pub support_info: SupportInfo,
    parts: Parts,
    tasks: TaskTracker,
}

impl Mirror {
    /// Reads what an earlier process has left and puts it in order. Nothing runs yet: see [`Mirror::run`].
    pub fn open(
        options: MirrorOptions,
        git: Git,
        store: MirrorStore,
    ) -> LocalBoxFuture<'static, Result<Arc<Self>, StartError>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in the crates above.
        Self::opened(options, git, store).boxed_local()
    }

    async fn opened(options: MirrorOptions, git: Git, store: MirrorStore) -> Result<Arc<Self>, StartError> {
        let parts = Parts::open(&options, git, store).await?;
        Ok(Arc::new(Self {
            introduction: Arc::clone(&parts.introduction),
            link: Arc::clone(&parts.link),
            authenticator: Arc::clone(&parts.authenticator),
            selection: Arc::clone(&parts.selection),
            events: Arc::new(parts.events()),
            sweep_signal: Arc::clone(&parts.sweep_signal),
            held_back: parts.held_back(),
            serving: parts.serving(options.freshness_cap),
            arrivals: parts.arrivals(),
            status: parts.status(options.lag_limit),
            lookups: parts.lookups(),
            support_info: parts.support_info(),
            parts,
            tasks: TaskTracker::new(),
            options,
        }))
    }

    /// What answers readers.
    pub fn engine(&self) -> &Arc<ServingEngine> {
        self.parts.served.engine()
    }

    /// Starts everything that runs in the background. It ends with the token; [`Mirror::stopped`] says when.
    pub fn run(&self, stop: &CancellationToken) {
        let (parts, tasks) = (&self.parts, &self.tasks);
        // One kind of task for all.
        let spawn = |work: BoxFuture<'static, ()>| drop(tasks.spawn(work));
        let (stopping, of_requests) = (stop.clone(), parts.stop.clone());
        spawn(
            async move {
                stopping.cancelled().await;
                of_requests.cancel();
            }
            .boxed(),
        );
        let workers = Arc::new(parts.workers());
        for work in [Work::Following, Work::First] {
            for number in 1..=self.options.sync_parallelism.max(1) {
                spawn(Arc::clone(&workers).run(work, number, stop.clone()).boxed());
            }
        }
        spawn(Arc::clone(&parts.reports).run(Arc::clone(&parts.inventory), stop.clone()).boxed());
        let sweep = parts.sweep(self.options.sweep_interval, self.options.mass_removal);
        spawn(sweep.run(stop.clone()).boxed());
        spawn(parts.keep_contact().run(stop.clone()).boxed());
        spawn(parts.hold_lease().run(stop.clone()).boxed());
        spawn(Arc::clone(&parts.repairs).run(stop.clone()).boxed());
        spawn(parts.purges().run(stop.clone()).boxed());
        let rounds = parts.disk_rounds(self.options.sweep_interval);
        spawn(rounds.clone().look(stop.clone()).boxed());
        spawn(rounds.check(stop.clone()).boxed());
        spawn(parts.registration().run(stop.clone()).boxed());
        spawn(Arc::clone(&parts.decisions).run(stop.clone()).boxed());
        spawn(keep_room(parts.served.clone(), stop.clone()));
        spawn(Arc::clone(&self.events).confirm_what_was_said(stop.clone()).boxed());
        spawn(keep_house(parts.served.clone(), stop.clone()));
        spawn(parts.served.store().clone().keep_trash(self.options.trash_time, stop.clone()));
        tasks.close();
        for entry in parts.inventory.all() {
            if is_behind(&entry.record()) {
                parts.queue.request(&entry, PendingChanges::Snapshot);
            }
        }
    }

    /// Waits until everything that [`Mirror::run`] has started is over, and what requests have begun.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
        self.parts.tasks.finished().await;
    }
}
