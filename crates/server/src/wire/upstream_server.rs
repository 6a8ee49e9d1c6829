//! Upstream servers on the wire, as a mirror knows them.

use heliostat_api::models::{RestUpstreamServer, UpstreamServerState, UpstreamServerType};
use heliostat_mirror::UpstreamView;
use heliostat_storage::{Page, PageRequest, UpstreamState};

use super::MirrorWire;

impl MirrorWire {
    /// A page of the upstreams that this mirror follows, which are few and in memory.
    pub fn upstream_servers(
        &self,
        upstreams: &[UpstreamView],
        wanted: PageRequest,
    ) -> Page<RestUpstreamServer> {
        Page::of(upstreams, wanted).map(|upstream| self.upstream_server(&upstream))
    }

    /// An upstream and how this mirror stands with it.
    pub fn upstream_server(&self, upstream: &UpstreamView) -> RestUpstreamServer {
        let UpstreamView { server, facts, .. } = upstream;
        RestUpstreamServer {
            id: server.id.to_string(),
            base_url: server.base_url.clone(),
            api_base_url: server.base_url.clone(),
            state: upstream_state(server.state),
            kind: UpstreamServerType::BitbucketServer,
            reachable: Some(facts.reachable),
            last_contact_date: facts.last_contact_at,
            last_comparison_date: facts.last_comparison_at,
            not_known_since: facts.not_known_since,
            clock_skew_millis: upstream.clock_skew_ms,
            last_sync_date: upstream.last_sync_at,
            lag_millis: upstream.lag_ms,
            failing_repos: Some(i32::try_from(upstream.failing).unwrap_or(i32::MAX)),
            problem: upstream.problem.clone(),
        }
    }
}

/// How a mirror stands with an upstream, on the wire.
pub fn upstream_state(state: UpstreamState) -> UpstreamServerState {
    match state {
        UpstreamState::Initializing => UpstreamServerState::Initializing,
        UpstreamState::Pending => UpstreamServerState::Pending,
        UpstreamState::Installed => UpstreamServerState::Installed,
        UpstreamState::Unknown => UpstreamServerState::Unknown,
        UpstreamState::Removed => UpstreamServerState::Removed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use heliostat_mirror::UpstreamFacts;
    use heliostat_storage::{MirroringMode, UpstreamServer};

    use super::*;
    use crate::wire::mirror_wire::tests::wire;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let facts = UpstreamFacts {
            reachable: true,
            last_contact_at: Some(2),
            last_comparison_at: Some(1),
            not_known_since: None,
        };
        let upstream = |id: &str| UpstreamView {
            facts,
            clock_skew_ms: None,
            last_sync_at: None,
            lag_ms: None,
            failing: 0,
            problem: None,
            server: Arc::new(UpstreamServer {
                id: id.into(),
                base_url: "https://git.example.com".to_owned(),
                state: UpstreamState::Installed,
                shared_secret: Some("5ec7e7".to_owned()),
                client_key: None,
                mode: MirroringMode::AllProjects,
                last_error: None,
                created_at: 1,
                state_changed_at: 1,
            }),
        };
        let upstreams = [upstream("a"), upstream("b")];
        let page = |start, limit| {
            let page = wire().upstream_servers(&upstreams, PageRequest { start, limit });
            let ids: Vec<_> = page.values.into_iter().map(|upstream| upstream.id).collect();
            (ids.join(" "), page.is_last, page.next_start)
        };
        assert_eq!(page(0, 25), ("a b".to_owned(), true, None));
        assert_eq!(page(0, 1), ("a".to_owned(), false, Some(1)));
        assert_eq!(page(1, 1), ("b".to_owned(), true, None));
        assert_eq!(page(u64::MAX, 1), (String::new(), true, None));
    }
}
