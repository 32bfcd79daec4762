//! Checks the Istio and Kubernetes objects around a configuration: the plugin object, key clusters, routes.

pub mod annotations;
pub mod authorizer;
pub mod claim_routing;
pub mod cors;
mod early_headers;
pub mod gateway;
pub mod istio;
mod route_place;

use super::context::{Diagnostic, Subject};
use super::document::of_kind;
use super::find::{Embedding, PluginConfig};
use super::selection::Selection;
use super::tree::{Tree, TreeValue};
use super::{FileDocument, Severity};
use jwt_guard::config::Config;

/// Finds Envoy configurations that an object contains as text. Returns path, line and text of each.
pub fn embedded(tree: &Tree) -> Vec<(String, usize, String)> {
    let mut texts = Vec::new();
    tree.walk(&mut |object, path, _| match object.text_of("kind") {
        Some("ConfigMap") => {
            for (name, value) in object.get("data").map(Tree::members).unwrap_or_default() {
                if let TreeValue::Text(text) = &value.value
                    && text.contains("@type")
                {
                    texts.push((path.key("data").key(name).to_string(), value.line, text.clone()));
                }
            }
        }
        Some("EnvoyProxy") => {
            if let Some(value) = object.at(&["spec", "bootstrap", "value"])
                && let Some(text) = value.text()
            {
                let path = path.key("spec").key("bootstrap").key("value");
                texts.push((path.to_string(), value.line, text.to_owned()));
            }
        }
        _ => {}
    });
    texts
}

/// Checks the object that contains the configuration.
pub fn resource(plugin: &PluginConfig<'_>, documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    match plugin.embedding {
        Embedding::Istio { resource } => {
            let Some(spec) = resource.get("spec") else { return };
            let Some((module, path)) = super::find::istio_module(resource) else { return };
            let strategy = Subject::Path(path.key("failStrategy").to_owned());
            match module.get("failStrategy") {
                Some(tree) if tree.text() == Some("FAIL_OPEN") => {
                    let problem =
                        "FAIL_OPEN forwards every request unchecked, with claim headers that the client \
                                   sent, while the module cannot run; write FAIL_RELOAD, or FAIL_CLOSE"
                            .to_owned();
                    diagnostics.push(Diagnostic::error(tree, strategy, problem));
                }
                Some(_) => {}
                None => diagnostics.push(Diagnostic::warning(
                    module,
                    strategy,
                    "is not set; write FAIL_RELOAD, which reloads a crashed module, if this version of Istio supports it"
                        .to_owned(),
                )),
            }
            if spec.get("phase").is_none() {
                let problem =
                    "is not set: Istio then runs the filter after its own authorization; write AUTHN";
                diagnostics.push(Diagnostic::warning(
                    spec,
                    Subject::keys(&["spec", "phase"]),
                    problem.to_owned(),
                ));
            }
            istio::placement::check(resource, spec, documents, diagnostics);
        }
        Embedding::Gateway { resource, wasm } => {
            gateway::targets(resource, documents, diagnostics);
            gateway::replacements(resource, documents, diagnostics);
            if let Some(tree) = wasm.get("failOpen").filter(|tree| tree.is_true()) {
                let mut path = plugin.path.clone();
                path.pop();
                let subject = Subject::Path(path.key("failOpen".to_owned()));
                let problem =
                    "forwards every request unchecked, with claim headers that the client sent, while \
                               the module cannot run; remove this key"
                        .to_owned();
                diagnostics.push(Diagnostic::error(tree, subject, problem));
            }
        }
        Embedding::Standalone | Embedding::Envoy { .. } => {}
    }
}

/// Warns about a RequestAuthentication beside a WasmPlugin: the one that runs first removes the token.
pub fn request_authentication(
    plugin: &PluginConfig<'_>,
    config: &Config,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Embedding::Istio { resource } = plugin.embedding else { return };
    if !config.enabled {
        return;
    }
    let keeps_token = config.forward_token || config.report_only;
    let is_first = resource.at(&["spec", "phase"]).and_then(Tree::text) == Some("AUTHN");
    let selection = Selection::of(resource, documents);
    let others = of_kind(documents, "RequestAuthentication").into_iter();
    for other in others.filter(|other| Selection::of(other, documents).may_meet(&selection)) {
        let rules = other.get("spec").map(|spec| spec.list("jwtRules")).unwrap_or_default();
        let rules_subject = Subject::keys(&["spec", "jwtRules"]);
        let is_kept = |rule: &Tree| rule.get("forwardOriginalToken").is_some_and(Tree::is_true);
        if is_first && !rules.is_empty() && !keeps_token {
            let problem = "runs after jwt-guard in a proxy that has both, and jwt-guard removes the token: Istio finds \
                           no token, and an AuthorizationPolicy that requires one denies the request; set forward_token: \
                           true in pluginConfig, or remove this object";
            diagnostics.push(Diagnostic::warning(other, rules_subject, problem.to_owned()));
        } else if !is_first && let Some(rule) = rules.iter().find(|rule| !is_kept(rule)) {
            let problem = "runs before jwt-guard in a proxy that has both, and removes the token: jwt-guard finds no token \
                           and answers 401; set phase: AUTHN in the WasmPlugin, or forwardOriginalToken: true here";
            diagnostics.push(Diagnostic::warning(rule, rules_subject, problem.to_owned()));
        }
        if is_first && rules.iter().any(|rule| istio::reads_query_token(rule, config)) {
            let problem = "runs after jwt-guard in a proxy that has both, and reads a token from the query: when jwt-guard \
                           enforces, it removes a query token even with forward_token: true, and Istio finds no token; \
                           enforce jwt-guard and remove this object in one change";
            diagnostics.push(Diagnostic::warning(
                other,
                Subject::keys(&["spec", "jwtRules"]),
                problem.to_owned(),
            ));
        }
    }
}

/// The severity of a missing cluster. In Kubernetes, other manifests may define the cluster, so it is a warning there.
pub fn missing_cluster(embedding: &Embedding<'_>) -> Severity {
    match embedding {
        Embedding::Envoy { .. } => Severity::Error,
        _ => Severity::Warning,
    }
}
