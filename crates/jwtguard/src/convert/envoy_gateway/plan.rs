//! The chains of filters: one for each listener of a Gateway with routes of its own, and one for each other target.

use super::authentication::Known;
use super::filters;
use super::gateways::{HostMatch, VirtualHost, listeners, virtual_hosts};
use super::layout::{Effective, Layout};
use super::objects::{Attached, Merged, Objects};
use super::policies::{Demands, SecurityPolicy, Target};
use super::routes::Route;
use crate::convert::chain::{Chain, FilterKind, Source};
use crate::convert::made::{list, map, object, text as text_at};
use crate::convert::notes::{Effect, Fault, Notes, Place};
use crate::convert::payloads::leave_out_unread;
use crate::inspect::tree::Tree;

/// Makes the chains of the objects.
pub struct Plan<'o, 't> {
    objects: &'o Objects<'t>,
    merged: &'o [Merged],
}

impl<'o, 't> Plan<'o, 't> {
    /// A plan for the objects.
    pub fn new(objects: &'o Objects<'t>, merged: &'o [Merged]) -> Self {
        Self { objects, merged }
    }

    /// The chains: one for each Gateway with routes or a policy in the files, and one for each policy with other targets.
    ///
    /// # Errors
    /// The first field of a policy that is not as expected.
    pub fn sources(&self, notes: &mut Notes) -> Result<Vec<Source>, Fault> {
        let mut chains = Vec::new();
        for gateway in self.gateways() {
            let layouts = self.layouts(gateway)?;
            let is_whole = layouts.len() == 1;
            for layout in layouts.iter().filter(|layout| !layout.used().is_empty()) {
                chains.extend(self.of_gateway(gateway, layout, is_whole, notes)?);
            }
        }
        for (index, attached) in self.objects.policies.iter().enumerate() {
            chains.extend(self.of_other_targets(index, attached, notes)?);
        }
        self.with_tokens(chains, notes)
    }

    /// Leaves out the chains in which no policy says which tokens are valid.
    fn with_tokens(&self, chains: Vec<Chain>, notes: &mut Notes) -> Result<Vec<Source>, Fault> {
        let has_jwt = |chain: &Chain| chain.filters.iter().any(|filter| filter.kind == FilterKind::JwtAuthn);
        let (mut with, without): (Vec<Chain>, Vec<Chain>) = chains.into_iter().partition(has_jwt);
        for chain in without {
            let text = format!(
                "no SecurityPolicy with jwt in the files applies to {}, and jwt-guard needs an issuer",
                chain.title
            );
            if with.is_empty() {
                let text = format!("{text}: add jwt, or keep this object");
                return Err(Fault { place: Some(chain.place), text });
            }
            notes.add(Effect::Dropped, chain.place, format!("{text}: keep this object"));
        }
        with.iter_mut().for_each(leave_out_unread);
        Ok(with.into_iter().map(Source::Chain).collect())
    }

