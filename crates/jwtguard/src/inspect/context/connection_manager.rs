//! Checks the HttpConnectionManager that contains the filter, and the other filters in it.

use super::{Diagnostic, Subject, client_certificate, filter_order, jwt_authn};
use crate::inspect::early_removal::EarlyRemoval;
use crate::inspect::find;
use crate::inspect::tree::{Tree, TreeValue};
use jwt_guard::config::Config;

/// Checks the settings of the connection manager. `metadata_decides` is true if a route has a requirement in its metadata.
pub fn check(
    manager: &Tree,
    filter: Option<&Tree>,
    config: &Config,
    metadata_decides: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if !manager.get("normalize_path").is_some_and(Tree::is_true) {
        let problem = "is not set to true: the filter checks every path variant, but Envoy's routes and the upstream \
                       see the path as the client sent it; write normalize_path: true";
        diagnostics.push(Diagnostic::warning(manager, Subject::Key(&["normalize_path"]), problem.to_owned()));
    }
    let kept = EarlyRemoval::of_manager(manager).lacks(config.claim_headers.names());
    if metadata_decides && !kept.is_empty() {
        let problem = format!(
            "does not remove {}: if the metadata of a route decides, a request with one of these headers is answered 400; \
             remove them with an early header mutation",
            kept.join(", ")
        );
        diagnostics.push(Diagnostic::warning(
            manager,
            Subject::Key(&["early_header_mutation_extensions"]),
            problem,
        ));
    }
    let filters = manager.list("http_filters");
    let own_index = filters.iter().position(|other| filter.is_some_and(|filter| std::ptr::eq(filter, other)));
    filter_order::check(manager, own_index, config, diagnostics);
    upgrades(manager, diagnostics);
    client_certificate::check(manager, config, diagnostics);
    super::claim_headers::claim_headers(manager, filter, config, diagnostics);
    jwt_authn::check(filters, own_index, config, diagnostics);
}

/// Reports upgrades with their own filter list: Envoy then runs only these filters for the upgrade.
fn upgrades(manager: &Tree, diagnostics: &mut Vec<Diagnostic>) {
    for upgrade in manager.list("upgrade_configs") {
        let filters = upgrade.list("filters");
        // A discovered filter may be jwt-guard; the file does not show it.
        let may_be_jwt_guard =
            |filter: &Tree| find::contains_jwt_guard(filter) || filter.get("config_discovery").is_some();
        if filters.is_empty() || filters.iter().any(may_be_jwt_guard) {
            continue;
        }
        let kind = upgrade.text_of("upgrade_type").unwrap_or("every upgrade");
        let problem = format!(
            "has filters without jwt-guard: a client that requests {kind} reaches the upstream unchecked, with claim \
             headers that the client sent; add jwt-guard to these filters, or remove the key filters"
        );
        // A disabled upgrade is a warning: a route can enable it.
        let is_off = upgrade.get("enabled").is_some_and(|enabled| enabled.value == TreeValue::Bool(false));
        diagnostics.push(match is_off {
            true => Diagnostic::warning(upgrade, Subject::Value, problem),
            false => Diagnostic::error(upgrade, Subject::Value, problem),
        });
    }
}
