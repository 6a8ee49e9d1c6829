//! Projects and repositories of the upstream.

use serde_json::Value;

use crate::ids::{Generation, ProjectId, RepositoryId, RepositoryIdentity, UserId};
use crate::named_value::named_values;

named_values! {
    /// Whom a project belongs to.
    ProjectKind {
        /// A team.
        Normal = "NORMAL",
        /// One user.
        Personal = "PERSONAL",
    }
}

named_values! {
    /// Whether a repository can be used.
    RepositoryState {
        /// It can be used.
        Available = "AVAILABLE",
        /// It is being created.
        Initialising = "INITIALISING",
        /// It could not be created.
        InitialisationFailed = "INITIALISATION_FAILED",
        /// It was taken out of use.
        Offline = "OFFLINE",
    }
}

named_values! {
    /// The hash by which git names the objects of a repository.
    RepositoryFormat {
        /// What git uses unless it is told otherwise.
        Sha1 = "sha1",
        /// The newer one.
        Sha256 = "sha256",
    }
}

/// Whose view of projects and repositories is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everything, for administrators.
    All,
    /// Everything that was announced, for mirrors: a repository that is being created may yet come to nothing, and one
    /// whose creation was interrupted does.
    Announced,
    /// What is public and what this user was granted.
    User(UserId),
    /// Only what is public.
    Public,
}

/// What a repository must be to be found; `None` asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositorySearch {
    /// Part of its name, without regard to case.
    pub name: Option<String>,
    /// Part of its project's name, without regard to case.
    pub project_name: Option<String>,
    /// Its project's key, in whatever case.
    pub project_key: Option<String>,
    /// Whether anonymous users may read it, by itself or by its project.
    pub public: Option<bool>,
}

/// Which projects a user may do something with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectsHeld {
    /// Who; `None` is a user without any permission.
    pub user: Option<UserId>,
    /// The names of the permissions of which one must be granted.
    pub permissions: Vec<&'static str>,
    /// Whether public projects count as well.
    pub or_public: bool,
}

/// A project of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Never used again for another project.
    pub id: ProjectId,
    /// Upper-case key, part of URLs.
    pub key: String,
    /// The name to show; compared without regard to case.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether anonymous users may read all of its repositories.
    pub public: bool,
    /// Team or user.
    pub kind: ProjectKind,
}

/// A project to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    /// The key; stored in upper case.
    pub key: String,
    /// The name to show.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether anonymous users may read all of its repositories.
    pub public: bool,
    /// Team or user.
    pub kind: ProjectKind,
}

/// What to change of a project; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectUpdate {
    /// The key; stored in upper case.
    pub key: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// What it is for; empty removes it.
    pub description: Option<String>,
    /// Whether anonymous users may read all of its repositories.
    pub public: Option<bool>,
}

/// Orders to remove what no ref of a repository leads to, and how far the latest is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurgeOrders {
    /// How many there were.
    pub number: i64,
    /// When the latest was given, in epoch milliseconds.
    pub ordered_at: Option<i64>,
    /// The newest that this server has carried out.
    pub done: i64,
    /// When it had, in epoch milliseconds.
    pub done_at: Option<i64>,
}

/// A repository of the upstream, with the project that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Never used again for another repository.
    pub id: RepositoryId,
    /// The project that it is in.
    pub project: Project,
    /// Lower-case name in URLs, unique in the project.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Twenty hex digits shared by a repository and its forks.
    pub hierarchy_id: String,
    /// What tells it from every other repository, also one that got its id after a backup was restored.
    pub identity: RepositoryIdentity,
    /// Whether anonymous users may read it, even if the project is not public.
    pub public: bool,
    /// Whether forks are allowed.
    pub forkable: bool,
    /// Whether it is read-only for good.
    pub archived: bool,
    /// Whether it can be used.
    pub state: RepositoryState,
    /// Full name of the ref that HEAD points to.
    pub default_branch: String,
    /// The hash by which its objects are named.
    pub object_format: RepositoryFormat,
    /// How many times its refs have changed.
    pub generation: Generation,
    /// Hash over its refs at that generation.
    pub content_hash: String,
    /// Hash over what else is known about it.
    pub metadata_hash: String,
    /// Orders to remove what no ref leads to.
    pub purge: PurgeOrders,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
}

