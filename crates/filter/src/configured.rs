//! The state shared by the root context and its requests.

use jwt_guard::plugin::Plugin;

/// A valid configuration in use.
pub struct Configured<H> {
    pub plugin: Plugin<H>,
    /// The queue that wakes the root context, independent of its tick.
    pub queue: Option<u32>,
}
