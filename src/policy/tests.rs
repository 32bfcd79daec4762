//! Every row of the requirement table, from an identity that passes with one thing changed.

use super::*;
use crate::issuer_index::IssuerIndex;
use crate::jose::claims::VerifiedClaims;

const CLAIMS: &str = r#"{
    "role": "editor", "roles": ["viewer", "editor", 7, "", null],
    "groups": ["eu", "ops team"],
    "scope": "orders:read orders:write", "scp": ["profile", "a b"],
    "permissions": ["orders:read", "billing:read", "orders:"],
    "verified": true, "level": 3, "tags": ["x", 1.0, null], "none": null, "empty": [],
    "org": {"id": "o1"}
}"#;

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

fn source(text: &str, prefix: Option<&str>) -> Source {
    Source { pointer: pointer(text), prefix: prefix.map(str::to_owned) }
}

fn sources() -> Sources {
    Sources {
        roles: vec![source("role", None), source("roles", None)],
        groups: vec![source("groups", None)],
        scopes: vec![source("scope", None), source("scp", None)],
    }
}

fn identity() -> Rc<Identity> {
    let claims = VerifiedClaims::unchecked(IssuerIndex(1), CLAIMS, &["orders", "billing"]);
    Rc::new(Identity::new(claims, &sources()))
}

fn list(names: &[&str]) -> NonEmpty<String> {
    NonEmpty::new(names.iter().map(|name| (*name).to_owned())).unwrap()
}

fn any(names: &[&str]) -> AnyAll<String> {
    AnyAll::Any(list(names))
}

fn all(names: &[&str]) -> AnyAll<String> {
    AnyAll::All(list(names))
}

fn issuers(indices: &[usize]) -> Narrowing {
    Narrowing::Issuer(NonEmpty::new(indices.iter().copied().map(IssuerIndex)).unwrap())
}

fn audiences(names: &[&str]) -> Narrowing {
    Narrowing::Audience(list(names))
}

fn claim(place: &str, test: ClaimTest) -> Condition {
    Condition::Claim(ClaimCondition { pointer: pointer(place), test })
}

fn any_value(place: &str, values: &[&str]) -> Condition {
    let values = NonEmpty::new(values.iter().copied().map(json)).unwrap();
    claim(place, ClaimTest::Values(AnyAll::Any(values)))
}

fn all_values(place: &str, values: &[&str]) -> Condition {
    let values = NonEmpty::new(values.iter().copied().map(json)).unwrap();
    claim(place, ClaimTest::Values(AnyAll::All(values)))
}

fn present(place: &str) -> Condition {
    claim(place, ClaimTest::Present)
}

fn any_of(alternatives: Vec<Vec<Condition>>) -> Condition {
    Condition::AnyOf(NonEmpty::new(alternatives.into_iter().map(Conditions)).unwrap())
}

fn authenticated(conditions: Vec<Condition>) -> Requirement {
    Requirement::new(Rule::Authenticated(Conditions(conditions)))
}

fn scope_refusal(names: &[&str]) -> Refusal {
    Refusal::Scope { required: names.iter().map(|name| (*name).to_owned()).collect() }
}

fn claim_refusal(place: &str) -> Refusal {
    Refusal::Claim { pointer: place.to_owned() }
}

/// `None`: permitted.
fn refusal(requirements: &[&Requirement], credential: Credential<'_>) -> Option<Refusal> {
    evaluate(requirements, credential).err()
}

#[test]
fn names_are_read_out_of_the_claims() {
    let identity = identity();
    assert_eq!(identity.roles(), ["editor", "viewer"], "each once, in the sources' order, no other types");
    assert_eq!(identity.groups(), ["eu", "ops team"], "only scopes are split");
    assert_eq!(identity.scopes(), ["orders:read", "orders:write", "profile", "a", "b"]);
    assert_eq!(identity.issuer(), IssuerIndex(1));

    let names = |sources: &[Source]| {
        let sources = Sources { roles: sources.to_vec(), ..Sources::default() };
        Identity::new(VerifiedClaims::unchecked(IssuerIndex(0), CLAIMS, &[]), &sources).roles().to_vec()
    };
    let rows: &[(&str, Source, &[&str])] = &[
        ("a prefix selects and is dropped", source("permissions", Some("orders:")), &["read"]),
        ("a prefix is case-sensitive", source("permissions", Some("Orders:")), &[]),
        ("a pointer", source("/org/id", None), &["o1"]),
        ("a member of a list", source("/tags/0", None), &["x"]),
        ("an object is no role", source("org", None), &[]),
        ("a boolean is no role", source("verified", None), &[]),
        ("a number is no role", source("level", None), &[]),
        ("null is no role", source("none", None), &[]),
        ("absent", source("absent", None), &[]),
    ];
    for (label, source, expected) in rows {
        assert_eq!(names(std::slice::from_ref(source)), *expected, "{label}");
    }
    assert_eq!(names(&[]), [""; 0], "no source, no roles");
}