/// A repository to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRepository {
    /// The project to create it in.
    pub project_id: ProjectId,
    /// The name in URLs; stored in lower case.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Twenty hex digits shared by a repository and its forks.
    pub hierarchy_id: String,
    /// What tells it from every other repository, also one that got its id after a backup was restored.
    pub identity: RepositoryIdentity,
    /// Whether anonymous users may read it.
    pub public: bool,
    /// Whether forks are allowed.
    pub forkable: bool,
    /// Whether it can be used already.
    pub state: RepositoryState,
    /// Full name of the ref that HEAD points to.
    pub default_branch: String,
    /// The hash by which its objects are named.
    pub object_format: RepositoryFormat,
    /// Hash over its refs.
    pub content_hash: String,
    /// Epoch milliseconds.
    pub created_at: i64,
}

/// What to change of a repository; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryUpdate {
    /// The project to move it to.
    pub project_id: Option<ProjectId>,
    /// The name in URLs; stored in lower case.
    pub slug: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// What it is for; empty removes it.
    pub description: Option<String>,
    /// Whether anonymous users may read it.
    pub public: Option<bool>,
    /// Whether forks are allowed.
    pub forkable: Option<bool>,
    /// Whether it is read-only for good.
    pub archived: Option<bool>,
    /// Whether it can be used.
    pub state: Option<RepositoryState>,
    /// Full name of the ref that HEAD points to.
    pub default_branch: Option<String>,
    /// The hash by which its objects are named, where it was recorded wrongly.
    pub object_format: Option<RepositoryFormat>,
}

/// A change of a repository's refs that has happened on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefChangeRecord {
    /// Which repository.
    pub repository_id: RepositoryId,
    /// The generation before the change.
    pub expected_generation: Generation,
    /// Hash over the refs after it.
    pub content_hash: String,
    /// Full name of the default branch, if that changed too.
    pub default_branch: Option<String>,
    /// Hash over what else is known about the repository, if that changed too.
    pub metadata_hash: Option<String>,
    /// The changed refs as a JSON list, if they are known and not too many. They are kept for a while if the
    /// repository has webhooks, to tell what a mirror has gained that reports later.
    pub changes: Option<Value>,
    /// Epoch milliseconds.
    pub changed_at: i64,
}

/// The hashes of one repository, as a mirror compares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryHashes {
    /// The project that it is in.
    pub project_id: ProjectId,
    /// Whether that project is public.
    pub project_public: bool,
    /// Which repository.
    pub repository_id: RepositoryId,
    /// What tells it from a repository that had this id before.
    pub identity: RepositoryIdentity,
    /// How many times its refs have changed.
    pub generation: Generation,
    /// Hash over its refs.
    pub content_hash: String,
    /// Hash over what else is known about it.
    pub metadata_hash: String,
}

/// What mirrors compare of a repository to find out whether they know it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedRepository {
    /// Which repository.
    pub id: RepositoryId,
    /// The project that it is in.
    pub project_id: ProjectId,
    /// The name in URLs.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// Whether all callers may read it.
    pub public: bool,
    /// Full name of the default branch.
    pub default_branch: String,
    /// What tells it from a repository that had this id before.
    pub identity: RepositoryIdentity,
    /// How many times its refs have changed.
    pub generation: Generation,
    /// Hash over its refs.
    pub content_hash: String,
    /// Hash over what else is known about it.
    pub metadata_hash: String,
    /// How many times it was ordered to remove what no ref leads to.
    pub purge_number: i64,
}
