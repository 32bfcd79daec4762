//! Which rules a request matches: path templates, the variants of a path, the route look-up.
//!
//! An upstream may interpret a request differently than the proxy. So this module looks up every variant of the
//! path and the method, not only one, and returns every rule that matches a variant; the caller requires all of
//! them. The module does not depend on the contents of a rule (it stores any `T`), on tokens, or on the host.

mod ambiguous_path;
mod conflict;
mod entry;
mod guards;
mod host;
mod host_levels;
mod ignoring_case;
mod letter_case;
mod method;
mod normalizations;
mod parameters;
mod partial;
mod partial_segment;
mod path_variants;
mod request_variant;
mod route_matches;
mod table;
mod template;
mod tree;
mod variant_class;

pub use ambiguous_path::AmbiguousPath;
pub use conflict::{Conflict, ConflictKind};
pub use entry::Entry;
pub use guards::{GuardMatch, Guards};
pub use host::{HostPattern, HostPatternError};
pub use method::{Method, MethodError};
pub use parameters::Parameters;
pub use partial::TooManyPartials;
pub use partial_segment::PartialSegment;
pub use request_variant::RequestVariant;
pub use route_matches::{
    Ambiguity, RequestLine, RequestVariants, RouteMatch, RouteMatches, most_different_classes,
    other_segments_than_written, path_variants,
};
pub use table::{RouteFound, Table};
pub use template::{Template, TemplateError, TemplateSegment, is_parameter_name};
pub use variant_class::{SkippedVariants, VariantClass};
