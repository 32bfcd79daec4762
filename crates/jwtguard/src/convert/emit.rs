//! Writes the policy: issuers, routes and the default.

use std::collections::{BTreeMap, HashSet};

use super::chain::Chain;
use super::envoy::{ChainRules, Domain};
use super::expression::{HostTest, RequestTest};
use super::node::Node;
use super::notes::{Concerns, Effect, Notes};
use super::policy::{Entry, Policy};
use super::provider::Provider;
use super::regions::{Decision, RegionLoss, Regions};
use super::requirement::Requirement;
use super::template::Template;

/// What holds for one host: for each template, what holds for each method.
type OfHost = Vec<(Template, Methods)>;

/// What holds for each method that tests name, and for the others.
#[derive(Debug, Clone, PartialEq)]
struct Methods {
    named: BTreeMap<String, Decision>,
    others: Decision,
}

/// Writes the policy of a chain.
pub fn policy(chain: &Chain, found: &ChainRules, notes: &mut Notes) -> Policy {
    let domains: Vec<HostTest> = found.domains.iter().filter_map(|domain| domain.test.clone()).collect();
    let regions = Regions::of(&found.rules, &domains);
    let mut losses = Vec::new();
    // Without a path, few requests reach an upstream: what they lose is not told.
    let without_path = found.rules.decide_without_path(&regions.methods, &mut Vec::new());
    let hosts: Vec<(Option<HostTest>, OfHost)> = regions
        .hosts
        .iter()
        .map(|host| (host.clone(), of_host(found, &regions, host.as_ref(), &mut losses)))
        .collect();
    for RegionLoss { loss, template } in losses {
        let place = loss.place.or_else(|| found.rules.first_place()).unwrap_or_else(|| chain.place.clone());
        let concerns = template.map_or(Concerns::Everything, |template| Concerns::Templates(vec![template]));
        notes.add_about(loss.effect, place, loss.text, concerns);
    }
    let mut policy = Policy::new(&chain.title, &chain.place);
    let names = issuers(&mut policy, found, notes);
    routes(&mut policy, &hosts, &without_path, &names, found, notes);
    policy
}

fn of_host(
    found: &ChainRules,
    regions: &Regions,
    host: Option<&HostTest>,
    losses: &mut Vec<RegionLoss>,
) -> OfHost {
    let templates: HashSet<Template> = regions.templates.iter().cloned().collect();
    let at = (host, virtual_host(&found.domains, host));
    let decide = |template: &Template, method: Option<&str>, losses: &mut Vec<RegionLoss>| {
        found.rules.decide(template, &templates, method, at, losses)
    };
    let of_template = |template: &Template| {
        let named = regions.methods.iter().flatten();
        let named = named.map(|method| (method.clone(), decide(template, Some(method), losses))).collect();
        (template.clone(), Methods { named, others: decide(template, None, losses) })
    };
    regions.templates.iter().map(of_template).collect()
}

/// The virtual host that Envoy chooses: the one with the exact domain, else the longest suffix, else `*`.
fn virtual_host(domains: &[Domain], host: Option<&HostTest>) -> Option<usize> {
    let length = |domain: &&Domain| match &domain.test {
        Some(HostTest::Exact(_)) => usize::MAX,
        Some(HostTest::Below(suffix)) => suffix.len(),
        None => 0,
    };
    let matches = |domain: &&Domain| match (&domain.test, host) {
        (None, _) => true,
        (Some(test), Some(host)) => test.covers(host),
        (Some(_), None) => false,
    };
    domains.iter().filter(matches).max_by_key(length).map(|domain| domain.virtual_host)
}

