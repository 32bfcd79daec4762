//! The tables of `docs/migration.md` have a row for every field of the other projects.

use crate::recipes::blocks;
use crate::run::{Folder, jwtguard, read};

/// The sections, and the fields that each must name. Those of Envoy are the fields of the messages in Envoy 1.40.
const FIELDS: [(&str, &str); 4] = [
    (
        "Every field of jwt_authn",
        "issuer audiences subjects require_expiration max_lifetime remote_jwks http_uri uri cluster timeout \
         cache_duration async_fetch fast_listener failed_refetch_duration retry_policy local_jwks inline_string \
         filename environment_variable forward from_headers value_prefix from_params from_cookies \
         forward_payload_header pad_forward_payload_header payload_in_metadata normalize_payload_in_metadata \
         space_delimited_claims header_in_metadata failed_status_in_metadata clock_skew_seconds jwt_cache_config \
         jwt_cache_size jwt_max_token_size claim_to_headers header_name claim_name claim_path clear_route_cache \
         provider_name provider_and_audiences requires_any requires_all allow_missing allow_missing_or_failed \
         extract_only_without_validation verification_status_header prefix path safe_regex connect_matcher \
         path_separated_prefix path_match_policy case_sensitive runtime_fraction headers query_parameters cookies \
         grpc tls_context dynamic_metadata filter_state requires requirement_name filter_state_rules \
         bypass_cors_preflight requirement_map strip_failure_response stat_prefix disabled",
    ),
    (
        "Every field of RBAC",
        "rules matcher shadow_rules shadow_matcher rules_stat_prefix shadow_rules_stat_prefix track_per_rule_stats \
         action audit_logging_options condition checked_condition cel_config permissions principals and_rules \
         or_rules any header url_path uri_template destination_ip destination_port destination_port_range metadata \
         not_rule requested_server_name sourced_metadata and_ids or_ids authenticated principal_name source_ip \
         direct_remote_ip remote_ip filter_state not_id custom exact contains suffix safe_regex ignore_case \
         null_match double_match string_match bool_match present_match list_match or_match invert",
    ),
    (
        "Every field of Istio",
        "selector targetRef targetRefs jwtRules issuer audiences jwksUri jwks fromHeaders fromParams fromCookies \
         outputPayloadToHeader outputClaimToHeaders forwardOriginalToken timeout spaceDelimitedClaims action \
         provider rules source principals notPrincipals requestPrincipals notRequestPrincipals namespaces \
         notNamespaces serviceAccounts notServiceAccounts trustDomains notTrustDomains ipBlocks \
         notIpBlocks remoteIpBlocks notRemoteIpBlocks \
         operation hosts notHosts ports notPorts methods notMethods paths notPaths when values notValues \
         request.headers source.ip remote.ip source.namespace source.principal source.serviceAccount \
         source.trustDomain \
         request.auth.principal request.auth.audiences request.auth.presenter request.auth.claims destination.ip \
         destination.port connection.sni experimental.envoy.filters",
    ),
    (
        "Every field of Envoy Gateway's SecurityPolicy",
        "optional failOpen providers name issuer audiences remoteJWKS uri cacheDuration \
         failedRefetchDuration cel csrf backendRefs backendSettings localJWKS inline \
         valueRef claimToHeaders recomputeRoute extractFrom headers cookies params valuePrefix authorization rules \
         defaultAction action operation methods path invert principal provider claims valueType values scopes \
         clientCIDRs clientIPGeoLocations cors extAuth basicAuth apiKeyAuth oidc",
    ),
];

#[test]
fn every_field_has_a_row() {
    let text = read("docs/migration.md");
    for (title, fields) in FIELDS {
        let section = text.split("\n## ").find(|section| section.lines().next() == Some(title)).expect(title);
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).collect();
        // The first cell of a row names the fields. The last paragraph of a section can name others.
        let cells = rows.iter().map(|row| row.split(" | ").next().unwrap());
        let rest = section.lines().filter(|line| !line.starts_with("| "));
        let named: String = cells.chain(rest).flat_map(|cell| [cell, "\n"]).collect();
        let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let names = |field: &&str| {
            named.match_indices(*field).any(|(at, found)| {
                let before = named[..at].chars().next_back();
                let after = named[at + found.len()..].chars().next();
                !before.is_some_and(is_word) && !after.is_some_and(is_word)
            })
        };
        let missing: Vec<&str> = fields.split_whitespace().filter(|field| !names(field)).collect();
        assert_eq!(missing, [""; 0], "{title}: write a row for these fields");
    }
}

/// The section with what `convert` prints, and the sections with the objects that it reads.
const PRINTED: &str = "What convert prints for Kubernetes objects and for auth_client";

#[test]
fn the_document_shows_what_convert_prints() {
    let printed = blocks("docs/migration.md", PRINTED);
    let [istio, gateway, client, pico] = printed.as_slice() else { panic!("four blocks: {printed:#?}") };
    let first = |section: &str| blocks("docs/migration.md", section)[0].clone();
    let folder = Folder::new("convert-documents");
    for (name, input, expected) in [
        ("istio.yaml", first("From Istio's RequestAuthentication and AuthorizationPolicy"), istio),
        ("envoy-gateway.yaml", first("From Envoy Gateway's SecurityPolicy"), gateway),
        ("application.yaml", client.clone(), pico),
    ] {
        let file = folder.file(name, &input);
        let ran = jwtguard(&["convert", &file]);
        assert_eq!(ran.status, 1, "{name}: {}", ran.err);
        assert_eq!(ran.out.replace(&file, name), *expected, "{name}");
        // What it prints is a configuration.
        let policy = folder.file(&format!("converted-{name}"), &ran.out);
        assert_eq!(jwtguard(&["check", &policy]).status, 0, "{name}");
    }
}
