//! `scope_wildcards`: a granted `a:*` covers what starts with `a:`.

use super::*;

/// The identity of a token with these scopes, with or without wildcards.
fn identity(scopes: &str, scope_wildcards: bool) -> Identity {
    let claims = VerifiedClaims::unchecked(IssuerIndex(0), &format!(r#"{{"scope":"{scopes}"}}"#), &[]);
    Identity::new(claims, &ClaimSources { scope_wildcards, ..sources() })
}

fn covers(scopes: &str, scope_wildcards: bool, required: AnyAll<String>) -> bool {
    let condition = Condition::Scope(required);
    let context = ConditionContext { of_request: EvaluationContext::EMPTY, requirement: 0 };
    condition.unmet(&identity(scopes, scope_wildcards), &context).is_none()
}

#[test]
fn a_wildcard_covers_what_follows_its_colon() {
    for (granted, required, with, without) in [
        ("treasury:*", "treasury:write", true, false),
        ("treasury:*", "treasury:write:payments", true, false),
        ("treasury:write:*", "treasury:write:payments", true, false),
        ("orders treasury:* read", "treasury:read", true, false),
        ("treasury:*", "treasury:", true, false),
        // The wildcard covers neither the name alone nor another name.
        ("treasury:*", "treasury", false, false),
        ("treasury:*", "treasurys:write", false, false),
        ("treasury:*", "my:treasury:write", false, false),
        ("treasury:write:*", "treasury:read", false, false),
        ("treasury:write:*", "treasury:write", false, false),
        // Only `:*` at the end is a wildcard.
        ("*", "treasury:write", false, false),
        (":*", ":write", false, false),
        ("treasury*", "treasury:write", false, false),
        ("treasury:w*", "treasury:write", false, false),
        ("treasury:*:payments", "treasury:write:payments", false, false),
        ("*:write", "treasury:write", false, false),
        ("Treasury:*", "treasury:write", false, false),
        // A required scope has no wildcard: it is compared as it is.
        ("treasury:write", "treasury:*", false, false),
        ("treasury:*", "treasury:*", true, true),
        ("treasury:write treasury:read", "treasury:*", false, false),
        ("treasury:write", "treasury:write", true, true),
    ] {
        let one = || AnyAll::Any(list(&[required]));
        assert_eq!(covers(granted, true, one()), with, "{granted} for {required}");
        assert_eq!(covers(granted, false, one()), without, "{granted} for {required} without wildcards");
    }
}

#[test]
fn each_of_several_scopes_can_be_covered() {
    let all = |scopes: &[&str]| AnyAll::All(list(scopes));
    assert!(covers("a:* b", true, all(&["a:x", "a:y", "b"])));
    assert!(!covers("a:* b", true, all(&["a:x", "c:y", "b"])));
    assert!(covers("a:*", true, any(&["c:y", "a:x"])));
    assert!(!covers("a:*", true, any(&["c:y", "a"])));
}

#[test]
fn the_granted_text_stays_in_the_headers() {
    assert_eq!(identity("a:* b", true).scopes(), ["a:*", "b"]);
}
