//! Values of the request that a claim must equal (`equals`), and the context in which conditions are evaluated.

use std::borrow::Cow;
use std::fmt::{Display, Formatter, Result};
use std::time::Duration;

use crate::jose::json::Json;
use crate::time::UnixTime;

/// A value of the request that a claim must equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestValue {
    /// `equals: {path: id}`: the parameter `{id}` of the matched template.
    Path(String),
    /// `equals: {host: tenant}`: the label that `{tenant}` stands for in the host of the route.
    Host(String),
    /// `equals: {header: x-customer-id}`: this header of the request, in lower case.
    Header(String),
}

/// The source of the values of one request.
pub trait RequestValues {
    /// The value for one of the requirements that apply, by its index among them. `None` if the request does not
    /// have the value exactly once: no claim equals it.
    fn value(&self, requirement: usize, value: &RequestValue) -> Option<Cow<'_, str>>;
}

/// A request without values: no claim equals any of them.
#[derive(Debug, Clone, Copy)]
pub struct NoRequestValues;

impl RequestValues for NoRequestValues {
    fn value(&self, _: usize, _: &RequestValue) -> Option<Cow<'_, str>> {
        None
    }
}

/// The facts of a request that conditions depend on beside the token.
#[derive(Clone, Copy)]
pub struct EvaluationContext<'c> {
    /// The current time.
    pub now: UnixTime,
    /// `clock_skew_seconds` of the token's issuer.
    pub clock_skew: Duration,
    /// The values of the request.
    pub values: &'c dyn RequestValues,
}

impl EvaluationContext<'_> {
    /// The context for requirements without `equals` and `requires_step_up`, such as those of tests.
    pub const EMPTY: EvaluationContext<'static> = EvaluationContext {
        now: UnixTime::from_millis(0),
        clock_skew: Duration::ZERO,
        values: &NoRequestValues,
    };
}

/// [`EvaluationContext`] for one of the requirements that apply.
#[derive(Clone, Copy)]
pub struct ConditionContext<'c> {
    /// The context of the request.
    pub of_request: EvaluationContext<'c>,
    /// The index of the requirement among those that apply.
    pub requirement: usize,
}

impl ConditionContext<'_> {
    /// The value of the request; see [`RequestValues::value`].
    pub fn value(&self, value: &RequestValue) -> Option<Cow<'_, str>> {
        self.of_request.values.value(self.requirement, value)
    }
}

impl RequestValue {
    /// Whether a claim equals the value of the request. A number is compared by its text in the token. An array must
    /// contain the value. An empty text equals nothing: an empty claim must not match an empty header.
    pub(super) fn is_equal(value: &str, claim: &Json) -> bool {
        let is_same = |claim: &Json| match claim {
            Json::String(text) => text == value,
            Json::Number(number) => number.text() == value,
            _ => false,
        };
        !value.is_empty()
            && match claim {
                Json::Array(members) => members.iter().any(is_same),
                claim => is_same(claim),
            }
    }
}

impl Display for RequestValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Path(name) => write!(f, "the path parameter {{{name}}}"),
            Self::Host(name) => write!(f, "the host label {{{name}}}"),
            Self::Header(name) => write!(f, "the header {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_equals_a_text_or_not() {
        for (value, equal, different) in [
            (
                "alice",
                &[r#""alice""#, r#"["bob","alice"]"#][..],
                &[r#""Alice""#, r#""alice ""#, r#"{"alice":true}"#, r#"[["alice"]]"#, "null", "true"][..],
            ),
            ("7", &["7", r#""7""#, "[7]"], &["7.0", "70", r#""07""#, "[8]", "7e0"]),
            ("", &[], &[r#""""#, "[]", r#"[""]"#, "null"]),
            ("true", &[r#""true""#], &["true"]),
            ("null", &[], &["null", "[null]"]),
        ] {
            for (claims, expected) in [(equal, true), (different, false)] {
                for claim in claims {
                    let json = Json::parse(claim.as_bytes()).unwrap();
                    assert_eq!(RequestValue::is_equal(value, &json), expected, "{value:?} and {claim}");
                }
            }
        }
    }
}
