//! The mistakes of a configuration: what was found, what is expected, and what to write instead.

mod texts;

use super::bound_token_error::BoundTokenError;
use super::comparison_error::ComparisonError;
use super::second_token_error::SecondTokenError;
use super::token_source_error::TokenSourceError;
use super::{foreign::Advice, issuer_error::IssuerError, keys::Bounds};
use crate::cors::OriginError;
use crate::headers::HeaderMapError;
use crate::http::UriError;
use crate::jose::{error::KeySetError, json::JsonError, jwks::SkippedKey, pointer::PointerError};
use crate::resource_metadata::ResourceMetadataError;
use crate::route::{Conflict, HostPatternError, MethodError, TemplateError, TooManyPartials, VariantClass};
use texts::{algorithms, listed, remedy, skippable, those_defined};

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    // The whole configuration.
    /// The configuration is empty.
    #[error("the filter has no configuration; it needs at least issuer, audience and jwks_cluster")]
    NoConfiguration,
    /// The bytes are neither JSON text nor a serialized Struct.
    #[error("the configuration is neither a protobuf Struct nor valid JSON: {syntax}")]
    NotJson {
        /// The message of the JSON parser.
        syntax: String,
    },
    /// Valid JSON that the filter refuses, such as an object with a member twice.
    #[error("the configuration is JSON that the filter refuses: {0}")]
    Json(JsonError),

    // Keys and the types of their values.
    /// The object does not have this key.
    #[error("unknown key; {}", remedy(.known, .advice.as_ref()))]
    UnknownKey {
        /// The keys of the object, sorted.
        known: Vec<&'static str>,
        /// What to write instead, if other software has the key.
        advice: Option<Advice>,
    },
    /// A value of the wrong type or form.
    #[error("expected {what}, got {got}")]
    Expected {
        /// The values that the key accepts.
        what: &'static str,
        /// The value, shortened.
        got: String,
    },
    /// A number that is not whole or is out of bounds.
    #[error("expected a whole number of {} from {} to {}, got {got}", .bounds.unit, .bounds.least, .bounds.greatest)]
    OutOfBounds {
        /// The bounds.
        bounds: Bounds,
        /// The value, shortened.
        got: String,
    },
    /// An empty list of texts.
    #[error("expected {what}, or a list with at least one entry; got an empty list")]
    NoTexts {
        /// One text of the list.
        what: &'static str,
    },
    /// An empty list.
    #[error("expected at least one {what}")]
    NoItems {
        /// One item of the list.
        what: &'static str,
    },
    /// A required key is absent.
    #[error("this key is required; write {what}")]
    Required {
        /// The values that the key accepts.
        what: &'static str,
    },
    /// A key that an object needs is absent, and the key accepts one name or a list of names.
    #[error("this key is required; write {what} or a list of them")]
    MissingNames {
        /// One name.
        what: &'static str,
    },
    /// A text that is in its list twice.
    #[error("{value} is in this list twice; remove one")]
    Repeated {
        /// The text, as JSON.
        value: String,
    },

    // Issuers.
    /// A key of one issuer beside `issuers`.
    #[error(
        "this key belongs to one issuer and cannot be set beside issuers; move it into an entry of issuers"
    )]
    IssuerBesideIssuers,
    /// Two entries with the same `issuer`.
    #[error("an earlier entry of the list has the same issuer; remove one of the two")]
    RepeatedIssuer,
    /// A mistake in a key that the rules for bound tokens affect.
    #[error("{0}")]
    BoundToken(BoundTokenError),
    /// A mistake in what an issuer adds for its own tokens.
    #[error("{0}")]
    Issuer(IssuerError),
    /// Two issuers with the same name.
    #[error("two issuers have the name {name}; set name to another value in one of them")]
    RepeatedIssuerName {
        /// The name.
        name: String,
    },
    /// An algorithm that is in its list twice, perhaps under its two names.
    #[error("the algorithm {name} is in this list twice (Ed25519 and EdDSA are one algorithm); remove one")]
    RepeatedAlgorithm {
        /// The name as it is written.
        name: String,
    },
    /// `none`
    #[error(
        "none is never accepted, because a token with it has no signature; write an algorithm such as RS256"
    )]
    Unsigned,
    /// An algorithm with a shared secret.
    #[error(
        "{name} is never accepted, because everyone who can verify its signatures can also forge them; write an \
         algorithm such as RS256"
    )]
    SharedSecret {
        /// The name as it is written.
        name: String,
    },
    /// An algorithm that the filter does not know.
    #[error("unknown algorithm \"{name}\"; expected one of {}", algorithms())]
    UnknownAlgorithm {
        /// The name as it is written.
        name: String,
    },
    /// A text that is neither a claim's name nor a JSON Pointer.
    #[error("{0}")]
    Pointer(PointerError),
    /// A realm with characters that a challenge cannot contain.
    #[error("a realm can contain only visible ASCII characters, and spaces between them")]
    InvalidRealm,

    // Sources of keys.
    /// A key about fetching beside `jwks_inline`.
    #[error("jwks_inline gives the keys, so nothing is fetched; remove this key or jwks_inline")]
    FetchBesideInline,
    /// `discovery_cluster` without `discovery: true`.
    #[error("this key is used only with discovery: true; set discovery: true, or remove this key")]
    NoDiscovery,
    /// `jwks_endpoint` beside `discovery: true`.
    #[error("discovery: true already finds the URL of the keys; remove this key or discovery")]
    EndpointBesideDiscovery,
    /// `discovery: true` with an issuer that is not a URL.
    #[error("discovery: true needs an issuer that is a URL: {0}")]
    IssuerIsNoUrl(UriError),
    /// A text that is not a URL with http or https.
    #[error("{0}")]
    Endpoint(UriError),
    /// A path that is appended to an issuer, and the two together are not a URL.
    #[error(
        "{path} is appended to the issuer, and the result is not a URL: {error}; write jwks_endpoint as a full URL"
    )]
    PathBelowIssuer {
        /// The path.
        path: String,
        /// What is wrong with the result.
        error: UriError,
    },
    /// `jwks_inline` without a usable key.
    #[error("this key set cannot be used: {error}{}", listed(.skipped))]
    KeySet {
        /// What is wrong with the set.
        error: KeySetError,
        /// What is wrong with each key.
        skipped: Vec<SkippedKey>,
    },

    // Requirements.
    /// An exclusive key, beside another condition.
    #[error("this key cannot be combined with other conditions; remove this key or the other conditions")]
    StandsAlone,
    /// `policy` beside a condition.
    #[error("this key cannot be combined with other conditions; move them into the named policy")]
    PolicyStandsAlone,
    /// `allow_missing` beside a condition on identity.
    #[error(
        "this key can be combined only with requires_issuer and requires_audience; remove the other conditions"
    )]
    AllowMissingWithConditions,
    /// An object without a condition.
    #[error(
        "no condition is set; write allow_authenticated: true for any valid token, or allow_anonymous: true for every \
         request"
    )]
    NoCondition,
    /// A guard without a condition.
    #[error(
        "no condition is set; write the condition that each of these requests must meet as well, or deny: true"
    )]
    EmptyGuard,
    /// A shadow inside a shadow.
    #[error("a shadow cannot have a shadow of its own; remove the inner one")]
    ShadowOfShadow,
    /// A shadow inside `any_of`.
    #[error("an entry of any_of cannot have a shadow; set shadow beside any_of")]
    ShadowInAlternative,
    /// An entry of `any_of` that does not require a token.
    #[error(
        "an entry of any_of must require a valid token; allow_anonymous, allow_missing, allow_missing_or_failed and \
         deny do not; to accept requests without a token, write allow_missing: true instead of any_of, and \
         requires_issuer beside it if only tokens of some issuers may pass"
    )]
    AlternativeWithoutToken,
    /// A name that no policy has.
    #[error("no policy is named {name}; {}", those_defined(.defined))]
    UnknownPolicy {
        /// The name, as JSON.
        name: String,
        /// The names of the policies.
        defined: Vec<String>,
    },
    /// A name that no issuer has.
    #[error("no issuer is named \"{name}\"; expected one of {}", .configured.join(", "))]
    UnknownIssuer {
        /// The name.
        name: String,
        /// The names of the issuers.
        configured: Vec<String>,
    },
    /// An audience that no issuer has.
    #[error("no issuer has the audience \"{audience}\"; expected one of {}", .configured.join(", "))]
    UnknownAudience {
        /// The audience.
        audience: String,
        /// The audiences of all issuers.
        configured: Vec<String>,
    },
    /// A named policy whose name is blank.
    #[error("the name of a policy cannot be blank; write a name")]
    NamelessPolicy,
    /// `policy` in a named policy.
    #[error("a named policy cannot refer to another one; write its conditions here")]
    NestedPolicy,
    /// Several scopes without `any` or `all`.
    #[error("for several scopes, write {{any: […]}} or {{all: […]}}")]
    ScopesWithoutAnyOrAll,
    /// Both of `any` and `all`, or neither.
    #[error("expected exactly one of any and all")]
    NotAnyOrAll,
    /// A scope that no token can have.
    #[error("a scope can contain only visible ASCII characters except \" and \\, and no space")]
    InvalidScope,
    /// `requires_step_up` without a condition.
    #[error("expected at least one of acr: [VALUE] and max_age_seconds: NUMBER")]
    NoStepUp,
    /// An `acr` that a challenge cannot contain.
    #[error("a value of acr can contain only visible ASCII characters except \" and \\, and no space")]
    InvalidAcr,
    /// A condition on a claim with no test, or with several.
    #[error(
        "expected exactly one of any: […], all: […], none: […], prefix, suffix, at_least or at_most, equals, and \
         present: true; write one entry for each condition on the claim"
    )]
    NotOneTest,
    /// `keys`, `member` and `split` in one source: a claim has one form.
    #[error("a claim has one form; write only one of keys: true, member and split")]
    SeveralForms,
    /// `none` with values of several types.
    #[error(
        "the values of none have several types, and a claim of another type is denied; write any_of with one \
         requirement for each type"
    )]
    MixedTypes,
    /// A number in quotes. In native YAML, Envoy hands numbers beyond 32 bits, fractions and exponents over as text.
    #[error(
        "expected a number, got the text {got}; if it has no quotes in the file, Envoy turned it into text: write the \
             configuration as JSON text"
    )]
    NumberAsText {
        /// The text.
        got: String,
    },
    /// A bound that no number can meet, because the other bound is beyond it.
    #[error("at_least {least} is greater than at_most {most}, and no number meets both")]
    EmptyRange {
        /// `at_least`.
        least: String,
        /// `at_most`.
        most: String,
    },
    /// More texts than the limit. Each costs a comparison with each string of a claim.
    #[error("found {count} texts; a condition can have at most {most}")]
    TooManyTexts {
        /// The number of texts.
        count: usize,
        /// The limit.
        most: usize,
    },
    /// `null` or a list as a value to compare with.
    #[error("expected a string, a number, true, false or an object; no claim is equal to null or to a list")]
    NeverEqual,

    /// A mistake of second tokens.
    #[error("{0}")]
    SecondToken(SecondTokenError),

    // Routes.
    /// More routes than the limit.
    #[error("found {count} paths in {what}; a configuration can have at most {most}")]
    TooManyRoutes {
        /// `routes` or `guards`.
        what: &'static str,
        /// The number of routes.
        count: usize,
        /// The limit.
        most: usize,
    },
    /// A text that is not a path template.
    #[error("{0}")]
    Template(TemplateError),
    /// A text that is not a method.
    #[error("{0}")]
    Method(MethodError),
    /// A text that is not a host.
    #[error("{0}")]
    Host(HostPatternError),
    /// A name that another route, guard or policy has.
    #[error("another route, guard or policy has the name {name}; write another name")]
    RepeatedName {
        /// The name.
        name: String,
    },
    /// A name that stands for another rule in logs.
    #[error("{name} stands for another rule in logs; write another name")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// More partial segments in one place than the limit.
    #[error("{0}")]
    TooManyPartials(TooManyPartials),
    /// A key that a guard cannot have.
    #[error(
        "a guard adds a requirement and cannot let requests pass or choose where tokens are read; write this key in a \
         route"
    )]
    NotInGuard,
    /// A comparison of a claim with the request that cannot be made.
    #[error("{0}")]
    Comparison(ComparisonError),
    /// A route that conflicts with an earlier one.
    #[error("{0}")]
    Conflict(Box<Conflict>),
    /// A class of path variants that is always checked.
    #[error("{class} cannot be skipped; expected one of {}", skippable())]
    NotSkippable {
        /// The class.
        class: VariantClass,
    },
    /// A text that does not name a class of path variants.
    #[error("expected one of {}, got {got}", skippable())]
    UnknownVariantClass {
        /// The value, shortened.
        got: String,
    },

    // Headers and token sources.
    /// A mistake in a token source.
    #[error("{0}")]
    TokenSource(TokenSourceError),
    /// A header that carries both a token and a claim.
    #[error(
        "the header {header} is removed from every request: it is a claim header, another spelling of one, or a \
         header that names another path; take the token from another header"
    )]
    TokenInClaimHeader {
        /// The header.
        header: String,
    },
    /// A map of claim headers that is not safe.
    #[error("{0}")]
    ClaimHeaders(HeaderMapError),
    /// A fixed value that no request could be forwarded with.
    #[error(
        "the value of the claim header {header} has {bytes} bytes, and this limit would deny every request with it"
    )]
    LongValue {
        /// The header.
        header: String,
        /// The length of its value.
        bytes: usize,
    },
    /// A text that is not an origin.
    #[error("{0}")]
    Origin(OriginError),
    /// A value that is not an RFC 9728 document.
    #[error("{0}")]
    ResourceMetadata(ResourceMetadataError),
}
