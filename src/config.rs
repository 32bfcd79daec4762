//! What the operator wrote, parsed into types that cannot hold a mistake.
//!
//! Accepts JSON text and a serialised `google.protobuf.Struct`. Unknown keys are refused at any depth, every
//! mistake is collected with its path and the remedy, and absence denies: anonymous access is spelled out.

pub mod error;
pub mod issuer;
pub mod metadata;
pub mod protobuf;
pub mod reader;
pub mod requirement;

use crate::bearer::Place;
use crate::denial::realm_is_valid;
use crate::denial::resource_metadata::ResourceMetadata;
use crate::headers::{ClaimHeaders, HeaderSource};
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;
use crate::keys::record::digest;
use crate::policy::{Requirement, Source, Sources};
use crate::route::{Entry, HostPattern, Method, ReadingClass, SkippedReadings, Table, Template};

pub use error::ConfigError;
pub use issuer::{Issuer, KeyOrigin, Location};
use reader::{Errors, Node, shown};
use requirement::{Empty, Vocabulary};

/// What routes may be given in one configuration.
const MAX_ROUTES: usize = 100_000;

/// A valid configuration.
#[derive(Debug)]
pub struct Config {
    /// `enabled`
    pub enabled: bool,
    /// The issuers, at least one.
    pub issuers: Vec<Issuer>,
    /// `default_policy`
    pub default_policy: Requirement,
    /// `routes`, read without the classes of `skip_readings`.
    pub routes: Table<Route>,
    /// `route_metadata`
    pub route_metadata: RouteMetadata,
    /// What route metadata may refer to.
    pub vocabulary: Vocabulary,
    /// `claim_headers`
    pub claim_headers: ClaimHeaders,
    /// `max_claim_header_bytes`
    pub max_claim_header_bytes: usize,
    /// `forward_token`
    pub forward_token: bool,
    /// `token_from`
    pub token_from: Vec<Place>,
    /// `realm`
    pub realm: String,
    /// `token_cache_entries`
    pub token_cache_entries: usize,
    /// `max_token_bytes`
    pub max_token_bytes: usize,
    /// `bypass_cors_preflight`
    pub bypass_cors_preflight: bool,
    /// `report_only`
    pub report_only: bool,
    /// `resource_metadata`
    pub resource_metadata: ResourceMetadata,
    /// `identity_in_filter_state`
    pub identity_in_filter_state: bool,
    /// What is legal and doubtful, for the log.
    pub warnings: Vec<String>,
    /// Of what was read, whatever the order of its keys: the same on every host of one configuration. Envoy delivers
    /// a Struct's members in another order at each start.
    pub digest: String,
}

/// What one entry of `routes` says beside where it applies.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The requirement.
    pub requirement: Requirement,
    /// `token_from`, where the route has its own.
    pub token_from: Option<Vec<Place>>,
    /// `forward_token`, where the route has its own.
    pub forward_token: Option<bool>,
}

/// How metadata and `routes` go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMetadata {
    /// Metadata replaces what `routes` say.
    Override,
    /// Both must be met.
    Narrow,
    /// Metadata is not read.
    Ignore,
}

impl Config {
    /// Reads and validates what the host hands over.
    ///
    /// # Errors
    /// Every mistake that was found, at least one.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<ConfigError>> {
        let json = json(bytes).map_err(|error| vec![error])?;
        let mut errors = Errors::new();
        match config(&Node::root(&json), &mut errors) {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }
}

/// A Struct is never valid JSON text (its tags are control characters), and JSON text that is valid is never read
/// as a Struct: the order of the two attempts leaves no configuration with two meanings.
fn json(bytes: &[u8]) -> Result<Json, ConfigError> {
    let whole = |problem: String| ConfigError { path: String::new(), problem };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(whole(
            "the filter has no configuration; it needs at least issuer, audience and jwks_cluster".into(),
        ));
    }
    match Json::parse(bytes) {
        Ok(json) => Ok(json),
        Err(error) => protobuf::struct_to_json(bytes).ok_or_else(|| {
            match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
                Err(syntax) => {
                    whole(format!("the configuration is neither a Struct nor valid JSON: {syntax}"))
                }
                Ok(_) => whole(format!("the configuration is refused: {error}")),
            }
        }),
    }
}

