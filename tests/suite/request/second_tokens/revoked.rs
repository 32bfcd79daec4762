//! Second tokens whose issuer has a revocation list.

use jwt_guard::revocation::RevocationList;

use super::*;
use crate::request::lists::{List, list};

/// The issuer of agents has a list; the issuer of users has none.
fn with_list(members: Value) -> Config {
    let issuer = |iss: &str, name: &str| {
        json!({
            "issuer": iss, "name": name, "audience": AUDIENCE, "jwks_cluster": "issuer", "accepted_algorithms": "ES256",
        })
    };
    let mut agents = issuer(AGENTS, "agents");
    agents["revocation_list_endpoint"] = "/revocations".into();
    agents.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    config_with(json!({}), json!({ "issuers": [issuer(ISSUER, "users"), agents] }))
}

fn keys(list: List) -> Keys {
    Keys { list, ..Keys::available() }
}

fn naming(document: Value) -> Keys {
    keys(List { current: Some(list(&document)), ..List::none(KeyLookup::Pending) })
}

fn without_list(lookup: KeyLookup<RevocationList>) -> Keys {
    keys(List { failed: true, ..List::none(lookup) })
}

const LATER: KeyLookup<RevocationList> = KeyLookup::Unavailable { retry_after: Duration::from_millis(6500) };

#[test]
fn a_second_token_is_judged_by_the_list_of_its_issuer() {
    let config = with_list(json!({}));
    let step = |document| describe(&both("/pay").step(&config, &naming(document), Wait::Allowed));
    assert_eq!(step(json!([])), "user-1");
    assert_eq!(step(json!({ "items": [{ "sub": "agent-2" }] })), "user-1");
    assert_eq!(step(json!({ "items": [{ "sub": "agent-1" }] })), "401 revoked");
    // The list of the agents' issuer does not name tokens of users.
    assert_eq!(step(json!({ "items": [{ "sub": "user-1" }] })), "user-1");
}

#[test]
fn a_second_token_waits_for_its_first_list_and_says_when_to_retry() {
    let config = with_list(json!({}));
    let pending = keys(List::none(KeyLookup::Pending));
    assert_eq!(describe(&both("/pay").step(&config, &pending, Wait::Allowed)), "wait for the first list");
    let refused = denied(both("/pay").step(&config, &without_list(LATER), Wait::Allowed));
    assert_eq!(refused.record.reason, Reason::NoRevocationList);
    let headers = &refused.denial.headers;
    let retry_after = headers.iter().find(|(name, _)| name == "retry-after").map(|(_, value)| &**value);
    assert_eq!((refused.denial.status, retry_after), (503, Some("7")));
    assert!(!headers.iter().any(|(name, _)| name == "www-authenticate"));
    // Nothing requires the second token here.
    assert_eq!(describe(&both("/").step(&config, &without_list(LATER), Wait::Allowed)), "user-1");
}

#[test]
fn fail_open_lets_a_second_token_pass_and_is_counted() {
    let config = with_list(json!({ "revocation_list_fail_open": true }));
    let step = both("/pay").step(&config, &without_list(LATER), Wait::Allowed);
    assert_eq!(describe(&step), "user-1, would deny no_revocation_list");
}
