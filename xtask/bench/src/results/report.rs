//! What a benchmark found: measured quantities, ratios to a yardstick, goals; for people and as JSON.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::measuring::samples::{Samples, shown};

/// Percentiles are told of series at least this long.
const MIN_SAMPLES_FOR_PERCENTILES: usize = 50;

/// What a benchmark found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What was set up, in a sentence.
    pub setting: String,
    /// What was measured.
    pub quantities: Vec<Quantity>,
    /// How ours compares with a yardstick.
    pub ratios: Vec<Quantity>,
    /// What the scoreboard asks for.
    pub goals: Vec<Goal>,
    /// What the reader of the numbers must know.
    pub notes: Vec<String>,
}

/// A measured quantity.
#[derive(Debug)]
pub struct Quantity {
    /// What it is.
    pub name: String,
    /// In what unit.
    pub unit: &'static str,
    /// The samples.
    pub samples: Samples,
}

/// What the scoreboard asks for, and whether this run met it.
#[derive(Debug)]
pub struct Goal {
    /// What is asked for.
    pub name: String,
    /// The value of this run, if there is one.
    pub measured: Option<f64>,
    /// Where it must lie.
    pub bound: Bound,
    /// In what unit.
    pub unit: &'static str,
    /// What the value is a ratio to, if it is one.
    pub yardstick: Option<Yardstick>,
}

/// What ours was compared with.
#[derive(Debug, Clone, Serialize)]
pub struct Yardstick {
    /// Who it is.
    pub name: String,
    /// Its median.
    pub value: Option<f64>,
    /// The median of ours.
    pub ours: Option<f64>,
    /// In what unit.
    pub unit: &'static str,
}

/// Where a value must lie.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
}

impl Report {
    /// Adds a measured quantity.
    pub fn measured(&mut self, name: impl Into<String>, unit: &'static str, samples: &Samples) {
        self.quantities.push(Quantity { name: name.into(), unit, samples: samples.clone() });
    }

    /// Adds how many times the yardstick's value is ours.
    pub fn compared(&mut self, name: impl Into<String>, yardstick: &Samples, ours: &Samples) -> Samples {
        let samples = yardstick.paired_ratio(ours);
        self.ratios.push(Quantity { name: name.into(), unit: "x", samples: samples.clone() });
        samples
    }

    /// Adds a goal.
    pub fn goal(&mut self, name: &str, measured: Option<f64>, bound: Bound, unit: &'static str) {
        self.goals.push(Goal { name: name.into(), measured, bound, unit, yardstick: None });
    }

    /// Adds a goal that is a ratio to something that was measured too.
    pub fn goal_against(
        &mut self,
        name: &str,
        measured: Option<f64>,
        bound: Bound,
        unit: &'static str,
        yardstick: Yardstick,
    ) {
        self.goals.push(Goal { name: name.into(), measured, bound, unit, yardstick: Some(yardstick) });
    }
}

impl Goal {
    /// Whether this run met it; a run without a value did not.
    pub fn is_met(&self) -> bool {
        match (self.measured, self.bound) {
            (None, _) => false,
            (Some(measured), Bound::AtMost(bound)) => measured <= bound,
            (Some(measured), Bound::AtLeast(bound)) => measured >= bound,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "   {}", self.setting)?;
        for quantity in self.quantities.iter().chain(&self.ratios) {
            writeln!(formatter, "   {quantity}")?;
        }
        for goal in &self.goals {
            writeln!(formatter, "   {goal}")?;
        }
        for note in &self.notes {
            writeln!(formatter, "   note: {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quantity { name, unit, samples } = self;
        let text = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), shown);
        let (median, min, max) = (text(samples.median()), text(samples.min()), text(samples.max()));
        write!(formatter, "{name:<76} {median:>8} {unit:<7} ({min}\u{2013}{max}")?;
        if samples.len() >= MIN_SAMPLES_FOR_PERCENTILES {
            write!(formatter, ", p99 {}", text(samples.percentile(99)))?;
        }
        write!(formatter, ", n={})", samples.len())
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, bound) = match self.bound {
            Bound::AtMost(bound) => ("at most", bound),
            Bound::AtLeast(bound) => ("at least", bound),
        };
        let verdict = if self.is_met() { "MET" } else { "NOT MET" };
        let measured = self.measured.map_or_else(|| "nothing".to_owned(), shown);
        let Goal { name, unit, .. } = self;
        write!(formatter, "goal: {name} {word} {} {unit}: {measured}, {verdict} in this run", shown(bound))
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            name: &'a str,
            unit: &'a str,
            median: Option<f64>,
            min: Option<f64>,
            max: Option<f64>,
            p99: Option<f64>,
            samples: &'a Samples,
        }
        let Quantity { name, unit, samples } = self;
        let (median, min, max) = (samples.median(), samples.min(), samples.max());
        Form { name, unit, median, min, max, p99: samples.percentile(99), samples }.serialize(serializer)
    }
}

impl Serialize for Goal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Form<'a> {
            name: &'a str,
            unit: &'a str,
            measured: Option<f64>,
            at_most: Option<f64>,
            at_least: Option<f64>,
            met: bool,
            yardstick: &'a Option<Yardstick>,
        }
        let (at_most, at_least) = match self.bound {
            Bound::AtMost(bound) => (Some(bound), None),
            Bound::AtLeast(bound) => (None, Some(bound)),
        };
        let Goal { name, unit, measured, yardstick, .. } = self;
        let met = self.is_met();
        Form { name, unit, measured: *measured, at_most, at_least, met, yardstick }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report { setting: "One machine.".into(), ..Report::default() };
        let (ours, yardstick) = ([2.0, 4.0, 1.0], [4.0, 20.0, 1.0]);
        let (ours, yardstick) = (ours.into_iter().collect(), yardstick.into_iter().collect());
        report.measured("wall, ours", "s", &ours);
        let ratio = report.compared("yardstick / ours", &yardstick, &ours);
        report.goal("times faster", ratio.median(), Bound::AtLeast(1.5), "x");
        report.goal("p99", ours.percentile(99), Bound::AtMost(3.0), "s");
        report
    }

    #[test]
    fn goals_are_judged() {
        let met: Vec<bool> = report().goals.iter().map(Goal::is_met).collect();
        assert_eq!(met, [true, false]);
    }

    #[test]
    fn people_see_median_and_spread() {
        let text = report().to_string();
        assert!(text.contains("2.00 s       (1.00\u{2013}4.00, n=3)"), "{text}");
        assert!(text.contains("goal: p99 at most 3.00 s: 4.00, NOT MET in this run"), "{text}");
    }

    #[test]
    fn programs_see_the_samples_too() {
        let json = serde_json::to_value(report()).expect("it is JSON");
        assert_eq!(json["quantities"][0]["samples"][1], 4.0);
        assert_eq!(json["ratios"][0]["median"], 2.0);
        assert_eq!(json["goals"][0]["met"], true);
    }
}
