//! Which rule a request falls under: templates, the readings of a path, the look-up.
//!
//! An upstream may read a request otherwise than the proxy does. So not one path and method are looked up but every
//! reading of them, and whoever asks gets every rule that governs one: the caller demands all of them. This module
//! knows nothing of what a rule says (it carries any `T`), of tokens, or of the host.

mod class;
mod governing;
mod host;
mod letter_case;
mod method;
mod readings;
mod steps;
mod table;
mod template;

pub use class::{ReadingClass, SkippedReadings};
pub use governing::{AmbiguousPath, Demand, Governing, Reading, Spread, Target, furthest_classes, readings};
pub use host::{HostError, HostPattern};
pub use method::{Method, MethodError};
pub use table::{Conflict, ConflictKind, Entry, Found, Table};
pub use template::{Template, TemplateError};
