//! What can be wrong in a configuration, and what would be right.

use super::foreign::Advice;
use super::keys::Bounds;
use crate::headers::HeaderMapError;
use crate::http::UriError;
use crate::jose::algorithm::Algorithm;
use crate::jose::error::KeySetError;
use crate::jose::json::JsonError;
use crate::jose::jwks::SkippedKey;
use crate::jose::pointer::PointerError;
use crate::resource_metadata::ResourceMetadataError;
use crate::route::{Conflict, HostPatternError, MethodError, TemplateError, VariantClass};

/// What is wrong at a place of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    // The whole configuration.
    /// There are no bytes.
    #[error("the filter has no configuration; it needs at least issuer, audience and jwks_cluster")]
    NoConfiguration,
    /// The bytes are in neither form of a configuration.
    #[error("the configuration is neither a Struct nor valid JSON: {syntax}")]
    NotJson {
        /// What the JSON parser says.
        syntax: String,
    },
    /// Valid JSON that the filter does not take.
    #[error("the configuration is refused: {0}")]
    Json(JsonError),

    // Keys and the types of their values.
    /// The object has no such key.
    #[error("unknown key; {}", remedy(.known, .advice.as_ref()))]
    UnknownKey {
        /// The keys of the object, sorted.
        known: Vec<&'static str>,
        /// What to write instead of a key that other software has.
        advice: Option<Advice>,
    },
    /// A value of another type or form.
    #[error("expected {what}, got {got}")]
    Expected {
        /// What the key takes.
        what: &'static str,
        /// The value, shortened.
        got: String,
    },
    /// A number that is not whole, or out of bounds.
    #[error("expected a whole number of {} from {} to {}, got {got}", .bounds.unit, .bounds.least, .bounds.greatest)]
    OutOfBounds {
        /// The bounds.
        bounds: Bounds,
        /// The value, shortened.
        got: String,
    },
    /// An empty list of texts.
    #[error("expected {what} or a list of them, got an empty list")]
    NoTexts {
        /// One of the texts.
        what: &'static str,
    },
    /// An empty list.
    #[error("expected at least one {what}")]
    NoItems {
        /// One item.
        what: &'static str,
    },
    /// A key that an issuer needs is absent.
    #[error("is required: {what}")]
    Required {
        /// What the key takes.
        what: &'static str,
    },
    /// A key that an object needs is absent.
    #[error("expected {what}")]
    Missing {
        /// What the key takes.
        what: &'static str,
    },
    /// The same, for a key that takes several.
    #[error("expected {what} or a list of them")]
    MissingNames {
        /// One of them.
        what: &'static str,
    },
    /// A text that stands in its list before.
    #[error("stands here twice: {value}")]
    Repeated {
        /// The text, as JSON.
        value: String,
    },

    // Issuers.
    /// A key of one issuer beside `issuers`.
    #[error("give either one issuer directly or a list of issuers, not both")]
    IssuerBesideIssuers,
    /// An issuer that stands in the list before.
    #[error("the same issuer stands in the list twice")]
    RepeatedIssuer,
    /// A name that another issuer has.
    #[error("two issuers have the name {name}; give one of them another")]
    RepeatedIssuerName {
        /// The name.
        name: String,
    },
    /// An algorithm that stands in the list before, perhaps by its other name.
    #[error("{name} stands here twice (Ed25519 and EdDSA are one algorithm)")]
    RepeatedAlgorithm {
        /// As it is written.
        name: String,
    },
    /// `none`
    #[error("none is never accepted: it is no signature")]
    Unsigned,
    /// An algorithm with a shared secret.
    #[error("{name} is never accepted: whoever can check it can also forge it")]
    SharedSecret {
        /// As it is written.
        name: String,
    },
    /// No algorithm of ours.
    #[error("unknown algorithm \"{name}\"; expected one of {}", algorithms())]
    UnknownAlgorithm {
        /// As it is written.
        name: String,
    },
    /// Neither a claim's name nor a JSON Pointer.
    #[error("{0}")]
    Pointer(PointerError),
    /// A realm that cannot stand in a challenge.
    #[error("a realm has visible ASCII characters and spaces only")]
    InvalidRealm,

    // Where keys come from.
    /// A key about fetching beside `jwks_inline`.
    #[error("nothing is fetched where jwks_inline gives the keys")]
    FetchBesideInline,
    /// `discovery_cluster` without `discovery: true`.
    #[error("only discovery: true asks for a discovery document")]
    NoDiscovery,
    /// `jwks_endpoint` beside `discovery: true`.
    #[error("discovery: true finds the endpoint; give one of the two")]
    EndpointBesideDiscovery,
    /// `discovery: true` with an issuer that is no URL.
    #[error("discovery needs an issuer that is a URL: {0}")]
    IssuerIsNoUrl(UriError),
    /// A URL that cannot be fetched from.
    #[error("{0}")]
    Endpoint(UriError),
    /// A path below an issuer that is no URL.
    #[error(
        "{path} is appended to the issuer, which makes no URL here: {error}; give jwks_endpoint as a URL"
    )]
    PathBelowIssuer {
        /// The path.
        path: String,
        /// What is wrong with the two together.
        error: UriError,
    },
    /// `jwks_inline` without a key that can be used.
    #[error("is not a key set that can be used: {error}{}", listed(.skipped))]
    KeySet {
        /// What is wrong with the set.
        error: KeySetError,
        /// What is wrong with each key.
        skipped: Vec<SkippedKey>,
    },

    // Requirements.
    /// A key that decides alone, beside another.
    #[error("stands alone: it leaves nothing for another condition to decide")]
    StandsAlone,
    /// `policy` beside a condition.
    #[error("stands alone: put the other conditions into the named policy")]
    PolicyStandsAlone,
    /// `allow_missing` beside a condition on identity.
    #[error("combines only with requires_issuer and requires_audience")]
    AllowMissingWithConditions,
    /// An object without a condition.
    #[error(
        "names no condition; for any valid token say allow_authenticated: true, for everybody allow_anonymous: true"
    )]
    NoCondition,
    /// A shadow inside a shadow.
    #[error("a shadow has no shadow of its own")]
    ShadowOfShadow,
    /// A shadow inside `any_of`.
    #[error("an alternative has no shadow")]
    ShadowInAlternative,
    /// A part of `any_of` that asks for no token.
    #[error("an alternative asks something of a valid token; allow_… and deny decide without one")]
    AlternativeWithoutToken,
    /// No policy of that name.
    #[error("no policy is named {name}; {}", those_defined(.defined))]
    UnknownPolicy {
        /// The name, as JSON.
        name: String,
        /// The names of those that there are.
        defined: Vec<String>,
    },
    /// No issuer of that name.
    #[error("no issuer is named \"{name}\"; configured: {}", .configured.join(", "))]
    UnknownIssuer {
        /// The name.
        name: String,
        /// The names of those that there are.
        configured: Vec<String>,
    },
    /// No issuer has that audience.
    #[error("no issuer has the audience \"{audience}\"; configured: {}", .configured.join(", "))]
    UnknownAudience {
        /// The audience.
        audience: String,
        /// Those of all issuers.
        configured: Vec<String>,
    },
    /// A named policy without a name.
    #[error("a policy needs a name")]
    NamelessPolicy,
    /// `policy` in a named policy.
    #[error("a named policy does not name another")]
    NestedPolicy,
    /// Several scopes without `any` or `all`.
    #[error("say {{any: […]}} or {{all: […]}} for several scopes")]
    ScopesWithoutAnyOrAll,
    /// Both of `any` and `all`, or neither.
    #[error("expected either any or all")]
    NotAnyOrAll,
    /// A scope that no token can have.
    #[error("a scope has visible ASCII characters only, and neither space, \" nor \\")]
    InvalidScope,
    /// Not exactly one test in a condition on a claim.
    #[error("expected one of any: […], all: […] and present: true")]
    NotOneTest,
    /// `null` or a list where a value is compared.
    #[error("expected a string, a number, true, false or an object: nothing is equal to null or to a list")]
    NeverEqual,

    // Routes.
    /// More routes than a table takes.
    #[error("{count} routes; at most {most}")]
    TooManyRoutes {
        /// How many there are.
        count: usize,
        /// How many a table takes.
        most: usize,
    },
    /// Not a path template.
    #[error("{0}")]
    Template(TemplateError),
    /// Not a method.
    #[error("{0}")]
    Method(MethodError),
    /// Not a host.
    #[error("{0}")]
    Host(HostPatternError),
    /// A route that cannot stand beside an earlier one.
    #[error("{0}")]
    Conflict(Box<Conflict>),
    /// A class of path variants that every configuration checks.
    #[error("{class} cannot be skipped; expected one of {}", skippable())]
    NotSkippable {
        /// The class.
        class: VariantClass,
    },
    /// No class of path variants.
    #[error("expected one of {}, got {got}", skippable())]
    UnknownReadingClass {
        /// The value, shortened.
        got: String,
    },

    // Headers and places of tokens.
    /// A place that stands in its list before.
    #[error("the same place stands here twice")]
    RepeatedPlace,
    /// A name that a header, parameter or cookie cannot have.
    #[error("a name has letters, digits and !#$%&'*+-.^_`|~ only")]
    InvalidName,
    /// A prefix that a header cannot have.
    #[error("expected a prefix of visible ASCII characters, such as \"Token \"")]
    InvalidPrefix,
    /// `prefix` without `header`.
    #[error("only a header has a prefix")]
    PrefixWithoutHeader,
    /// Not exactly one place.
    #[error("expected exactly one of header, query and cookie")]
    NotOnePlace,
    /// A token and a claim in one header.
    #[error("the header {header} is a claim header, or spelt like one")]
    TokenInClaimHeader {
        /// The header.
        header: String,
    },
    /// A map of claim headers that would not be safe.
    #[error("{0}")]
    ClaimHeaders(HeaderMapError),
    /// Not an RFC 9728 document.
    #[error("{0}")]
    ResourceMetadata(ResourceMetadataError),
}

fn remedy(known: &[&str], advice: Option<&Advice>) -> String {
    match advice {
        Some(advice) => advice.to_string(),
        None => format!("expected one of {}", known.join(", ")),
    }
}

fn algorithms() -> String {
    Algorithm::ALL.map(|algorithm| algorithm.name()).join(", ")
}

fn skippable() -> String {
    VariantClass::SKIPPABLE.map(VariantClass::name).join(", ")
}

fn listed(skipped: &[SkippedKey]) -> String {
    skipped.iter().map(|skipped| format!("; {skipped}")).collect()
}

fn those_defined(names: &[String]) -> String {
    match names {
        [] => "none is defined".to_owned(),
        names => format!("defined: {}", names.join(", ")),
    }
}
