//! The requirements that apply to a request: those of every path variant, or the one in the metadata of the
//! route that Envoy selected.

use std::borrow::Cow;
use std::rc::Rc;

use super::input::{Metadata, Request};
use super::method_override::method_overrides;
use super::rule_name::RuleName;
use crate::config::{Config, EnvoyGatewayAnnotations, Guard, Route, RouteMetadata};
use crate::denial::Reason;
use crate::http::HeaderMap;
use crate::policy::{NonEmpty, Requirement, Requirements};
use crate::route::{
    self, Ambiguity, AmbiguousPath, GuardMatch, Parameters, RequestLine, RequestVariant, RequestVariants,
    RouteMatch, VariantClass,
};
use crate::token_source::TokenSource;

/// The requirements that apply, all of which must be met, and the token settings of their routes.
#[derive(Debug)]
pub struct EffectivePolicy<'r> {
    /// The requirements, with that of the request as sent first.
    pub applied: NonEmpty<AppliedRequirement<'r>>,
    /// The token sources to read: those of all path variants. So a credential in a source of any variant counts
    /// as a second token.
    pub token_sources: Cow<'r, [TokenSource]>,
    /// The sources that a token may come from: only those that every path variant accepts. Otherwise a cookie
    /// meant for a page would authenticate a call to an API without CSRF protection.
    pub accepted_token_sources: Cow<'r, [TokenSource]>,
    /// Whether the upstream receives the token.
    pub forward_token: bool,
}

/// A requirement and its origin.
#[derive(Debug, Clone)]
pub struct AppliedRequirement<'r> {
    /// The requirement.
    pub requirement: &'r Requirement,
    /// The rule that contains the requirement.
    pub rule: RuleName,
    /// The entry of the route table, if the rule is a route.
    pub entry: Option<usize>,
    /// The parameters of the path, if the requirement compares them with claims.
    pub parameters: Option<Box<Parameters<'r>>>,
    /// The path variant that selected the requirement, unless that is the request as sent.
    pub variant: Option<RequestVariant<'r>>,
}

/// Why no requirement can be chosen. The request is denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError<'r> {
    /// The request's path, method or host is ambiguous.
    #[error(transparent)]
    AmbiguousPath(#[from] AmbiguousPath),
    /// The route's metadata is not a valid requirement.
    #[error("{0}")]
    BadMetadata(&'r str),
    /// Envoy selects the route again after the filter has removed a header.
    #[error("the request has a header that the filter removes, and route metadata decides")]
    RemovedHeader,
    /// Envoy may have selected the route by a different method than the upstream uses.
    #[error("the method has several variants, and route metadata decides")]
    SeveralMethods,
    /// Envoy may have selected the route by a different path than the upstream uses. Holds the classes that
    /// lead to that path.
    #[error("the path has another variant by {}, and route metadata decides", names(.0))]
    SeveralPaths(Vec<VariantClass>),
}

fn names(classes: &[VariantClass]) -> String {
    let names: Vec<_> = classes.iter().map(|class| class.name()).collect();
    names.join(",")
}

impl PolicyError<'_> {
    /// The reason in counters and logs.
    pub fn reason(&self) -> Reason {
        match self {
            Self::AmbiguousPath(_) | Self::SeveralMethods | Self::SeveralPaths(_) => Reason::AmbiguousPath,
            Self::BadMetadata(_) => Reason::BadMetadata,
            Self::RemovedHeader => Reason::BadRequest,
        }
    }
}

impl<'r> EffectivePolicy<'r> {
    /// Only the requirements, in the same order.
    pub fn requirements(&self) -> Requirements<'r> {
        self.applied.map(|applied| applied.requirement).into()
    }
}

impl AppliedRequirement<'_> {
    /// The name of the policy, if it has one, otherwise the rule.
    pub fn policy_name(&self) -> RuleName {
        self.requirement.policy.clone().map_or_else(|| self.rule.clone(), RuleName::Policy)
    }
}

/// The path that the variants are compared with to find out whether Envoy selected the route of another path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ComparedPath {
    /// The path as sent, byte by byte.
    AsSent,
    /// The path as written: letter case and the escapes that a client has to write do not count.
    AsWritten,
}

