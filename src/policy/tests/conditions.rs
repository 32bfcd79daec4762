//! The evaluation of single requirements.

use super::*;

#[test]
fn rules_by_credential() {
    let rules = |restrictions: Vec<IssuerOrAudience>| Requirement::new(Rule::AllowMissing(restrictions));
    let anonymous = Requirement::new(Rule::Anonymous);
    let deny = Requirement::new(Rule::Deny);
    let missing_or_failed = Requirement::new(Rule::AllowMissingOrFailed);
    let any_token = Requirement::any_valid_token();
    // Columns: without a token, with a failed token, with a valid token, and whether a valid token yields an
    // identity.
    type Row<'a> = (&'a str, &'a Requirement, [Option<Why>; 3], bool);
    let rows: &[Row<'_>] = &[
        ("anonymous", &anonymous, [None, None, None], false),
        ("deny", &deny, [Some(Why::Denied), Some(Why::Denied), Some(Why::Denied)], false),
        ("missing or failed", &missing_or_failed, [None, None, None], true),
        ("missing", &rules(vec![]), [None, Some(Why::FailedToken), None], true),
        (
            "missing, with its issuer and audience",
            &rules(vec![issuers(&[0, 1]), audiences(&["billing"])]),
            [None, Some(Why::FailedToken), None],
            true,
        ),
        (
            "missing, another issuer",
            &rules(vec![issuers(&[0])]),
            [None, Some(Why::FailedToken), Some(Why::Issuer)],
            false,
        ),
        (
            "missing, another audience",
            &rules(vec![issuers(&[1]), audiences(&["other"])]),
            [None, Some(Why::FailedToken), Some(Why::Audience)],
            false,
        ),
        ("any valid token", &any_token, [Some(Why::MissingToken), Some(Why::FailedToken), None], true),
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
            if let Ok(permit) = all_of(&requirements).evaluate(credential, &EvaluationContext::EMPTY) {
                assert!(permit.identity().is_none(), "{label}, nobody");
            }
        }
        let permit =
            all_of(&requirements).evaluate(Credential::Verified(&identity), &EvaluationContext::EMPTY);
        let same =
            permit.is_ok_and(|permit| permit.identity().is_some_and(|held| Rc::ptr_eq(held, &identity)));
        assert_eq!(same, *identified, "{label}, identity");
    }
}

