//! Maps of second tokens.

use super::*;
use crate::token_role::SecondTokenIndex;

const AGENT: TokenRole = TokenRole::Second(SecondTokenIndex(0));

/// The default map, and one for a second token.
fn map() -> ClaimHeaders {
    let mut map = ClaimHeaders::default();
    let sub = HeaderSource::Pointers(Pointer::parse("sub").into_iter().collect());
    map.add_second_token(vec![("X-Agent-Sub".to_owned(), sub)]).unwrap();
    map
}

#[test]
fn a_second_token_has_a_map_of_its_own() {
    let (map, identity) = (map(), identity_of(CLAIMS));
    let names = |role| {
        let headers = map.encode_for(role, &identity).headers;
        headers.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(AGENT), ["x-agent-sub"]);
    assert!(!names(TokenRole::First).contains(&"x-agent-sub".to_owned()));
    assert_eq!(names(TokenRole::Second(SecondTokenIndex(1))), [""; 0]);
    for name in ["x-agent-sub", "X_AGENT.SUB", "grpc-metadata-x-agent-sub"] {
        assert!(map.is_removed(name), "{name}");
    }
}

#[test]
fn only_the_permitted_identity_is_set() {
    let (map, agent, other) = (map(), identity_of(CLAIMS), identity_of(CLAIMS));
    let encoded = map.encode_for(AGENT, &agent);
    let permit_of = |identity: &Rc<Identity>| {
        let any = Requirement::any_valid_token();
        Requirements::from(&any).evaluate(Credential::Verified(identity), &EvaluationContext::EMPTY).unwrap()
    };
    let request: HeaderMap = [("x-agent-sub", "root"), ("x-keep", "k")].into_iter().collect();
    let edited = |permit: &Permit, limit: usize| {
        let mut edits = map.strip(&request);
        map.add_encoded(&mut edits, permit, &encoded, limit)?;
        let headers = edits.apply(&request).into_iter();
        Ok(headers.map(|(name, value)| format!("{name}={}", value.escape_ascii())).collect::<Vec<_>>())
    };
    assert_eq!(edited(&permit_of(&agent), 2), Ok(vec!["x-keep=k".to_owned(), "x-agent-sub=u1".to_owned()]));
    assert_eq!(edited(&permit_of(&other), 2), Ok(vec!["x-keep=k".to_owned()]));
    let too_long = ClaimHeaderTooLong { header: "x-agent-sub".to_owned(), bytes: 2, limit: 1 };
    assert_eq!(edited(&permit_of(&agent), 1), Err(too_long));
}