#[test]
fn scopes_under_a_prefix_are_split_first() {
    let sources = Sources { scopes: vec![source("scope", Some("orders:"))], ..Sources::default() };
    let identity = Identity::new(VerifiedClaims::unchecked(IssuerIndex(0), CLAIMS, &[]), &sources);
    assert_eq!(identity.scopes(), ["read", "write"]);
}

#[test]
fn rules_by_credential() {
    let rules = |narrowings: Vec<Narrowing>| Requirement::new(Rule::Missing(narrowings));
    let anonymous = Requirement::new(Rule::Anonymous);
    let deny = Requirement::new(Rule::Deny);
    let missing_or_failed = Requirement::new(Rule::MissingOrFailed);
    let any_token = Requirement::any_valid_token();
    // Columns: no token, a failed one, a valid one; then whether a valid one gives an identity.
    type Row<'a> = (&'a str, &'a Requirement, [Option<Refusal>; 3], bool);
    let rows: &[Row<'_>] = &[
        ("anonymous", &anonymous, [None, None, None], false),
        ("deny", &deny, [Some(Refusal::Denied), Some(Refusal::Denied), Some(Refusal::Denied)], false),
        ("missing or failed", &missing_or_failed, [None, None, None], true),
        ("missing", &rules(vec![]), [None, Some(Refusal::FailedToken), None], true),
        (
            "missing, its issuer and audience",
            &rules(vec![issuers(&[0, 1]), audiences(&["billing"])]),
            [None, Some(Refusal::FailedToken), None],
            true,
        ),
        (
            "missing, another issuer",
            &rules(vec![issuers(&[0])]),
            [None, Some(Refusal::FailedToken), Some(Refusal::Issuer)],
            false,
        ),
        (
            "missing, another audience",
            &rules(vec![issuers(&[1]), audiences(&["other"])]),
            [None, Some(Refusal::FailedToken), Some(Refusal::Audience)],
            false,
        ),
        (
            "any valid token",
            &any_token,
            [Some(Refusal::MissingToken), Some(Refusal::FailedToken), None],
            true,
        ),
    ];
    let identity = identity();
    for (label, requirement, [absent, failed, verified], identified) in rows {
        let requirements = [*requirement];
        assert_eq!(refusal(&requirements, Credential::Absent), *absent, "{label}, no token");
        assert_eq!(refusal(&requirements, Credential::Failed), *failed, "{label}, a failed token");
        assert_eq!(
            refusal(&requirements, Credential::Verified(&identity)),
            *verified,
            "{label}, a valid token"
        );
        for credential in [Credential::Absent, Credential::Failed] {
            if let Ok(permit) = evaluate(&requirements, credential) {
                assert!(permit.identity().is_none(), "{label}, nobody");
            }
        }
        let permit = evaluate(&requirements, Credential::Verified(&identity));
        let same =
            permit.is_ok_and(|permit| permit.identity().is_some_and(|held| Rc::ptr_eq(held, &identity)));
        assert_eq!(same, *identified, "{label}, identity");
    }
}

