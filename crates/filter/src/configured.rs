//! A configuration that serves.

use jwt_guard::plugin::Plugin;

/// What the root context and the requests share.
pub struct Configured<H> {
    pub plugin: Plugin<H>,
    /// Wakes the root context, whatever its tick.
    pub queue: Option<u32>,
}
