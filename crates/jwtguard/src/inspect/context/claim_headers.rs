//! Finds uses of the claim headers in the rest of the connection manager: what sets, removes or reads them.

use super::{Diagnostic, Subject};
use crate::inspect::tree::{Tree, TreeValue, snake_case};
use jwt_guard::config::Config;
use jwt_guard::config::path::PathSegment;

/// Parts of a connection manager that run before every filter, or that do not affect the request to the upstream.
const ELSEWHERE: [&str; 13] = [
    "early_header_mutation_extensions",
    "access_log",
    "match",
    // Other checks report these keys.
    "scope_key_builder",
    "vhost_header",
    "response_headers_to_add",
    "response_headers_to_remove",
    "response_trailers_to_add",
    "response_mutations",
    "response_trailers_mutations",
    "response_rules",
    "allowed_client_headers",
    "allowed_client_headers_on_success",
];

/// Filters that read headers but set none.
const READERS: [&str; 6] = [
    "envoy.extensions.filters.http.rbac.v3.RBAC",
    "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
    "envoy.extensions.filters.http.ratelimit.v3.RateLimit",
    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    "envoy.extensions.filters.http.fault.v3.HTTPFault",
    "envoy.extensions.filters.http.health_check.v3.HealthCheck",
];

/// Keys below which headers are read: by rate limits, hashes, retries, traces, matchers, or for another server.
const READ: [&str; 14] = [
    "rate_limits",
    "descriptors",
    "hash_policy",
    "custom_tags",
    "tracing",
    "retry_policy",
    "matcher",
    "xds_matcher",
    "allowed_headers",
    "disallowed_headers",
    "session_state",
    "from_headers",
    "cluster_header",
    "host_rewrite_header",
];

/// Keys below which headers are removed.
const REMOVED: [&str; 3] = ["request_headers_to_remove", "remove", "headers_to_remove"];

/// Keys below which headers are set.
const SET: [&str; 8] = [
    "request_headers_to_add",
    "headers_to_add",
    "headers_to_set",
    "append",
    "claim_to_headers",
    "forward_payload_header",
    "allowed_upstream_headers",
    "allowed_upstream_headers_to_append",
];

/// How a part of the configuration uses a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderUse {
    Reads,
    Sets,
    Removes,
    /// The check does not know the key.
    Unknown,
}

/// Warns about each part of the connection manager outside jwt-guard that sets, removes or names a claim header. A part that
/// reads a claim header is reported only before jwt-guard, where the header still has the value that the client sent.
pub fn claim_headers(
    manager: &Tree,
    filter: Option<&Tree>,
    config: &Config,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let filters = manager.list("http_filters");
    let at = |wanted: &Tree| filters.iter().position(|other| std::ptr::eq(other, wanted));
    let own_index = filter.and_then(at);
    manager.walk(&mut |tree, path, above| {
        let TreeValue::Text(text) = &tree.value else { return };
        let is_own = above.iter().any(|tree| filter.is_some_and(|filter| std::ptr::eq(filter, *tree)));
        if is_own || !config.claim_headers.is_identity_header(text) {
            return;
        }
        let keys: Vec<String> = path
            .segments()
            .iter()
            .filter_map(|segment| match segment {
                PathSegment::Key(key) => Some(snake_case(key)),
                PathSegment::Index(_) => None,
            })
            .collect();
        if keys.iter().any(|key| ELSEWHERE.contains(&key.as_str())) {
            return;
        }
        let is_before = above.iter().find_map(|tree| at(tree)).zip(own_index).is_some_and(|(other, own_index)| other < own_index);
        let problem = match use_of(&keys, above) {
            HeaderUse::Reads if is_before => format!(
                "reads {text}, a claim header of jwt-guard, but runs before jwt-guard: the header still has the value that the \
                 client sent; put the filter after jwt-guard"
            ),
            HeaderUse::Reads => return,
            // jwt-guard removes the header too, so this is harmless. A rule of header_to_metadata reads the header first.
            HeaderUse::Removes if is_before && !keys.iter().any(|key| key == "request_rules") => return,
            HeaderUse::Sets if is_before => format!(
                "sets {text}, a claim header of jwt-guard, but runs before jwt-guard: jwt-guard removes or replaces the header; \
                 use another header"
            ),
            HeaderUse::Sets => format!(
                "sets {text}, a claim header of jwt-guard: the upstream does not receive the value from the token; use another \
                 header, or let only claim_headers set it"
            ),
            HeaderUse::Removes => format!(
                "removes {text}, a claim header of jwt-guard: the upstream does not receive it, and may conclude that the \
                 token has no such claim; do not remove the header here"
            ),
            HeaderUse::Unknown => format!(
                "names {text}, a claim header of jwt-guard: if this setting sets or removes the header, the upstream does not \
                 receive the value from the token; use another header here"
            ),
        };
        diagnostics.push(Diagnostic::warning(tree, Subject::Value, problem));
    });
}

fn use_of(keys: &[String], above: &[&Tree]) -> HeaderUse {
    let is_below = |names: &[&str]| keys.iter().any(|key| names.contains(&key.as_str()));
    if above.iter().any(|tree| READERS.iter().any(|reader| tree.is_type(reader))) {
        return HeaderUse::Reads;
    }
    // `header_to_metadata` reads a header, and with `remove: true` removes it.
    if is_below(&["request_rules"]) {
        let removes = above.last().and_then(|rule| rule.get("remove")).is_some_and(Tree::is_true);
        return if removes { HeaderUse::Removes } else { HeaderUse::Reads };
    }
    // `authorization_request` affects the request to the authorization server, not the one to the upstream.
    if is_below(&["authorization_request"]) {
        HeaderUse::Reads
    } else if is_below(&REMOVED) {
        HeaderUse::Removes
    } else if is_below(&SET) {
        HeaderUse::Sets
    } else if is_below(&READ) {
        HeaderUse::Reads
    } else {
        HeaderUse::Unknown
    }
}
