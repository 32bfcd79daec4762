//! Istio's RequestAuthentication and AuthorizationPolicy: which objects apply to which workloads, and the filters of Envoy
//! that istiod makes from them (`pilot/pkg/security` of Istio 1.29).

mod authentication;
mod authorization;
mod claims;
mod conditions;
mod matchers;
mod permissions;
mod principals;
mod targets;

use self::authentication::JwtRule;
use self::authorization::{Action, Authorization};
use self::targets::{Proxy, Scope, Target};
use super::chain::{Chain, Filter, FilterKind, FilterState, Source};
use super::manifest::Manifest;
use super::notes::{Fault, Notes, Place};
use super::payloads::leave_out_unread;
use crate::inspect::FileDocument;
use crate::inspect::of_kind;
use crate::inspect::tree::Tree;

const GROUP: &str = "security.istio.io";
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// An object with the proxies that it applies to.
struct Object<'t> {
    tree: &'t Tree,
    targets: Vec<Target<'t>>,
    content: Content<'t>,
}

enum Content<'t> {
    Authentication(Vec<JwtRule<'t>>),
    Authorization(Authorization<'t>),
}

/// The filters of each group of proxies that has objects of its own.
///
/// # Errors
/// The first field of an object that is not as expected.
pub fn sources(documents: &[FileDocument], notes: &mut Notes) -> Result<Vec<Source>, Fault> {
    let mut found = Vec::new();
    for document in documents {
        for tree in crate::convert::manifest::objects(&document.tree) {
            match tree.text_of("kind") {
                Some("RequestAuthentication") => found.push(authentication(tree)?),
                Some("AuthorizationPolicy") => found.push(authorization(tree, notes)?),
                _ => {}
            }
        }
    }
    tell_routing_by_claims(&found, documents, notes);
    let groups = groups(&found, documents, notes);
    let (with_tokens, others): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.has_rules());
    let without = |group: &Group<'_, '_>| {
        format!(
            "no RequestAuthentication with jwtRules in the files applies to {}, and jwt-guard needs an issuer",
            group.title()
        )
    };
    if let (Some(group), true) = (others.first(), with_tokens.is_empty())
        && let Some(object) = group.objects.first()
    {
        return Err(Fault::at(
            object.tree,
            format!("{}: add it to the files, or keep this object", without(group)),
        ));
    }
    for group in others {
        for object in &group.objects {
            notes.dropped(object.tree, format!("{}: keep this object for them", without(group)));
        }
    }
    Ok(with_tokens.into_iter().filter_map(Group::chain).map(Source::Chain).collect())
}

/// A VirtualService can choose a route by a claim of Istio's own RequestAuthentication.
fn tell_routing_by_claims(found: &[Object<'_>], documents: &[FileDocument], notes: &mut Notes) {
    if found.is_empty() {
        return;
    }
    for service in of_kind(documents, "VirtualService") {
        service.walk(&mut |tree, _, _| {
            for (name, value) in tree.members().iter().filter(|(name, _)| name.starts_with("@request.auth.claims")) {
                let text = format!(
                    "{name} needs the metadata of RequestAuthentication, which jwt-guard does not write: match on a header of \
                     claim_headers instead, or keep the RequestAuthentication"
                );
                notes.dropped(value, text);
            }
        });
    }
}

fn authentication(tree: &Tree) -> Result<Object<'_>, Fault> {
    let manifest = Manifest::read(tree, "RequestAuthentication", GROUP, &VERSIONS)?;
    let rules = authentication::rules(&manifest)?;
    Ok(Object { tree, targets: Target::of(&manifest)?, content: Content::Authentication(rules) })
}

fn authorization<'t>(tree: &'t Tree, notes: &mut Notes) -> Result<Object<'t>, Fault> {
    let manifest = Manifest::read(tree, "AuthorizationPolicy", GROUP, &VERSIONS)?;
    let policy = Authorization::read(manifest, notes)?;
    Ok(Object { tree, targets: Target::of(&manifest)?, content: Content::Authorization(policy) })
}

/// Proxies to which the same objects apply.
struct Group<'o, 't> {
    targets: Vec<&'o Target<'t>>,
    objects: Vec<&'o Object<'t>>,
}