/// Resolves the requirements for a request and its token sources.
///
/// # Errors
/// The reason why no requirement can be chosen.
pub fn resolve_policy<'r>(
    config: &'r Config,
    request: &'r Request<'_>,
) -> Result<EffectivePolicy<'r>, PolicyError<'r>> {
    let headers = request.headers;
    let request_line = RequestLine {
        host: headers.get(":authority").unwrap_or_default(),
        method: headers.get(":method").unwrap_or_default(),
        path: headers.get(":path"),
        method_overrides: method_overrides(headers).collect(),
    };
    let variants = RequestVariants::of(&request_line, config.routes.skipped())?;
    let routes = config.routes.matches_of(&variants);
    let as_written = routes.as_written();
    let own = in_metadata(&request.metadata, RuleName::Metadata)?;
    let annotations = [
        in_metadata(&request.annotations.route, RuleName::RouteAnnotation)?,
        in_metadata(&request.annotations.gateway, RuleName::GatewayAnnotation)?,
    ];
    let has_own = own.is_some();
    let is_annotated = annotations.iter().any(Option::is_some);
    let annotations_replace =
        is_annotated && config.envoy_gateway_annotations == EnvoyGatewayAnnotations::Override;
    let own_replaces = has_own && config.route_metadata == RouteMetadata::Override;
    if has_own || annotations_replace {
        is_safe_for_metadata(config, headers, &variants, ComparedPath::AsSent)?;
    } else if is_annotated {
        is_safe_for_metadata(config, headers, &variants, ComparedPath::AsWritten)?;
    }
    let mut annotations = annotations.into_iter().flatten();
    let first = own.or_else(|| annotations_replace.then(|| annotations.next()).flatten());
    let first = first.unwrap_or_else(|| applied(config, as_written, None));
    let mut policy = EffectivePolicy {
        applied: NonEmpty::one(first),
        token_sources: Cow::Borrowed(token_sources(config, as_written)),
        accepted_token_sources: Cow::Borrowed(token_sources(config, as_written)),
        forward_token: true,
    };
    let routes_apply = !own_replaces && !annotations_replace;
    for (position, route_match) in routes.iter().enumerate() {
        let token_sources = token_sources(config, route_match);
        for source in token_sources {
            if !policy.token_sources.contains(source) {
                policy.token_sources.to_mut().push(source.clone());
            }
        }
        if policy.accepted_token_sources.iter().any(|source| !token_sources.contains(source)) {
            policy.accepted_token_sources.to_mut().retain(|source| token_sources.contains(source));
        }
        let forwards = route_match.found.and_then(|found| found.rule.forward_token);
        policy.forward_token &= forwards.unwrap_or(config.forward_token);
        if routes_apply && (has_own || position > 0) {
            let variant = (position > 0).then(|| route_match.variant.clone());
            policy.applied.push(applied(config, route_match, variant));
        }
    }
    policy.applied.extend(annotations);
    policy.applied.extend(config.guards.matches(&variants).into_iter().map(applied_guard));
    Ok(policy)
}

/// The requirement that the proxy's route carries, if it carries one.
fn in_metadata<'r>(
    metadata: &'r Metadata,
    rule: RuleName,
) -> Result<Option<AppliedRequirement<'r>>, PolicyError<'r>> {
    match metadata {
        Metadata::Absent => Ok(None),
        Metadata::Bad(problem) => Err(PolicyError::BadMetadata(problem)),
        Metadata::Requirement(requirement) => {
            Ok(Some(AppliedRequirement { requirement, rule, entry: None, parameters: None, variant: None }))
        }
    }
}

fn applied<'r>(
    config: &'r Config,
    route_match: &RouteMatch<'r, Rc<Route>>,
    variant: Option<RequestVariant<'r>>,
) -> AppliedRequirement<'r> {
    let requirement = route_match.found.map_or(&config.default_policy, |found| &found.rule.requirement);
    let entry = route_match.index();
    let route = entry.and_then(|index| config.routes.entries().get(index));
    let rule = route
        .map_or(RuleName::DefaultPolicy, |entry| named(&entry.rule.name, || RuleName::Route(entry.route)));
    AppliedRequirement { requirement, rule, entry, parameters: route_match.parameters.clone(), variant }
}

fn applied_guard<'r>(guard: GuardMatch<'r, Rc<Guard>>) -> AppliedRequirement<'r> {
    let is_as_written = guard.variant.classes.is_empty();
    AppliedRequirement {
        requirement: &guard.rule.requirement,
        rule: named(&guard.rule.name, || RuleName::Guard(guard.route)),
        entry: None,
        parameters: guard.parameters,
        variant: (!is_as_written).then_some(guard.variant),
    }
}

fn named(name: &Option<Rc<str>>, unnamed: impl FnOnce() -> RuleName) -> RuleName {
    name.as_ref().map_or_else(unnamed, |name| RuleName::Named(Rc::clone(name)))
}

fn token_sources<'r>(config: &'r Config, route_match: &RouteMatch<'r, Rc<Route>>) -> &'r [TokenSource] {
    route_match.found.and_then(|found| found.rule.token_from.as_deref()).unwrap_or(&config.token_from)
}

/// Envoy selects the route again after a header was edited, but the filter does not read the metadata again. A
/// client could then make Envoy select a route whose metadata was not evaluated, so the request must not
/// contain a header that the filter removes. Envoy must not have selected the route by a path or method that
/// the upstream may interpret differently, either.
///
/// If the metadata decides alone, letter case and the escapes that a client has to write count too, because Envoy
/// compares both. An annotation beside `routes` cannot open a path, so that the paths of a gRPC service pass there.
fn is_safe_for_metadata<'r>(
    config: &Config,
    headers: &HeaderMap,
    variants: &RequestVariants<'_>,
    compared: ComparedPath,
) -> Result<(), PolicyError<'r>> {
    if config.claim_headers.removed_of(headers).next().is_some() {
        return Err(PolicyError::RemovedHeader);
    }
    if !variants.has_one_method() {
        return Err(PolicyError::SeveralMethods);
    }
    let (path, skipped) = (headers.get(":path").unwrap_or_default(), config.routes.skipped());
    let classes = match (variants.ambiguity(), compared) {
        (Ambiguity::Unambiguous | Ambiguity::TrailingSlash, _) => None,
        (Ambiguity::LetterCase | Ambiguity::Segments, ComparedPath::AsSent) => {
            Some(route::most_different_classes(path, skipped))
        }
        (Ambiguity::LetterCase, ComparedPath::AsWritten) => None,
        (Ambiguity::Segments, ComparedPath::AsWritten) => route::other_segments_than_written(path, skipped),
    };
    classes.map_or(Ok(()), |classes| Err(PolicyError::SeveralPaths(classes)))
}
