//! The rules of a chain: its filters, and their configurations for single routes.

use std::collections::HashSet;

use super::jwt_authn::{JwtAuthn, rule_for_route, unread};
use super::tests::{Tests, host_test};
use super::{name_lists, rbac, route_match};
use crate::convert::chain::{Chain, Filter, FilterKind, FilterState};
use crate::convert::expression::{Expression, HostTest, RequestTest, all, any};
use crate::convert::fields::{items, known, map, whole_text};
use crate::convert::notes::{Effect, Fault, Notes, Place};
use crate::convert::rules::{Authorization, JwtRule, Origin, Rules};
use crate::inspect::tree::Tree;

/// What the filters of a chain are.
#[derive(Debug)]
pub struct ChainRules {
    /// The rules.
    pub rules: Rules,
    /// `jwt_authn`.
    pub jwt: JwtAuthn,
    /// The domains of the virtual hosts.
    pub domains: Vec<Domain>,
}

/// A domain of a virtual host.
#[derive(Debug)]
pub struct Domain {
    /// The hosts; `None` for all.
    pub test: Option<HostTest>,
    /// The number of the virtual host.
    pub virtual_host: usize,
    /// Where it stands.
    pub place: Place,
}

/// A configuration of a filter for some requests.
struct Override<'t> {
    /// The requests.
    condition: Expression,
    /// The configuration.
    config: &'t Tree,
}

/// Reads the filters of a chain.
///
/// # Errors
/// A value that cannot be read.
pub fn read(chain: &Chain, notes: &mut Notes) -> Result<ChainRules, Fault> {
    let mut tests = Tests::default();
    let mut routes = Routes { tests: &mut tests, domains: Vec::new() };
    let overrides: Vec<Vec<Override<'_>>> =
        chain.filters.iter().map(|filter| routes.overrides(chain, filter)).collect::<Result<_, _>>()?;
    let domains = routes.domains;
    let mut found = ChainRules { rules: Rules::default(), jwt: JwtAuthn::default(), domains };
    let mut has_jwt = false;
    for (filter, overrides) in chain.filters.iter().zip(&overrides) {
        match filter.kind {
            FilterKind::JwtAuthn if has_jwt => {
                return Err(Fault::at(
                    &filter.config,
                    "found a second jwt_authn in one chain of filters; expected one: put the providers and rules of both into \
                     one filter, and convert again",
                ));
            }
            FilterKind::JwtAuthn => {
                has_jwt = true;
                found.jwt = JwtAuthn::read(&filter.config, &mut tests, notes)?;
                found.rules.jwt = jwt_rules(filter, &mut found.jwt, overrides)?;
            }
            FilterKind::Rbac => {
                let authorization = authorization(filter, overrides, &mut tests, notes)?;
                let rules = if has_jwt { &mut found.rules.after } else { &mut found.rules.before };
                rules.push(authorization);
            }
        }
    }
    if !has_jwt {
        return Err(Fault {
            place: Some(chain.place.clone()),
            text: "found RBAC without jwt_authn; expected both: jwt-guard validates tokens, so that a configuration without \
                   providers says nothing that it could do"
                .to_owned(),
        });
    }
    for rule in &mut found.rules.jwt {
        found.jwt.restrict(&mut rule.need);
    }
    name_lists::settle(&mut found.jwt.providers, &mut found.rules.jwt, &found.rules.after);
    tell_payloads(&found, notes);
    found.rules.issuers = found.jwt.providers.len();
    for place in tests.open_templates {
        let text = "`*` and `{id}` take every character here, and in a URI template only those of a path in RFC 3986: a path \
                    with another character, such as `|`, passes too";
        notes.add(Effect::Lossy, place, text.to_owned());
    }
    found.rules.tests = tests.described;
    Ok(found)
}

/// Tells of payloads that no rule of RBAC reads, which other filters and logs may read.
fn tell_payloads(found: &ChainRules, notes: &mut Notes) {
    let mut read = HashSet::new();
    for filter in found.rules.before.iter().chain(&found.rules.after) {
        filter.condition.claim_tests(&mut |test| {
            read.insert(test.payload.as_str());
        });
    }
    for provider in &found.jwt.providers {
        let is_read = provider.payload.as_ref().is_some_and(|key| read.contains(key.as_str()));
        if let Some(place) = provider.payload_place.as_ref().filter(|_| !is_read) {
            let text = "a Wasm filter writes no dynamic metadata, and no RBAC filter here reads this payload; what else reads it \
                        must read claim headers";
            notes.add(Effect::Dropped, place.clone(), text.to_owned());
        }
    }
}

