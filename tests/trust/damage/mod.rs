//! Files of repositories are damaged under a mirror's hands, each kind of file.

mod at_the_mirror;
mod files;
mod passing_faults;
mod scene;