/// Writes the issuers and the keys for tokens, and returns the names of the issuers.
fn issuers(policy: &mut Policy, found: &ChainRules, notes: &mut Notes) -> Vec<String> {
    let providers = &found.jwt.providers;
    let mut names: Vec<String> = Vec::new();
    for provider in providers {
        let plain: String =
            provider.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let mut name = if plain.is_empty() { "issuer".to_owned() } else { plain };
        while names.contains(&name) {
            name.push('_');
        }
        names.push(name);
    }
    let remarks = |provider: &Provider| -> Vec<String> {
        let mut lines = vec![format!("{}: provider {}", provider.place, provider.name)];
        lines.extend(provider.remarks.iter().cloned());
        lines
    };
    let mut sources: Vec<Node> = Vec::new();
    for source in
        providers.iter().flat_map(|provider| &provider.sources).map(super::provider::TokenSource::to_node)
    {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    match providers.as_slice() {
        [provider] => {
            let mut comment = remarks(provider);
            for (key, value) in provider.to_members() {
                policy.set_from(&key, value, std::mem::take(&mut comment));
            }
            if !provider.claim_headers.is_empty() {
                policy.set("claim_headers", Node::Object(provider.claim_headers.clone()));
            }
        }
        several => {
            let entries = several.iter().zip(&names).map(|(provider, name)| {
                let mut members = vec![("name".to_owned(), Node::text(name))];
                members.extend(provider.to_members());
                let own: Vec<Node> =
                    provider.sources.iter().map(super::provider::TokenSource::to_node).collect();
                if own.len() < sources.len() {
                    members.push(("token_from".to_owned(), Node::List(own)));
                }
                if !provider.claim_headers.is_empty() {
                    members.push(("claim_headers".to_owned(), Node::Object(provider.claim_headers.clone())));
                }
                Entry { comment: remarks(provider), node: Node::Object(members) }
            });
            policy.set_entries("issuers", entries.collect());
        }
    }
    let bearer = Node::object([("header", Node::text("authorization"))]);
    if sources != [bearer] && !sources.is_empty() {
        policy.set("token_from", Node::List(sources));
    }
    forwarding(policy, providers, notes);
    preflight(policy, found, notes);
    names
}

fn forwarding(policy: &mut Policy, providers: &[Provider], notes: &mut Notes) {
    let forwards = providers.iter().filter(|provider| provider.forwards).count();
    if forwards == 0 {
        return;
    }
    if forwards == providers.len() {
        policy.set("forward_token", Node::Bool(true));
        return;
    }
    for provider in providers.iter().filter(|provider| provider.forwards) {
        let text = "forward_token holds for all issuers or for a route, and another provider removes its tokens: this \
                    provider's tokens are removed, too; write forward_token: true on the routes that need them";
        notes.add(Effect::Lossy, provider.place.clone(), text.to_owned());
    }
}

fn preflight(policy: &mut Policy, found: &ChainRules, notes: &mut Notes) {
    let Some(place) = &found.jwt.preflight else { return };
    if found.rules.before.is_empty() && found.rules.after.is_empty() {
        policy.set("bypass_cors_preflight", Node::Bool(true));
        return;
    }
    let text = "in the original, a preflight skips jwt_authn, and RBAC decides; here, a preflight is judged as any other \
                request, because bypass_cors_preflight would let it skip every requirement; set bypass_cors_preflight: true if \
                RBAC need not hold for preflights";
    notes.add(Effect::Lossy, place.clone(), text.to_owned());
}

fn routes(
    policy: &mut Policy,
    hosts: &[(Option<HostTest>, OfHost)],
    without_path: &Requirement,
    names: &[String],
    found: &ChainRules,
    notes: &mut Notes,
) {
    let others = hosts.iter().find(|(host, _)| host.is_none()).map(|(_, of_host)| of_host);
    let everything =
        others.and_then(|of_host| of_host.iter().find(|(template, _)| *template == Template::everything()));
    let Some((_, rest)) = everything else { return };
    // The default decides on requests without a path, too.
    let of_rest = &rest.others.requirement;
    let default = of_rest.clone().and(without_path.clone()).unwrap_or(Requirement::Deny);
    let keeps_rest = default != *of_rest;
    let mut entries = Vec::new();
    for (host, of_host) in hosts {
        // A host for which the same holds as for all others needs no routes of its own.
        let is_same = |other: &OfHost| {
            other.iter().zip(of_host).all(|((_, one), (_, two))| one.has_same_requirements(two))
        };
        if host.is_some() && others.is_some_and(is_same) && !is_below_other(host.as_ref(), hosts, of_host) {
            continue;
        }
        if host.is_some() {
            tell_host(host.as_ref(), found, notes);
        }
        for (template, methods) in needed(of_host, host.is_some() || keeps_rest) {
            entries.extend(methods.entries(template, host.as_ref(), names));
        }
    }
    policy.set_entries("routes", entries);
    policy.set_from("default_policy", Node::Object(default.to_members(names)), rest.others.comment());
}

/// Whether a less specific host with routes of its own would decide on the requests of this host.
fn is_below_other(host: Option<&HostTest>, hosts: &[(Option<HostTest>, OfHost)], of_host: &OfHost) -> bool {
    let Some(host) = host else { return false };
    hosts.iter().any(|(other, of_other)| {
        other.as_ref().is_some_and(|other| other != host && other.covers(host))
            && !of_other.iter().zip(of_host).all(|((_, one), (_, two))| one.has_same_requirements(two))
    })
}

fn tell_host(host: Option<&HostTest>, found: &ChainRules, notes: &mut Notes) {
    let Some(host) = host else { return };
    let is_test = |test: &RequestTest| matches!(test, RequestTest::Host(test) if test == host);
    let of_tests = found.rules.tests.iter().filter(|described| is_test(&described.test));
    let of_domains = found.domains.iter().filter(|domain| domain.test.as_ref() == Some(host));
    let places = of_tests.map(|described| &described.place).chain(of_domains.map(|domain| &domain.place));
    for place in places {
        let text = format!(
            "jwt-guard ignores the port and the letter case of a host: {} with a port or in other letters counts as this host, too",
            host.pattern()
        );
        notes.add(Effect::Lossy, place.clone(), text);
    }
}

/// The templates that change what the less specific ones say.
fn needed(of_host: &OfHost, keeps_everything: bool) -> Vec<&(Template, Methods)> {
    let mut kept: Vec<&(Template, Methods)> = Vec::new();
    // From the least specific one on: the last one is everything.
    for entry in of_host.iter().rev() {
        let (template, methods) = entry;
        if *template == Template::everything() {
            if keeps_everything
                || methods.named.values().any(|named| named.requirement != methods.others.requirement)
            {
                kept.push(entry);
            }
            continue;
        }
        let mut says_the_same = false;
        // What decides on the paths of this template without it, from the most specific one on.
        let everything = of_host.iter().filter(|(template, _)| *template == Template::everything());
        for (below, of_below) in kept.iter().rev().copied().chain(everything) {
            if !below.meets(template) {
                continue;
            }
            if !of_below.has_same_requirements(methods) {
                says_the_same = false;
                break;
            }
            if below.covers(template) {
                says_the_same = true;
                break;
            }
        }
        if !says_the_same {
            kept.push(entry);
        }
    }
    kept.reverse();
    kept
}

impl Methods {
    fn has_same_requirements(&self, other: &Self) -> bool {
        self.others.requirement == other.others.requirement
            && self.named.iter().zip(&other.named).all(|(one, two)| one.1.requirement == two.1.requirement)
    }

    /// The routes of a template: one for each requirement of some methods, and one for the other methods.
    fn entries(&self, template: &Template, host: Option<&HostTest>, names: &[String]) -> Vec<Entry> {
        let mut groups: Vec<(Vec<String>, &Decision)> = Vec::new();
        let get = self.named.get("GET").map(|decision| &decision.requirement);
        for (method, decision) in &self.named {
            let is_other = decision.requirement == self.others.requirement;
            // A route for GET matches HEAD, unless a route lists HEAD.
            let follows_get = method == "HEAD"
                && get != Some(&decision.requirement)
                && get != Some(&self.others.requirement);
            if is_other && !follows_get {
                continue;
            }
            match groups.iter_mut().find(|(_, other)| other.requirement == decision.requirement) {
                Some((methods, _)) => methods.push(method.clone()),
                None => groups.push((vec![method.clone()], decision)),
            }
        }
        for (methods, _) in &mut groups {
            if methods.iter().any(|method| method == "GET") {
                methods.retain(|method| method != "HEAD");
            }
        }
        let listed = groups.into_iter().map(|(methods, decision)| (Some(methods), decision));
        let all = listed.chain([(None, &self.others)]);
        let entry = |(methods, decision): (Option<Vec<String>>, &Decision)| {
            let mut members = vec![("path".to_owned(), Node::text(template.to_string()))];
            members.extend(methods.map(|methods| ("methods".to_owned(), Node::texts(&methods))));
            members.extend(host.map(|host| ("hosts".to_owned(), Node::texts(&[host.pattern()]))));
            members.extend(decision.requirement.to_members(names));
            Entry { comment: decision.comment(), node: Node::Object(members) }
        };
        all.map(entry).collect()
    }
}

impl Decision {
    /// The rules and policies that the requirement comes from.
    fn comment(&self) -> Vec<String> {
        let origins = self.origins.iter().map(|origin| format!("{}: {}", origin.place, origin.label));
        let origins: Vec<String> = origins.collect();
        match origins.as_slice() {
            [] => vec!["no rule".to_owned()],
            origins => vec![origins.join("; ")],
        }
    }
}