    /// The Gateways with a policy of their own, or with a route that has one.
    fn gateways(&self) -> Vec<(&'t str, &'t str)> {
        let mut gateways: Vec<(&str, &str)> = Vec::new();
        for Attached { policy, targets } in &self.objects.policies {
            let namespace = policy.manifest.namespace;
            for target in targets {
                if target.kind == "Gateway" {
                    gateways.push((namespace, target.name));
                }
                let is_target = |manifest: &crate::convert::manifest::Manifest<'_>| {
                    manifest.kind == target.kind
                        && manifest.name == target.name
                        && manifest.namespace == namespace
                };
                let routes = self.objects.routes.iter().filter(|route| is_target(&route.manifest));
                gateways.extend(
                    routes.flat_map(|route| &route.parents).map(|parent| (parent.namespace, parent.name)),
                );
            }
        }
        let mut unique: Vec<(&str, &str)> = Vec::new();
        for gateway in gateways {
            if !unique.contains(&gateway) {
                unique.push(gateway);
            }
        }
        unique
    }

    /// The different layouts of the listeners of a Gateway.
    fn layouts(&self, (namespace, name): (&'t str, &'t str)) -> Result<Vec<Layout<'o, 't>>, Fault> {
        let objects = self.objects;
        let object = objects
            .gateways
            .iter()
            .find(|gateway| (gateway.manifest.namespace, gateway.manifest.name) == (namespace, name));
        let parents = objects.routes.iter().flat_map(|route| &route.parents);
        let of_routes = parents.filter(|parent| (parent.namespace, parent.name) == (namespace, name));
        let of_policies = objects.policies.iter().flat_map(|attached| {
            let is_gateway = attached.policy.manifest.namespace == namespace;
            attached
                .targets
                .iter()
                .filter(move |target| is_gateway && target.kind == "Gateway" && target.name == name)
        });
        let named = of_routes.map(|parent| parent.section).chain(of_policies.map(|target| target.section));
        let mut layouts: Vec<Layout<'o, 't>> = Vec::new();
        for listener in listeners(object, named) {
            let gateway = self.policy_of(namespace, "Gateway", name, listener.name);
            let hosts = virtual_hosts(&objects.routes, (namespace, name), listener);
            let of_host = |host: &VirtualHost<'o, 't>| {
                host.matches.iter().map(|found| self.effective(found, gateway)).collect()
            };
            let policies = hosts.iter().map(of_host).collect();
            let layout = Layout { listeners: vec![listener], gateway, hosts, policies };
            layout.check_equal_matches()?;
            match layouts.iter_mut().find(|other| other.is_same(&layout)) {
                Some(other) => other.listeners.push(listener),
                None => layouts.push(layout),
            }
        }
        Ok(layouts)
    }

    /// The policy of a match: that of its rule, of its route, or of the Gateway.
    fn effective(&self, found: &HostMatch<'_, '_>, gateway: Option<Effective>) -> Option<Effective> {
        let manifest = &found.route.manifest;
        let own = self.policy_of(manifest.namespace, manifest.kind, manifest.name, found.matched.rule);
        let Some(own) = own else { return gateway };
        let parent = gateway.map(|gateway| gateway.policy);
        let is_merged = |merged: &&Merged| Some(merged.of) == parent.map(|parent| (own.policy, parent));
        Some(Effective { parent: self.merged.iter().find(is_merged).map(|merged| merged.of.1), ..own })
    }

    /// The policy of a section of an object, or of the object.
    fn policy_of(&self, namespace: &str, kind: &str, name: &str, section: Option<&str>) -> Option<Effective> {
        let of = |section: Option<&str>| {
            self.objects.policies.iter().position(|Attached { policy, targets }| {
                let is_target = |target: &Target<'_>| {
                    target.kind == kind && target.name == name && target.section == section
                };
                policy.manifest.namespace == namespace && targets.iter().any(is_target)
            })
        };
        let policy = section.and_then(|section| of(Some(section))).or_else(|| of(None))?;
        Some(Effective { policy, parent: None })
    }

    fn demands(
        &self,
        effective: Effective,
        others: &mut Known,
        notes: &mut Notes,
    ) -> Result<Demands<'o>, Fault> {
        let attached = self.objects.policies.get(effective.policy);
        let merged = self
            .merged
            .iter()
            .find(|merged| Some(merged.of) == effective.parent.map(|parent| (effective.policy, parent)));
        let Some(Attached { policy, .. }) = attached else { return Ok(Demands::none()) };
        let policy = SecurityPolicy {
            spec: merged.map_or(policy.spec, |merged| &merged.spec),
            manifest: policy.manifest,
        };
        let namespace = policy.manifest.namespace;
        policy.demands(others, &|name| self.objects.jwks(namespace, name), notes)
    }

    /// The chain of some listeners of a Gateway.
    fn of_gateway(
        &self,
        (namespace, name): (&str, &str),
        layout: &Layout<'o, 't>,
        is_whole: bool,
        notes: &mut Notes,
    ) -> Result<Option<Chain>, Fault> {
        let used = layout.used();
        let mut others = Known::default();
        let demands: Vec<Demands<'o>> = used
            .iter()
            .map(|policy| self.demands(*policy, &mut others, notes))
            .collect::<Result<_, Fault>>()?;
        let Some(place) = self.place(&used) else { return Ok(None) };
        let mut title = format!("Envoy Gateway, Gateway {}", named(namespace, name));
        let names: Vec<&str> = layout.listeners.iter().filter_map(|listener| listener.name).collect();
        if !is_whole && !names.is_empty() {
            title.push_str(&format!(", listener {}", names.join(", ")));
        }
        if layout.is_uniform() {
            let filters = demands.first().map(filters::everywhere).unwrap_or_default();
            return Ok(Some(Chain { title, place: Place::of(place), filters, virtual_hosts: Vec::new() }));
        }
        let filters = filters::for_routes(place, &demands.iter().collect::<Vec<_>>());
        let config = |policy: Option<Effective>| {
            let index = used.iter().position(|used| Some(*used) == policy);
            index.and_then(|index| Some((index, demands.get(index)?)))
        };
        // A request that no route of the files matches: the policy of the Gateway, or no answer but 404.
        let rest = || {
            let configs = match config(layout.gateway) {
                Some((index, demands)) => filters::of_route(place, index, demands),
                None => filters::of_no_route(place),
            };
            let matched = object(place, vec![("prefix", text_at(place, "/"))]);
            object(place, vec![("match", matched), ("typed_per_filter_config", configs)])
        };
        let mut virtual_hosts = Vec::new();
        for (host, policies) in layout.hosts.iter().zip(&layout.policies) {
            let mut routes = Vec::new();
            for (found, policy) in host.matches.iter().zip(policies) {
                let tree = &found.matched.tree;
                let mut members = vec![("match", tree.clone())];
                if let Some((index, demands)) = config(*policy) {
                    members.push(("typed_per_filter_config", filters::of_route(tree, index, demands)));
                }
                routes.push(object(tree, members));
            }
            if layout.gateway.is_none() {
                routes.extend(routes.iter().flat_map(with_slashes).collect::<Vec<Tree>>());
            }
            routes.push(rest());
            virtual_hosts.push(virtual_host(place, host.hostname, routes));
        }
        if !layout.hosts.iter().any(|host| host.hostname == "*") {
            virtual_hosts.push(virtual_host(place, "*", vec![rest()]));
        }
        Ok(Some(Chain { title, place: Place::of(place), filters, virtual_hosts }))
    }

    /// The object of the first policy.
    fn place(&self, used: &[Effective]) -> Option<&'t Tree> {
        let attached = self.objects.policies.get(used.first()?.policy)?;
        Some(attached.policy.manifest.tree)
    }

    /// The chain of a policy for targets that are not in the files.
    fn of_other_targets(
        &self,
        index: usize,
        Attached { policy, targets }: &Attached<'t>,
        notes: &mut Notes,
    ) -> Result<Option<Chain>, Fault> {
        let namespace = policy.manifest.namespace;
        let mut names = Vec::new();
        for target in targets {
            let is_target = |route: &Route<'_>| {
                route.manifest.kind == target.kind
                    && route.manifest.name == target.name
                    && route.manifest.namespace == namespace
            };
            if target.kind == "Gateway" || self.objects.routes.iter().any(is_target) {
                continue;
            }
            if target.kind == "TCPRoute" {
                let text = format!(
                    "jwt-guard sees no connections: keep the policy for the TCPRoute {}, and remove this target here",
                    target.name
                );
                notes.dropped(policy.manifest.spec, text);
                continue;
            }
            let section = target.section.map(|section| format!(", section {section}")).unwrap_or_default();
            names.push(format!("{} {}{section}", target.kind, named(namespace, target.name)));
        }
        if names.is_empty() {
            return Ok(None);
        }
        let effective = Effective { policy: index, parent: None };
        if policy.is_merged()? {
            let text = "is merged with the policy of a Gateway, but the route is not in the files: the policy here stands alone. Add \
                        the route and the policy of the Gateway to the files";
            notes.lossy(policy.manifest.spec.get_exact("mergeType").unwrap_or(policy.manifest.spec), text);
        }
        let demands = self.demands(effective, &mut Known::default(), notes)?;
        let title = format!("Envoy Gateway, {}", names.join("; "));
        let place = Place::of(policy.manifest.tree);
        Ok(Some(Chain { title, place, filters: filters::everywhere(&demands), virtual_hosts: Vec::new() }))
    }
}

