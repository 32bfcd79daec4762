//! Checks the other filters in the list of jwt-guard: those that must run before it, and those that must run after it.

use super::{Diagnostic, Subject};
use crate::inspect::early_removal::EarlyRemoval;
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;
use jwt_guard::cors::AllowedOrigins;

/// Checks the order of the filters.
pub(super) fn check(
    manager: &Tree,
    own_index: Option<usize>,
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(own_index) = own_index else { return };
    for (index, other) in manager.list("http_filters").iter().enumerate() {
        let Some(typed) = other.get("typed_config") else { continue };
        let is = |kind: &str| {
            typed
                .text_of("@type")
                .is_some_and(|url| url.ends_with(&format!("envoy.extensions.filters.http.{kind}")))
        };
        if index < own_index {
            if is("ext_authz.v3.ExtAuthz") {
                authorizer(manager, other, typed, config, diagnostics);
            }
        } else if is("cors.v3.Cors") {
            cors(other, config, diagnostics);
        } else if is("grpc_web.v3.GrpcWeb") {
            let problem = "runs after jwt-guard: a gRPC-Web client gets a denial without grpc-status and grpc-message; put \
                           this filter before jwt-guard";
            diagnostics.push(Diagnostic::warning(other, Subject::Value, problem.to_owned()));
        } else if is("grpc_json_transcoder.v3.GrpcJsonTranscoder") {
            let problem = "runs after jwt-guard and changes the path that was checked: a rule for the path of the gRPC method \
                           does not apply to a client that sends JSON; put this filter before jwt-guard, and write the rules \
                           for the paths of the gRPC methods";
            diagnostics.push(Diagnostic::warning(other, Subject::Value, problem.to_owned()));
        }
    }
}

/// A CORS filter after jwt-guard adds no headers to denials, and does not see a preflight that jwt-guard denies. Both can be
/// configured in jwt-guard.
fn cors(other: &Tree, config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    if config.bypass_cors_preflight && !matches!(config.cors_allow_origins, AllowedOrigins::None) {
        return;
    }
    let preflights = match config.bypass_cors_preflight {
        true => "",
        false => ", and jwt-guard denies each preflight, which has no token",
    };
    let problem = format!(
        "runs after jwt-guard: browsers cannot read denials, which then have no CORS headers{preflights}; put this filter \
         before jwt-guard"
    );
    diagnostics.push(Diagnostic::warning(other, Subject::Value, problem));
}

/// Warns about an external authorizer before jwt-guard that gets the claim headers of the client. The check of claim headers
/// reports a header that the configuration of the authorizer names.
fn authorizer(
    manager: &Tree,
    other: &Tree,
    typed: &Tree,
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let named = |keys: &[&str]| typed.at(keys).map(|list| list.list("patterns"));
    let allowed = named(&["allowed_headers"])
        .or_else(|| named(&["http_service", "authorization_request", "allowed_headers"]));
    let refused = named(&["disallowed_headers"]).unwrap_or_default();
    let is_sent = |name: &str| match allowed {
        Some(patterns) => {
            patterns.iter().any(|pattern| pattern.get("exact").is_none() && may_match(pattern, name))
        }
        // A gRPC service gets every header, an HTTP service only a few fixed ones.
        None => typed.get("grpc_service").is_some(),
    };
    let is_refused = |name: &str| refused.iter().any(|pattern| pattern.text_of("exact") == Some(name));
    let names = config.claim_headers.names().filter(|name| is_sent(name) && !is_refused(name));
    let seen = EarlyRemoval::of_manager(manager).lacks(names);
    if !seen.is_empty() {
        let problem = format!(
            "runs before jwt-guard: the authorizer sees the client's own {}, not those of the token; put this filter after \
             jwt-guard, or remove these headers with early_header_mutation_extensions",
            seen.join(", ")
        );
        diagnostics.push(Diagnostic::warning(other, Subject::Value, problem));
    }
}

/// Whether a string matcher may match the name. Regular expressions are not evaluated.
fn may_match(pattern: &Tree, name: &str) -> bool {
    let has = |key: &str, test: &dyn Fn(&str) -> bool| pattern.text_of(key).is_some_and(test);
    has("exact", &|text| text.eq_ignore_ascii_case(name))
        || has("prefix", &|text| name.starts_with(text))
        || has("suffix", &|text| name.ends_with(text))
        || has("contains", &|text| name.contains(text))
        || pattern.get("safe_regex").is_some()
}
