//! Warns about an external authorizer that Istio or Envoy Gateway calls before the filter: it sees the claim headers that
//! the client sent.

use super::early_headers;
use super::gateway;
use crate::inspect::FileDocument;
use crate::inspect::context::{Diagnostic, Subject};
use crate::inspect::document::of_kind;
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::selection::Selection;
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;

/// Envoy Gateway's names of the two filters, for `filterOrder`.
const EXT_AUTHZ: &str = "envoy.filters.http.ext_authz";
const WASM: &str = "envoy.filters.http.wasm";

/// Checks the authorizers for the proxy that runs the filter.
pub fn check(
    plugin: &PluginConfig<'_>,
    config: &Config,
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let names = early_headers::of(plugin, documents).lacks(config.claim_headers.names());
    if names.is_empty() {
        return;
    }
    match plugin.embedding {
        Embedding::Istio { resource } => custom_actions(resource, &names, documents, diagnostics),
        Embedding::Gateway { resource, .. } => ext_auth(resource, &names, documents, diagnostics),
        Embedding::Standalone | Embedding::Envoy { .. } => {}
    }
}

fn custom_actions(
    resource: &Tree,
    names: &[&str],
    documents: &[FileDocument],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let selection = Selection::of(resource, documents);
    for policy in of_kind(documents, "AuthorizationPolicy") {
        let Some(action) = policy.at(&["spec", "action"]).filter(|action| action.text() == Some("CUSTOM"))
        else {
            continue;
        };
        if Selection::of(policy, documents).may_meet(&selection) {
            let problem = format!(
                "CUSTOM runs before jwt-guard: the authorizer sees the client's own {}, not those of the token; remove these \
                 headers with an EnvoyFilter that adds early_header_mutation_extensions",
                names.join(", ")
            );
            diagnostics.push(Diagnostic::warning(action, Subject::keys(&["spec", "action"]), problem));
        }
    }
}

fn ext_auth(resource: &Tree, names: &[&str], documents: &[FileDocument], diagnostics: &mut Vec<Diagnostic>) {
    if runs_after_wasm(documents) {
        return;
    }
    let gateways = gateway::gateways(resource);
    for policy in of_kind(documents, "SecurityPolicy") {
        let Some(authorizer) = policy.at(&["spec", "extAuth"]) else { continue };
        // A policy for a route is counted: the file may not show the Gateway of the route.
        let is_elsewhere = gateway::gateways(policy).iter().any(|name| !gateways.contains(name));
        if is_elsewhere && !gateways.is_empty() {
            continue;
        }
        let listed: Vec<_> = authorizer.list("headersToExtAuth").iter().filter_map(Tree::text).collect();
        let is_sent = |name: &&&str| match listed.as_slice() {
            // A gRPC service then gets every header, an HTTP service only a few fixed ones.
            [] => authorizer.get("grpc").is_some(),
            listed => listed.iter().any(|sent| sent.eq_ignore_ascii_case(name)),
        };
        let seen: Vec<&str> = names.iter().filter(is_sent).copied().collect();
        if !seen.is_empty() {
            let problem = format!(
                "runs before jwt-guard: the authorizer sees the client's own {}, not those of the token; put \
                 {EXT_AUTHZ} after {WASM} in filterOrder of the EnvoyProxy, or remove these headers with earlyRequestHeaders of \
                 a ClientTrafficPolicy",
                seen.join(", ")
            );
            diagnostics.push(Diagnostic::warning(authorizer, Subject::keys(&["spec", "extAuth"]), problem));
        }
    }
}

/// Whether an EnvoyProxy in the documents puts ext_authz after wasm.
fn runs_after_wasm(documents: &[FileDocument]) -> bool {
    let is_at = |position: &Tree, name: &str, side: &str, other: &str| {
        position.text_of("name") == Some(name) && position.text_of(side) == Some(other)
    };
    of_kind(documents, "EnvoyProxy").into_iter().filter_map(|proxy| proxy.get("spec")).any(|spec| {
        spec.list("filterOrder").iter().any(|position| {
            is_at(position, EXT_AUTHZ, "after", WASM) || is_at(position, WASM, "before", EXT_AUTHZ)
        })
    })
}
