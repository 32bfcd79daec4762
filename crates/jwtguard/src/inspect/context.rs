//! Checks the Envoy configuration around the filter: the options of the plugin, the clusters for keys, the routes and the
//! other filters. Some settings there let requests bypass the filter, or break it.

mod claim_headers;
pub mod claim_match;
mod client_certificate;
mod cluster_tls;
mod clusters;
mod connection_manager;
mod diagnostic;
mod environment;
mod filter_edits;
mod filter_order;
mod filter_pairs;
mod jwt_authn;
mod routes;
mod token_places;

pub use clusters::{Clusters, clusters};
pub use diagnostic::{Diagnostic, Subject};
pub use environment::environment;
pub use filter_edits::FilterEdits;
pub use filter_pairs::filter_pairs;
pub use jwt_authn::TYPE as JWT_AUTHN;
pub use routes::routing;

use super::find::{Embedding, PluginConfig, WITH_MATCHER};
use super::tree::Tree;

/// Checks the options of the plugin.
pub fn plugin(plugin: &PluginConfig<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Embedding::Envoy { plugin: options, condition, .. } = plugin.embedding else { return };
    if let Some(condition) = condition {
        conditional(condition, diagnostics);
    }
    let open = "forwards every request unchecked, with claim headers that the client sent, while the module cannot \
                run; write failure_policy: FAIL_RELOAD";
    if let Some(tree) = options.get("fail_open").filter(|tree| tree.is_true()) {
        diagnostics.push(Diagnostic::error(tree, Subject::Value, open.to_owned()));
    }
    match options.get("failure_policy") {
        Some(tree) if tree.is_enum("FAIL_OPEN", 3) => {
            diagnostics.push(Diagnostic::error(tree, Subject::Value, open.to_owned()));
        }
        Some(tree) if tree.is_enum("FAIL_RELOAD", 1) || tree.is_enum("FAIL_CLOSED", 2) => {}
        _ => {
            let problem = "is not set: a crashed module then denies every request until Envoy restarts; write \
                           FAIL_RELOAD, which reloads the module";
            diagnostics.push(Diagnostic::warning(
                options,
                Subject::Key(&["failure_policy"]),
                problem.to_owned(),
            ));
        }
    }
    if options.at(&["vm_config", "vm_id"]).is_none() {
        let problem = "is not set: every module without a vm_id shares the key cache of this module, and can change it; write \
             a vm_id that no other module has";
        diagnostics.push(Diagnostic::warning(
            options,
            Subject::Key(&["vm_config", "vm_id"]),
            problem.to_owned(),
        ));
    }
}

/// Reports a filter around jwt-guard that decides whether jwt-guard runs.
fn conditional(condition: &Tree, diagnostics: &mut Vec<Diagnostic>) {
    let open = "with claim headers that the client sent; put jwt-guard directly into http_filters, and write a route \
                with allow_anonymous for requests that need no token";
    if condition.is_type(WITH_MATCHER) {
        let problem = format!(
            "contains jwt-guard and can skip it: skipped requests reach the upstream unchecked, {open}"
        );
        diagnostics.push(Diagnostic::error(condition, Subject::Type("ExtensionWithMatcher"), problem));
    } else {
        let problem = format!(
            "runs jwt-guard only for requests that its matcher selects: other requests reach the upstream unchecked, {open}"
        );
        diagnostics.push(Diagnostic::warning(condition, Subject::Type("ExecuteFilterAction"), problem));
    }
}
