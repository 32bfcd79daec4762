//! The test of one claim, as an entry of `requires_claim` configures it.

use super::any_all::{AnyAll, is_met};
use super::non_empty::NonEmpty;
use super::request_value::{ConditionContext, RequestValue};
use super::value_set::ValueSet;
use crate::jose::json::{Json, Number};

/// The test of one claim. An array matches by its members; `null` matches nothing and counts as absent.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimTest {
    /// The claim equals one or all of these values. Types are compared too: `true` is not `"true"`.
    Values(AnyAll<Json>),
    /// The claim is absent, or has the type of these values and equals none of them. An array needs that type in every
    /// member: a claim of another type is denied, because it could mean an excluded value (`7` for `"7"`).
    NoneOf(NonEmpty<Json>),
    /// The claim is a string, or has a string member, that starts with one of these texts.
    StartsWith(NonEmpty<String>),
    /// The claim is a string, or has a string member, that ends with one of these texts.
    EndsWith(NonEmpty<String>),
    /// The claim is a number within these bounds.
    Within(NumberRange),
    /// The claim equals a value of the request, or contains it.
    Equals(RequestValue),
    /// The claim is present and not `null`.
    Present,
}

/// Inclusive bounds of a number, which are compared exactly. A bound that is absent does not limit.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberRange {
    /// The least number.
    pub at_least: Option<Number>,
    /// The greatest number.
    pub at_most: Option<Number>,
}

impl NumberRange {
    /// Whether each number within this range is within the other one.
    pub fn is_within(&self, other: &Self) -> bool {
        let at_least =
            |bound: &Number| self.at_least.as_ref().is_some_and(|own| own.exact_cmp(bound).is_ge());
        let at_most = |bound: &Number| self.at_most.as_ref().is_some_and(|own| own.exact_cmp(bound).is_le());
        other.at_least.as_ref().is_none_or(at_least) && other.at_most.as_ref().is_none_or(at_most)
    }

    fn contains(&self, number: &Number) -> bool {
        self.at_least.as_ref().is_none_or(|least| number.exact_cmp(least).is_ge())
            && self.at_most.as_ref().is_none_or(|most| number.exact_cmp(most).is_le())
    }
}

impl ClaimTest {
    /// Whether the claim passes; `None` is a claim that is absent.
    pub(super) fn passes(&self, claim: Option<&Json>, context: &ConditionContext<'_>) -> bool {
        let claim = claim.filter(|claim| **claim != Json::Null);
        match (self, claim) {
            (Self::NoneOf(_), None) => true,
            (_, None) => false,
            (Self::Present, Some(_)) => true,
            (Self::Equals(value), Some(claim)) => {
                context.value(value).is_some_and(|value| RequestValue::is_equal(&value, claim))
            }
            (Self::Values(required), Some(claim)) => is_met(required, members(claim)),
            (Self::NoneOf(excluded), Some(claim)) => {
                let of_type = std::mem::discriminant(excluded.first());
                let has_type = |member: &Json| std::mem::discriminant(member) == of_type;
                let present = ValueSet::new(members(claim), excluded.count());
                let is_there =
                    |value: &Json| present.contains(value) || is_exactly_one_of(members(claim), value);
                members(claim).iter().all(has_type) && !excluded.iter().any(is_there)
            }
            (Self::StartsWith(prefixes), Some(claim)) => {
                texts(claim).any(|text| prefixes.iter().any(|prefix| text.starts_with(prefix.as_str())))
            }
            (Self::EndsWith(suffixes), Some(claim)) => {
                texts(claim).any(|text| suffixes.iter().any(|suffix| text.ends_with(suffix.as_str())))
            }
            (Self::Within(range), Some(claim)) => {
                matches!(claim, Json::Number(number) if range.contains(number))
            }
        }
    }
}

/// The members of an array, or the value itself as the only one.
fn members(claim: &Json) -> &[Json] {
    match claim {
        Json::Array(members) => members,
        value => std::slice::from_ref(value),
    }
}

/// Whether a number that no double can hold is one of these values. Two such numbers are not equal otherwise, which
/// would let the claim pass.
fn is_exactly_one_of(values: &[Json], value: &Json) -> bool {
    let Json::Number(number) = value else { return false };
    let is_same = |other: &Json| matches!(other, Json::Number(other) if other.exact_cmp(number).is_eq());
    number.as_f64().is_none() && values.iter().any(is_same)
}

