//! How a mirror introduces itself.

mod get_addon_descriptor_1;
