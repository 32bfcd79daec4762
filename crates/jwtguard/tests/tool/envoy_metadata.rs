//! `check` on the metadata of Envoy's routes.

use crate::context::findings_after;
use crate::run::{jwtguard_with, read};

/// A route with metadata before the catch-all route.
const REPORTS: (&str, &str) = (
    "- match: { prefix: / }",
    "- match: { path_separated_prefix: /reports }\n                          metadata: { filter_metadata: { jwt_guard: { requires_group: [audit] } } }\n                          \
     route: { cluster: upstream }\n                        - match: { prefix: / }",
);

#[test]
fn a_route_without_metadata_beside_one_with_metadata_is_reported() {
    let (status, lines) = findings_after(&[REPORTS]);
    let expected = "warning: virtual host all: routes[0] has metadata jwt_guard, and routes[1] does not";
    assert!(status == 0 && lines.len() == 1 && lines[0].starts_with(expected), "{lines:#?}");

    let host = (
        "domains: [\"*\"]",
        "domains: [\"*\"]\n                      metadata: { filter_metadata: { jwt_guard: { allow_authenticated: true } } }",
    );
    assert_eq!(findings_after(&[REPORTS, host]), (0, vec![]));
    let unread =
        ("audience: orders-api", "audience: orders-api\n                            route_metadata: ignore");
    let (_, lines) = findings_after(&[REPORTS, unread]);
    assert!(lines.iter().all(|line| !line.contains("has metadata")), "{lines:#?}");
}

#[test]
fn a_value_in_metadata_that_never_matches_is_reported() {
    let asks = |claim: &str| {
        REPORTS
            .1
            .replace("requires_group: [audit]", &format!("requires_claim: {{ claim: {claim}, any: [a] }}"))
    };
    let host = (
        "domains: [\"*\"]",
        "domains: [\"*\"]\n                      metadata: { filter_metadata: { jwt_guard: { allow_authenticated: true } } }",
    );
    let (status, lines) = findings_after(&[(REPORTS.0, &asks("realm_access.roles")), host]);
    let expected = "warning: virtual host all, routes[0], metadata jwt_guard: requires_claim.claim: \"realm_access.roles\" is \
                    read as the name of a top-level claim";
    assert!(status == 0 && lines.len() == 1 && lines[0].starts_with(expected), "{lines:#?}");
    assert_eq!(findings_after(&[(REPORTS.0, &asks("/realm_access/roles")), host]), (0, vec![]));
}

#[test]
fn the_table_contains_metadata() {
    let text = read("envoy/envoy.yaml").replace(REPORTS.0, REPORTS.1);
    let ran = jwtguard_with(&["check", "-"], &text);
    assert!(
        ran.out.contains("/reports/**      any      any    a valid token with group audit"),
        "{}{}",
        ran.out,
        ran.err
    );
}
