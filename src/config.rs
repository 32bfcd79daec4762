//! Parses the operator's configuration into types that cannot represent an invalid one.
//!
//! The input is JSON text or a serialized `google.protobuf.Struct`. The parser refuses unknown keys at any depth and
//! collects every mistake with its path and what to write instead. A route without a condition is refused: anonymous
//! access must be written explicitly.

mod algorithms;
pub mod annotations;
mod bound_token_error;
mod bound_tokens;
mod claim_headers;
mod claim_sources;
mod comparison_error;
mod cors;
mod environment;
pub mod error;
pub mod foreign;
mod guards;
pub mod issuer;
mod issuer_error;
mod issuer_paths;
mod key_origin;
pub mod keys;
pub mod metadata;
pub mod objects;
mod parsed;
pub mod path;
pub mod problem;
pub mod protobuf;
pub mod reader;
pub mod requirement;
mod revocation_list;
mod route_metadata;
mod route_pattern;
mod routes;
mod second_token_error;
mod second_tokens;
mod tenants;
mod token_from;
mod token_places;
mod token_source_error;

use std::rc::Rc;

use crate::confirmation::CertificateSource;
use crate::cors::AllowedOrigins;
use crate::denial::realm_is_valid;
use crate::digest::digest;
use crate::dpop::DpopRules;
use crate::headers::{ClaimHeaders, CredentialHeaders};
use crate::issuer_index::IssuerIndex;
use crate::jose::json::Json;
use crate::policy::{ClaimSources, RequestValue, Requirement};
use crate::resource_metadata::ResourceMetadata;
use crate::route::{Guards, Table};
use crate::token_source::TokenSource;

pub use annotations::{EnvoyGatewayAnnotations, MAX_ANNOTATION_BYTES};
pub use bound_token_error::BoundTokenError;
use bound_tokens::BoundTokens;
use claim_headers::claim_headers;
use claim_sources::sources;
pub use comparison_error::ComparisonError;
pub use error::ConfigError;
pub use guards::Guard;
use guards::guards;
pub use issuer::Issuer;
use issuer::IssuerContext;
pub use issuer_error::IssuerError;
pub use issuer_paths::IssuerPaths;
pub use key_origin::KeyOrigin;
use keys::configuration as key;
use keys::shared;
pub use path::Path;
pub use problem::Problem;
use reader::{ConfigNode, ConfigObject, Errors};
use requirement::{DefinedNames, EmptyRequirement, requirement_without_parameters};
pub use revocation_list::{ListToken, RevocationListOrigin};
pub use route_metadata::RouteMetadata;
pub use routes::Route;
use routes::{routes, skip_readings};
pub use second_token_error::SecondTokenError;
pub use second_tokens::SecondToken;
use second_tokens::second_tokens;
use token_from::{token_sources, with_dpop};
use token_places::{
    claim_header_among, compared_header_among, shared_places, sources_of_issuers, token_headers,
};
pub use token_source_error::TokenSourceError;

/// A valid configuration.
#[derive(Debug)]
pub struct Config {
    /// `enabled`
    pub enabled: bool,
    /// The issuers; at least one.
    pub issuers: Vec<Issuer>,
    /// `default_policy`
    pub default_policy: Requirement,
    /// `routes`, matched without the path variants of the classes in `skip_readings`.
    pub routes: Table<Rc<Route>>,
    /// `guards`
    pub guards: Guards<Rc<Guard>>,
    /// `route_metadata`
    pub route_metadata: RouteMetadata,
    /// `envoy_gateway_annotations`
    pub envoy_gateway_annotations: EnvoyGatewayAnnotations,
    /// The names that a requirement in route metadata can refer to.
    pub names: DefinedNames,
    /// The headers that some requirement compares with a claim.
    pub compared_headers: CredentialHeaders,
    /// `claim_headers`, with the maps of issuers.
    pub claim_headers: ClaimHeaders,
    /// `max_claim_header_bytes`
    pub max_claim_header_bytes: usize,
    /// `forward_token`
    pub forward_token: bool,
    /// `token_from`
    pub token_from: Vec<TokenSource>,
    /// `client_certificate_from`
    pub client_certificate_from: CertificateSource,
    /// `dpop`
    pub dpop: Option<DpopRules>,
    /// `second_tokens`, sorted by name.
    pub second_tokens: Vec<SecondToken>,
    /// `realm`
    pub realm: String,
    /// `token_cache_entries`
    pub token_cache_entries: usize,
    /// `max_token_bytes`
    pub max_token_bytes: usize,
    /// `bypass_cors_preflight`
    pub bypass_cors_preflight: bool,
    /// `cors_allow_origins`
    pub cors_allow_origins: AllowedOrigins,
    /// `report_only`
    pub report_only: bool,
    /// `resource_metadata`
    pub resource_metadata: ResourceMetadata,
    /// `identity_in_filter_state`
    pub identity_in_filter_state: bool,
    /// Warnings for the log: settings that are valid and probably a mistake.
    pub warnings: Vec<String>,
    /// A digest of the parsed configuration, independent of the order of its keys, so that it is the same on every host
    /// with this configuration. Envoy delivers the members of a Struct in a different order at each start.
    pub digest: String,
}

