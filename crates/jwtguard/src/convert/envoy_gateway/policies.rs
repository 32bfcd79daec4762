//! SecurityPolicy: what it applies to, and what it demands.

use super::authentication::{Authentication, ConfigMaps, Known};
use super::authorization::{self, Rules};
use crate::convert::manifest::{Manifest, items, known, object, optional, required, text};
use crate::convert::notes::{Fault, Notes};
use crate::inspect::tree::Tree;

/// The fields of `spec`.
const FIELDS: [&str; 12] = [
    "targetRef",
    "targetRefs",
    "targetSelectors",
    "mergeType",
    "apiKeyAuth",
    "cors",
    "csrf",
    "basicAuth",
    "jwt",
    "oidc",
    "extAuth",
    "authorization",
];

/// The parts that refuse requests in a way that jwt-guard does not have.
const OTHER_CHECKS: [&str; 5] = ["apiKeyAuth", "csrf", "basicAuth", "oidc", "extAuth"];

/// What a policy applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'t> {
    /// Such as `HTTPRoute`.
    pub kind: &'t str,
    /// The name of the object.
    pub name: &'t str,
    /// The listener of a Gateway, or the rule of a route.
    pub section: Option<&'t str>,
}

/// A SecurityPolicy.
#[derive(Debug, Clone, Copy)]
pub struct SecurityPolicy<'t> {
    /// The object.
    pub manifest: Manifest<'t>,
    /// The `spec`, with that of a parent if `mergeType` is set.
    pub spec: &'t Tree,
}

/// What a policy demands of the requests of its routes.
#[derive(Debug)]
pub struct Demands<'t> {
    /// `jwt`
    pub authentication: Option<Authentication<'t>>,
    /// `authorization`
    pub rules: Option<Rules>,
    /// The first part that refuses requests in a way that jwt-guard does not have.
    pub other_check: Option<(&'static str, &'t Tree)>,
}

impl Demands<'_> {
    /// Nothing.
    pub fn none() -> Self {
        Self { authentication: None, rules: None, other_check: None }
    }
}

impl<'t> SecurityPolicy<'t> {
    /// Reads an object.
    ///
    /// # Errors
    /// The first field that is not as expected.
    pub fn read(tree: &'t Tree) -> Result<Self, Fault> {
        let manifest = Manifest::read(tree, "SecurityPolicy", "gateway.envoyproxy.io", &["v1alpha1"])?;
        known(manifest.spec, &FIELDS)?;
        Ok(Self { manifest, spec: manifest.spec })
    }

    /// The targets. `labelled` gives the names of the objects of a kind with some labels.
    ///
    /// # Errors
    /// The first field that is not as expected.
    pub fn targets(
        &self,
        labelled: &dyn Fn(&str, &'t Tree) -> Vec<&'t str>,
    ) -> Result<Vec<Target<'t>>, Fault> {
        let spec = self.manifest.spec;
        let references = items(spec, "targetRefs")?.iter().chain(spec.get_exact("targetRef"));
        let mut targets: Vec<Target<'t>> = references.map(reference).collect::<Result<_, Fault>>()?;
        for selector in items(spec, "targetSelectors")? {
            known(selector, &["group", "kind", "matchLabels"]).map_err(|mut fault| {
                fault.text.push_str(
                    "; of targetSelectors, convert reads only kind and matchLabels: write targetRefs instead",
                );
                fault
            })?;
            let kind = text(required(selector, "kind", "the kind of the targets")?)?;
            let labels = object(required(selector, "matchLabels", "the labels of the targets")?)?;
            let names = labelled(kind, labels);
            if names.is_empty() {
                let problem =
                    format!("no {kind} in the files has these labels: add the objects to the files");
                return Err(Fault::at(selector, problem));
            }
            targets.extend(names.into_iter().map(|name| Target { kind, name, section: None }));
        }
        match targets.is_empty() {
            true => {
                Err(Fault::at(spec, "expected targetRefs, got no target; Envoy Gateway refuses the object"))
            }
            false => Ok(targets),
        }
    }

    /// Whether the policy is merged into that of the parent.
    ///
    /// # Errors
    /// That the type is unknown.
    pub fn is_merged(&self) -> Result<bool, Fault> {
        match optional(self.manifest.spec, "mergeType", |tree| text(tree).map(|text| (tree, text)))? {
            None => Ok(false),
            Some((_, "StrategicMerge" | "JSONMerge")) => Ok(true),
            Some((tree, other)) => {
                Err(Fault::at(tree, format!("expected StrategicMerge or JSONMerge, got `{other}`")))
            }
        }
    }

    /// Reads what the policy demands. `others` are the providers of other policies.
    ///
    /// # Errors
    /// The first field that is not as expected.
    pub fn demands(
        &self,
        others: &mut Known,
        config_map: ConfigMaps<'_, '_>,
        notes: &mut Notes,
    ) -> Result<Demands<'t>, Fault> {
        let spec = self.spec;
        let jwt = spec.get_exact("jwt");
        let authentication =
            jwt.map(|jwt| Authentication::read(jwt, others, config_map, notes)).transpose()?;
        let key = |name: &str| authentication.as_ref().and_then(|jwt| jwt.key(name));
        let rules = spec.get_exact("authorization");
        let rules = rules.map(|tree| authorization::authorization(tree, &key, notes)).transpose()?;
        if let Some(cors) = spec.get_exact("cors") {
            let text = "jwt-guard answers no CORS requests: keep cors in a SecurityPolicy, which runs before jwt-guard";
            notes.dropped(cors, text);
        }
        let mut other_check = None;
        for name in OTHER_CHECKS {
            let Some(tree) = spec.get_exact(name) else { continue };
            let text = format!(
                "jwt-guard has nothing like {name}: every request of the policy's routes is denied. To let requests pass that \
                 meet {name}, keep it in a SecurityPolicy, which runs before jwt-guard, and convert a copy without it"
            );
            notes.dropped(tree, text);
            other_check = other_check.or(Some((name, tree)));
        }
        Ok(Demands { authentication, rules, other_check })
    }
}

fn reference(tree: &Tree) -> Result<Target<'_>, Fault> {
    const KINDS: [&str; 5] = ["Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TCPRoute"];
    known(tree, &["group", "kind", "name", "sectionName"])?;
    let kind_tree = required(tree, "kind", "the kind of the target")?;
    let kind = text(kind_tree)?;
    if !KINDS.contains(&kind) {
        return Err(Fault::at(kind_tree, format!("expected one of {}, got `{kind}`", KINDS.join(", "))));
    }
    let name = text(required(tree, "name", "the name of the target")?)?;
    Ok(Target { kind, name, section: optional(tree, "sectionName", text)? })
}
