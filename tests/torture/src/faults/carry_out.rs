//! One fault, from its beginning until the server runs again as it did before.

use std::time::{Duration, Instant};

use anyhow::Context;
use heliostat_machines::{Shortage, StopMoment};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Fault;
use crate::farm::{Mode, Node};

/// What a server does with files of these names it does in steps, before each of which it may be killed.
const FAIL_POINTS: [&str; 9] =
    ["packed-refs", ".pack", ".idx", ".lock", "incoming", "tmp_", "heliostat.db-wal", "HEAD", "trash"];
/// So many such steps go by before.
const MOST_STEPS: u64 = 40;
/// So many changes of a disk go by before a power cut.
const MOST_CHANGES: u64 = 1500;
/// A moment that has not come by then is not waited for.
const MOMENT_PATIENCE: Duration = Duration::from_secs(6);
/// The farthest that a clock jumps.
const FARTHEST_JUMP_SECONDS: i64 = 900;
const PAUSE: Duration = Duration::from_millis(5);

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// In a few words.
    pub what: String,
    /// When the server was started again on a disk that has forgotten something, if it has.
    pub forgot_before: Option<Instant>,
}

/// Does it to a server. An error says that the server does not come up again.
pub fn carry_out(fault: Fault, node: &mut Node, chance: &mut StdRng) -> anyhow::Result<Done> {
    let mut forgot_before = None;
    let what = match fault {
        Fault::Kill => kill(node, chance)?,
        Fault::FailPoint => fail_point(node, chance)?,
        Fault::PowerCut => {
            cut_power(node, chance);
            forgot_before = Some(Instant::now());
            let took = node.start().context("after a power cut")?;
            format!("power cut, up in {} ms", took.as_millis())
        }
        Fault::DiskFull => fill(node, Shortage::Bytes, chance),
        Fault::InodesOut => fill(node, Shortage::Names, chance),
        Fault::ClockJump => jump(node, chance),
        Fault::Hang => {
            node.hang();
            let time = sleep(chance, 200..3_000);
            node.go_on();
            format!("hung for {time} ms")
        }
        Fault::LineCut => {
            let mode = if chance.random_bool(0.5) { Mode::Refusing } else { Mode::Silent };
            node.set_line(mode);
            let time = sleep(chance, 300..6_000);
            node.set_line(Mode::Good);
            format!("line {mode:?} for {time} ms")
        }
        Fault::FaultyLine => {
            node.set_line(Mode::Faulty);
            let time = sleep(chance, 1_000..6_000);
            node.set_line(Mode::Good);
            format!("line faulty for {time} ms")
        }
        Fault::DatabaseCut => {
            let time = match node.database_line() {
                Some(line) => {
                    line.cut();
                    let time = sleep(chance, 200..4_000);
                    line.mend();
                    time
                }
                None => 0,
            };
            format!("database away for {time} ms")
        }
    };
    Ok(Done { what, forgot_before })
}

fn kill(node: &mut Node, chance: &mut StdRng) -> anyhow::Result<String> {
    let with_children = chance.random_bool(0.5);
    if with_children {
        node.kill_with_children();
    } else {
        node.kill();
    }
    let time = sleep(chance, 0..1_500);
    let took = node.start().context("after a kill")?;
    let whom = if with_children { "with its children" } else { "alone" };
    Ok(format!("killed {whom}, away for {time} ms, up in {} ms", took.as_millis()))
}

fn fail_point(node: &mut Node, chance: &mut StdRng) -> anyhow::Result<String> {
    let name = FAIL_POINTS[chance.random_range(0..FAIL_POINTS.len())];
    let steps = chance.random_range(0..MOST_STEPS);
    let moment = StopMoment::after_changes(steps).of_names_with(name);
    let came = stop_at(node, moment);
    node.kill_with_children();
    restore(node);
    let took = node.start().with_context(|| format!("after a kill before step {steps} with {name}"))?;
    let moment = if came { "before" } else { "while waiting for" };
    Ok(format!("killed {moment} step {steps} with {name}, up in {} ms", took.as_millis()))
}

/// The power goes at some change of the disk, and is back.
fn cut_power(node: &mut Node, chance: &mut StdRng) {
    let changes = chance.random_range(0..MOST_CHANGES);
    let moment = StopMoment::after_changes(changes).without_power(StdRng::seed_from_u64(chance.random()));
    if !stop_at(node, moment)
        && let Some(disk) = &node.disk
    {
        disk.cut_power(chance);
    }
    node.kill_with_children();
    restore(node);
}

/// Waits until the machine has stopped; whether it has.
fn stop_at(node: &Node, moment: StopMoment) -> bool {
    let Some(disk) = &node.disk else { return false };
    let before = disk.cuts();
    disk.stop_at(moment);
    let started = Instant::now();
    while disk.cuts() == before {
        if started.elapsed() > MOMENT_PATIENCE {
            return disk.stop_no_more();
        }
        std::thread::sleep(PAUSE);
    }
    true
}

fn restore(node: &mut Node) {
    if let Some(disk) = &mut node.disk {
        disk.restore_power();
    }
}

fn fill(node: &Node, shortage: Shortage, chance: &mut StdRng) -> String {
    if let Some(disk) = &node.disk {
        disk.fill(shortage);
    }
    let time = sleep(chance, 300..5_000);
    if let Some(disk) = &node.disk {
        disk.make_room();
    }
    format!("no room for {shortage:?} for {time} ms")
}

fn jump(node: &Node, chance: &mut StdRng) -> String {
    let seconds = chance.random_range(-FARTHEST_JUMP_SECONDS..=FARTHEST_JUMP_SECONDS);
    let shift = |seconds: i64| {
        if let Some(clock) = &node.clock {
            clock.shift(seconds);
        }
    };
    shift(seconds);
    let time = sleep(chance, 500..5_000);
    shift(0);
    format!("clock off by {seconds} s for {time} ms")
}

/// Pauses for as many milliseconds as chance will have it.
fn sleep(chance: &mut StdRng, milliseconds: std::ops::Range<u64>) -> u64 {
    let time = chance.random_range(milliseconds);
    std::thread::sleep(Duration::from_millis(time));
    time
}