impl Config {
    /// Parses and validates the bytes that the host delivers.
    ///
    /// # Errors
    /// Every mistake that was found; at least one.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<ConfigError>> {
        let json = json(bytes).map_err(|error| vec![error])?;
        let mut errors = Errors::new();
        match config(&ConfigNode::root(&json), &mut errors) {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }

    /// The issuer of the tokens with this `iss`. An issuer without tenants takes precedence, also if it refuses the
    /// token: otherwise the rules of a form with tenants could accept a token that the rules of its own issuer refuse.
    pub fn issuer_of(&self, iss: &str) -> Option<(IssuerIndex, &Issuer)> {
        let position = |has_tenants: bool| {
            let mut issuers = self.issuers.iter().map(|issuer| &issuer.rules);
            issuers.position(|rules| rules.tenants.is_some() == has_tenants && rules.accept_issuer(iss))
        };
        let position = position(false).or_else(|| position(true))?;
        Some((IssuerIndex(position), self.issuers.get(position)?))
    }
}

/// Tries JSON text first and then a Struct. No configuration has two meanings: a serialized Struct is never valid JSON
/// text, because its tags are control characters, and valid JSON text is never parsed as a Struct.
fn json(bytes: &[u8]) -> Result<Json, ConfigError> {
    let integer = |problem| ConfigError { path: Path::root(), problem };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(integer(Problem::NoConfiguration));
    }
    match Json::parse(bytes) {
        Ok(json) => Ok(json),
        Err(error) => protobuf::struct_to_json(bytes).ok_or_else(|| {
            match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
                Err(syntax) => integer(Problem::NotJson { syntax: syntax.to_string() }),
                Ok(_) => integer(Problem::Json(error)),
            }
        }),
    }
}

