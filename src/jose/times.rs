//! The time in which a token is valid: `exp`, `nbf` and `iat` (RFC 7519 sections 4.1.4 to 4.1.6).
//!
//! The times are checked before the signature, so that an expired token costs no key fetch and no signature check.
//! Anyone may have written these claims. At this point they can only refuse a token, never accept it.

use super::error::TokenError;
use super::json::Json;
use super::rules::TokenRules;
use crate::time::UnixTime;

/// The NumericDates of a token (RFC 7519 section 2): finite seconds since 1970, possibly with fractions. They are
/// doubles because a date may be as large as a JSON number. With integers, a sum or a difference could wrap and pass a
/// comparison. A double becomes infinite instead, and infinity is later than every date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    expiration: Option<f64>,
    not_before: Option<f64>,
    issued_at: Option<f64>,
}

impl Times {
    /// Reads the dates. Refuses a date that is not a number, or that no finite double represents.
    pub(super) fn read(claims: &Json) -> Result<Self, TokenError> {
        let date = |claim| match claims.member(claim) {
            None => Ok(None),
            Some(Json::Number(number)) => number.as_f64().map(Some).ok_or(TokenError::ClaimType { claim }),
            Some(_) => Err(TokenError::ClaimType { claim }),
        };
        Ok(Self { expiration: date("exp")?, not_before: date("nbf")?, issued_at: date("iat")? })
    }

    /// Checks that the token is valid at `now`, with the allowed clock skew.
    pub(super) fn check(&self, rules: &TokenRules, now: UnixTime) -> Result<(), TokenError> {
        let now = now.as_secs_f64();
        let skew = rules.clock_skew.as_secs_f64();
        match self.expiration {
            Some(expiration) if now >= expiration + skew => return Err(TokenError::Expired),
            None if rules.require_expiration => return Err(TokenError::NoExpiration),
            Some(_) | None => {}
        }
        if [self.not_before, self.issued_at].into_iter().flatten().any(|date| date > now + skew) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }

    /// Checks that the time from `iat` to `exp` is not longer than `max_token_lifetime_seconds`.
    pub(super) fn check_lifetime(&self, rules: &TokenRules) -> Result<(), TokenError> {
        let Some(longest) = rules.max_lifetime else { return Ok(()) };
        match (self.expiration, self.issued_at) {
            (Some(expiration), Some(issued_at)) if expiration - issued_at <= longest.as_secs_f64() => Ok(()),
            _ => Err(TokenError::Lifetime),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer_index::IssuerIndex;

    #[test]
    fn dates_beyond_every_clock_neither_wrap_nor_panic() {
        let rules = TokenRules::new(IssuerIndex(0), "https://issuer.example".to_owned(), Vec::new());
        let rows: &[(&str, &str, u64, Option<TokenError>)] = &[
            ("exp far in the future, now at the largest time", r#"{"exp":1e308}"#, u64::MAX, None),
            (
                "exp far in the past, now at the smallest time",
                r#"{"exp":-1e308}"#,
                0,
                Some(TokenError::Expired),
            ),
            ("exp just above 64 bits", r#"{"exp":18446744073709551616}"#, 0, None),
            (
                "nbf far in the future",
                r#"{"exp":1e308,"nbf":1e307}"#,
                u64::MAX,
                Some(TokenError::NotYetValid),
            ),
            ("iat far in the past", r#"{"exp":1e308,"iat":-1e308}"#, 0, None),
        ];
        for (label, claims, now, expected) in rows {
            let times = Times::read(&Json::parse(claims.as_bytes()).unwrap()).unwrap();
            assert_eq!(times.check(&rules, UnixTime::from_millis(*now)).err(), *expected, "{label}");
        }
    }
}
