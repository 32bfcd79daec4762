//! The state that the root context and its requests share.

use jwt_guard::plugin::Plugin;

/// A configuration that serves.
pub struct Configured<H> {
    pub plugin: Plugin<H>,
    /// Wakes the root context, whatever its tick.
    pub queue: Option<u32>,
}
