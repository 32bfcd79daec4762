//! Compares the result of the filter with the verdict of `jwt-simple`.

use super::result::TokenReport;
use super::verdict::{Judged, UnverifiedParts, Verdict};
use crate::inspect::describe::one_line;
use jwt_guard::denial::Reason;
use jwt_guard::jose::limits::MAX_CANDIDATES;
use jwt_guard_testkit::second_opinion::Refusal;

/// The longest error that is shown, in characters.
const MAX_CHARACTERS: usize = 80;

/// The explanation of a difference without a rule that causes it.
const UNEXPLAINED: &str = "no rule of the filter causes this difference; please report it";

/// Describes the difference between the two results, with the rule that causes it. `None` if they do not differ, or if
/// `jwt-simple` has no verdict.
pub(super) fn difference(
    judged: &Judged,
    parts: &UnverifiedParts<'_>,
    report: &TokenReport,
) -> Option<String> {
    match (report, &judged.verdict) {
        (TokenReport::Invalid { cause, .. }, Verdict::Valid) => Some(format!(
            "the filter refuses the token ({}), and jwt-simple accepts it: {}",
            cause.reason,
            rule_of_filter(cause.reason, judged.fitting, parts)
        )),
        (TokenReport::Valid { .. }, Verdict::Refused(refusal)) => Some(format!(
            "the filter accepts the token, and jwt-simple refuses it ({}): {}",
            // An error of a parser can quote the token.
            one_line(&refusal.to_string(), MAX_CHARACTERS),
            rule_of_jwt_simple(refusal)
        )),
        _ => None,
    }
}

/// The rule of the filter that `jwt-simple` does not have, for a token that only the filter refuses.
fn rule_of_filter(reason: Reason, fitting: usize, parts: &UnverifiedParts<'_>) -> String {
    let rule = match reason {
        Reason::TooLong => "max_token_bytes",
        Reason::Malformed => "the strict form of a token, such as no name twice in an object",
        Reason::UnknownIssuer => "tenants, second_tokens and first_token of the issuer",
        Reason::Algorithm => "accepted_algorithms",
        Reason::Type => "accepted_types",
        Reason::Crit => "crit and b64 in the header: each crit is refused, also an empty one",
        Reason::RefusedKid => "refused_kids",
        Reason::BadKey => "the member issuer of the key",
        Reason::Signature if fitting > MAX_CANDIDATES => {
            return format!(
                "only the filter limits the keys that it tries, to {MAX_CANDIDATES}; {fitting} keys fit"
            );
        }
        Reason::Expired if parts.claims.get("exp").is_none() => "require_expiration",
        Reason::Expired => "the exact end: at exp plus clock_skew_seconds the token has expired",
        Reason::NotYetValid => "fractions of a second in nbf and iat",
        Reason::Lifetime => "max_token_lifetime_seconds",
        Reason::Audience => "audience_from",
        Reason::ClaimType => "the types of the registered claims, and require_jti",
        Reason::RefusedClaim => "refused_claims",
        Reason::BadRequest => "token_from, and one token in one place",
        Reason::IssuerNotAllowed => "paths of the issuer",
        Reason::Confirmation | Reason::DpopProof | Reason::DpopReplay => "confirmation of bound tokens (cnf)",
        _ => return UNEXPLAINED.to_owned(),
    };
    format!("only the filter has this rule: {rule}")
}

/// The rule of `jwt-simple` that the filter does not have, for a token that only `jwt-simple` refuses.
fn rule_of_jwt_simple(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Type => "accepted_types accepts a typ that jwt-simple does not",
        Refusal::Key(_) => {
            "jwt-simple is stricter about keys: RSA of at most 4096 bits, and no other key_ops than verify"
        }
        _ => UNEXPLAINED,
    }
}