/// One group for each set of objects. A namespace without a selector is a group too, beside the workloads with one.
fn groups<'o, 't>(
    found: &'o [Object<'t>],
    documents: &[FileDocument],
    notes: &mut Notes,
) -> Vec<Group<'o, 't>> {
    let mut targets: Vec<&Target<'t>> = Vec::new();
    for target in found.iter().flat_map(|object| &object.targets) {
        if !targets.contains(&target)
            && !matches!(target.scope, Scope::Reference { kind: "GatewayClass", .. })
        {
            targets.push(target);
        }
    }
    let mut groups: Vec<Group<'o, 't>> = Vec::new();
    for target in targets {
        let proxy = proxy(target, found, documents, notes);
        let applies = |object: &&Object<'t>| object.targets.iter().any(|other| other.covers(target, proxy));
        let objects: Vec<&Object<'t>> = found.iter().filter(applies).collect();
        for object in found.iter().filter(|object| object.targets.iter().any(|other| other.may_meet(target)))
        {
            if !objects.iter().any(|other| std::ptr::eq(*other, object)) {
                tell_overlap(object, target, notes);
            }
        }
        let same = |group: &&mut Group<'o, 't>| {
            group.objects.len() == objects.len()
                && group.objects.iter().zip(&objects).all(|(one, other)| std::ptr::eq(*one, *other))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.targets.push(target),
            None => groups.push(Group { targets: vec![target], objects }),
        }
    }
    groups
}

/// Whether a Gateway is a waypoint, by the Gateway in the files.
fn proxy(target: &Target<'_>, found: &[Object<'_>], documents: &[FileDocument], notes: &mut Notes) -> Proxy {
    let Scope::Reference { kind, name } = target.scope else { return Proxy::Gateway };
    if kind != "Gateway" {
        return Proxy::Waypoint;
    }
    let objects = documents.iter().flat_map(|document| crate::convert::manifest::objects(&document.tree));
    let is_gateway = |tree: &&Tree| {
        let text = |names: &[&str]| tree.at(names).and_then(Tree::text).unwrap_or_default();
        tree.text_of("kind") == Some("Gateway")
            && text(&["metadata", "name"]) == name
            && text(&["metadata", "namespace"]) == target.namespace
            && tree.at(&["spec", "gatewayClassName"]).is_some()
    };
    let mut gateways = objects.filter(is_gateway);
    if let Some(gateway) = gateways.next() {
        let class = gateway.at(&["spec", "gatewayClassName"]).and_then(Tree::text);
        return if class == Some("istio-waypoint") { Proxy::Waypoint } else { Proxy::Gateway };
    }
    let others = |object: &&Object<'_>| {
        let of_both = |proxy| object.targets.iter().any(|other| other.covers(target, proxy));
        of_both(Proxy::Gateway) != of_both(Proxy::Waypoint)
    };
    for object in found.iter().filter(others) {
        let text = format!(
            "applies to the Gateway {name} only if it is no waypoint, and the Gateway is not in the files: the policy for \
             {target} contains this object. Add the Gateway to the files"
        );
        notes.lossy(object.tree, text);
    }
    Proxy::Gateway
}

fn tell_overlap(object: &Object<'_>, target: &Target<'_>, notes: &mut Notes) {
    let text = format!(
        "a pod that also belongs to {target} gets this object too, and the policy for {target} does not contain it: if there \
         is such a pod, write both selectors into one object for it"
    );
    notes.lossy(object.tree, text);
}

impl Group<'_, '_> {
    /// Whether an object says which tokens are valid.
    fn has_rules(&self) -> bool {
        self.objects.iter().any(|object| match &object.content {
            Content::Authentication(rules) => !rules.is_empty(),
            Content::Authorization(_) => false,
        })
    }

    /// The proxies.
    fn title(&self) -> String {
        self.targets.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    /// The filters in the order in which istiod writes them.
    fn chain(&self) -> Option<Chain> {
        let mut rules: Vec<&JwtRule<'_>> = Vec::new();
        let mut policies: Vec<&Authorization<'_>> = Vec::new();
        for object in &self.objects {
            match &object.content {
                Content::Authentication(found) => rules.extend(found),
                Content::Authorization(policy) => policies.push(policy),
            }
        }
        rules.sort_by_key(|rule| rule.issuer);
        let mut filters = Vec::new();
        let filter = |kind, name: &str, config| Filter {
            kind,
            name: name.to_owned(),
            state: FilterState::Enabled,
            config,
        };
        filters.extend(
            authentication::filter(&rules)
                .map(|config| filter(FilterKind::JwtAuthn, "envoy.filters.http.jwt_authn", config)),
        );
        for action in [Action::Deny, Action::Allow] {
            filters.extend(
                authorization::filter(&policies, action)
                    .map(|config| filter(FilterKind::Rbac, "envoy.filters.http.rbac", config)),
            );
        }
        let place = Place::of(self.objects.first()?.tree);
        let title = format!("Istio, {}", self.title());
        let mut chain = Chain { title, place, filters, virtual_hosts: Vec::new() };
        leave_out_unread(&mut chain);
        (!chain.filters.is_empty()).then_some(chain)
    }
}
