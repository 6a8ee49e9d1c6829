//! Upstream servers on the wire, as a mirror knows them.

use std::sync::Arc;

use heliostat_api::models::{RestUpstreamServer, UpstreamServerState, UpstreamServerType};
use heliostat_storage::{Page, PageRequest, UpstreamServer, UpstreamState};

use super::MirrorWire;

impl MirrorWire {
    /// A page of the upstreams that this mirror follows, which are few and in memory.
    pub fn upstream_servers(
        &self,
        upstreams: &[Arc<UpstreamServer>],
        wanted: PageRequest,
    ) -> Page<RestUpstreamServer> {
        Page::of(upstreams, wanted).map(|upstream| self.upstream_server(&upstream))
    }

    /// An upstream and how this mirror stands with it.
    pub fn upstream_server(&self, upstream: &UpstreamServer) -> RestUpstreamServer {
        RestUpstreamServer {
            id: upstream.id.to_string(),
            base_url: upstream.base_url.clone(),
            api_base_url: upstream.base_url.clone(),
            state: upstream_state(upstream.state),
            kind: UpstreamServerType::BitbucketServer,
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
    use heliostat_storage::MirroringMode;

    use super::*;
    use crate::wire::mirror_wire::tests::wire;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let upstream = |id: &str| {
            Arc::new(UpstreamServer {
                id: id.into(),
                base_url: "https://git.example.com".to_owned(),
                state: UpstreamState::Installed,
                shared_secret: Some("5ec7e7".to_owned()),
                client_key: None,
                mode: MirroringMode::AllProjects,
                last_error: None,
                created_at: 1,
                state_changed_at: 1,
            })
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
