//! Values that unit tests start from.

use heliostat_api::models::{RefChangeType, RefType, RestMinimalRef, RestRefChange, RestRefsChangedEvent};
use heliostat_auth::{Caller, GlobalPermission, UserIdentity};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    Generation, MirrorServer, MirrorType, Project, ProjectId, ProjectKind, PurgeOrders, Repository,
    RepositoryFormat, RepositoryId, RepositoryState,
};

use crate::delivery::REFS_CHANGED;
use crate::wire;

/// A project.
pub fn project() -> Project {
    Project {
        id: ProjectId(3),
        key: "APP".into(),
        name: "App".into(),
        description: None,
        public: false,
        kind: ProjectKind::Normal,
    }
}

/// A repository in [`project`].
pub fn repository() -> Repository {
    Repository {
        id: RepositoryId(42),
        project: project(),
        slug: "engine".into(),
        name: "Engine".into(),
        description: None,
        hierarchy_id: "0123456789abcdef0123".into(),
        identity: "5d1c3c9e-8d7a-4f0b-9a55-0f6f4be2d0a1".into(),
        public: false,
        forkable: true,
        archived: false,
        state: RepositoryState::Available,
        default_branch: "refs/heads/main".into(),
        object_format: RepositoryFormat::Sha1,
        generation: Generation(7),
        content_hash: "ab".repeat(32),
        metadata_hash: "cd".repeat(32),
        purge: PurgeOrders::default(),
        created_at: 1_764_000_000_000,
        updated_at: 1_764_000_000_000,
    }
}

/// The event of pushes to [`repository`] that lead from one generation to another.
pub fn refs_changed(from: i64, to: i64, changes: Vec<RestRefChange>) -> RestRefsChangedEvent {
    RestRefsChangedEvent {
        event_key: REFS_CHANGED.to_owned(),
        date: None,
        actor: None,
        generation: Some(to),
        content_hash: Some(format!("hash{to}")),
        metadata_hash: None,
        repository: wire::enriched_repository("https://git.example.com", &repository(), true),
        from_generation: Some(from),
        changes: Some(changes),
        ref_limit_exceeded: None,
        packs: None,
    }
}

/// A branch that was moved.
pub fn ref_change(name: &str, from: &str, to: &str) -> RestRefChange {
    RestRefChange {
        reference: RestMinimalRef { id: name.to_owned(), display_id: name.to_owned(), kind: RefType::Branch },
        ref_id: name.to_owned(),
        from_hash: from.to_owned(),
        to_hash: to.to_owned(),
        kind: RefChangeType::Update,
    }
}

/// A mirror below a context path.
pub fn mirror() -> MirrorServer {
    let base_url = "https://mirror.example.com/eu";
    let resource =
        format!("{base_url}/rest/mirroring/latest/upstreamServers/148728f5-df0f-3f3e-af11-0f4b3b1c9a51");
    MirrorServer {
        id: "B0F5-CS21-45C2-CCK3".into(),
        name: "Mirror".into(),
        base_url: base_url.into(),
        enabled: true,
        mirror_type: MirrorType::Single,
        product_type: None,
        product_version: "0.1.0".into(),
        descriptor_uri: format!("{resource}/addon/descriptor"),
        events_url: format!("{resource}/addon/events"),
        uninstalled_url: Some(format!("{resource}/addon/uninstalled")),
        shared_secret: "5ec7e7".into(),
        client_key: "heliostat-AAAA-BBBB-CCCC-DDDD".into(),
        last_seen_at: None,
        created_at: 1_764_000_000_000,
        chosen_projects: None,
        addon_key: None,
    }
}

/// A user with this global permission.
pub fn user(global: Option<GlobalPermission>) -> Caller {
    Caller::User(UserIdentity {
        id: 7,
        name: "ada".into(),
        slug: "ada".into(),
        display_name: "Ada".into(),
        global,
    })
}

/// Which of one caller of each kind a rule lets pass.
pub fn who_passes<T>(rule: impl Fn(&Caller) -> Result<T, Refusal>) -> Vec<&'static str> {
    let callers = [
        ("anonymous", Caller::Anonymous),
        ("user", user(Some(GlobalPermission::LicensedUser))),
        ("creator", user(Some(GlobalPermission::ProjectCreate))),
        ("admin", user(Some(GlobalPermission::Admin))),
        ("sysadmin", user(Some(GlobalPermission::SysAdmin))),
        ("mirror", Caller::Mirror { id: "AAAA-BBBB-CCCC-DDDD".into() }),
    ];
    callers.into_iter().filter(|(_, caller)| rule(caller).is_ok()).map(|(name, _)| name).collect()
}