fn texts(claim: &Json) -> impl Iterator<Item = &str> {
    members(claim).iter().filter_map(Json::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::EvaluationContext;

    const CONTEXT: ConditionContext<'_> =
        ConditionContext { of_request: EvaluationContext::EMPTY, requirement: 0 };

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    fn values(texts: &[&str]) -> NonEmpty<Json> {
        NonEmpty::new(texts.iter().copied().map(json)).unwrap()
    }

    fn texts(texts: &[&str]) -> NonEmpty<String> {
        NonEmpty::new(texts.iter().map(|text| (*text).to_owned())).unwrap()
    }

    fn range(at_least: Option<&str>, at_most: Option<&str>) -> ClaimTest {
        let number = |text: &str| match json(text) {
            Json::Number(number) => number,
            other => panic!("{other}"),
        };
        ClaimTest::Within(NumberRange { at_least: at_least.map(number), at_most: at_most.map(number) })
    }

    #[test]
    fn a_claim_passes_or_not() {
        let none = ClaimTest::NoneOf(values(&["\"suspended\"", "\"closed\""]));
        let too_large = ClaimTest::NoneOf(values(&["1e400"]));
        let no_number = ClaimTest::NoneOf(values(&["7", "9007199254740993"]));
        let no_flag = ClaimTest::NoneOf(values(&["false"]));
        let prefix = ClaimTest::StartsWith(texts(&["repo:my-org/", "repo:other/"]));
        let suffix = ClaimTest::EndsWith(texts(&["@example.com"]));
        let tenants = range(Some("1"), Some("100"));
        for (test, passing, failing) in [
            (
                &none,
                &["\"active\"", "\"\"", "\"Suspended\"", "[]", r#"["active","new"]"#, "null"][..],
                &[
                    "\"suspended\"",
                    r#"["active","closed"]"#,
                    "7",
                    "true",
                    r#"{"a":1}"#,
                    r#"["active",7]"#,
                    r#"["active",null]"#,
                    r#"[["suspended"]]"#,
                ][..],
            ),
            (&too_large, &["1e399", "2e400", "1"], &["1e400", "10e399"]),
            (
                &no_number,
                &["8", "7.1", "9007199254740992", "[8,9]"],
                &["7", "7.0", "70e-1", "\"8\"", "[8,\"9\"]", "[8,7]"],
            ),
            (&no_flag, &["true", "[true]", "null"], &["false", "\"true\"", "0", "[true,false]"]),
            (
                &prefix,
                &["\"repo:my-org/app:ref\"", "\"repo:my-org/\"", r#"[1,"repo:other/x"]"#],
                &[
                    "\"repo:my-org\"",
                    "\"Repo:my-org/app\"",
                    "\"a repo:my-org/app\"",
                    "7",
                    "[]",
                    "null",
                    r#"[["repo:my-org/a"]]"#,
                ],
            ),
            (
                &suffix,
                &["\"ada@example.com\"", "\"@example.com\"", r#"["x","b@example.com"]"#],
                &[
                    "\"ada@example.com.evil\"",
                    "\"ada@EXAMPLE.com\"",
                    "\"example.com\"",
                    "true",
                    r#"{"a":"b@example.com"}"#,
                ],
            ),
            (
                &tenants,
                &["1", "100", "1.0", "1e2", "50.5", "1.00000000000000000000000001"],
                &[
                    "0",
                    "101",
                    "100.00000000000000000000000001",
                    "-1",
                    "1e400",
                    "\"50\"",
                    "[50]",
                    "null",
                    "true",
                ],
            ),
            (&range(Some("9007199254740993"), None), &["9007199254740993", "1e400"], &["9007199254740992"]),
            (&range(None, Some("-0.5")), &["-0.5", "-1e400"], &["-0.4999999999999999999999", "0"]),
        ] {
            for text in passing {
                assert!(test.passes(Some(&json(text)), &CONTEXT), "{text} passes {test:?}");
            }
            for text in failing {
                assert!(!test.passes(Some(&json(text)), &CONTEXT), "{text} does not pass {test:?}");
            }
            assert_eq!(
                test.passes(None, &CONTEXT),
                matches!(test, ClaimTest::NoneOf(_)),
                "an absent claim and {test:?}"
            );
        }
    }

    #[test]
    fn a_range_is_within_another() {
        let of = |least, most| match range(least, most) {
            ClaimTest::Within(range) => range,
            other => panic!("{other:?}"),
        };
        for (inner, outer, expected) in [
            ((Some("2"), Some("3")), (Some("2"), Some("3.0")), true),
            ((Some("2"), Some("3")), (None, Some("4")), true),
            ((Some("2"), Some("3")), (Some("1e0"), None), true),
            ((Some("2"), Some("5")), (Some("2"), Some("4")), false),
            ((Some("2"), None), (Some("2"), Some("4")), false),
            ((None, Some("3")), (Some("2"), None), false),
        ] {
            assert_eq!(
                of(inner.0, inner.1).is_within(&of(outer.0, outer.1)),
                expected,
                "{inner:?} {outer:?}"
            );
        }
    }
}
