//! A mirror with everyone who might call it, and the upstream that knows them.

use super::callers::{Caller, impostors_of};
use super::scene::{Scene, furnish, metrics_token, pushed, text};
use crate::harness::{Pair, ReadAlong, Server, ServerOptions, kept_address};

/// A mirror, and what it lives by.
pub struct MirrorScene {
    /// What is asked, and by whom.
    pub scene: Scene,
    _pair: Pair,
}

impl MirrorScene {
    /// Starts it; it has everything that its upstream has.
    pub async fn start() -> Self {
        let upstream = Server::upstream(ServerOptions::default());
        let furnished = furnish(&upstream).await;
        let other = pushed(&upstream, &furnished.repository["project"]).await;

        let address = kept_address();
        let line = ReadAlong::before(address.address());
        let base = line.base.as_str().trim_end_matches('/');
        let options = ServerOptions {
            arguments: ["--base-url", base].map(str::to_owned).to_vec(),
            environment: metrics_token(),
            listen: Some(address.to_string()),
            ..ServerOptions::default()
        };
        let mirror = Server::mirror(upstream.base_url(), "Saigon", options);
        let pair = Pair { upstream, mirror };
        pair.join("Saigon").await;
        for repository in [&furnished.repository, &furnished.public_repository, &other] {
            pair.mirrored(repository).await;
        }

        let installed = line.posted_to("/addon/installed").expect("the mirror is installed");
        let (issuer, secret) = (text(&installed["clientKey"]), text(&installed["sharedSecret"]));
        let path_of = |id| format!("/repos/{id}");
        let own = pair.mirror_path(&path_of(&furnished.repository["id"])).await;
        let others = pair.mirror_path(&path_of(&other["id"])).await;
        let mut callers = furnished.users.callers;
        callers.extend(impostors_of(&issuer, &secret));
        callers.extend(
            [
                ("the upstream", Caller::server(&issuer, &secret)),
                ("a JWT of the mirror itself", Caller::server(&pair.mirror_id().await, &secret)),
                ("a signed link", Caller::link(&issuer, &secret, Some(&own))),
                ("a link to another repository", Caller::link(&issuer, &secret, Some(&others))),
                ("a forged link", Caller::link(&issuer, &"0".repeat(64), Some(&own))),
            ]
            .map(|(name, caller)| (name.to_owned(), caller)),
        );
        let repository_id = text(&furnished.repository["id"]);
        let more = [
            ("clientKey", issuer),
            ("externalRepositoryId", repository_id.clone()),
            ("secret", secret),
            ("upstreamBase", pair.upstream.base().to_owned()),
            ("upstreamId", pair.upstream_id().await),
            ("upstreamRepoId", repository_id),
        ];
        let mut samples = furnished.samples;
        samples.extend(more.map(|(name, value)| (name.to_owned(), value)));
        let address = format!("http://{address}").parse().expect("is a URL");
        let scene = Scene { address, callers, samples, private_names: furnished.private_names };
        MirrorScene { scene, _pair: pair }
    }
}
