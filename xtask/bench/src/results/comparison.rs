//! The same quantity of all servers: what each has, and how many times ours the others' is.

use crate::measuring::samples::Samples;
use crate::results::report::{Bound, Report, Yardstick};
use crate::testbed::{Contender, Standing};

/// What one contender has shown, sample by sample next to the others.
#[derive(Debug, Clone)]
pub struct Series {
    /// Who.
    pub name: String,
    /// What it is in the comparison.
    pub standing: Standing,
    /// Less is better.
    pub samples: Samples,
}

/// What the scoreboard asks for: so many times less than the incumbent.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The line, and what it is about.
    pub name: &'static str,
    /// How many times.
    pub at_least: f64,
}

impl Series {
    /// Without samples.
    pub fn of(contender: &Contender) -> Self {
        Series { name: contender.name.clone(), standing: contender.standing, samples: Samples::default() }
    }
}

/// Tells a quantity of all contenders, and judges ours against the better incumbent.
pub fn compare(report: &mut Report, quantity: &str, unit: &'static str, all: &[Series], goal: Option<Times>) {
    for series in all {
        report.measured(format!("{quantity}: {}", series.name), unit, &series.samples);
    }
    let Some(ours) = all.iter().find(|series| series.standing == Standing::Ours) else {
        return;
    };
    let incumbent = better_incumbent(all);
    for other in
        all.iter().filter(|series| !matches!(series.standing, Standing::Ours | Standing::OursWithToken))
    {
        report.compared(format!("{quantity}: {} / ours", other.name), &other.samples, &ours.samples);
    }
    if let Some(with_token) = all.iter().find(|series| series.standing == Standing::OursWithToken) {
        let name = format!("{quantity}: {} / ours", with_token.name);
        report.compared(name, &with_token.samples, &ours.samples);
        if let Some(incumbent) = incumbent {
            let name = format!("{quantity}: {} / {}", incumbent.name, with_token.name);
            report.compared(name, &incumbent.samples, &with_token.samples);
        }
    }
    let Some(Times { name, at_least }) = goal else {
        return;
    };
    let Some(incumbent) = incumbent else {
        report.goal(name, None, Bound::AtLeast(at_least), "x");
        report
            .notes
            .push(format!("{name}: no incumbent is installed; `cargo xtask bench --install-peers` does it"));
        return;
    };
    let ratio = incumbent.samples.paired_ratio(&ours.samples).median();
    let yardstick = Yardstick {
        name: incumbent.name.clone(),
        value: incumbent.samples.median(),
        ours: ours.samples.median(),
        unit,
    };
    report.goal_against(name, ratio, Bound::AtLeast(at_least), "x", yardstick);
}

/// The incumbent that needs less.
pub fn better_incumbent(all: &[Series]) -> Option<&Series> {
    let incumbents = all.iter().filter(|series| series.standing == Standing::Incumbent);
    let with_medians = incumbents.filter_map(|series| Some((series.samples.median()?, series)));
    with_medians.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, series)| series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, standing: Standing, samples: &[f64]) -> Series {
        Series { name: name.into(), standing, samples: samples.iter().copied().collect() }
    }

    #[test]
    fn ours_is_judged_against_the_better_incumbent() {
        let all = [
            series("ours", Standing::Ours, &[1.0, 2.0, 1.0]),
            series("ours, with a token", Standing::OursWithToken, &[2.0, 2.0, 2.0]),
            series("nginx", Standing::Incumbent, &[60.0, 50.0, 40.0]),
            series("apache", Standing::Incumbent, &[30.0, 90.0, 20.0]),
            series("cache", Standing::Peer, &[1.0, 1.0, 1.0]),
        ];
        let mut report = Report::default();
        let goal = Times { name: "B1 times less CPU", at_least: 30.0 };
        compare(&mut report, "CPU", "s", &all, Some(goal));
        // Pair by pair 30, 45 and 20 times.
        assert_eq!(report.goals[0].measured, Some(30.0));
        assert!(report.goals[0].is_met());
        let yardstick = report.goals[0].yardstick.as_ref().expect("there is one");
        assert_eq!(
            (yardstick.name.as_str(), yardstick.value, yardstick.ours),
            ("apache", Some(30.0), Some(1.0))
        );
        assert_eq!((report.quantities.len(), report.ratios.len()), (5, 5));
        let with_token = &report.ratios[3];
        assert_eq!(with_token.name, "CPU: ours, with a token / ours");
        assert_eq!(with_token.samples.median(), Some(2.0));
    }

    #[test]
    fn without_an_incumbent_no_goal_is_met() {
        let mut report = Report::default();
        let goal = Times { name: "B1", at_least: 30.0 };
        compare(&mut report, "CPU", "s", &[series("ours", Standing::Ours, &[1.0])], Some(goal));
        assert!(!report.goals[0].is_met());
        assert!(report.notes[0].contains("--install-peers"));
    }
}