/// The routes for a path with one and two slashes more. jwt-guard takes `/x/` for `/x`, and where no other route matches `/x/`,
/// Envoy answers 404: the same policy can decide on both.
fn with_slashes(route: &Tree) -> Vec<Tree> {
    let Some(matched) = route.get_exact("match") else { return Vec::new() };
    let Some(path) = matched.text_of("path").filter(|path| !path.ends_with('/')) else { return Vec::new() };
    let with = |slashes: &str| {
        let replaced = |(name, value): &(String, Tree)| match name.as_str() {
            "path" => (name.clone(), text_at(value, format!("{path}{slashes}"))),
            _ => (name.clone(), value.clone()),
        };
        let matched = map(matched, matched.members().iter().map(replaced).collect());
        let rest = route.members().iter().filter(|(name, _)| name != "match").cloned();
        map(route, std::iter::once(("match".to_owned(), matched)).chain(rest).collect())
    };
    vec![with("/"), with("//")]
}

fn named(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        namespace => format!("{name} in the namespace {namespace}"),
    }
}

fn virtual_host(place: &Tree, hostname: &str, routes: Vec<Tree>) -> Tree {
    let domains = list(place, vec![text_at(place, hostname)]);
    object(
        place,
        vec![("name", text_at(place, hostname)), ("domains", domains), ("routes", list(place, routes))],
    )
}