fn config(root: &Node<'_>, errors: &mut Errors) -> Option<Config> {
    let mut object = root.object("an object with issuer, audience and jwks_cluster", errors)?;
    let mut warnings = Vec::new();
    let enabled = object.take("enabled").and_then(|node| node.flag(errors)).unwrap_or(true);
    let defaults = Sources {
        roles: sources(object.take("roles_from"), &["role", "roles"], errors),
        groups: sources(object.take("groups_from"), &["groups"], errors),
        scopes: sources(object.take("scopes_from"), &["scope", "scp"], errors),
    };
    let issuers = issuer::issuers(&mut object, &defaults, &mut warnings, errors);
    let mut vocabulary = vocabulary(&issuers, issuer::lacks_some(root.value(), &issuers));
    policies(object.take("policies"), &mut vocabulary, errors);

    let default_policy = match object.take("default_policy") {
        Some(node) => requirement::requirement(&node, &vocabulary, Empty::AnyValidToken, errors),
        None => Some(Requirement::any_valid_token()),
    };
    let skipped = skip_readings(object.take("skip_readings"), errors);
    let routes = routes(object.take("routes"), &vocabulary, errors).map(|routes| routes.skipping(skipped));
    let route_metadata = route_metadata(object.take("route_metadata"), errors);
    let claim_headers = claim_headers(object.take("claim_headers"), errors);
    let max_claim_header_bytes = size(object.take("max_claim_header_bytes"), 16_384, 64..=1_048_576, errors);
    let forward_token = object.yes("forward_token", errors);
    let token_from = object.take("token_from").and_then(|node| places(&node, errors));
    let realm = realm(object.take("realm"), &issuers, errors);
    let token_cache_entries = number(object.take("token_cache_entries"), 1024, 0..=65_536, "entries", errors);
    let max_token_bytes = size(object.take("max_token_bytes"), 16_384, 64..=1_048_576, errors);
    if let Some(headers) = &claim_headers {
        let of_routes = routes.iter().flat_map(|routes| routes.rules().enumerate());
        let of_routes = of_routes.filter_map(|(index, route)| {
            Some((format!("routes[{index}].token_from"), route.token_from.as_deref()?))
        });
        let own = token_from.as_deref().map(|places| ("token_from".to_owned(), places));
        for (path, places) in own.into_iter().chain(of_routes) {
            errors.extend(claim_header_among(places, headers).map(|problem| ConfigError { path, problem }));
        }
    }
    let bypass_cors_preflight = object.yes("bypass_cors_preflight", errors);
    let report_only = object.yes("report_only", errors);
    let resource_metadata = resource_metadata(object.take("resource_metadata"), errors);
    let identity_in_filter_state = object.yes("identity_in_filter_state", errors);
    object.finish(errors);

    Some(Config {
        enabled,
        issuers,
        default_policy: default_policy?,
        routes: routes?,
        route_metadata,
        vocabulary,
        claim_headers: claim_headers?,
        max_claim_header_bytes,
        forward_token,
        token_from: token_from.unwrap_or_else(|| vec![Place::Authorization]),
        realm,
        token_cache_entries,
        max_token_bytes,
        bypass_cors_preflight,
        report_only,
        resource_metadata,
        identity_in_filter_state,
        warnings,
        digest: digest(root.value().in_order().to_string().as_bytes()),
    })
}

/// Removed before it could be read, or read and then removed as a token where a claim had been set: either is a
/// mistake.
fn claim_header_among(places: &[Place], headers: &ClaimHeaders) -> Option<String> {
    places.iter().find_map(|place| match place {
        Place::Header { name, .. } if headers.is_removed(name) => {
            Some(format!("the header {name} is a claim header, or spelt like one"))
        }
        _ => None,
    })
}

fn vocabulary(issuers: &[Issuer], lacks_issuers: bool) -> Vocabulary {
    Vocabulary {
        issuers: issuers.iter().map(|issuer| issuer.name.clone()).collect(),
        audiences: issuers.iter().flat_map(|issuer| issuer.rules.audiences.clone()).collect(),
        policies: std::collections::BTreeMap::new(),
        broken_policies: Vec::new(),
        lacks_issuers,
    }
}

