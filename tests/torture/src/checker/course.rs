//! The changes of one reference, in the order in which its one client asked for them, and what reads of it can show.

use std::collections::HashMap;

use crate::history::{Asked, Ending, Moment};

/// Changes of a reference that a finding shows.
const SHOWN_STEPS: usize = 6;

/// The changes of one reference.
#[derive(Debug, Default)]
pub(super) struct Course {
    steps: Vec<Asked<Option<String>>>,
    by_target: HashMap<String, usize>,
}

impl Course {
    pub(super) fn add(&mut self, step: Asked<Option<String>>) {
        // Step 0 is that there is no such reference yet.
        if let Some(target) = &step.change {
            self.by_target.insert(target.clone(), self.steps.len() + 1);
        }
        self.steps.push(step);
    }

    /// The step that shows this target, the earliest that is not before `least` if several do.
    pub(super) fn step_of(
        &self,
        target: Option<&String>,
        least: usize,
        answered: Moment,
    ) -> Result<usize, &'static str> {
        let Some(target) = target else {
            let can_be = |step: &Asked<Option<String>>| {
                step.change.is_none() && step.ending != Ending::Refused && step.asked <= answered
            };
            if least == 0 {
                return Ok(0);
            }
            let later = self.steps.iter().enumerate().skip(least - 1).find(|(_, step)| can_be(step));
            return Ok(later.map_or(0, |(number, _)| number + 1));
        };
        let number = *self.by_target.get(target).ok_or("leads where it was never pushed to")?;
        let step = &self.steps[number - 1];
        if step.asked > answered {
            return Err("leads where it was pushed to only afterwards");
        }
        if step.ending == Ending::Refused {
            return Err("leads where a refused push would have had it");
        }
        Ok(number)
    }

    /// The newest step that shows the same target as this one: each deletion shows the same.
    pub(super) fn newest_of(&self, target: Option<&String>, step: usize, answered: Moment) -> usize {
        if target.is_some() {
            return step;
        }
        let shows_it = |step: &Asked<Option<String>>| {
            step.change.is_none() && step.ending != Ending::Refused && step.asked <= answered
        };
        self.steps.iter().rposition(shows_it).map_or(step, |number| number + 1)
    }

    /// Whether what once led to this target may have been deleted since, by a moment.
    pub(super) fn loses(&self, target: &str, moment: Moment) -> bool {
        let is_deletion = |step: &Asked<Option<String>>| {
            step.change.is_none() && step.ending != Ending::Refused && step.asked <= moment
        };
        self.by_target.get(target).is_some_and(|number| self.steps[*number..].iter().any(is_deletion))
    }

    /// Whether what once led to this target may lead elsewhere since, by a moment.
    pub(super) fn leaves(&self, target: &str, moment: Moment) -> bool {
        let can_be = |step: &Asked<Option<String>>| step.ending != Ending::Refused && step.asked <= moment;
        self.by_target.get(target).is_some_and(|number| self.steps[*number..].iter().any(can_be))
    }

    /// The newest step that was acknowledged before a moment.
    pub(super) fn acknowledged_before(&self, moment: Moment) -> usize {
        let is_known =
            |step: &Asked<Option<String>>| step.ending == Ending::Acknowledged && step.ended < moment;
        self.steps.iter().rposition(is_known).map_or(0, |number| number + 1)
    }

    /// When the first step after this one was acknowledged.
    pub(super) fn acknowledged_after(&self, step: usize) -> Moment {
        let later = self.steps.iter().skip(step).find(|step| step.ending == Ending::Acknowledged);
        later.map_or(Moment::MAX, |step| step.ended)
    }

    /// Its last steps, for a finding.
    pub(super) fn shown(&self) -> String {
        let last = self.steps.len().saturating_sub(SHOWN_STEPS);
        let steps = self.steps[last..].iter().map(|step| {
            let target = step.change.as_deref().map_or("deleted", |target| &target[..target.len().min(10)]);
            let (asked, ended) = (step.asked.as_secs_f64(), step.ended.as_secs_f64());
            format!("{target} {:?} {asked:.3}-{ended:.3}", step.ending)
        });
        format!("pushed: {}", steps.collect::<Vec<_>>().join(", "))
    }
}
