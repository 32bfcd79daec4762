//! `requires_step_up`: how and when the user was authenticated (RFC 9470).

use super::identity::Identity;
use super::request_value::ConditionContext;
use crate::jose::json::Json;

/// The authentication that a token must be the result of. At least one of the fields is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUp {
    /// The accepted values of the claim `acr`; empty for any, and for none.
    pub acr: Vec<String>,
    /// The greatest age of the authentication, by the claim `auth_time`, in seconds.
    pub max_age: Option<u32>,
}

impl StepUp {
    /// Whether the token is the result of such an authentication, now.
    ///
    /// The age has no tolerance beyond `max_age`. The clock skew of the issuer only tolerates an `auth_time` in the
    /// future.
    pub(super) fn is_met(&self, identity: &Identity, context: &ConditionContext<'_>) -> bool {
        let claims = identity.claims().claims();
        let acr = claims.member("acr").and_then(Json::as_str);
        let has_acr =
            self.acr.is_empty() || acr.is_some_and(|acr| self.acr.iter().any(|accepted| accepted == acr));
        has_acr && self.max_age.is_none_or(|max_age| is_recent(claims.member("auth_time"), max_age, context))
    }
}

fn is_recent(auth_time: Option<&Json>, max_age: u32, context: &ConditionContext<'_>) -> bool {
    let Some(Json::Number(number)) = auth_time else { return false };
    let Some(auth_time) = number.as_f64() else { return false };
    let now = context.of_request.now.as_secs_f64();
    let latest = now + context.of_request.clock_skew.as_secs_f64();
    now - auth_time <= f64::from(max_age) && auth_time <= latest
}
