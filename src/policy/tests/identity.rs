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
fn a_claim_has_the_configured_form() {
    let names = |claim: &str, form: ClaimForm, prefix: Option<&str>| {
        let source = ClaimSource { form, ..source("c", prefix) };
        let sources =
            ClaimSources { roles: vec![source.clone()], scopes: vec![source], ..ClaimSources::default() };
        let claims = format!(r#"{{"c":{claim}}}"#);
        let identity = Identity::new(VerifiedClaims::unchecked(IssuerIndex(0), &claims, &[]), &sources);
        assert_eq!(
            identity.roles(),
            identity.scopes(),
            "{claim}: this form decides how scopes are split as well"
        );
        identity.roles().join("|")
    };
    let member = || ClaimForm::Member("name".to_owned());
    let comma = || ClaimForm::Split(",".to_owned());
    let zitadel = r#"{"admin":{"org1":"a.example"},"viewer":{},"x y":true,"off":false,"gone":null,"none":"","l":[],"n":0}"#;
    for (label, claim, form, prefix, expected) in [
        ("the names of members that count", zitadel, ClaimForm::Keys, None, "admin|x y|n"),
        ("with a prefix", r#"{"a:x":1,"b:y":1}"#, ClaimForm::Keys, Some("a:"), "x"),
        ("a string has no members", r#""admin""#, ClaimForm::Keys, None, ""),
        ("an array has no member names", r#"["admin"]"#, ClaimForm::Keys, None, ""),
        (
            "a member of each object",
            r#"[{"name":"admin"},{"id":1},"x",{"name":2},{"name":"ops"}]"#,
            member(),
            None,
            "admin|ops",
        ),
        ("an object alone is no list", r#"{"name":"admin"}"#, member(), None, ""),
        ("a list in a member is no name", r#"[{"name":["admin"]}]"#, member(), None, ""),
        ("split", r#""a, b ,,c d,a""#, comma(), None, "a|b|c d"),
        ("split with a prefix", r#""x:a,y:b, x:c""#, comma(), Some("x:"), "a|c"),
        ("the strings of an array are not split", r#"["a,b","c"]"#, comma(), None, "a,b|c"),
        ("an object is not split", r#"{"a":"b,c"}"#, comma(), None, ""),
        ("split at spaces", r#""a b""#, ClaimForm::Split(" ".to_owned()), None, "a|b"),
    ] {
        assert_eq!(names(claim, form, prefix), expected, "{label}");
    }
}

#[test]
fn scopes_under_a_prefix_are_split_first() {
    let sources = ClaimSources { scopes: vec![source("scope", Some("orders:"))], ..ClaimSources::default() };
    let identity = Identity::new(VerifiedClaims::unchecked(IssuerIndex(0), CLAIMS, &[]), &sources);
    assert_eq!(identity.scopes(), ["read", "write"]);
}
