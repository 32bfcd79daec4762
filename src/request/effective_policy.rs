//! Which requirements apply: those of every reading, or what the metadata of Envoy's own route says.

use std::borrow::Cow;

use super::input::Metadata;
use super::method_override::method_overrides;
use super::rule_name::RuleName;
use crate::config::{Config, Route, RouteMetadata};
use crate::denial::Reason;
use crate::http::HeaderMap;
use crate::policy::{NonEmpty, Requirement, Requirements};
use crate::route::{self, Ambiguity, AmbiguousPath, RequestLine, RequestVariant, RouteMatch, VariantClass};
use crate::token_source::TokenSource;

/// The requirements that apply, all of them to be met, and what their routes say beside them.
#[derive(Debug)]
pub struct EffectivePolicy<'r> {
    /// The requirements, that of the request as sent first.
    pub applied: NonEmpty<AppliedRequirement<'r>>,
    /// Where a token is looked for: wherever some reading does. What one of them would take for a second token is
    /// one.
    pub token_sources: Cow<'r, [TokenSource]>,
    /// Where a token may stand: only places that every reading accepts. Otherwise a cookie for a page would
    /// authenticate an API without CSRF protection.
    pub shared_token_sources: Cow<'r, [TokenSource]>,
    /// Whether the upstream gets it.
    pub forward_token: bool,
}

/// One requirement and where it comes from.
#[derive(Debug, Clone)]
pub struct AppliedRequirement<'r> {
    /// What it asks.
    pub requirement: &'r Requirement,
    /// Where it stands.
    pub rule: RuleName,
    /// The reading that chose it, where that is not the request as sent.
    pub variant: Option<RequestVariant<'r>>,
}

/// Why no requirement can be chosen. The request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError<'r> {
    /// The request has no reading to rely on.
    #[error(transparent)]
    AmbiguousPath(#[from] AmbiguousPath),
    /// The route's metadata is no requirement.
    #[error("{0}")]
    BadMetadata(&'r str),
    /// Envoy chooses the route again without a header that the filter removes.
    #[error("a header that is removed, where route metadata decides")]
    RemovedHeader,
    /// Envoy may have chosen the route by another method than the upstream takes.
    #[error("the method has several readings, where route metadata decides")]
    SeveralMethods,
    /// Envoy may have chosen the route by another path than the upstream reads. With what an upstream does that leads
    /// to the other one.
    #[error("the path has another reading by {}, where route metadata decides", names(.0))]
    SeveralPaths(Vec<VariantClass>),
}

fn names(classes: &[VariantClass]) -> String {
    let names: Vec<_> = classes.iter().map(|class| class.name()).collect();
    names.join(",")
}

impl PolicyError<'_> {
    /// As counters and log say it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::AmbiguousPath(_) | Self::SeveralMethods | Self::SeveralPaths(_) => Reason::AmbiguousPath,
            Self::BadMetadata(_) => Reason::BadMetadata,
            Self::RemovedHeader => Reason::BadRequest,
        }
    }
}

impl<'r> EffectivePolicy<'r> {
    /// The requirements alone, in the same order.
    pub fn requirements(&self) -> Requirements<'r> {
        self.applied.map(|applied| applied.requirement).into()
    }
}

impl AppliedRequirement<'_> {
    /// The name of the policy, where it has one, and else where the requirement stands.
    pub fn policy_name(&self) -> RuleName {
        self.requirement.policy.clone().map_or_else(|| self.rule.clone(), RuleName::Policy)
    }
}

/// The requirements for a request and where its token may stand.
///
/// # Errors
/// Why none can be chosen.
pub fn resolve_policy<'r>(
    config: &'r Config,
    headers: &'r HeaderMap,
    metadata: &'r Metadata,
) -> Result<EffectivePolicy<'r>, PolicyError<'r>> {
    let target = RequestLine {
        host: headers.get(":authority").unwrap_or_default(),
        method: headers.get(":method").unwrap_or_default(),
        path: headers.get(":path"),
        method_overrides: method_overrides(headers).collect(),
    };
    let routes = config.routes.matches(&target)?;
    let as_sent = routes.as_sent();
    let first = match metadata {
        Metadata::Absent => applied(config, as_sent, None),
        Metadata::Bad(problem) => return Err(PolicyError::BadMetadata(problem)),
        Metadata::Requirement(requirement) => {
            is_safe_for_metadata(config, headers, &routes)?;
            AppliedRequirement { requirement, rule: RuleName::Metadata, variant: None }
        }
    };
    let mut policy = EffectivePolicy {
        applied: NonEmpty::one(first),
        token_sources: Cow::Borrowed(token_sources(config, as_sent)),
        shared_token_sources: Cow::Borrowed(token_sources(config, as_sent)),
        forward_token: true,
    };
    let has_metadata = !matches!(metadata, Metadata::Absent);
    let narrows = has_metadata && config.route_metadata == RouteMetadata::Narrow;
    for (position, route_match) in routes.iter().enumerate() {
        let token_sources = token_sources(config, route_match);
        for source in token_sources {
            if !policy.token_sources.contains(source) {
                policy.token_sources.to_mut().push(source.clone());
            }
        }
        if policy.shared_token_sources.iter().any(|source| !token_sources.contains(source)) {
            policy.shared_token_sources.to_mut().retain(|source| token_sources.contains(source));
        }
        let forwards = route_match.found.and_then(|found| found.rule.forward_token);
        policy.forward_token &= forwards.unwrap_or(config.forward_token);
        if narrows || !has_metadata && position > 0 {
            let variant = (position > 0).then(|| route_match.variant.clone());
            policy.applied.push(applied(config, route_match, variant));
        }
    }
    Ok(policy)
}

fn applied<'r>(
    config: &'r Config,
    route_match: &RouteMatch<'r, Route>,
    variant: Option<RequestVariant<'r>>,
) -> AppliedRequirement<'r> {
    let requirement = route_match.found.map_or(&config.default_policy, |found| &found.rule.requirement);
    let rule = route_match.index().map_or(RuleName::DefaultPolicy, RuleName::Route);
    AppliedRequirement { requirement, rule, variant }
}

fn token_sources<'r>(config: &'r Config, route_match: &RouteMatch<'r, Route>) -> &'r [TokenSource] {
    route_match.found.and_then(|found| found.rule.token_from.as_deref()).unwrap_or(&config.token_from)
}

/// Envoy chooses the route again once a header was edited, and its metadata is not read again. So nothing that a client
/// sends may make the second choice another one: no header that is edited away. Nor may Envoy have chosen by a path or
/// a method that the upstream could read differently.
fn is_safe_for_metadata<'r>(
    config: &Config,
    headers: &HeaderMap,
    routes: &route::RouteMatches<'_, Route>,
) -> Result<(), PolicyError<'r>> {
    if headers.names().any(|name| config.claim_headers.is_removed(name)) {
        return Err(PolicyError::RemovedHeader);
    }
    if !routes.has_one_method() {
        return Err(PolicyError::SeveralMethods);
    }
    if routes.ambiguity() > Ambiguity::TrailingSlash {
        let path = headers.get(":path").unwrap_or_default();
        return Err(PolicyError::SeveralPaths(route::furthest_classes(path, config.routes.skipped())));
    }
    Ok(())
}
