//! The order of the crates and of the folders in them, as data. A new arrow is its own commit with a reason.

/// A crate of ours, and the crates of ours that it may use.
pub struct CrateRow {
    /// Its folder.
    pub folder: &'static str,
    /// Names of packages.
    pub may_use: &'static [&'static str],
}

const fn row(folder: &'static str, may_use: &'static [&'static str]) -> CrateRow {
    CrateRow { folder, may_use }
}

/// From the bottom up: a crate may use only what stands above it in this list.
pub const CRATES: &[CrateRow] = &[
    // Tests of a crate that play the other server are judged by it, too.
    row("tests/contract", &[]),
    row("crates/git-wire", &[]),
    row("crates/stream-cache", &[]),
    row("crates/storage", &[]),
    row("crates/auth", &[]),
    row("crates/api", &[]),
    row("crates/git", &["heliostat-git-wire"]),
    row("crates/git-serve", &["heliostat-git", "heliostat-git-wire", "heliostat-stream-cache"]),
    row("crates/peer", &["heliostat-api", "heliostat-auth"]),
    row("crates/foreign", &["heliostat-auth", "heliostat-git", "heliostat-git-wire", "heliostat-peer"]),
    row("crates/refusal", &["heliostat-auth", "heliostat-storage"]),
    row(
        "crates/downstream",
        &[
            "heliostat-api",
            "heliostat-auth",
            "heliostat-git",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
        ],
    ),
    row(
        "crates/upstream",
        &[
            "heliostat-api",
            "heliostat-auth",
            "heliostat-contract",
            "heliostat-downstream",
            "heliostat-foreign",
            "heliostat-git",
            "heliostat-git-serve",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
        ],
    ),
    row(
        "crates/mirror",
        &[
            "heliostat-api",
            "heliostat-auth",
            "heliostat-contract",
            "heliostat-git",
            "heliostat-git-serve",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
        ],
    ),
    row(
        "crates/origin",
        &[
            "heliostat-foreign",
            "heliostat-git",
            "heliostat-git-serve",
            "heliostat-git-wire",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
        ],
    ),
    row(
        "crates/server",
        &[
            "heliostat-api",
            "heliostat-auth",
            "heliostat-downstream",
            "heliostat-foreign",
            "heliostat-git",
            "heliostat-git-serve",
            "heliostat-mirror",
            "heliostat-origin",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
            "heliostat-upstream",
        ],
    ),
    row("crates/cli", &["heliostat-git", "heliostat-peer", "heliostat-server"]),
    // Turns on the feature that only the drift check needs, in builds of the whole workspace.
    row("tests/emitted_contract", &["heliostat-server"]),
    row("tests/machines", &[]),
    row("tests", &["heliostat-api", "heliostat-auth", "heliostat-contract", "heliostat-machines"]),
    row("tests/fuzz", &["heliostat-git-wire"]),
    row("tests/torture", &["heliostat-machines"]),
    row("xtask", &["heliostat-contract"]),
    // The hash of all refs is measured where nothing else takes time.
    row("xtask/bench", &["heliostat-git-wire"]),
];

/// Something that only some crates may name.
pub struct Confined {
    /// The beginning of its path.
    pub path: &'static str,
    /// The folders of the crates that may.
    pub to: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// Names that stand in some crates only. Crates that are no part of a server may use what they like.
pub const CONFINED: &[Confined] = &[
    Confined {
        path: "sea_orm",
        to: &["crates/storage"],
        reason: "storage is the only crate that names the database library",
    },
    Confined {
        path: "tokio::process",
        to: &["crates/git"],
        reason: "git is the only crate that starts processes in a server",
    },
    Confined {
        path: "poem",
        to: &["crates/api", "crates/server"],
        reason: "the domain knows no HTTP framework",
    },
    Confined {
        path: "poem_openapi",
        to: &["crates/api", "crates/server"],
        reason: "the domain knows no HTTP framework",
    },
];

/// Crates that are no part of a server's library: nothing is confined from them.
pub const UNCONFINED: &[&str] = &[
    "crates/cli",
    "tests",
    "tests/contract",
    "tests/emitted_contract",
    "tests/fuzz",
    "tests/machines",
    "tests/torture",
    "xtask",
    "xtask/bench",
];

/// Something that a crate may neither name nor depend on.
pub struct Barred {
    /// The crate's folder.
    pub krate: &'static str,
    /// Beginnings of paths.
    pub paths: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// What crates must do without.
pub const BARRED: &[Barred] = &[Barred {
    krate: "crates/git-wire",
    paths: &["tokio", "tokio_util", "std::io", "std::fs", "std::net", "std::process", "std::os"],
    reason: "what reads Git's bytes does no I/O, so that anything can be thrown at it",
}];

/// A folder that must not know parts of its crate although they stand below it.
pub struct Apart {
    /// The crate's folder.
    pub krate: &'static str,
    /// The folder below `src`.
    pub folder: &'static str,
    /// The folder in it that may name them.
    pub except: &'static str,
    /// Beginnings of paths from the root of the crate.
    pub paths: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// What folders must do without.
pub const APART: &[Apart] = &[Apart {
    krate: "crates/server",
    folder: "git",
    except: "git/http",
    paths: &["http", "git::http"],
    reason: "who may read and push is decided without HTTP, so that another transport is one more folder: hand back what \
             `git/http` is to note",
}];

/// The folders of a crate, and the files that lie in none, from the top down: each may use those in later rows.
pub struct FolderOrder {
    /// The crate's folder.
    pub krate: &'static str,
    /// What stands side by side does not know each other.
    pub rows: &'static [&'static [&'static str]],
    /// Circles that are known: of these, those in one row do know each other. It may only shrink.
    pub circle: &'static [&'static str],
}

impl FolderOrder {
    /// The row that something stands in, counted from the top.
    pub fn row(&self, room: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.contains(&room))
    }

    /// The order as one line.
    pub fn shown(&self) -> String {
        self.rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>().join(" > ")
    }
}

/// The crates whose folders have an order.
pub const FOLDERS: &[FolderOrder] = &[
    FolderOrder {
        krate: "crates/cli",
        rows: &[
            &["settings"],
            &["command", "completions", "man_pages"],
            &["demo"],
            &["admin", "doctor", "git_setup", "openapi"],
            &["backup", "role", "trash"],
            &["local_git", "options"],
            &["client", "exit_code"],
            &["output"],
        ],
        // Completions and manual pages are commands that describe all commands; each failed call has its exit code, and the
        // client says what was refused in words of the exit codes.
        circle: &["client", "command", "completions", "exit_code", "man_pages"],
    },
    FolderOrder {
        krate: "crates/foreign",
        rows: &[
            &["discovery", "repository_address"],
            &["git_stream", "hooks", "smart_http"],
            &["failed_fetch"],
            &["long_lists", "source"],
            &["listing", "refusal"],
            &["credentials", "provider", "repository_path", "retry_after"],
        ],
        circle: &[],
    },
    FolderOrder {
        krate: "crates/git",
        rows: &[&["service"], &["remote"], &["repository"], &["refs"], &["process"], &["disk", "disk_room"]],
        circle: &[],
    },
    FolderOrder {
        krate: "crates/git-serve",
        rows: &[
            &["answer_request", "bundle_list", "disk"],
            &["as_shown", "forwarded_clone", "object_sizes"],
            &["asking"],
            &["request_body"],
            &["bundle", "compute", "engine", "housekeeping", "prewarm", "served"],
            &["named_objects", "reachability", "still_needed"],
            &["answer", "counters"],
            &["beside_answer", "object_source"],
            &["followed", "piece_bytes"],
        ],
        // The engine owns what works on a served repository, and that is a repository with its engine.
        circle: &["bundle", "compute", "engine", "housekeeping", "prewarm", "served"],
    },
    FolderOrder {
        krate: "crates/git-wire",
        rows: &[&["fetch", "packs"], &["refs"], &["packets"], &["names"]],
        circle: &[],
    },
    FolderOrder {
        krate: "crates/downstream",
        rows: &[
            &["downstream"],
            &["joining"],
            &["members"],
            &["parts"],
            &["delivery"],
            &["calling"],
            &["origin", "permit", "text", "wire"],
        ],
        circle: &[],
    },
    FolderOrder {
        krate: "crates/mirror",
        rows: &[
            &["mirror"],
            &["parts"],
            &["options", "status"],
            &["serving"],
            &["sync"],
            &["inventory"],
            &["access"],
            &["upstream_link"],
            &["refuse"],
        ],
        circle: &[],
    },
    FolderOrder {
        krate: "crates/origin",
        rows: &[
            &["origin"],
            &["status"],
            &["serving"],
            &["reader_access"],
            &["repositories"],
            &["options", "permit"],
        ],
        circle: &[],
    },
    FolderOrder {
        krate: "crates/server",
        rows: &[
            &["emitted_contract", "roles"],
            &["rest"],
            &["git", "hooks"],
            &["documents", "pages"],
            &["metrics"],
            &["wire"],
            &["http"],
            &["client_keys", "contract", "dropped_log_lines", "log_level", "traces"],
        ],
        circle: &[],
    },
    FolderOrder {
        krate: "crates/storage",
        rows: &[
            &["owner", "settings", "watch"],
            &["mirror_store", "origin_store", "upstream_store"],
            &["text_search"],
            &["entities"],
            &[
                "change_count",
                "database",
                "database_counters",
                "location",
                "migrate",
                "pool_size",
                "write_transaction",
            ],
            &["database_unavailable", "error", "migrations", "page", "records"],
            &["ids", "named_value"],
        ],
        // The database owns what opens it, counts its commits and writes to it, and that is done with the database.
        circle: &[
            "change_count",
            "database",
            "database_counters",
            "location",
            "migrate",
            "pool_size",
            "write_transaction",
        ],
    },
    FolderOrder {
        krate: "crates/upstream",
        rows: &[
            &["status"],
            &["upstream"],
            &["following", "origin"],
            &["repositories"],
            &["accounts", "changes"],
            &["webhooks"],
            &["names", "permit"],
        ],
        circle: &[],
    },
];
