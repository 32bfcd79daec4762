//! The headers that are removed from the client's request before Envoy chooses a route and runs the first filter.

use super::FileDocument;
use super::document::of_kind;
use super::selection::Selection;
use super::tree::Tree;

/// The headers that are removed early. Each listener has its own patterns: a header counts as removed if every listener
/// removes it.
#[derive(Debug, Default)]
pub struct EarlyRemoval {
    listeners: Vec<Vec<Pattern>>,
}

#[derive(Debug)]
enum Pattern {
    Exact(String),
    Prefix(String),
}

impl EarlyRemoval {
    /// Those that a connection manager removes.
    pub fn of_manager(manager: &Tree) -> Self {
        Self { listeners: vec![of_extensions(manager)] }
    }

    /// Those that the EnvoyFilters in the documents remove, in a proxy that another Istio object applies to.
    /// `context` is the context of the patches for that proxy.
    pub fn of_istio(documents: &[FileDocument], selection: &Selection<'_>, context: &str) -> Self {
        let filters = of_kind(documents, "EnvoyFilter").into_iter();
        let for_it = filters.filter(|filter| Selection::of(filter, documents).may_meet(selection));
        let patches = for_it
            .filter_map(|filter| filter.get("spec"))
            .flat_map(|spec| spec.list("configPatches"))
            .filter(|patch| match patch.at(&["match", "context"]).and_then(Tree::text) {
                None | Some("ANY") => true,
                Some(given) => given == context,
            });
        let managers = patches.filter_map(|patch| patch.at(&["patch", "value", "typed_config"]));
        Self { listeners: vec![managers.flat_map(of_extensions).collect()] }
    }

    /// Those that the ClientTrafficPolicies in the documents remove for the Gateways. A policy for one listener replaces
    /// the policy of the Gateway there.
    pub fn of_gateways(documents: &[FileDocument], gateways: &[&str]) -> Self {
        let mut listeners = Vec::new();
        for gateway in gateways {
            let mut of_gateway = Vec::new();
            for policy in of_kind(documents, "ClientTrafficPolicy") {
                let Some(spec) = policy.get("spec") else { continue };
                let targets = spec.list("targetRefs").iter().chain(spec.get("targetRef"));
                for target in targets.filter(|target| target.text_of("name") == Some(gateway)) {
                    match target.get("sectionName") {
                        None => of_gateway.extend(of_policy(spec)),
                        Some(_) => listeners.push(of_policy(spec)),
                    }
                }
            }
            listeners.push(of_gateway);
        }
        Self { listeners }
    }

    /// Whether the client's header with this name is removed.
    pub fn removes(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let is_removed = |pattern: &Pattern| match pattern {
            Pattern::Exact(removed) => *removed == name,
            Pattern::Prefix(removed) => name.starts_with(removed.as_str()),
        };
        !self.listeners.is_empty() && self.listeners.iter().all(|patterns| patterns.iter().any(is_removed))
    }

    /// The names that are not removed.
    pub fn lacks<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
        names.filter(|name| !self.removes(name)).collect()
    }
}

/// What a connection manager removes with `early_header_mutation_extensions`.
fn of_extensions(manager: &Tree) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for extension in manager.list("early_header_mutation_extensions") {
        extension.walk(&mut |tree, _, _| {
            patterns.extend(tree.text_of("remove").map(exact));
            let matcher = tree.at(&["remove_on_match", "key_matcher"]);
            patterns.extend(matcher.and_then(|matcher| matcher.text_of("exact")).map(exact));
            patterns.extend(matcher.and_then(|matcher| matcher.text_of("prefix")).map(prefix));
        });
    }
    patterns
}

/// What a ClientTrafficPolicy removes.
fn of_policy(spec: &Tree) -> Vec<Pattern> {
    let Some(early) = spec.at(&["headers", "earlyRequestHeaders"]) else { return Vec::new() };
    let mut patterns: Vec<Pattern> = early.list("remove").iter().filter_map(Tree::text).map(exact).collect();
    for matched in early.list("removeOnMatch") {
        let Some(value) = matched.text_of("value") else { continue };
        match matched.text_of("type") {
            None | Some("Exact") => patterns.push(exact(value)),
            Some("Prefix") => patterns.push(prefix(value)),
            Some(_) => {}
        }
    }
    patterns
}

fn exact(name: &str) -> Pattern {
    Pattern::Exact(name.to_ascii_lowercase())
}

fn prefix(name: &str) -> Pattern {
    Pattern::Prefix(name.to_ascii_lowercase())
}