#[test]
fn one_condition_at_a_time() {
    let identity = identity();
    let rows: Vec<(&str, Condition, Option<Refusal>)> = vec![
        ("a role", Condition::Role(any(&["editor"])), None),
        ("one role of several", Condition::Role(any(&["admin", "viewer"])), None),
        ("no role of several", Condition::Role(any(&["admin", "owner"])), Some(Refusal::Role)),
        ("a role in another case", Condition::Role(any(&["Editor"])), Some(Refusal::Role)),
        ("a part of a role", Condition::Role(any(&["edit"])), Some(Refusal::Role)),
        ("a role with a space", Condition::Role(any(&["editor "])), Some(Refusal::Role)),
        ("a number among the roles", Condition::Role(any(&["7"])), Some(Refusal::Role)),
        ("all roles", Condition::Role(all(&["viewer", "editor"])), None),
        ("all roles but one", Condition::Role(all(&["viewer", "admin"])), Some(Refusal::Role)),
        ("a group is no role", Condition::Role(any(&["eu"])), Some(Refusal::Role)),
        ("a group", Condition::Group(any(&["ops team"])), None),
        ("no group", Condition::Group(any(&["us"])), Some(Refusal::Group)),
        ("all groups", Condition::Group(all(&["eu", "ops team"])), None),
        ("all groups but one", Condition::Group(all(&["eu", "us"])), Some(Refusal::Group)),
        ("a word of a group", Condition::Group(any(&["ops"])), Some(Refusal::Group)),
        ("a scope", Condition::Scope(any(&["orders:write"])), None),
        ("no scope", Condition::Scope(any(&["x", "y"])), Some(scope_refusal(&["x"]))),
        ("all scopes", Condition::Scope(all(&["profile", "orders:read"])), None),
        (
            "all scopes but one",
            Condition::Scope(all(&["profile", "x"])),
            Some(scope_refusal(&["profile", "x"])),
        ),
        ("its issuer", Condition::NarrowedTo(issuers(&[1])), None),
        ("another issuer", Condition::NarrowedTo(issuers(&[0, 2])), Some(Refusal::Issuer)),
        ("one of its audiences", Condition::NarrowedTo(audiences(&["x", "billing"])), None),
        ("another audience", Condition::NarrowedTo(audiences(&["Orders"])), Some(Refusal::Audience)),
        ("true", any_value("verified", &["true"]), None),
        ("true is not a string", any_value("verified", &["\"true\""]), Some(claim_refusal("verified"))),
        ("true is not 1", any_value("verified", &["1"]), Some(claim_refusal("verified"))),
        ("true is not false", any_value("verified", &["false"]), Some(claim_refusal("verified"))),
        ("a number", any_value("level", &["3.0"]), None),
        ("a number is not a string", any_value("level", &["\"3\""]), Some(claim_refusal("level"))),
        ("a string", any_value("/org/id", &["\"o2\"", "\"o1\""]), None),
        ("an object", any_value("org", &[r#"{"id":"o1"}"#]), None),
        ("another object", any_value("org", &[r#"{"id":"o2"}"#]), Some(claim_refusal("org"))),
        ("a member of an array", any_value("tags", &["\"x\""]), None),
        ("a number in an array", any_value("tags", &["1"]), None),
        ("no member of an array", any_value("tags", &["\"y\""]), Some(claim_refusal("tags"))),
        (
            "an array as a whole",
            any_value("groups", &[r#"["eu","ops team"]"#]),
            Some(claim_refusal("groups")),
        ),
        ("all members", all_values("tags", &["\"x\"", "1"]), None),
        ("all members but one", all_values("tags", &["\"x\"", "2"]), Some(claim_refusal("tags"))),
        ("all of a scalar", all_values("level", &["3", "3e0"]), None),
        ("all of a scalar but one", all_values("level", &["3", "4"]), Some(claim_refusal("level"))),
        ("present", present("verified"), None),
        ("present, nested", present("/org/id"), None),
        ("present, an empty list", present("empty"), None),
        ("not present", present("absent"), Some(claim_refusal("absent"))),
        ("not present, nested", present("/org/name"), Some(claim_refusal("/org/name"))),
        ("null is not present", present("none"), Some(claim_refusal("none"))),
        ("null is not null", any_value("none", &["null"]), Some(claim_refusal("none"))),
        ("nor among members", any_value("tags", &["null"]), Some(claim_refusal("tags"))),
        ("nor in all of them", all_values("tags", &["\"x\"", "null"]), Some(claim_refusal("tags"))),
        ("no member of an empty list", any_value("empty", &["\"\""]), Some(claim_refusal("empty"))),
        ("absent is not the empty string", any_value("absent", &["\"\""]), Some(claim_refusal("absent"))),
    ];
    for (label, condition, expected) in rows {
        let requirement = authenticated(vec![condition]);
        assert_eq!(refusal(&[&requirement], Credential::Verified(&identity)), expected, "{label}");
        assert_eq!(refusal(&[&requirement], Credential::Absent), Some(Refusal::MissingToken), "{label}");
        assert_eq!(refusal(&[&requirement], Credential::Failed), Some(Refusal::FailedToken), "{label}");
    }
}

#[test]
fn every_condition_must_be_met_and_one_of_the_alternatives() {
    let identity = identity();
    let verified = Credential::Verified(&identity);
    let role = || Condition::Role(any(&["editor"]));
    let no_role = || Condition::Role(any(&["admin"]));
    let no_group = || Condition::Group(any(&["us"]));
    let no_scope = || Condition::Scope(any(&["x"]));
    let rows: Vec<(&str, Vec<Condition>, Option<Refusal>)> = vec![
        ("both", vec![role(), present("level")], None),
        ("the second is not met", vec![role(), present("absent")], Some(claim_refusal("absent"))),
        ("the first alternative", vec![any_of(vec![vec![role()], vec![no_group()]])], None),
        ("the second alternative", vec![any_of(vec![vec![no_group()], vec![role()]])], None),
        ("half of each", vec![any_of(vec![vec![role(), no_group()], vec![no_role()]])], Some(Refusal::Role)),
        (
            "an alternative and another key",
            vec![any_of(vec![vec![role()]]), no_group()],
            Some(Refusal::Group),
        ),
        (
            "another key and no alternative",
            vec![role(), any_of(vec![vec![no_group()]])],
            Some(Refusal::Group),
        ),
        (
            "alternatives within one",
            vec![any_of(vec![vec![any_of(vec![vec![no_role()], vec![role()]])]])],
            None,
        ),
        ("an alternative that asks for nothing", vec![any_of(vec![vec![no_role()], vec![]])], None),
        (
            "of alternatives, the scopes of the first that asks for some",
            vec![no_scope(), any_of(vec![vec![role()], vec![Condition::Scope(all(&["y", "x"]))]])],
            Some(scope_refusal(&["x", "y"])),
        ),
    ];
    for (label, conditions, expected) in rows {
        assert_eq!(refusal(&[&authenticated(conditions)], verified), expected, "{label}");
    }
}

#[test]
fn of_several_refusals_the_same_one_is_reported() {
    let identity = identity();
    let verified = Credential::Verified(&identity);
    // From the least telling to the most: each is put before and behind the ones already there.
    let ranked: Vec<(Condition, Refusal)> = vec![
        (present("absent"), claim_refusal("absent")),
        (Condition::Scope(any(&["x"])), scope_refusal(&["x"])),
        (Condition::Group(any(&["us"])), Refusal::Group),
        (Condition::Role(any(&["admin"])), Refusal::Role),
        (Condition::NarrowedTo(audiences(&["x"])), Refusal::Audience),
        (Condition::NarrowedTo(issuers(&[0])), Refusal::Issuer),
    ];
    let mut requirements: Vec<Requirement> = Vec::new();
    let mut conditions: Vec<Condition> = Vec::new();
    for (condition, expected) in ranked {
        conditions.push(condition.clone());
        requirements.push(authenticated(vec![condition]));
        let mut forward: Vec<&Requirement> = requirements.iter().collect();
        assert_eq!(refusal(&forward, verified), Some(expected.clone()));
        assert_eq!(refusing(&forward, verified), Some(forward.len() - 1), "{expected:?}");
        forward.reverse();
        assert_eq!(refusal(&forward, verified), Some(expected.clone()));
        assert_eq!(refusing(&forward, verified), Some(0), "{expected:?}");
        let mut together = conditions.clone();
        assert_eq!(refusal(&[&authenticated(together.clone())], verified), Some(expected.clone()));
        together.reverse();
        assert_eq!(refusal(&[&authenticated(together.clone())], verified), Some(expected.clone()));
        let alternatives = together.into_iter().map(|one| vec![one]).collect();
        assert_eq!(refusal(&[&authenticated(vec![any_of(alternatives)])], verified), Some(expected));
    }
    let deny = Requirement::new(Rule::Deny);
    let any_token = Requirement::any_valid_token();
    assert_eq!(refusal(&[&any_token, &deny], Credential::Absent), Some(Refusal::Denied));
    assert_eq!(refusal(&[&any_token, &deny], Credential::Failed), Some(Refusal::Denied));
}

#[test]
fn every_reading_brings_a_requirement_and_all_must_be_met() {
    let identity = identity();
    let verified = Credential::Verified(&identity);
    let anonymous = Requirement::new(Rule::Anonymous);
    let missing = Requirement::new(Rule::Missing(vec![]));
    let lenient = Requirement::new(Rule::MissingOrFailed);
    let any_token = Requirement::any_valid_token();
    let admin = authenticated(vec![Condition::Role(any(&["admin"]))]);

    assert_eq!(refusal(&[&anonymous, &any_token], Credential::Absent), Some(Refusal::MissingToken));
    assert_eq!(refusal(&[&anonymous, &missing], Credential::Failed), Some(Refusal::FailedToken));
    assert_eq!(refusal(&[&anonymous, &any_token, &admin], verified), Some(Refusal::Role));
    assert_eq!(refusal(&[&lenient, &any_token], Credential::Failed), Some(Refusal::FailedToken));
    assert_eq!(refusal(&[], verified), Some(Refusal::Denied), "no requirement is not a permission");

    let identified = |requirements: &[&Requirement], credential| {
        evaluate(requirements, credential).unwrap().identity().is_some()
    };
    assert!(!identified(&[&anonymous, &anonymous], verified), "anonymous in every reading");
    assert!(identified(&[&anonymous, &any_token], verified), "anonymous in one reading only");
    assert!(!identified(&[&anonymous, &lenient], Credential::Failed));
    assert!(!identified(&[&missing, &lenient], Credential::Absent));
}

#[test]
fn what_must_be_known_before_a_token_is_read() {
    let anonymous = Requirement::new(Rule::Anonymous);
    let deny = Requirement::new(Rule::Deny);
    let missing = Requirement::new(Rule::Missing(vec![]));
    let lenient = Requirement::new(Rule::MissingOrFailed);
    let any_token = Requirement::any_valid_token();
    // Columns: needs a token, is denied.
    let rows: &[(&str, &[&Requirement], bool, bool)] = &[
        ("anonymous", &[&anonymous], false, false),
        ("anonymous twice", &[&anonymous, &anonymous], false, false),
        ("deny", &[&deny], false, true),
        ("deny and a token", &[&any_token, &deny], false, true),
        ("missing", &[&missing], true, false),
        ("missing or failed", &[&lenient], true, false),
        ("a token", &[&any_token], true, false),
        ("anonymous and a token", &[&anonymous, &any_token], true, false),
        ("nothing", &[], false, true),
    ];
    for (label, requirements, needed, denied) in rows {
        assert_eq!(needs_token(requirements), *needed, "{label}");
        assert_eq!(is_denied(requirements), *denied, "{label}");
    }
}

#[test]
fn scopes_are_asked_for_once_each() {
    let scope = |scopes| authenticated(vec![Condition::Scope(scopes)]);
    let first = scope(all(&["a", "b"]));
    let second = scope(any(&["b", "c"]));
    let third = scope(any(&["d", "e"]));
    assert_eq!(scopes_asked(&[&first, &second, &third]), ["a", "b", "d"]);
    let none = [Requirement::any_valid_token(), Requirement::new(Rule::Missing(vec![]))];
    assert_eq!(scopes_asked(&none.iter().collect::<Vec<_>>()), [""; 0]);
}

#[test]
fn a_shadow_is_judged_and_never_refuses() {
    let identity = identity();
    let verified = Credential::Verified(&identity);
    let admin = authenticated(vec![Condition::Role(any(&["admin"]))]);
    let shadowed = |rule, shadow: &Requirement| Requirement {
        rule,
        shadow: Some(Box::new(shadow.clone())),
        policy: None,
    };
    let open = shadowed(Rule::Anonymous, &admin);
    let token = shadowed(Rule::Authenticated(Conditions::default()), &admin);

    assert!(evaluate(&[&open], Credential::Absent).is_ok());
    assert_eq!(shadow_refusals(&[&open], Credential::Absent), [(0, Refusal::MissingToken)]);
    assert_eq!(shadow_refusals(&[&open], Credential::Failed), [(0, Refusal::FailedToken)]);
    assert!(evaluate(&[&token], verified).is_ok());
    assert_eq!(shadow_refusals(&[&admin, &token], verified), [(1, Refusal::Role)]);
    assert_eq!(shadow_refusals(&[&token, &open], verified), [(0, Refusal::Role)], "one refusal once");
    assert_eq!(shadow_refusals(&[&admin], verified), [], "what has no shadow has no would-deny");

    let met = shadowed(Rule::Anonymous, &authenticated(vec![Condition::Role(any(&["editor"]))]));
    assert_eq!(shadow_refusals(&[&met], verified), []);
    let twice = shadowed(Rule::Anonymous, &shadowed(Rule::Anonymous, &admin));
    assert_eq!(shadow_refusals(&[&twice], verified), [], "a shadow of a shadow is not judged");

    assert!(shadow_needs_token(&[&open]));
    assert!(!needs_token(&[&open]));
    assert!(!shadow_needs_token(&[&shadowed(Rule::Anonymous, &Requirement::new(Rule::Deny))]));
    assert!(!shadow_needs_token(&[&admin]));
}

#[test]
fn lists_without_items_cannot_be_made() {
    assert_eq!(NonEmpty::<String>::new([]), None);
    let one = NonEmpty::one("a");
    assert_eq!(one.first(), &"a");
    let three = NonEmpty::new(["a", "b", "c"]).unwrap();
    assert_eq!(three.iter().copied().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(three.contains(&"c") && !three.contains(&"d"));
}
