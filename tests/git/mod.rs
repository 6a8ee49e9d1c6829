//! What must hold for every client: it gets exactly what `git upload-pack` would have given it.
//!
//! `scene` puts one repository with everything on an upstream, its mirror, and before the judge; `client_story` tells
//! what a client does and holds in the end. Then real clients (`clones`, `fetches`, `negotiation`, `many_references`,
//! `odd_repositories`), requests by hand (`requests_by_hand`, `malformed_requests`), and clients that leave
//! (`disconnects`), dawdle (`slow_clients`), stand in the way or guess (`fair_turns`). `unreachable` asks for what no
//! reference leads to, `missing_wants` a mirror for what only its upstream gives. `killed_processes` kills what answers them. `shared_answers` counts how often an answer was computed,
//! `pushes` what a push costs, and `progress` shows what people see meanwhile.

mod client_story;
mod clones;
mod disconnects;
mod fair_turns;
mod fetches;
mod killed_processes;
mod malformed_requests;
mod many_references;
mod missing_wants;
mod negotiation;
mod odd_repositories;
mod progress;
mod pushes;
mod requests_by_hand;
mod scene;
mod server_process;
mod shared_answers;
mod slow_clients;
mod unreachable;
