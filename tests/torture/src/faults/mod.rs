//! What is done to servers: chosen by chance, carried out one after another, and over when the next one begins.

mod carry_out;

use clap::ValueEnum;
use rand::RngExt;
use rand::rngs::StdRng;

pub use carry_out::carry_out;

use crate::farm::Node;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// `kill -9` of a server; what it has started lives on, or ends with it.
    Kill,
    /// `kill -9` before a certain step with a certain file.
    FailPoint,
    /// The power goes, and the disk forgets what was not synced.
    PowerCut,
    /// The disk is full for a while.
    DiskFull,
    /// The inodes are used up for a while.
    InodesOut,
    /// The time of day jumps, and back after a while.
    ClockJump,
    /// A server stands still for a while.
    Hang,
    /// Other servers cannot reach it for a while.
    LineCut,
    /// What other servers say to it is delayed, lost, repeated, reordered, cut or reset, meanwhile and beside all else.
    FaultyLine,
    /// The connection to the database breaks for a while; a file has none.
    DatabaseCut,
}

impl Fault {
    /// Whether it can be done to this server.
    fn is_possible(self, node: &Node) -> bool {
        match self {
            Fault::FailPoint | Fault::PowerCut | Fault::DiskFull | Fault::InodesOut => node.disk.is_some(),
            Fault::ClockJump => node.clock.is_some(),
            Fault::DatabaseCut => node.database_line().is_some(),
            Fault::Kill | Fault::Hang | Fault::LineCut | Fault::FaultyLine => true,
        }
    }

    /// One of these kinds, for one of these servers; `None` when none is possible.
    pub fn choose(kinds: &[Fault], nodes: &[Node], chance: &mut StdRng) -> Option<(Fault, usize)> {
        let victim = chance.random_range(0..nodes.len());
        let possible: Vec<Fault> =
            kinds.iter().copied().filter(|kind| kind.is_possible(&nodes[victim])).collect();
        if possible.is_empty() {
            return None;
        }
        Some((possible[chance.random_range(0..possible.len())], victim))
    }
}
