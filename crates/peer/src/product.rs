//! How servers of this make name themselves to each other: they do more for each other than for servers of other makes.

/// The product, as upstreams, mirrors and clients see it.
pub const PRODUCT_TYPE: &str = "Heliostat";
