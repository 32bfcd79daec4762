//! The mistakes of `equals`.

use crate::headers::HeaderMapError;
use crate::policy::RequestValue;

/// Why a claim cannot be compared with a value of the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// A fixed value instead of a place in the request.
    #[error(
        "expected {{path: NAME}}, {{host: NAME}} or {{header: NAME}}, got {got}; to compare the claim with fixed values, \
         write any: [{got}]"
    )]
    NotAPlace {
        /// The value, shortened.
        got: String,
    },
    /// No place in the request, or several.
    #[error("expected exactly one of path, host and header")]
    NotOnePlace,
    /// A parameter in braces, or with characters that no parameter has.
    #[error(
        "expected the name of a parameter without braces (letters, digits, _ and -), such as id for {{id}}; got {got}"
    )]
    NotAParameter {
        /// The value, shortened.
        got: String,
    },
    /// A template of the rule does not have the parameter.
    #[error(
        "a claim is compared with the path parameter {{{name}}}, but the path {template} has no {{{name}}}; write it into \
         the path, or compare the claim in another route"
    )]
    NoPathParameter {
        /// The parameter.
        name: String,
        /// The template.
        template: String,
    },
    /// A host of the rule does not have the parameter.
    #[error(
        "a claim is compared with the host label {{{name}}}, but {}; write hosts: [\"{{{name}}}.example.com\"]",
        if .host.is_empty() { "hosts is absent".to_owned() } else { format!("the host {host} has no {{{name}}}") }
    )]
    NoHostParameter {
        /// The parameter.
        name: String,
        /// The host; empty if there is none.
        host: String,
    },
    /// A parameter in a requirement that applies to more than the requests of one route.
    #[error(
        "this requirement cannot compare a claim with {value}: only the requirement of a route or a guard has parameters; \
         write the condition there"
    )]
    NoParameters {
        /// The value that is compared.
        value: RequestValue,
    },
    /// A header that cannot be compared.
    #[error("{0}")]
    HeaderName(HeaderMapError),
    /// A header that the filter sets or removes.
    #[error(
        "the filter sets or removes the header {name}, because it is a claim header or carries a token; compare the claim \
         with a header of the client"
    )]
    HeaderOfFilter {
        /// The header.
        name: String,
    },
}
