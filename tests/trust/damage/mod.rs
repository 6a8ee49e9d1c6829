//! Files of repositories are damaged under the roles' hands, each kind of file in each way.

mod at_the_mirror;
mod at_the_upstream;
mod files;
mod passing_faults;
mod scene;
