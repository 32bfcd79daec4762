//! The roles, groups and scopes of an identity.

use super::*;

#[test]
fn names_are_read_out_of_the_claims() {
    let identity = identity();
    assert_eq!(identity.roles(), ["editor", "viewer"], "each once, in the sources' order, no other types");
    assert_eq!(identity.groups(), ["eu", "ops team"], "only scopes are split");
    assert_eq!(identity.scopes(), ["orders:read", "orders:write", "profile", "a", "b"]);
    assert_eq!(identity.issuer(), IssuerIndex(1));

    let names = |sources: &[ClaimSource]| {
        let sources = ClaimSources { roles: sources.to_vec(), ..ClaimSources::default() };
        Identity::new(VerifiedClaims::unchecked(IssuerIndex(0), CLAIMS, &[]), &sources).roles().to_vec()
    };
    let rows: &[(&str, ClaimSource, &[&str])] = &[
        ("a prefix selects and is dropped", source("permissions", Some("orders:")), &["read"]),
        ("a prefix is case-sensitive", source("permissions", Some("Orders:")), &[]),
        ("a pointer", source("/org/id", None), &["o1"]),
        ("a member of a list", source("/tags/0", None), &["x"]),
        ("an object is not a role", source("org", None), &[]),
        ("a boolean is not a role", source("verified", None), &[]),
        ("a number is not a role", source("level", None), &[]),
        ("null is not a role", source("none", None), &[]),
        ("absent", source("absent", None), &[]),
    ];
    for (label, source, expected) in rows {
        assert_eq!(names(std::slice::from_ref(source)), *expected, "{label}");
    }
    assert_eq!(names(&[]), [""; 0], "no source, no roles");
}

#[test]
fn scopes_under_a_prefix_are_split_first() {
    let sources = ClaimSources { scopes: vec![source("scope", Some("orders:"))], ..ClaimSources::default() };
    let identity = Identity::new(VerifiedClaims::unchecked(IssuerIndex(0), CLAIMS, &[]), &sources);
    assert_eq!(identity.scopes(), ["read", "write"]);
}
