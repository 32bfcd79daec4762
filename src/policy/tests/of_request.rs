//! Conditions that depend on the request: `equals` and `requires_step_up`.

use std::borrow::Cow;
use std::time::Duration;

use super::*;
use crate::time::UnixTime;

/// Another value for each of the requirements that apply.
struct Values([&'static str; 2]);

impl RequestValues for Values {
    fn value(&self, requirement: usize, value: &RequestValue) -> Option<Cow<'_, str>> {
        match value {
            RequestValue::Path(name) if name == "id" => {
                self.0.get(requirement).map(|value| Cow::Borrowed(*value))
            }
            RequestValue::Path(_) | RequestValue::Host(_) | RequestValue::Header(_) => None,
        }
    }
}

fn identity_with(claims: &str) -> Rc<Identity> {
    let claims = VerifiedClaims::unchecked(IssuerIndex(0), claims, &[]);
    Rc::new(Identity::new(claims, &sources()))
}

fn refusal_of(
    requirements: &[&Requirement],
    claims: &str,
    context: &EvaluationContext<'_>,
) -> Option<(usize, Why)> {
    let identity = identity_with(claims);
    let evaluated = all_of(requirements).evaluate(Credential::Verified(&identity), context);
    evaluated.err().map(|refusal| (refusal.requirement, why(&refusal)))
}

fn equal(place: &str, value: RequestValue) -> Condition {
    claim(place, ClaimTest::Equals(value))
}

fn path(name: &str) -> RequestValue {
    RequestValue::Path(name.to_owned())
}

#[test]
fn each_requirement_compares_with_its_own_values() {
    let own = authenticated(vec![equal("sub", path("id"))]);
    let refused = |index| Some((index, claim_refusal("sub")));
    let alice = r#"{"sub":"alice"}"#;
    for (values, claims, expected) in [
        (["alice", "alice"], alice, None),
        (["alice", "bob"], alice, refused(1)),
        (["bob", "alice"], alice, refused(0)),
        (["alice", "alice"], r#"{"sub":"bob"}"#, refused(0)),
        (["alice", "alice"], "{}", refused(0)),
        (["", ""], r#"{"sub":""}"#, refused(0)),
    ] {
        let context = EvaluationContext { values: &Values(values), ..EvaluationContext::EMPTY };
        assert_eq!(refusal_of(&[&own, &own], claims, &context), expected, "{values:?} {claims}");
    }
    let unknown = authenticated(vec![equal("sub", path("user"))]);
    let context = EvaluationContext { values: &Values(["alice", "alice"]), ..EvaluationContext::EMPTY };
    assert_eq!(refusal_of(&[&unknown], alice, &context), refused(0), "no value equals nothing");
    assert_eq!(refusal_of(&[&own], alice, &EvaluationContext::EMPTY), refused(0));

    let alternative = authenticated(vec![any_of(vec![
        vec![Condition::Role(any(&["admin"]))],
        vec![equal("sub", path("id"))],
    ])]);
    assert_eq!(refusal_of(&[&alternative], alice, &context), None);
    assert_eq!(refusal_of(&[&alternative], r#"{"sub":"bob","role":"admin"}"#, &context), None);
    assert_eq!(refusal_of(&[&alternative], r#"{"sub":"bob"}"#, &context), Some((0, Why::Role)));

    let shadow = Requirement { shadow: Some(Box::new(own.clone())), ..Requirement::any_valid_token() };
    let context = EvaluationContext { values: &Values(["bob", "alice"]), ..EvaluationContext::EMPTY };
    let identity = identity_with(alice);
    let refusals = all_of(&[&shadow, &shadow]).shadow_refusals(Credential::Verified(&identity), &context);
    let refusals: Vec<_> = refusals.iter().map(|refusal| (refusal.requirement, why(refusal))).collect();
    assert_eq!(refusals, [(0, claim_refusal("sub"))], "a shadow compares with the values of its requirement");
}

#[test]
fn a_step_up_judges_how_and_when_the_user_was_authenticated() {
    let step_up = |acr: &[&str], max_age| {
        let acr = acr.iter().map(|acr| (*acr).to_owned()).collect();
        authenticated(vec![Condition::StepUp(StepUp { acr, max_age })])
    };
    let context = EvaluationContext {
        now: UnixTime::from_millis(1_000_000_500),
        clock_skew: Duration::from_secs(60),
        ..EvaluationContext::EMPTY
    };
    let both = step_up(&["phr", "phrh"], Some(300));
    for (requirement, claims, passes) in [
        (&both, r#"{"acr":"phr","auth_time":1000000}"#, true),
        (&both, r#"{"acr":"phrh","auth_time":999700.5}"#, true),
        (&both, r#"{"acr":"phr","auth_time":1000060}"#, true),
        (&both, r#"{"acr":"phr","auth_time":999700}"#, false),
        (&both, r#"{"acr":"phr","auth_time":1000061}"#, false),
        (&both, r#"{"acr":"phr","auth_time":-1e308}"#, false),
        (&both, r#"{"acr":"phr","auth_time":1e308}"#, false),
        (&both, r#"{"acr":"phr","auth_time":1e400}"#, false),
        (&both, r#"{"acr":"phr","auth_time":"1000000"}"#, false),
        (&both, r#"{"acr":"phr","auth_time":null}"#, false),
        (&both, r#"{"acr":"phr"}"#, false),
        (&both, r#"{"acr":"PHR","auth_time":1000000}"#, false),
        (&both, r#"{"acr":["phr"],"auth_time":1000000}"#, false),
        (&both, r#"{"auth_time":1000000}"#, false),
        (&step_up(&["phr"], None), r#"{"acr":"phr"}"#, true),
        (&step_up(&["phr"], None), r#"{"acr":"0"}"#, false),
        (&step_up(&[], Some(0)), r#"{"auth_time":1000001}"#, true),
        (&step_up(&[], Some(0)), r#"{"auth_time":1000000}"#, false),
    ] {
        let expected = (!passes).then_some((0, Why::StepUp));
        assert_eq!(refusal_of(&[requirement], claims, &context), expected, "{claims}");
    }
}

#[test]
fn a_step_up_is_asked_for_after_all_other_conditions() {
    let phr = || Condition::StepUp(StepUp { acr: vec!["phr".to_owned()], max_age: None });
    let admin = || Condition::Role(any(&["admin"]));
    let payments = || claim("payments", ClaimTest::Present);
    let context = &EvaluationContext::EMPTY;
    let refused =
        |conditions, claims| refusal_of(&[&authenticated(conditions)], claims, context).map(|(_, why)| why);
    assert_eq!(refused(vec![phr(), admin()], "{}"), Some(Why::Role));
    assert_eq!(refused(vec![phr(), admin()], r#"{"role":"admin"}"#), Some(Why::StepUp));
    assert_eq!(refused(vec![phr(), payments()], "{}"), Some(claim_refusal("payments")));
    let (first, second) = (authenticated(vec![phr()]), authenticated(vec![admin()]));
    assert_eq!(refusal_of(&[&first, &second], "{}", context), Some((1, Why::Role)));
    // Of alternatives, the one that lacks least answers: the client can do something about it.
    for alternatives in [vec![vec![phr()], vec![admin()]], vec![vec![admin()], vec![phr()]]] {
        assert_eq!(refused(vec![any_of(alternatives)], "{}"), Some(Why::StepUp));
    }
    let both = vec![vec![admin(), phr()], vec![payments(), phr()]];
    assert_eq!(
        refused(vec![any_of(both)], r#"{"role":"x"}"#),
        Some(Why::Role),
        "each lacks more than a step-up"
    );
    assert_eq!(refused(vec![any_of(vec![vec![phr()], vec![admin()]])], r#"{"acr":"phr"}"#), None);
}
