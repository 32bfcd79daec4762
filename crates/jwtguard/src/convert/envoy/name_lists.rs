//! Which claims jwt-guard reads as scopes, groups or roles: those whose text `jwt_authn` splits, if RBAC tests them.

use crate::convert::claim_test::{ClaimTest, NameKind};
use crate::convert::expression::Expression;
use crate::convert::provider::Provider;
use crate::convert::rules::{Authorization, JwtRule};

/// The two claims that hold scopes (RFC 8693, and the one of Microsoft and Okta).
const SCOPES: [&str; 2] = ["scope", "scp"];

/// Leaves out the claims that no rule tests, and reads the two claims with scopes as one list, if each rule accepts a scope in
/// either of them.
pub fn settle(providers: &mut [Provider], rules: &mut [JwtRule], filters: &[Authorization]) {
    for (index, provider) in providers.iter_mut().enumerate() {
        let Some(payload) = provider.payload.clone() else {
            provider.splits.clear();
            continue;
        };
        let mut tested: Vec<&[String]> = Vec::new();
        for filter in filters {
            filter.condition.claim_tests(&mut |test| {
                if test.payload == payload {
                    tested.push(&test.claim);
                }
            });
        }
        let is_joint = filters.iter().all(|filter| tests_both(&filter.condition, &payload));
        let mut kinds = [NameKind::Scope, NameKind::Group, NameKind::Role].into_iter();
        let mut scopes = None;
        provider.splits.retain(|(claim, _)| tested.contains(&claim.as_slice()));
        for (claim, kind) in &mut provider.splits {
            let is_scope = is_joint && matches!(claim.as_slice(), [name] if SCOPES.contains(&name.as_str()));
            *kind = if is_scope { scopes.or_else(|| kinds.next()) } else { kinds.next() };
            if is_scope {
                scopes = *kind;
            }
        }
        for need in
            rules.iter_mut().flat_map(|rule| &mut rule.need.providers).filter(|need| need.issuer == index)
        {
            need.splits.clone_from(&provider.splits);
        }
    }
}

/// Whether each test of one claim with scopes stands beside the same test of the other, so that one of them is enough.
fn tests_both(expression: &Expression, payload: &str) -> bool {
    match expression {
        Expression::Constant(_) | Expression::Request(_) => true,
        Expression::Claim(test) => other_scopes(test, payload).is_none(),
        Expression::Not(inner) => tests_both(inner, payload),
        Expression::All(parts) => parts.iter().all(|part| tests_both(part, payload)),
        Expression::Any(parts) => parts.iter().all(|part| {
            let Expression::Claim(test) = part else { return tests_both(part, payload) };
            let Some(other) = other_scopes(test, payload) else { return true };
            parts.iter().any(|part| {
                matches!(part, Expression::Claim(same) if same.payload == payload && same.claim == [other] && same.value == test.value)
            })
        }),
    }
}

/// The claim that can hold the scopes instead of the tested one.
fn other_scopes(test: &ClaimTest, payload: &str) -> Option<&'static str> {
    let [name] = test.claim.as_slice() else { return None };
    let position = SCOPES.iter().position(|scopes| scopes == name)?;
    SCOPES.get(1 - position).copied().filter(|_| test.payload == payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::claim_test::{TextTest, ValueTest};
    use crate::convert::notes::Place;
    use crate::inspect::tree::Tree;

    fn has(claim: &str, scope: &str) -> Expression {
        let value = ValueTest::Member(Box::new(ValueTest::Text(TextTest::Exact(scope.to_owned()))));
        let place = Place::of(&Tree::from_json("{}").unwrap());
        Expression::Claim(ClaimTest { payload: "p".to_owned(), claim: vec![claim.to_owned()], value, place })
    }

    #[test]
    fn a_scope_in_either_claim() {
        let either = |scope| Expression::Any(vec![has("scope", scope), has("scp", scope)]);
        for (expression, expected) in [
            (either("a"), true),
            (Expression::All(vec![either("a"), either("b"), has("role", "x")]), true),
            (Expression::Not(Box::new(either("a"))), true),
            (has("scope", "a"), false),
            (Expression::Any(vec![has("scope", "a"), has("scp", "b")]), false),
            (Expression::All(vec![has("scope", "a"), has("scp", "a")]), false),
            (Expression::Any(vec![either("a"), has("scp", "b")]), false),
        ] {
            assert_eq!(tests_both(&expression, "p"), expected, "{expression:?}");
            assert!(tests_both(&expression, "another"), "{expression:?}");
        }
    }
}
