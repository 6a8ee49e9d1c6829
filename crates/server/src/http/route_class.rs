//! What kind of thing a request asks for: few enough kinds that each can have counts and latencies of its own.

/// The first part of an address, and what stands below it.
const OWN_ADDRESSES: [(&str, RouteClass); 8] = [
    ("rest", RouteClass::Rest),
    ("status", RouteClass::Health),
    ("healthz", RouteClass::Health),
    ("readyz", RouteClass::Health),
    ("metrics", RouteClass::Metrics),
    ("openapi", RouteClass::Documents),
    ("swagger-ui", RouteClass::Documents),
    ("hooks", RouteClass::Hooks),
];

/// A kind of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteClass {
    /// Git asks which references there are.
    GitRefs,
    /// Git fetches objects.
    GitFetch,
    /// Git asks where to push to, and pushes.
    GitPush,
    /// Something to begin a clone with.
    GitBundle,
    /// An operation of the contract.
    Rest,
    /// Balancers and orchestrators ask how things are.
    Health,
    /// Prometheus asks.
    Metrics,
    /// The contract, and what shows it.
    Documents,
    /// Another Git server tells of a change.
    Hooks,
    /// Pages for people, and what is nowhere.
    Page,
}

impl RouteClass {
    /// All of them, in the order in which they are declared.
    pub const ALL: [RouteClass; 10] = [
        RouteClass::GitRefs,
        RouteClass::GitFetch,
        RouteClass::GitPush,
        RouteClass::GitBundle,
        RouteClass::Rest,
        RouteClass::Health,
        RouteClass::Metrics,
        RouteClass::Documents,
        RouteClass::Hooks,
        RouteClass::Page,
    ];

    /// Its name in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitRefs => "git_refs",
            Self::GitFetch => "git_fetch",
            Self::GitPush => "git_push",
            Self::GitBundle => "git_bundle",
            Self::Rest => "rest",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Documents => "documents",
            Self::Hooks => "hooks",
            Self::Page => "page",
        }
    }

    /// Of a request for this path and query. `context_path` is empty or starts with a slash and ends without one.
    pub fn of(context_path: &str, path: &str, query: Option<&str>) -> Self {
        let below = path.strip_prefix(context_path).unwrap_or(path);
        let first = below.trim_start_matches('/').split('/').next().unwrap_or_default();
        if let Some((_, class)) = OWN_ADDRESSES.iter().find(|(address, _)| *address == first) {
            return *class;
        }
        if below.ends_with("/info/refs") {
            let is_push = query.is_some_and(|query| query.contains("service=git-receive-pack"));
            return if is_push { Self::GitPush } else { Self::GitRefs };
        }
        if below.ends_with("/git-upload-pack") {
            return Self::GitFetch;
        }
        if below.ends_with("/git-receive-pack") {
            return Self::GitPush;
        }
        let is_bundle = below.ends_with(".bundle") || below.ends_with("/bundles/list");
        if is_bundle { Self::GitBundle } else { Self::Page }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_stands_at_its_own_place() {
        for (place, class) in RouteClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place, "{class:?}");
        }
    }

    #[test]
    fn a_request_is_of_the_kind_that_its_address_says() {
        for (path, query, class) in [
            ("/git/scm/prj/x.git/info/refs", Some("service=git-upload-pack"), RouteClass::GitRefs),
            ("/git/scm/prj/x.git/info/refs", Some("service=git-receive-pack"), RouteClass::GitPush),
            ("/git/scm/prj/x.git/git-upload-pack", None, RouteClass::GitFetch),
            ("/git/scm/prj/x.git/git-receive-pack", None, RouteClass::GitPush),
            ("/git/scm/prj/x.git/bundles/list", None, RouteClass::GitBundle),
            ("/git/rest/api/latest/projects", None, RouteClass::Rest),
            ("/git//rest/api/latest/projects", None, RouteClass::Rest),
            ("/git/rest/x.git/info/refs", None, RouteClass::Rest),
            ("/git/status", None, RouteClass::Health),
            ("/git/readyz", None, RouteClass::Health),
            ("/git/metrics", None, RouteClass::Metrics),
            ("/git/swagger-ui/index.html", None, RouteClass::Documents),
            ("/git/hooks/github", None, RouteClass::Hooks),
            ("/git/", None, RouteClass::Page),
            ("/elsewhere", None, RouteClass::Page),
        ] {
            assert_eq!(RouteClass::of("/git", path, query), class, "{path}");
        }
    }
}
