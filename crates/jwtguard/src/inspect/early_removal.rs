//! The headers that are removed from the client's request before Envoy chooses a route and runs the first filter.

use super::FileDocument;
use super::document::of_kind;
use super::selection::Selection;
use super::tree::Tree;

/// The headers that are removed early.
#[derive(Debug, Default)]
pub struct EarlyRemoval {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
enum Pattern {
    Exact(String),
    Prefix(String),
}

impl EarlyRemoval {
    /// Those that a connection manager removes.
    pub fn of_manager(manager: &Tree) -> Self {
        let mut removal = Self::default();
        removal.add_extensions(manager);
        removal
    }

    /// Those that the EnvoyFilters in the documents remove, in a proxy that another Istio object applies to.
    /// `context` is the context of the patches for that proxy.
    pub fn of_istio(documents: &[FileDocument], selection: &Selection<'_>, context: &str) -> Self {
        let mut removal = Self::default();
        for filter in of_kind(documents, "EnvoyFilter") {
            if !Selection::of(filter, documents).may_meet(selection) {
                continue;
            }
            for patch in filter.get("spec").map(|spec| spec.list("configPatches")).unwrap_or_default() {
                let is_for_it = match patch.at(&["match", "context"]).and_then(Tree::text) {
                    None | Some("ANY") => true,
                    Some(given) => given == context,
                };
                if let Some(manager) = patch.at(&["patch", "value", "typed_config"]).filter(|_| is_for_it) {
                    removal.add_extensions(manager);
                }
            }
        }
        removal
    }

    /// Those that the ClientTrafficPolicies in the documents remove for one of the Gateways.
    pub fn of_gateways(documents: &[FileDocument], gateways: &[&str]) -> Self {
        let mut removal = Self::default();
        for policy in of_kind(documents, "ClientTrafficPolicy") {
            let Some(spec) = policy.get("spec") else { continue };
            let mut targets = spec.list("targetRefs").iter().chain(spec.get("targetRef"));
            if !targets.any(|target| target.text_of("name").is_some_and(|name| gateways.contains(&name))) {
                continue;
            }
            let Some(early) = spec.at(&["headers", "earlyRequestHeaders"]) else { continue };
            removal.patterns.extend(early.list("remove").iter().filter_map(Tree::text).map(exact));
            for matched in early.list("removeOnMatch") {
                let Some(value) = matched.text_of("value") else { continue };
                match matched.text_of("type") {
                    None | Some("Exact") => removal.patterns.push(exact(value)),
                    Some("Prefix") => removal.patterns.push(prefix(value)),
                    Some(_) => {}
                }
            }
        }
        removal
    }

    fn add_extensions(&mut self, manager: &Tree) {
        for extension in manager.list("early_header_mutation_extensions") {
            extension.walk(&mut |tree, _, _| {
                self.patterns.extend(tree.text_of("remove").map(exact));
                let matcher = tree.at(&["remove_on_match", "key_matcher"]);
                self.patterns.extend(matcher.and_then(|matcher| matcher.text_of("exact")).map(exact));
                self.patterns.extend(matcher.and_then(|matcher| matcher.text_of("prefix")).map(prefix));
            });
        }
    }

    /// Whether the client's header with this name is removed.
    pub fn removes(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.patterns.iter().any(|pattern| match pattern {
            Pattern::Exact(removed) => *removed == name,
            Pattern::Prefix(removed) => name.starts_with(removed.as_str()),
        })
    }

    /// The names that are not removed.
    pub fn lacks<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
        names.filter(|name| !self.removes(name)).collect()
    }
}

fn exact(name: &str) -> Pattern {
    Pattern::Exact(name.to_ascii_lowercase())
}

fn prefix(name: &str) -> Pattern {
    Pattern::Prefix(name.to_ascii_lowercase())
}