fn config(root: &ConfigNode<'_>, errors: &mut Errors) -> Option<Config> {
    let mut object = root.object("an object with issuer, audience and jwks_cluster", errors)?;
    let mut warnings = Vec::new();
    let enabled = object.flag(&key::ENABLED, errors);
    let bound_tokens = BoundTokens::take(&mut object, errors);
    let defaults = ClaimSources {
        roles: sources(&mut object, &shared::ROLES_FROM, errors),
        groups: sources(&mut object, &shared::GROUPS_FROM, errors),
        scopes: sources(&mut object, &shared::SCOPES_FROM, errors),
        scope_wildcards: object.flag(&shared::SCOPE_WILDCARDS, errors),
    };
    let claim_headers = claim_headers(object.take(key::CLAIM_HEADERS), errors);
    // If the global map is not valid, the maps of issuers are checked against the default map.
    let is_valid = claim_headers.is_some();
    let mut claim_headers = claim_headers.unwrap_or_default();
    let mut context = IssuerContext {
        defaults: &defaults,
        claim_headers: &mut claim_headers,
        reads_dpop: bound_tokens.dpop.is_some(),
        warnings: &mut warnings,
    };
    let mut issuers = issuer::issuers(&mut object, &mut context, errors);
    let lacks_issuers = issuer::is_incomplete(root.value(), &issuers);
    let second = second_tokens(&mut object, &mut issuers, lacks_issuers, &mut claim_headers, errors);
    let claim_headers = is_valid.then_some(claim_headers);
    let reads_dpop = bound_tokens.dpop.is_some();
    let token_from = object.take(key::TOKEN_FROM).and_then(|node| token_sources(&node, reads_dpop, errors));
    let token_from = token_from.unwrap_or_else(|| with_dpop(vec![TokenSource::Authorization], reads_dpop));
    let mut names = DefinedNames {
        claim_headers: claim_headers.clone().unwrap_or_default(),
        token_headers: token_headers(&token_from, &second.tokens, None, &bound_tokens),
        reads_dpop,
        second_tokens: second.names,
        ..names(&issuers, lacks_issuers)
    };
    policies(object.take(key::POLICIES), &mut names, errors);

    let default_policy = match object.take(key::DEFAULT_POLICY) {
        Some(node) => requirement_without_parameters(&node, &names, EmptyRequirement::AnyValidToken, errors),
        None => Some(Requirement::any_valid_token()),
    };
    let skipped = skip_readings(object.take(key::SKIP_READINGS), errors);
    let mut taken: Vec<Rc<str>> = names.policies.keys().map(|name| name.as_str().into()).collect();
    let routes = routes(object.take(key::ROUTES), &names, &mut taken, errors);
    let routes = routes.map(|routes| routes.skipping(skipped));
    let guards = guards(object.take(key::GUARDS), &names, skipped, &mut taken, errors);
    let route_metadata = RouteMetadata::read(&mut object, errors);
    let envoy_gateway_annotations = EnvoyGatewayAnnotations::read(&mut object, errors);
    let max_claim_header_bytes = size(&mut object, &key::MAX_CLAIM_HEADER_BYTES, errors);
    let forward_token = object.flag(&key::FORWARD_TOKEN, errors);
    let realm = realm(object.take(key::REALM), &issuers, errors);
    let token_cache_entries = size(&mut object, &key::TOKEN_CACHE_ENTRIES, errors);
    let max_token_bytes = size(&mut object, &key::MAX_TOKEN_BYTES, errors);
    let compared_headers =
        compared_headers(&names, default_policy.as_ref(), routes.as_ref(), guards.as_ref());
    names.token_headers = token_headers(&token_from, &second.tokens, routes.as_ref(), &bound_tokens);
    if let Some(routes) = &routes {
        errors.extend(sources_of_issuers(&issuers, &token_from, routes));
        errors.extend(shared_places(&second.tokens, &token_from, routes));
    }
    if let Some(headers) = &claim_headers {
        if let Some((header, bytes)) =
            headers.longest_value().filter(|(_, bytes)| *bytes > max_claim_header_bytes)
        {
            let path = Path::root().key(key::MAX_CLAIM_HEADER_BYTES.name.as_str()).to_owned();
            errors
                .push(ConfigError { path, problem: Problem::LongValue { header: header.to_owned(), bytes } });
        }
        errors.extend(bound_tokens.mistake_in_headers(headers).map(|problem| ConfigError {
            path: Path::root().key(key::CLAIM_HEADERS.as_str()).to_owned(),
            problem,
        }));
        let of_routes = routes.iter().flat_map(|routes| routes.entries()).filter(|entry| entry.path == 0);
        let of_routes = of_routes.filter_map(|entry| {
            let path = Path::root().key(key::ROUTES.as_str()).index(entry.route);
            Some((path.key(keys::route::TOKEN_FROM.as_str()), entry.rule.token_from.as_deref()?))
        });
        let own = (Path::root().key(key::TOKEN_FROM.as_str()), token_from.as_slice());
        let of_second = second.tokens.iter().map(|token| (token.path(), token.token_from.as_slice()));
        for (path, token_sources) in std::iter::once(own).chain(of_routes).chain(of_second) {
            let problem = claim_header_among(token_sources, headers)
                .or_else(|| compared_header_among(token_sources, &compared_headers))
                .or_else(|| bound_tokens.mistake_in(token_sources));
            errors.extend(problem.map(|problem| ConfigError { path: path.to_owned(), problem }));
        }
    }
    let bypass_cors_preflight = object.flag(&key::BYPASS_CORS_PREFLIGHT, errors);
    let cors_allow_origins = cors::allowed_origins(&mut object, errors);
    let report_only = object.flag(&key::REPORT_ONLY, errors);
    let resource_metadata = resource_metadata(object.take(key::RESOURCE_METADATA), errors);
    let identity_in_filter_state = object.flag(&key::IDENTITY_IN_FILTER_STATE, errors);
    object.deny_unknown(errors);

    Some(Config {
        enabled,
        issuers,
        default_policy: default_policy?,
        routes: routes?,
        guards: guards?,
        compared_headers,
        route_metadata,
        envoy_gateway_annotations,
        names,
        claim_headers: claim_headers?,
        max_claim_header_bytes,
        forward_token,
        client_certificate_from: bound_tokens.certificate,
        dpop: bound_tokens.dpop,
        token_from,
        second_tokens: second.tokens,
        realm,
        token_cache_entries,
        max_token_bytes,
        bypass_cors_preflight,
        cors_allow_origins,
        report_only,
        resource_metadata,
        identity_in_filter_state,
        warnings,
        digest: digest(root.value().in_order().to_string().as_bytes()),
    })
}

