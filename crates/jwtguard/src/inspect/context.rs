//! What stands around our filter in Envoy's configuration: the plugin's own options, the cluster that keys come
//! through, the routes, the filters beside it. Some of it undoes what the filter does.

mod claim_headers;
mod clusters;
mod connection_manager;
mod diagnostic;
mod filter_edits;
mod jwt_authn;
mod routes;

pub use clusters::{Clusters, clusters};
pub use diagnostic::{Diagnostic, Subject};
pub use filter_edits::FilterEdits;
pub use jwt_authn::TYPE as JWT_AUTHN;
pub use routes::routing;

use super::find::{Embedding, PluginConfig, WITH_MATCHER};
use super::tree::Tree;

/// The options of the plugin.
pub fn plugin(plugin: &PluginConfig<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Embedding::Envoy { plugin: options, condition, .. } = plugin.embedding else { return };
    if let Some(condition) = condition {
        sometimes(condition, diagnostics);
    }
    let open = "lets every request pass unchecked, claim headers of the client's own included, while the module \
                cannot run; use failure_policy: FAIL_RELOAD";
    if let Some(tree) = options.get("fail_open").filter(|tree| tree.is_true()) {
        diagnostics.push(Diagnostic::error(tree, Subject::Value, open.to_owned()));
    }
    match options.get("failure_policy") {
        Some(tree) if tree.is_enum("FAIL_OPEN", 3) => {
            diagnostics.push(Diagnostic::error(tree, Subject::Value, open.to_owned()));
        }
        Some(tree) if tree.is_enum("FAIL_RELOAD", 1) || tree.is_enum("FAIL_CLOSED", 2) => {}
        _ => {
            let problem = "is not said: a module that crashed then refuses everything until Envoy starts again; \
                           FAIL_RELOAD loads it anew";
            diagnostics.push(Diagnostic::warning(
                options,
                Subject::Key(&["failure_policy"]),
                problem.to_owned(),
            ));
        }
    }
    if options.at(&["vm_config", "vm_id"]).is_none() {
        let problem =
            "is not said: every module without one shares this one's cache of keys, and can write to it";
        diagnostics.push(Diagnostic::warning(
            options,
            Subject::Key(&["vm_config", "vm_id"]),
            problem.to_owned(),
        ));
    }
}

/// Our filter inside one that decides whether it runs.
fn sometimes(condition: &Tree, diagnostics: &mut Vec<Diagnostic>) {
    let open = "the client's own claim headers included; put the filter itself into http_filters, and write a route \
                with allow_anonymous for what needs no token";
    if condition.is_type(WITH_MATCHER) {
        let problem =
            format!("is around jwt-guard: whatever it skips reaches the upstream unchecked, {open}");
        diagnostics.push(Diagnostic::error(condition, Subject::Type("ExtensionWithMatcher"), problem));
    } else {
        let problem = format!(
            "runs jwt-guard only for what its matcher names: anything else reaches the upstream unchecked, {open}"
        );
        diagnostics.push(Diagnostic::warning(condition, Subject::Type("ExecuteFilterAction"), problem));
    }
}