fn policies(node: Option<Node<'_>>, vocabulary: &mut Vocabulary, errors: &mut Errors) {
    let Some(entries) = node.and_then(|node| node.entries("an object of named requirements", errors)) else {
        return;
    };
    let (mut named, mut broken) = (std::collections::BTreeMap::new(), Vec::new());
    for (name, node) in entries {
        if name.trim().is_empty() {
            node.refuse("a policy needs a name", errors);
        }
        if matches!(node.value().member("policy"), Some(value) if *value != Json::Null) {
            node.refuse("a named policy does not name another", errors);
            broken.push(name.to_owned());
            continue;
        }
        // Read without the other policies in sight: none may refer to another.
        match requirement::requirement(&node, vocabulary, Empty::Refused, errors) {
            Some(requirement) => {
                named.insert(name.to_owned(), requirement);
            }
            None => broken.push(name.to_owned()),
        }
    }
    vocabulary.policies = named;
    vocabulary.broken_policies = broken;
}

fn routes(node: Option<Node<'_>>, vocabulary: &Vocabulary, errors: &mut Errors) -> Option<Table<Route>> {
    let nodes = match &node {
        Some(node) => node.list("a list of routes", errors)?,
        None => Vec::new(),
    };
    if nodes.len() > MAX_ROUTES {
        node?.refuse(format!("{} routes; at most {MAX_ROUTES}", nodes.len()), errors);
        return None;
    }
    let before = errors.len();
    let entries: Vec<Entry<Route>> =
        nodes.iter().filter_map(|node| route(node, vocabulary, errors)).collect();
    if errors.len() > before {
        return None;
    }
    let built = Table::build(entries);
    built
        .map_err(|conflicts| {
            for conflict in conflicts {
                errors.push(ConfigError {
                    path: format!("routes[{}]", conflict.second),
                    problem: conflict.to_string(),
                });
            }
        })
        .ok()
}

fn route(node: &Node<'_>, vocabulary: &Vocabulary, errors: &mut Errors) -> Option<Entry<Route>> {
    let mut object = node.object("a route, such as {path: /api/admin/**, requires_role: [admin]}", errors)?;
    let template = match object.take("path") {
        Some(node) => parsed(&node, "a path template, such as /api/orders/{id}", errors, Template::parse),
        None => {
            object.refuse("path", "expected a path template, such as /api/orders/{id}", errors);
            None
        }
    };
    let methods = parsed_list(object.take("methods"), "a method, such as GET", errors, Method::parse);
    let hosts = parsed_list(
        object.take("hosts"),
        "a host, such as api.example.com or *.example.com",
        errors,
        HostPattern::parse,
    );
    let token_from = object.take("token_from").and_then(|node| places(&node, errors));
    let forward_token = object.take("forward_token").and_then(|node| node.flag(errors));
    let requirement = requirement::read(&mut object, vocabulary, Empty::Refused, errors);
    object.finish(errors);
    let rule = Route { requirement: requirement?, token_from, forward_token };
    Some(Entry { template: template?, methods: methods?, hosts: hosts?, rule })
}

/// A text that a type of the core reads, with its own words for what is wrong.
fn parsed<T, E: std::fmt::Display>(
    node: &Node<'_>,
    what: &str,
    errors: &mut Errors,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    parse(node.text(what, errors)?).map_err(|error| node.refuse(error.to_string(), errors)).ok()
}