/// The headers that some requirement compares with a claim.
fn compared_headers(
    names: &DefinedNames,
    default_policy: Option<&Requirement>,
    routes: Option<&Table<Rc<Route>>>,
    guards: Option<&Guards<Rc<Guard>>>,
) -> CredentialHeaders {
    let of_routes = routes.iter().flat_map(|routes| routes.rules()).map(|route| &route.requirement);
    let of_guards = guards.iter().flat_map(|guards| guards.entries()).map(|entry| &entry.rule.requirement);
    let requirements =
        default_policy.into_iter().chain(names.policies.values()).chain(of_routes).chain(of_guards);
    requirements.flat_map(compared_headers_of).collect()
}

/// The headers that this requirement compares with a claim.
pub fn compared_headers_of(requirement: &Requirement) -> impl Iterator<Item = &str> {
    requirement.request_values().into_iter().filter_map(|value| match value {
        RequestValue::Header(name) => Some(name.as_str()),
        RequestValue::Path(_) | RequestValue::Host(_) => None,
    })
}

fn names(issuers: &[Issuer], lacks_issuers: bool) -> DefinedNames {
    DefinedNames {
        issuers: issuers.iter().map(|issuer| issuer.name.clone()).collect(),
        audiences: issuers.iter().flat_map(|issuer| issuer.rules.audiences.clone()).collect(),
        policies: std::collections::BTreeMap::new(),
        broken_policies: Vec::new(),
        lacks_issuers,
        ..DefinedNames::default()
    }
}

fn policies(node: Option<ConfigNode<'_>>, names: &mut DefinedNames, errors: &mut Errors) {
    let Some(entries) = node.and_then(|node| node.entries("an object of named requirements", errors)) else {
        return;
    };
    let (mut named, mut broken) = (std::collections::BTreeMap::new(), Vec::new());
    for (name, node) in entries {
        if name.trim().is_empty() {
            node.refuse(Problem::NamelessPolicy, errors);
        }
        if matches!(node.value().member(keys::requirement::POLICY.as_str()), Some(value) if *value != Json::Null)
        {
            node.refuse(Problem::NestedPolicy, errors);
            broken.push(name.to_owned());
            continue;
        }
        // The other policies are not known here, so that a policy cannot refer to another one.
        match requirement::requirement(&node, names, EmptyRequirement::Refused, errors) {
            Some(requirement) => {
                named.insert(name.to_owned(), requirement);
            }
            None => broken.push(name.to_owned()),
        }
    }
    names.policies = named;
    names.broken_policies = broken;
}

/// One RFC 9728 document or a list of them.
fn resource_metadata(node: Option<ConfigNode<'_>>, errors: &mut Errors) -> ResourceMetadata {
    let Some(node) = node else { return ResourceMetadata::default() };
    let items = node.one_or_many();
    let documents: Vec<Json> = items.iter().map(|item| item.value().clone()).collect();
    ResourceMetadata::new(&documents).unwrap_or_else(|(index, error)| {
        items.get(index).unwrap_or(&node).refuse(Problem::ResourceMetadata(error), errors);
        ResourceMetadata::default()
    })
}

/// A number of bytes or entries. The bounds of these keys fit into 32 bits and therefore into every `usize`.
fn size(object: &mut ConfigObject<'_>, key: &keys::Integer, errors: &mut Errors) -> usize {
    usize::try_from(object.integer(key, errors)).unwrap_or(usize::MAX)
}

/// `realm`. The default is the first audience, or `jwt-guard` if a challenge cannot contain that audience.
fn realm(node: Option<ConfigNode<'_>>, issuers: &[Issuer], errors: &mut Errors) -> String {
    let Some(node) = node else {
        let first = issuers.first().and_then(|issuer| issuer.rules.audiences.first());
        return first
            .filter(|audience| realm_is_valid(audience))
            .map_or_else(|| "jwt-guard".to_owned(), Clone::clone);
    };
    let realm = node.text("a realm", errors).unwrap_or_default();
    if !realm.is_empty() && !realm_is_valid(realm) {
        node.refuse(Problem::InvalidRealm, errors);
    }
    realm.to_owned()
}

#[cfg(test)]
mod tests;