/// The rules of `jwt_authn`: those of routes first.
fn jwt_rules(filter: &Filter, jwt: &mut JwtAuthn, overrides: &[Override<'_>]) -> Result<Vec<JwtRule>, Fault> {
    let mut rules = Vec::new();
    let own = std::mem::take(&mut jwt.rules);
    let mut enabled = Vec::new();
    for Override { condition, config } in overrides {
        // A route that enables the filter counts before its virtual host.
        let not_enabled = enabled.iter().cloned().map(Expression::negated);
        let applies = all([condition.clone()].into_iter().chain(not_enabled));
        match flag(config)? {
            Some((FilterState::Disabled, origin)) => {
                rules.push(rule_for_route(applies, (unread(), origin)));
            }
            Some((FilterState::Enabled, _)) => enabled.push(applies),
            None => rules.push(rule_for_route(applies, jwt.for_route(config)?)),
        }
    }
    if filter.state == FilterState::Disabled {
        let origin = Origin { place: Place::of(&filter.config), label: "disabled".to_owned() };
        rules.push(rule_for_route(any(enabled).negated(), (unread(), origin)));
    }
    rules.extend(own);
    Ok(rules)
}

fn authorization(
    filter: &Filter,
    overrides: &[Override<'_>],
    tests: &mut Tests,
    notes: &mut Notes,
) -> Result<Authorization, Fault> {
    let own = rbac::read(&filter.config, tests, notes)?;
    let mut conditions = Vec::new();
    let mut policies = Vec::new();
    let mut left: Vec<Expression> = Vec::new();
    for Override { condition, config } in overrides {
        let inner = match flag(config)? {
            Some((FilterState::Enabled, _)) => own.clone(),
            Some((FilterState::Disabled, _)) => passing(),
            None => {
                known(config, &["rbac"])?;
                let inner = config.get("rbac").map(|rbac| rbac::read(rbac, tests, notes)).transpose()?;
                inner.unwrap_or_else(passing)
            }
        };
        let applies = all([condition.clone(), all(left.iter().cloned())]);
        conditions.push(all([applies.clone(), inner.condition]));
        policies.extend(
            inner.policies.into_iter().map(|(policy, origin)| (all([applies.clone(), policy]), origin)),
        );
        left.push(condition.clone().negated());
    }
    let elsewhere = all(left);
    let own = if filter.state == FilterState::Enabled { own } else { passing() };
    conditions.push(all([elsewhere.clone(), own.condition]));
    policies
        .extend(own.policies.into_iter().map(|(policy, origin)| (all([elsewhere.clone(), policy]), origin)));
    Ok(Authorization { condition: any(conditions), policies })
}

/// A filter that does not run.
fn passing() -> Authorization {
    Authorization { condition: Expression::Constant(true), policies: Vec::new() }
}

/// What a `FilterConfig` says: whether the filter runs. `None` for another configuration.
fn flag(config: &Tree) -> Result<Option<(FilterState, Origin)>, Fault> {
    if !config.is_type("envoy.config.route.v3.FilterConfig") {
        return Ok(None);
    }
    known(config, &["disabled", "config", "is_optional"])?;
    let origin = Origin { place: Place::of(config), label: "route".to_owned() };
    if config.get("disabled").is_some_and(Tree::is_true) {
        return Ok(Some((FilterState::Disabled, origin)));
    }
    match config.get("config") {
        Some(inner) if inner.members().iter().any(|(name, _)| name != "@type") => Err(Fault::at(
            inner,
            "found a configuration inside FilterConfig; write it in place of FilterConfig, and convert again",
        )),
        _ => Ok(Some((FilterState::Enabled, origin))),
    }
}

/// Reads the configurations for routes.
struct Routes<'r> {
    tests: &'r mut Tests,
    domains: Vec<Domain>,
}

impl Routes<'_> {
    /// The configurations of a filter for single routes, the one that counts first.
    fn overrides<'t>(&mut self, chain: &'t Chain, filter: &Filter) -> Result<Vec<Override<'t>>, Fault> {
        let mut found = Vec::new();
        for (number, host) in chain.virtual_hosts.iter().enumerate() {
            self.read_domains(host, number)?;
            let is_here = Expression::Request(RequestTest::VirtualHost(number));
            let mut earlier: Vec<Expression> = Vec::new();
            for route in items(host, "routes")? {
                let matched =
                    route.get("match").ok_or_else(|| Fault::at(route, "found no match; expected a match"))?;
                let condition = route_match::read(matched, self.tests)?;
                let not_earlier = earlier.iter().cloned().map(Expression::negated);
                let applies = all([is_here.clone(), condition.clone()].into_iter().chain(not_earlier));
                found.extend(self.of_clusters(route, filter, &applies)?);
                found.extend(config(route, filter)?.map(|config| Override { condition: applies, config }));
                earlier.push(condition);
            }
            found.extend(config(host, filter)?.map(|config| Override { condition: is_here, config }));
        }
        Ok(found)
    }

    /// Configurations of weighted clusters hold for a share of the requests.
    fn of_clusters<'t>(
        &mut self,
        route: &'t Tree,
        filter: &Filter,
        applies: &Expression,
    ) -> Result<Vec<Override<'t>>, Fault> {
        let Some(clusters) = route.at(&["route", "weighted_clusters"]) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for cluster in items(clusters, "clusters")? {
            if let Some(config) = config(cluster, filter)? {
                let share = self.tests.other(cluster, "the cluster that Envoy chooses by weight");
                found.push(Override { condition: all([applies.clone(), share]), config });
            }
        }
        Ok(found)
    }

    fn read_domains(&mut self, host: &Tree, number: usize) -> Result<(), Fault> {
        if self.domains.iter().any(|domain| domain.virtual_host == number) {
            return Ok(());
        }
        for domain in items(host, "domains")? {
            let text = whole_text(domain)?;
            let test = match text {
                "*" => None,
                text => Some(host_test(text).ok_or_else(|| {
                    Fault::at(
                        domain,
                        format!("found the domain {text:?}; expected a name, *.name or *, because jwt-guard has no other patterns"),
                    )
                })?),
            };
            self.domains.push(Domain { test, virtual_host: number, place: Place::of(domain) });
        }
        Ok(())
    }
}

fn config<'t>(tree: &'t Tree, filter: &Filter) -> Result<Option<&'t Tree>, Fault> {
    let configs = map(tree, "typed_per_filter_config")?;
    Ok(configs.iter().find(|(name, _)| *name == filter.name).map(|(_, config)| config))
}
