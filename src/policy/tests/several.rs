//! Requests with several requirements.

use super::*;

/// The index of the requirement that is reported.
fn refusing(requirements: &[&Requirement], credential: Credential<'_>) -> Option<usize> {
    all_of(requirements)
        .evaluate(credential, &EvaluationContext::EMPTY)
        .err()
        .map(|refusal| refusal.requirement)
}

#[test]
fn of_several_refusals_the_same_one_is_reported() {
    let identity = identity();
    let verified = Credential::Verified(&identity);
    // From the lowest to the highest priority: each requirement is placed before and after the earlier ones.
    let ranked: Vec<(Condition, Why)> = vec![
        (present("absent"), claim_refusal("absent")),
        (Condition::Scope(any(&["x"])), scope_refusal(&["x"])),
        (Condition::Group(any(&["us"])), Why::Group),
        (Condition::Role(any(&["admin"])), Why::Role),
        (Condition::IssuerOrAudience(audiences(&["x"])), Why::Audience),
        (Condition::IssuerOrAudience(issuers(&[0])), Why::Issuer),
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
    assert_eq!(refusal(&[&any_token, &deny], Credential::Absent), Some(Why::Denied));
    assert_eq!(refusal(&[&any_token, &deny], Credential::Failed), Some(Why::Denied));
}

#[test]
fn every_reading_brings_a_requirement_and_all_must_be_met() {
    let identity = identity();
    let verified = Credential::Verified(&identity);
    let anonymous = Requirement::new(Rule::Anonymous);
    let missing = Requirement::new(Rule::AllowMissing(vec![]));
    let lenient = Requirement::new(Rule::AllowMissingOrFailed);
    let any_token = Requirement::any_valid_token();
    let admin = authenticated(vec![Condition::Role(any(&["admin"]))]);

    assert_eq!(refusal(&[&anonymous, &any_token], Credential::Absent), Some(Why::MissingToken));
    assert_eq!(refusal(&[&anonymous, &missing], Credential::Failed), Some(Why::FailedToken));
    assert_eq!(refusal(&[&anonymous, &any_token, &admin], verified), Some(Why::Role));
    assert_eq!(refusal(&[&lenient, &any_token], Credential::Failed), Some(Why::FailedToken));
    assert_eq!(
        NonEmpty::<&Requirement>::new([]),
        None,
        "an empty list of requirements would permit every request"
    );

    let identified = |requirements: &[&Requirement], credential| {
        all_of(requirements).evaluate(credential, &EvaluationContext::EMPTY).unwrap().identity().is_some()
    };
    assert!(!identified(&[&anonymous, &anonymous], verified), "anonymous in every path variant");
    assert!(identified(&[&anonymous, &any_token], verified), "anonymous in one path variant only");
    assert!(!identified(&[&anonymous, &lenient], Credential::Failed));
    assert!(!identified(&[&missing, &lenient], Credential::Absent));
}

#[test]
fn what_must_be_known_before_a_token_is_read() {
    let anonymous = Requirement::new(Rule::Anonymous);
    let deny = Requirement::new(Rule::Deny);
    let missing = Requirement::new(Rule::AllowMissing(vec![]));
    let lenient = Requirement::new(Rule::AllowMissingOrFailed);
    let any_token = Requirement::any_valid_token();
    // Columns: whether a token is needed, whether every request is denied.
    let rows: &[(&str, &[&Requirement], bool, bool)] = &[
        ("anonymous", &[&anonymous], false, false),
        ("anonymous twice", &[&anonymous, &anonymous], false, false),
        ("deny", &[&deny], false, true),
        ("deny and a token", &[&any_token, &deny], false, true),
        ("missing", &[&missing], true, false),
        ("missing or failed", &[&lenient], true, false),
        ("a token", &[&any_token], true, false),
        ("anonymous and a token", &[&anonymous, &any_token], true, false),
    ];
    for (label, requirements, needed, denied) in rows {
        assert_eq!(all_of(requirements).needs_token(), *needed, "{label}");
        assert_eq!(all_of(requirements).is_denied(), *denied, "{label}");
    }
}

#[test]
fn scopes_are_asked_for_once_each() {
    let scope = |scopes| authenticated(vec![Condition::Scope(scopes)]);
    let first = scope(all(&["a", "b"]));
    let second = scope(any(&["b", "c"]));
    let third = scope(any(&["d", "e"]));
    assert_eq!(all_of(&[&first, &second, &third]).required_scopes(), ["a", "b", "d"]);
    let none = [Requirement::any_valid_token(), Requirement::new(Rule::AllowMissing(vec![]))];
    assert_eq!(all_of(&none.iter().collect::<Vec<_>>()).required_scopes(), [""; 0]);
}