/// One text or a list of them; an absent key is an empty list, an empty list is refused.
fn parsed_list<T, E: std::fmt::Display>(
    node: Option<Node<'_>>,
    what: &str,
    errors: &mut Errors,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<Vec<T>> {
    let Some(node) = node else { return Some(Vec::new()) };
    node.texts(what, errors)?;
    node.one_or_many().iter().map(|item| parsed(item, what, errors, &parse)).collect()
}

/// Classes of readings; an empty list skips none.
fn skip_readings(node: Option<Node<'_>>, errors: &mut Errors) -> SkippedReadings {
    let mut skipped = SkippedReadings::default();
    let Some(node) = node else { return skipped };
    if matches!(node.value(), Json::Array(items) if items.is_empty()) {
        return skipped;
    }
    let Some(names) = node.texts("the name of a class of readings, such as letter_case", errors) else {
        return skipped;
    };
    for (name, node) in names.into_iter().zip(node.one_or_many()) {
        match ReadingClass::SKIPPABLE.into_iter().find(|class| class.name() == name) {
            Some(class) => skipped = skipped.with(class),
            None => {
                let known = ReadingClass::SKIPPABLE.map(ReadingClass::name).join(", ");
                let problem = match ReadingClass::ALWAYS.into_iter().find(|class| class.name() == name) {
                    Some(class) => format!("{class} cannot be skipped; expected one of {known}"),
                    None => format!("expected one of {known}, got {}", shown(node.value())),
                };
                node.refuse(problem, errors);
            }
        }
    }
    skipped
}

fn route_metadata(node: Option<Node<'_>>, errors: &mut Errors) -> RouteMetadata {
    match node.as_ref().map(|node| node.value().as_str()) {
        None | Some(Some("override")) => RouteMetadata::Override,
        Some(Some("narrow")) => RouteMetadata::Narrow,
        Some(Some("ignore")) => RouteMetadata::Ignore,
        Some(_) => {
            if let Some(node) = node {
                node.refuse(
                    format!("expected override, narrow or ignore, got {}", shown(node.value())),
                    errors,
                );
            }
            RouteMetadata::Override
        }
    }
}

/// A claim name or a JSON Pointer.
fn pointer(node: &Node<'_>, errors: &mut Errors) -> Option<Pointer> {
    parsed(node, "a claim name or a JSON Pointer", errors, Pointer::parse)
}

/// Pointers, or `{claim, prefix}`; an empty list means that the tokens have none.
fn sources(node: Option<Node<'_>>, default: &[&str], errors: &mut Errors) -> Vec<Source> {
    let Some(node) = node else {
        let pointers = default.iter().filter_map(|name| Pointer::parse(name).ok());
        return pointers.map(|pointer| Source { pointer, prefix: None }).collect();
    };
    node.one_or_many().iter().filter_map(|item| source(item, errors)).collect()
}

fn source(node: &Node<'_>, errors: &mut Errors) -> Option<Source> {
    if !matches!(node.value(), Json::Object(_)) {
        return pointer(node, errors).map(|pointer| Source { pointer, prefix: None });
    }
    let mut object = node.object("a claim", errors)?;
    let claim = object.take("claim");
    let prefix = object.take("prefix").and_then(|node| node.text("a prefix", errors)).map(str::to_owned);
    if claim.is_none() && !object.has_unknown() {
        object.refuse("claim", "expected a claim name or a JSON Pointer", errors);
    }
    let pointer = claim.and_then(|node| pointer(&node, errors));
    object.finish(errors);
    Some(Source { pointer: pointer?, prefix })
}

fn claim_headers(node: Option<Node<'_>>, errors: &mut Errors) -> Option<ClaimHeaders> {
    let Some(node) = node else { return Some(ClaimHeaders::default()) };
    let before = errors.len();
    let entries = node.entries("an object of header names and claims", errors)?;
    let entries =
        entries.into_iter().filter_map(|(name, node)| Some((name.to_owned(), header_source(&node, errors)?)));
    let entries: Vec<_> = entries.collect();
    if errors.len() > before {
        return None;
    }
    ClaimHeaders::new(entries).map_err(|error| node.refuse(error.to_string(), errors)).ok()
}

fn header_source(node: &Node<'_>, errors: &mut Errors) -> Option<HeaderSource> {
    match node.value().as_str() {
        Some("$roles") => return Some(HeaderSource::Roles),
        Some("$groups") => return Some(HeaderSource::Groups),
        Some("$scopes") => return Some(HeaderSource::Scopes),
        Some("$payload") => return Some(HeaderSource::Payload),
        Some("$none") => return Some(HeaderSource::Nothing),
        _ => {}
    }
    let what = "a claim, a JSON Pointer, a list of them, $roles, $groups, $scopes, $payload or $none";
    let texts = node.texts(what, errors)?;
    if let Some(unknown) = texts.iter().find(|text| text.starts_with('$')) {
        node.refuse(format!("expected {what}, got \"{unknown}\""), errors);
        return None;
    }
    let pointers = node.one_or_many();
    pointers.iter().map(|item| pointer(item, errors)).collect::<Option<Vec<_>>>().map(HeaderSource::Pointers)
}

/// RFC 9728 documents: one or a list.
fn resource_metadata(node: Option<Node<'_>>, errors: &mut Errors) -> ResourceMetadata {
    let Some(node) = node else { return ResourceMetadata::default() };
    let items = node.one_or_many();
    let documents: Vec<Json> = items.iter().map(|item| item.value().clone()).collect();
    ResourceMetadata::new(&documents).unwrap_or_else(|(index, error)| {
        items.get(index).unwrap_or(&node).refuse(error.to_string(), errors);
        ResourceMetadata::default()
    })
}

fn places(node: &Node<'_>, errors: &mut Errors) -> Option<Vec<Place>> {
    let items = node.one_or_many();
    if items.is_empty() {
        node.refuse("expected at least one place, such as {header: authorization}", errors);
    }
    let mut places = Vec::with_capacity(items.len());
    for item in &items {
        let Some(place) = place(item, errors) else { continue };
        if places.contains(&place) {
            item.refuse("the same place stands here twice", errors);
        }
        places.push(place);
    }
    (!places.is_empty() && places.len() == items.len()).then_some(places)
}

fn place(node: &Node<'_>, errors: &mut Errors) -> Option<Place> {
    let mut object = node.object("a place, such as {header: authorization}", errors)?;
    let mut name = |key, errors: &mut Errors| {
        let node = object.take(key)?;
        let name = node.text("a name", errors)?;
        let is_token =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if !is_token {
            node.refuse("a name has letters, digits and - _ . only", errors);
        }
        is_token.then(|| name.to_owned())
    };
    let header = name("header", errors).map(|name| name.to_ascii_lowercase());
    let (query, cookie) = (name("query", errors), name("cookie", errors));
    let is_named = ["header", "query", "cookie"].iter().filter(|key| object.has(key)).count() == 1;
    let prefix = object.take("prefix").map(|node| match node.value() {
        Json::String(prefix) if prefix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => prefix.clone(),
        _ => {
            node.refuse("expected a prefix of visible ASCII characters, such as \"Token \"", errors);
            String::new()
        }
    });
    if prefix.is_some() && header.is_none() {
        object.refuse("prefix", "only a header has a prefix", errors);
    }
    let has_slip = object.has_unknown();
    object.finish(errors);
    match (header, query, cookie) {
        (Some(name), None, None) if name == "authorization" && prefix.is_none() => Some(Place::Authorization),
        (Some(name), None, None) => Some(Place::Header { name, prefix: prefix.unwrap_or_default() }),
        (None, Some(name), None) => Some(Place::Query { name }),
        (None, None, Some(name)) => Some(Place::Cookie { name }),
        (None, None, None) if has_slip || is_named => None,
        _ => {
            node.refuse("expected exactly one of header, query and cookie", errors);
            None
        }
    }
}

fn size(
    node: Option<Node<'_>>,
    default: usize,
    bounds: std::ops::RangeInclusive<u64>,
    errors: &mut Errors,
) -> usize {
    number(node, default, bounds, "bytes", errors)
}

fn number(
    node: Option<Node<'_>>,
    default: usize,
    bounds: std::ops::RangeInclusive<u64>,
    unit: &str,
    errors: &mut Errors,
) -> usize {
    let number = node.and_then(|node| node.whole(unit, bounds, errors));
    number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
}

/// The first audience, unless that cannot stand in a challenge.
fn realm(node: Option<Node<'_>>, issuers: &[Issuer], errors: &mut Errors) -> String {
    let Some(node) = node else {
        let first = issuers.first().and_then(|issuer| issuer.rules.audiences.first());
        return first
            .filter(|audience| realm_is_valid(audience))
            .map_or_else(|| "jwt-guard".to_owned(), Clone::clone);
    };
    let realm = node.text("a realm", errors).unwrap_or_default();
    if !realm.is_empty() && !realm_is_valid(realm) {
        node.refuse("a realm has visible ASCII characters and spaces only", errors);
    }
    realm.to_owned()
}

#[cfg(test)]
mod tests;
