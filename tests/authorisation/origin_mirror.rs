//! A mirror of another Git server with everyone who might call it; that server is an upstream, which knows them.

use super::scene::{Scene, furnish, metrics_token};
use crate::harness::{Server, ServerOptions};

/// A mirror of another Git server, and what it lives by.
pub struct OriginMirrorScene {
    /// What is asked, and by whom.
    pub scene: Scene,
    _servers: [Server; 2],
}

impl OriginMirrorScene {
    /// Starts it.
    pub async fn start() -> Self {
        let upstream = Server::upstream(ServerOptions::default());
        let furnished = furnish(&upstream).await;
        let options = ServerOptions { environment: metrics_token(), ..ServerOptions::default() };
        let mirror = Server::mirror_of_origin(upstream.base_url(), options);
        let scene = Scene {
            address: mirror.base_url().clone(),
            callers: furnished.users.callers,
            samples: furnished.samples,
            private_names: furnished.private_names,
        };
        Self { scene, _servers: [mirror, upstream] }
    }
}
