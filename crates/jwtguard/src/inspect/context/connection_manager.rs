//! The HttpConnectionManager that our filter stands in, and the filters beside it.

use super::{Diagnostic, Subject, jwt_authn};
use crate::inspect::find;
use crate::inspect::tree::{Tree, TreeValue};
use jwt_guard::config::Config;

/// What in it works against the filter. `metadata_decides` says whether some route carries a requirement.
pub fn check(
    manager: &Tree,
    filter: Option<&Tree>,
    config: &Config,
    metadata_decides: bool,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if !manager.get("normalize_path").is_some_and(Tree::is_true) {
        let problem = "is not on: the filter judges every reading of a path, but Envoy's own routes and the upstream \
                       see it as the client wrote it";
        diagnostics.push(Diagnostic::warning(manager, Subject::Key(&["normalize_path"]), problem.to_owned()));
    }
    let mut removed_early = Vec::new();
    for extension in manager.list("early_header_mutation_extensions") {
        extension.walk(&mut |tree, _, _| {
            removed_early.extend(tree.text_of("remove").map(str::to_ascii_lowercase))
        });
    }
    let kept: Vec<&str> = config
        .claim_headers
        .names()
        .filter(|name| !removed_early.iter().any(|removed| removed == name))
        .collect();
    if metadata_decides && !kept.is_empty() {
        let problem = format!(
            "does not remove {}: where route metadata decides, a request that brings one of them is answered 400",
            kept.join(", ")
        );
        diagnostics.push(Diagnostic::warning(
            manager,
            Subject::Key(&["early_header_mutation_extensions"]),
            problem,
        ));
    }
    let filters = manager.list("http_filters");
    let ours = filters.iter().position(|other| filter.is_some_and(|filter| std::ptr::eq(filter, other)));
    for (index, other) in filters.iter().enumerate() {
        let cors = other
            .get("typed_config")
            .is_some_and(|config| config.is_type("envoy.extensions.filters.http.cors.v3.Cors"));
        if cors && ours.is_some_and(|ours| index > ours) {
            let problem = "stands after jwt-guard: a browser cannot read a refusal; put it before";
            diagnostics.push(Diagnostic::warning(other, Subject::Value, problem.to_owned()));
        }
    }
    upgrades(manager, diagnostics);
    super::claim_headers::claim_headers(manager, filter, config, diagnostics);
    jwt_authn::check(filters, ours, config, diagnostics);
}

/// An upgrade that brings filters of its own goes by those alone.
fn upgrades(manager: &Tree, diagnostics: &mut Vec<Diagnostic>) {
    for upgrade in manager.list("upgrade_configs") {
        let filters = upgrade.list("filters");
        // What is discovered may be ours; the file does not tell.
        let may_be_ours =
            |filter: &Tree| find::contains_jwt_guard(filter) || filter.get("config_discovery").is_some();
        if filters.is_empty() || filters.iter().any(may_be_ours) {
            continue;
        }
        let kind = upgrade.text_of("upgrade_type").unwrap_or("every upgrade");
        let problem = format!(
            "has filters without jwt-guard: a client that asks for {kind} reaches the upstream unchecked, claim \
             headers of its own included; put the filter among them, or leave them out"
        );
        // Off, until a route puts it on.
        let is_off = upgrade.get("enabled").is_some_and(|enabled| enabled.value == TreeValue::Bool(false));
        diagnostics.push(match is_off {
            true => Diagnostic::warning(upgrade, Subject::Value, problem),
            false => Diagnostic::error(upgrade, Subject::Value, problem),
        });
    }
}
