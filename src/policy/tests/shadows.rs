//! Shadow requirements.

use super::*;

/// The denials of the shadows, each with the index of its requirement.
fn shadow_refusals(requirements: &[&Requirement], credential: Credential<'_>) -> Vec<(usize, Why)> {
    let refusals = all_of(requirements).shadow_refusals(credential, &EvaluationContext::EMPTY);
    refusals.iter().map(|refusal| (refusal.requirement, why(refusal))).collect()
}

#[test]
fn a_shadow_is_judged_and_never_refuses() {
    let identity = identity();
    let verified = Credential::Verified(&identity);
    let admin = authenticated(vec![Condition::Role(any(&["admin"]))]);
    let shadowed = |rule, shadow: &Requirement| Requirement {
        shadow: Some(Box::new(shadow.clone())),
        ..Requirement::new(rule)
    };
    let open = shadowed(Rule::Anonymous, &admin);
    let token = shadowed(Rule::Authenticated(Conditions::default()), &admin);

    assert!(refusal(&[&open], Credential::Absent).is_none());
    assert_eq!(shadow_refusals(&[&open], Credential::Absent), [(0, Why::MissingToken)]);
    assert_eq!(shadow_refusals(&[&open], Credential::Failed), [(0, Why::FailedToken)]);
    assert!(refusal(&[&token], verified).is_none());
    assert_eq!(shadow_refusals(&[&admin, &token], verified), [(1, Why::Role)]);
    assert_eq!(shadow_refusals(&[&token, &open], verified), [(0, Why::Role)], "each denial once");
    assert_eq!(shadow_refusals(&[&admin], verified), [], "without a shadow there is no would-deny");

    let met = shadowed(Rule::Anonymous, &authenticated(vec![Condition::Role(any(&["editor"]))]));
    assert_eq!(shadow_refusals(&[&met], verified), []);
    let twice = shadowed(Rule::Anonymous, &shadowed(Rule::Anonymous, &admin));
    assert_eq!(shadow_refusals(&[&twice], verified), [], "a shadow's own shadow is not evaluated");

    assert!(all_of(&[&open]).shadow_needs_token());
    assert!(!all_of(&[&open]).needs_token());
    assert!(!all_of(&[&shadowed(Rule::Anonymous, &Requirement::new(Rule::Deny))]).shadow_needs_token());
    assert!(!all_of(&[&admin]).shadow_needs_token());
}
