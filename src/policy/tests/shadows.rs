//! Shadows.

use super::*;

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
