//! Every row of the table of requirements: each case starts from an identity that passes and changes one thing.

mod conditions;
mod identity;
mod of_request;
mod scope_wildcards;
mod several;
mod shadows;

use std::rc::Rc;

use super::*;
use crate::issuer_index::IssuerIndex;
use crate::jose::claims::VerifiedClaims;
use crate::jose::json::Json;
use crate::jose::pointer::Pointer;

const CONTEXT: ConditionContext<'_> =
    ConditionContext { of_request: EvaluationContext::EMPTY, requirement: 0 };

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

fn source(text: &str, prefix: Option<&str>) -> ClaimSource {
    ClaimSource { prefix: prefix.map(str::to_owned), ..ClaimSource::new(pointer(text)) }
}

fn sources() -> ClaimSources {
    ClaimSources {
        roles: vec![source("role", None), source("roles", None)],
        groups: vec![source("groups", None)],
        scopes: vec![source("scope", None), source("scp", None)],
        scope_wildcards: false,
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

fn issuers(indices: &[usize]) -> IssuerOrAudience {
    IssuerOrAudience::Issuer(NonEmpty::new(indices.iter().copied().map(IssuerIndex)).unwrap())
}

fn audiences(names: &[&str]) -> IssuerOrAudience {
    IssuerOrAudience::Audience(list(names))
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

/// A denial without the values that the table's row already shows.
#[derive(Debug, Clone, PartialEq)]
enum Why {
    Denied,
    MissingToken,
    FailedToken,
    Issuer,
    Audience,
    Role,
    Group,
    /// The required scopes.
    Scope(Vec<String>),
    /// The path of the claim.
    Claim(String),
    StepUp,
}

fn scope_refusal(names: &[&str]) -> Why {
    Why::Scope(names.iter().map(|name| (*name).to_owned()).collect())
}

fn claim_refusal(place: &str) -> Why {
    Why::Claim(place.to_owned())
}

fn why(refusal: &Refusal<'_>) -> Why {
    match refusal.unmet {
        Unmet::Denied => Why::Denied,
        Unmet::MissingToken => Why::MissingToken,
        Unmet::FailedToken => Why::FailedToken,
        Unmet::Issuer(_) => Why::Issuer,
        Unmet::Audience(_) => Why::Audience,
        Unmet::Role(_) => Why::Role,
        Unmet::Group(_) => Why::Group,
        Unmet::Scope(_) => scope_refusal(&refusal.scopes),
        Unmet::Claim(claim) => claim_refusal(claim.pointer.as_str()),
        Unmet::StepUp(_) => Why::StepUp,
    }
}

fn all_of<'a>(requirements: &[&'a Requirement]) -> Requirements<'a> {
    NonEmpty::new(requirements.iter().copied()).unwrap().into()
}

/// The reason for the denial; `None` if the request is permitted.
fn refusal(requirements: &[&Requirement], credential: Credential<'_>) -> Option<Why> {
    all_of(requirements).evaluate(credential, &EvaluationContext::EMPTY).err().map(|refusal| why(&refusal))
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
