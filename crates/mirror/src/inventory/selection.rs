//! Which projects of the upstream are mirrored.

use std::collections::BTreeSet;

use heliostat_refusal::Refusal;
use heliostat_storage::{MirroringMode, UpstreamSettings};

/// The longest project id, in digits: ids are 32-bit integers.
const MAX_PROJECT_ID_DIGITS: usize = 10;

/// How many projects can be selected.
const MAX_SELECTED_PROJECTS: usize = 10_000;

/// The longest name of a mode that is repeated in a refusal, in characters.
const MAX_ECHOED_CHARACTERS: usize = 32;

/// The mode and the list of selected projects; the list is kept while everything is mirrored, so that an
/// administrator can switch back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Whether the list counts.
    pub(crate) mode: MirroringMode,
    /// The upstream's ids of the selected projects.
    pub(crate) project_ids: BTreeSet<String>,
}

impl Default for Selection {
    fn default() -> Self {
        Self { mode: MirroringMode::AllProjects, project_ids: BTreeSet::new() }
    }
}

impl From<UpstreamSettings> for Selection {
    fn from(settings: UpstreamSettings) -> Self {
        Self { mode: settings.mode, project_ids: settings.project_ids.into_iter().collect() }
    }
}

impl From<&Selection> for UpstreamSettings {
    fn from(selection: &Selection) -> Self {
        Self { mode: selection.mode, project_ids: selection.project_ids.iter().cloned().collect() }
    }
}

impl Selection {
    /// What the upstream says that was chosen.
    pub(crate) fn chosen(settings: &UpstreamSettings) -> Result<Self, Refusal> {
        Ok(Self { mode: settings.mode, project_ids: parse_project_ids(&settings.project_ids)? })
    }

    /// Whether repositories of this project are mirrored.
    pub(crate) fn covers(&self, project_id: &str) -> bool {
        match self.mode {
            MirroringMode::AllProjects => true,
            MirroringMode::SelectedProjects => self.project_ids.contains(project_id),
        }
    }

    /// Whether everything that another selection covers is covered by this one.
    pub(crate) fn covers_all_of(&self, other: &Self) -> bool {
        match (self.mode, other.mode) {
            (MirroringMode::AllProjects, _) => true,
            (MirroringMode::SelectedProjects, MirroringMode::AllProjects) => false,
            (MirroringMode::SelectedProjects, MirroringMode::SelectedProjects) => {
                other.project_ids.is_subset(&self.project_ids)
            }
        }
    }

    /// What this selection and another one both cover.
    #[must_use]
    pub(crate) fn in_common(&self, other: &Self) -> Self {
        match (self.mode, other.mode) {
            (MirroringMode::AllProjects, _) => other.clone(),
            (_, MirroringMode::AllProjects) => self.clone(),
            (MirroringMode::SelectedProjects, MirroringMode::SelectedProjects) => {
                Self { mode: self.mode, project_ids: &self.project_ids & &other.project_ids }
            }
        }
    }

    /// This selection with another mode.
    #[must_use]
    pub(crate) fn with_mode(&self, mode: MirroringMode) -> Self {
        Self { mode, ..self.clone() }
    }

    /// This selection with more projects on its list.
    pub(crate) fn with_projects(&self, added: &[String]) -> Result<Self, Refusal> {
        let mut project_ids = self.project_ids.clone();
        project_ids.extend(parse_project_ids(added)?);
        within_limit(project_ids.len())?;
        Ok(Self { mode: self.mode, project_ids })
    }

    /// This selection with fewer projects on its list.
    pub(crate) fn without_projects(&self, removed: &[String]) -> Result<Self, Refusal> {
        let removed = parse_project_ids(removed)?;
        Ok(Self { mode: self.mode, project_ids: &self.project_ids - &removed })
    }
}

/// Reads the name of a mode; a refusal names the field `mode`.
pub(crate) fn parse_mode(name: &str) -> Result<MirroringMode, Refusal> {
    name.parse().map_err(|_| {
        let name: String = name.chars().take(MAX_ECHOED_CHARACTERS).collect();
        Refusal::invalid("mode", format!("{name:?} is not a mode: use ALL_PROJECTS or SELECTED_PROJECTS."))
    })
}

/// Checks that the texts are project ids and brings them into one spelling.
pub(crate) fn parse_project_ids(ids: &[String]) -> Result<BTreeSet<String>, Refusal> {
    within_limit(ids.len())?;
    ids.iter()
        .map(|id| {
            let digits = !id.is_empty() && id.len() <= MAX_PROJECT_ID_DIGITS;
            match id.parse::<i32>() {
                Ok(number) if digits && number >= 0 && !id.starts_with('+') => Ok(number.to_string()),
                _ => {
                    let id: String = id.chars().take(MAX_ECHOED_CHARACTERS).collect();
                    Err(Refusal::invalid(
                        "projectIds",
                        format!("{id:?} is not a project id: ids are numbers."),
                    ))
                }
            }
        })
        .collect()
}

fn within_limit(count: usize) -> Result<(), Refusal> {
    if count > MAX_SELECTED_PROJECTS {
        let message = format!("At most {MAX_SELECTED_PROJECTS} projects can be selected.");
        return Err(Refusal::invalid("projectIds", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn everything_is_covered_until_projects_are_selected() {
        let everything = Selection::default().with_projects(&ids(&["7"])).expect("valid ids");
        assert!(everything.covers("1"));
        let selected = everything.with_mode(MirroringMode::SelectedProjects);
        assert!(!selected.covers("1"));
        assert!(selected.covers("7"));
        assert!(selected.with_mode(MirroringMode::AllProjects).covers("1"));
    }

    #[test]
    fn selections_are_compared_by_what_they_cover() {
        let select = |projects: &[&str]| {
            let listed = Selection::default().with_projects(&ids(projects)).expect("valid ids");
            listed.with_mode(MirroringMode::SelectedProjects)
        };
        let (all, both, one) = (Selection::default(), select(&["1", "2"]), select(&["2"]));
        assert!(all.covers_all_of(&both) && both.covers_all_of(&one) && one.covers_all_of(&select(&[])));
        assert!(!both.covers_all_of(&all) && !one.covers_all_of(&both));
        assert_eq!((all.in_common(&both), both.in_common(&all)), (both.clone(), both.clone()));
        assert_eq!(both.in_common(&select(&["2", "3"])), one);
    }

    #[test]
    fn projects_come_and_go() {
        let selection = Selection::default().with_projects(&ids(&["1", "2", "02"])).expect("valid ids");
        assert_eq!(selection.project_ids.len(), 2);
        let fewer = selection.without_projects(&ids(&["2", "3"])).expect("valid ids");
        assert_eq!(fewer.project_ids.into_iter().collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for bad in ["", "-1", "+1", "x", "1 ", "99999999999", "2147483648", "../1"] {
            let refusal = parse_project_ids(&ids(&[bad])).expect_err("not a project id");
            assert!(
                matches!(refusal, Refusal::Invalid { context: Some(field), .. } if field == "projectIds")
            );
        }
        assert!(parse_mode("all_projects").is_err());
    }
}
