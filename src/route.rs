//! Which rule a request falls under: templates, the readings of a path, the look-up.
//!
//! An upstream may read a request otherwise than the proxy does. So not one path and method are looked up but every
//! reading of them, and whoever asks gets every rule that governs one: the caller demands all of them. This module
//! knows nothing of what a rule says (it carries any `T`), of tokens, or of the host.

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
