//! Which rules a request matches: path templates, the variants of a path, the route look-up.
//!
//! An upstream may interpret a request differently than the proxy. So this module looks up every variant of the
//! path and the method, not only one, and returns every rule that matches a variant; the caller requires all of
//! them. The module does not depend on the contents of a rule (it stores any `T`), on tokens, or on the host.

mod ambiguous_path;
mod class;
mod conflict;
mod entry;
mod governing;
mod host;
mod ignoring_case;
mod letter_case;
mod method;
mod readings;
mod steps;
mod table;
mod template;
mod tree;

pub use ambiguous_path::AmbiguousPath;
pub use class::{ReadingClass, SkippedReadings};
pub use conflict::{Conflict, ConflictKind};
pub use entry::Entry;
pub use governing::{Demand, Governing, Reading, Spread, Target, furthest_classes, readings};
pub use host::{HostError, HostPattern};
pub use method::{Method, MethodError};
pub use table::{Found, Table};
pub use template::{Segment, Template, TemplateError};
