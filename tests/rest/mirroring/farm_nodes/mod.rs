//! The nodes of a mirror.

mod get_farm_nodes_1;