#[test]
fn one_condition_at_a_time() {
    let identity = identity();
    let rows: Vec<(&str, Condition, Option<Why>)> = vec![
        ("a role", Condition::Role(any(&["editor"])), None),
        ("one role of several", Condition::Role(any(&["admin", "viewer"])), None),
        ("no role of several", Condition::Role(any(&["admin", "owner"])), Some(Why::Role)),
        ("a role in another case", Condition::Role(any(&["Editor"])), Some(Why::Role)),
        ("a part of a role", Condition::Role(any(&["edit"])), Some(Why::Role)),
        ("a role with a space", Condition::Role(any(&["editor "])), Some(Why::Role)),
        ("a number among the roles", Condition::Role(any(&["7"])), Some(Why::Role)),
        ("all roles", Condition::Role(all(&["viewer", "editor"])), None),
        ("all roles but one", Condition::Role(all(&["viewer", "admin"])), Some(Why::Role)),
        ("a group is not a role", Condition::Role(any(&["eu"])), Some(Why::Role)),
        ("a group", Condition::Group(any(&["ops team"])), None),
        ("no group", Condition::Group(any(&["us"])), Some(Why::Group)),
        ("all groups", Condition::Group(all(&["eu", "ops team"])), None),
        ("all groups but one", Condition::Group(all(&["eu", "us"])), Some(Why::Group)),
        ("a word of a group", Condition::Group(any(&["ops"])), Some(Why::Group)),
        ("a scope", Condition::Scope(any(&["orders:write"])), None),
        ("no scope", Condition::Scope(any(&["x", "y"])), Some(scope_refusal(&["x"]))),
        ("all scopes", Condition::Scope(all(&["profile", "orders:read"])), None),
        (
            "all scopes but one",
            Condition::Scope(all(&["profile", "x"])),
            Some(scope_refusal(&["profile", "x"])),
        ),
        ("its issuer", Condition::IssuerOrAudience(issuers(&[1])), None),
        ("another issuer", Condition::IssuerOrAudience(issuers(&[0, 2])), Some(Why::Issuer)),
        ("one of its audiences", Condition::IssuerOrAudience(audiences(&["x", "billing"])), None),
        ("another audience", Condition::IssuerOrAudience(audiences(&["Orders"])), Some(Why::Audience)),
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
        ("null does not match a member", any_value("tags", &["null"]), Some(claim_refusal("tags"))),
        (
            "null does not match all members",
            all_values("tags", &["\"x\"", "null"]),
            Some(claim_refusal("tags")),
        ),
        ("no member of an empty list", any_value("empty", &["\"\""]), Some(claim_refusal("empty"))),
        ("absent is not the empty string", any_value("absent", &["\"\""]), Some(claim_refusal("absent"))),
    ];
    for (label, condition, expected) in rows {
        let is_met = condition.unmet(&identity, &CONTEXT).is_none();
        assert_eq!(is_met, expected.is_none(), "{label}, of itself");
        let requirement = authenticated(vec![condition]);
        assert_eq!(refusal(&[&requirement], Credential::Verified(&identity)), expected, "{label}");
        assert_eq!(refusal(&[&requirement], Credential::Absent), Some(Why::MissingToken), "{label}");
        assert_eq!(refusal(&[&requirement], Credential::Failed), Some(Why::FailedToken), "{label}");
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
    let rows: Vec<(&str, Vec<Condition>, Option<Why>)> = vec![
        ("both", vec![role(), present("level")], None),
        ("the second is not met", vec![role(), present("absent")], Some(claim_refusal("absent"))),
        ("the first alternative", vec![any_of(vec![vec![role()], vec![no_group()]])], None),
        ("the second alternative", vec![any_of(vec![vec![no_group()], vec![role()]])], None),
        ("half of each", vec![any_of(vec![vec![role(), no_group()], vec![no_role()]])], Some(Why::Role)),
        ("an alternative and another key", vec![any_of(vec![vec![role()]]), no_group()], Some(Why::Group)),
        ("another key and no alternative", vec![role(), any_of(vec![vec![no_group()]])], Some(Why::Group)),
        (
            "alternatives within one",
            vec![any_of(vec![vec![any_of(vec![vec![no_role()], vec![role()]])]])],
            None,
        ),
        ("an alternative without conditions", vec![any_of(vec![vec![no_role()], vec![]])], None),
        (
            "of alternatives, the scopes of the first that requires scopes",
            vec![no_scope(), any_of(vec![vec![role()], vec![Condition::Scope(all(&["y", "x"]))]])],
            Some(scope_refusal(&["x", "y"])),
        ),
    ];
    for (label, conditions, expected) in rows {
        assert_eq!(refusal(&[&authenticated(conditions)], verified), expected, "{label}");
    }
}

#[test]
fn a_refusal_carries_what_was_asked() {
    let identity = identity();
    let verified = Credential::Verified(&identity);
    let (issuer, audience) = (issuers(&[0]), audiences(&["other"]));
    let (IssuerOrAudience::Issuer(indices), IssuerOrAudience::Audience(names)) = (&issuer, &audience) else {
        panic!()
    };
    let (roles, groups, scopes) = (all(&["editor", "admin"]), any(&["us"]), any(&["x", "y"]));
    let claimed = ClaimCondition { pointer: pointer("absent"), test: ClaimTest::Present };
    let rows = [
        (Condition::IssuerOrAudience(issuer.clone()), Unmet::Issuer(indices)),
        (Condition::IssuerOrAudience(audience.clone()), Unmet::Audience(names)),
        (Condition::Role(roles.clone()), Unmet::Role(&roles)),
        (Condition::Group(groups.clone()), Unmet::Group(&groups)),
        (Condition::Scope(scopes.clone()), Unmet::Scope(&scopes)),
        (Condition::Claim(claimed.clone()), Unmet::Claim(&claimed)),
    ];
    for (condition, unmet) in rows {
        assert_eq!(condition.unmet(&identity, &CONTEXT), Some(unmet));
        let requirement = authenticated(vec![condition, present("level")]);
        let scopes = if matches!(unmet, Unmet::Scope(_)) { vec!["x"] } else { vec![] };
        let expected = Refusal { requirement: 0, unmet, scopes };
        assert_eq!(
            Requirements::from(&requirement).evaluate(verified, &EvaluationContext::EMPTY).err(),
            Some(expected)
        );
    }
}
