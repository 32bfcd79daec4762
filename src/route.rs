//! Which rule a request falls under: templates, the readings of a path, the look-up.
//!
//! An upstream may read a request otherwise than the proxy does. So not one path and method are looked up but every
//! reading of them, and whoever asks gets every rule that governs one: the caller demands all of them. This module
//! knows nothing of what a rule says (it carries any `T`), of tokens, or of the host.

mod ambiguous_path;
mod conflict;
mod entry;
mod host;
mod ignoring_case;
mod letter_case;
mod method;
mod normalizations;
mod path_variants;
mod route_matches;
mod table;
mod template;
mod tree;
mod variant_class;

pub use ambiguous_path::AmbiguousPath;
pub use conflict::{Conflict, ConflictKind};
pub use entry::Entry;
pub use host::{HostPattern, HostPatternError};
pub use method::{Method, MethodError};
pub use route_matches::{
    Ambiguity, RequestLine, RequestVariant, RouteMatch, RouteMatches, furthest_classes, path_variants,
};
pub use table::{RouteFound, Table};
pub use template::{Template, TemplateError, TemplateSegment};
pub use variant_class::{SkippedVariants, VariantClass};
