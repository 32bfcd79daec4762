//! Every row of the requirement table, from an identity that passes with one thing changed.

mod conditions;
mod identity;
mod several;
mod shadows;

use super::*;
use crate::jose::claims::{IssuerIndex, VerifiedClaims};

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
fn lists_without_items_cannot_be_made() {
    assert_eq!(NonEmpty::<String>::new([]), None);
    let one = NonEmpty::one("a");
    assert_eq!(one.first(), &"a");
    let three = NonEmpty::new(["a", "b", "c"]).unwrap();
    assert_eq!(three.iter().copied().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(three.contains(&"c") && !three.contains(&"d"));
}
