//! The goals of a run as a table for a document that people read: its head, and rows as they come.

use std::fmt::Write;

use crate::measuring::samples::shown;
use crate::results::machine::Machine;
use crate::results::report::{Bound, Goal, Report};

/// The date, the machine, the command, and the names of the columns.
pub fn head(machine: &Machine, command: &[String]) -> String {
    let Machine { date, commit, processor, cores, memory_mib, kernel, git, .. } = machine;
    let day = date.split('T').next().unwrap_or_default();
    format!(
        "{day}, commit {commit}: {cores} cores of {processor}, {:.0} GiB, Linux {kernel}, {git}.\n\n\
         ```\ncargo xtask bench {}\n```\n\n\
         | | what | incumbent | ours | found | goal | met |\n|---|---|---|---|---|---|---|\n",
        *memory_mib as f64 / 1024.0,
        command.join(" "),
    )
}

/// A row for each goal of a benchmark.
pub fn rows(report: &Report) -> String {
    report.goals.iter().map(row).collect()
}

fn row(goal: &Goal) -> String {
    let (line, what) = goal.name.split_once(' ').unwrap_or(("", &goal.name));
    let value = |value: Option<f64>, unit: &str| match value {
        Some(value) => format!("{}{}{unit}", shown(value), if unit == "x" { "" } else { " " }),
        None => "-".to_owned(),
    };
    let (incumbent, ours) = match &goal.yardstick {
        Some(yardstick) => (
            format!("{} ({})", value(yardstick.value, yardstick.unit), yardstick.name),
            value(yardstick.ours, yardstick.unit),
        ),
        None => ("-".to_owned(), "-".to_owned()),
    };
    let bound = match goal.bound {
        Bound::AtMost(bound) => format!("at most {}", value(Some(bound), goal.unit)),
        Bound::AtLeast(bound) => format!("at least {}", value(Some(bound), goal.unit)),
    };
    let mut row = String::new();
    let met = if goal.is_met() { "yes" } else { "**no**" };
    let found = value(goal.measured, goal.unit);
    let _ = writeln!(row, "| {line} | {what} | {incumbent} | {ours} | {found} | {bound} | {met} |");
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::report::Yardstick;

    #[test]
    fn a_row_has_everything_that_is_known() {
        let yardstick =
            Yardstick { name: "apache".into(), value: Some(0.406), ours: Some(0.0101), unit: "s" };
        let mut goal = Goal {
            name: "B1 hot full clone".into(),
            measured: Some(40.2),
            bound: Bound::AtLeast(30.0),
            unit: "x",
            yardstick: Some(yardstick),
        };
        let expected =
            "| B1 | hot full clone | 0.406 s (apache) | 0.0101 s | 40.2x | at least 30.0x | yes |\n";
        assert_eq!(row(&goal), expected);
        goal.yardstick = None;
        goal.measured = None;
        assert_eq!(row(&goal), "| B1 | hot full clone | - | - | - | at least 30.0x | **no** |\n");
    }
}
