//! Shows the values of a token that do not meet a condition. The values are shortened and escaped, because the token may come
//! from an attacker.

use crate::inspect::describe;
use crate::inspect::tables::texts;
use crate::inspect::tree::Tree;
use jwt_guard::config::Config;
use jwt_guard::denial::Reason;
use jwt_guard::jose::base64url;
use jwt_guard::jose::json::Json;
use jwt_guard::jose::pointer::Pointer;
use jwt_guard::policy::{
    ClaimForm, ClaimSource, ClaimTest, Condition, ConditionContext, Conditions, Identity, IssuerOrAudience,
};
use jwt_guard::time::UnixTime;

/// The maximum number of characters shown per value.
const MAX_CHARACTERS: usize = 80;

/// The maximum number of values shown per list.
const MAX_VALUES: usize = 10;

/// Describes the value in a verified token that does not meet a condition.
pub(super) fn unmet_value(
    condition: &Condition,
    identity: &Identity,
    context: &ConditionContext<'_>,
    config: &Config,
) -> String {
    let issuer = config.issuers.get(identity.issuer().0);
    let names = |what: &str, held: &[String], sources: &[ClaimSource]| match held {
        [] => format!("no {what} (read from {})", sources_of(sources)),
        held => format!("{what} {}", list(held.iter().map(|name| text(name)))),
    };
    let sources = issuer.map(|issuer| &issuer.sources);
    let of = |sources: Option<&Vec<ClaimSource>>| sources.cloned().unwrap_or_default();
    match condition {
        Condition::Role(_) => names("role", identity.roles(), &of(sources.map(|all| &all.roles))),
        Condition::Group(_) => names("group", identity.groups(), &of(sources.map(|all| &all.groups))),
        Condition::Scope(_) => names("scope", identity.scopes(), &of(sources.map(|all| &all.scopes))),
        Condition::IssuerOrAudience(IssuerOrAudience::Issuer(_)) => {
            format!("issuer {}", issuer.map_or("?", |issuer| issuer.name.as_str()))
        }
        Condition::IssuerOrAudience(IssuerOrAudience::Audience(_)) => {
            let audiences = identity.claims().audiences();
            format!("audience {}", list(audiences.iter().map(|audience| text(audience))))
        }
        Condition::Claim(claim) => {
            let found = claim_of(&claim.pointer, identity.claims().claims());
            match &claim.test {
                ClaimTest::Equals(value) => match context.value(value) {
                    Some(sent) => format!("{found}, and {value} is {}", text(&sent)),
                    None => {
                        format!("{found}, and {value} does not count: it is absent, sent twice or ambiguous")
                    }
                },
                _ => found,
            }
        }
        Condition::StepUp(step_up) => {
            let of = |name: &str| {
                let pointer = Pointer::parse(name).ok()?;
                Some(claim_of(&pointer, identity.claims().claims()))
            };
            let acr = (!step_up.acr.is_empty()).then(|| of("acr"));
            let now = context.of_request.now.as_millis() / 1000;
            let auth_time = of("auth_time").filter(|_| step_up.max_age.is_some());
            let auth_time = auth_time.map(|found| format!("{found} (now: {now})"));
            acr.flatten().into_iter().chain(auth_time).collect::<Vec<_>>().join(" and ")
        }
        Condition::AnyOf(alternatives) => {
            let mut found: Vec<String> = Vec::new();
            for condition in alternatives.iter().flat_map(|Conditions(conditions)| conditions) {
                let value = unmet_value(condition, identity, context, config);
                if condition.unmet(identity, context).is_some() && !found.contains(&value) {
                    found.push(value);
                }
            }
            found.join(" and ")
        }
    }
}

fn sources_of(sources: &[ClaimSource]) -> String {
    match sources {
        [] => "no claim".to_owned(),
        sources => list(sources.iter().map(|source| {
            let pointer = source.pointer.as_str();
            let values = match &source.form {
                ClaimForm::Texts => pointer.to_owned(),
                ClaimForm::Split(separator) => format!("{pointer}, split at {}", text(separator)),
                ClaimForm::Keys => format!("the member names of {pointer}"),
                ClaimForm::Member(member) => {
                    format!("the member {} of each object in {pointer}", text(member))
                }
            };
            match &source.prefix {
                Some(prefix) => format!("{values} after {}", text(prefix)),
                None => values,
            }
        })),
    }
}

fn claim_of(pointer: &Pointer, claims: &Json) -> String {
    let name = pointer.as_str();
    match pointer.find(claims) {
        None => format!("no claim {name}"),
        Some(value) => format!("claim {name} {}", json(value)),
    }
}

/// Describes the value in an invalid token, and the expected value. `None` if the reason is sufficient.
pub(super) fn invalid_value(
    reason: Reason,
    token: &[u8],
    (config, tree): (&Config, &Tree),
    now: UnixTime,
) -> Option<String> {
    let mut parts = token.split(|byte| *byte == b'.');
    let header = Json::parse(&base64url::decode(parts.next()?)?).ok()?;
    let claims = Json::parse(&base64url::decode(parts.next()?)?).ok()?;
    let iss = claims.member("iss").and_then(Json::as_str);
    let issuer = iss.and_then(|iss| config.issuer_of(iss));
    let (index, rules) = (issuer.map(|(index, _)| index.0), issuer.map(|(_, issuer)| &issuer.rules));
    let form = rules.and_then(|rules| rules.tenants.as_ref());
    let tenant = form.zip(iss).and_then(|(form, iss)| Some((form.claim(), form.tenant_in(iss)?)));
    let member = |json: &Json, what: &str| match json.member(what) {
        None => format!("no {what}"),
        Some(value) => format!("{what} {}", self::json(value)),
    };
    let now = now.as_millis() / 1000;
    let (found, expected) = match reason {
        Reason::UnknownIssuer if let Some((claim, tenant)) = tenant => {
            (member(&claims, claim), format!("{}, the tenant in iss", text(tenant)))
        }
        Reason::UnknownIssuer if issuer.is_some() => {
            let accepted = "an issuer of this token of the request (second_tokens, first_token)";
            (member(&claims, "iss"), accepted.to_owned())
        }
        Reason::UnknownIssuer => {
            let known = config.issuers.iter().map(|issuer| text(&issuer.rules.iss));
            (member(&claims, "iss"), list(known))
        }
        Reason::Algorithm => {
            let accepted = rules?.accepted_algorithms.iter().map(|algorithm| algorithm.name().to_owned());
            (member(&header, "alg"), list(accepted))
        }
        Reason::Type => (member(&header, "typ"), accepted_types(tree, index?)),
        Reason::Crit => {
            let extension = if header.member("crit").is_some() { "crit" } else { "b64" };
            (member(&header, extension), "no crit, and no b64 other than true".to_owned())
        }
        Reason::UnknownKid | Reason::BadKey => (
            format!("{} and {}", member(&header, "kid"), member(&header, "alg")),
            "a key in the issuer's JWKS".to_owned(),
        ),
        Reason::RefusedKid => (member(&header, "kid"), "a kid that is not in refused_kids".to_owned()),
        Reason::Expired => {
            let skew = rules?.clock_skew.as_secs();
            (member(&claims, "exp"), format!("more than {} (now: {now})", now.saturating_sub(skew)))
        }
        Reason::NotYetValid => {
            let latest = now.saturating_add(rules?.clock_skew.as_secs());
            let times = ["nbf", "iat"].iter().filter(|name| claims.member(name).is_some());
            let times: Vec<_> = times.map(|name| member(&claims, name)).collect();
            (times.join(" and "), format!("at most {latest} (now: {now})"))
        }
        Reason::Lifetime => {
            let longest = rules?.max_lifetime?.as_secs();
            let times = format!("{} and {}", member(&claims, "iat"), member(&claims, "exp"));
            (times, format!("at most {longest} seconds between them"))
        }
        Reason::Audience => {
            let rules = rules?;
            let held = rules.audience_from.iter().map(|pointer| match pointer.find(&claims) {
                None => format!("no {}", pointer.as_str()),
                Some(value) => format!("{} {}", pointer.as_str(), json(value)),
            });
            let held: Vec<_> = held.collect();
            (held.join(" and "), list(rules.audiences.iter().map(|audience| text(audience))))
        }
        Reason::ClaimType => {
            let (claim, expected) = wrong_type(&claims)?;
            (member(&claims, claim), expected.to_owned())
        }
        Reason::Confirmation => {
            let met = "a cnf that the request meets, with x5t#S256 (client certificate) or jkt (DPoP proof)";
            (member(&claims, "cnf"), met.to_owned())
        }
        Reason::RefusedClaim => {
            let refused =
                rules?.refused_claims.iter().filter(|refused| match refused.pointer.find(&claims) {
                    Some(Json::Array(items)) => items.iter().any(|item| refused.values.contains(item)),
                    Some(value) => refused.values.contains(value),
                    None => false,
                });
            let refused = refused.map(|refused| {
                let values = refused.values.iter().map(json);
                (claim_of(&refused.pointer, &claims), format!("another value than {}", list(values)))
            });
            refused.into_iter().next()?
        }
        _ => return None,
    };
    Some(format!("{found}; expected {expected}"))
}

/// The first registered claim with a wrong type, and the right type. Without one, the reason is that the `jti` is missing.
fn wrong_type(claims: &Json) -> Option<(&'static str, &'static str)> {
    const NUMBER: &str = "a number of seconds since 1970";
    const TEXTS: &str = "a string or an array of strings";
    let is_number = |value: &Json| matches!(value, Json::Number(number) if number.as_f64().is_some());
    let is_text = |value: &Json| value.as_str().is_some();
    let is_texts = |value: &Json| match value {
        Json::Array(items) => items.iter().all(is_text),
        other => is_text(other),
    };
    let rows: [(&str, &str, &dyn Fn(&Json) -> bool); 6] = [
        ("exp", NUMBER, &is_number),
        ("nbf", NUMBER, &is_number),
        ("iat", NUMBER, &is_number),
        ("sub", "a string", &is_text),
        ("jti", "a string", &is_text),
        ("aud", TEXTS, &is_texts),
    ];
    let is_wrong = |name, is_right: &dyn Fn(&Json) -> bool| {
        claims.member(name).is_some_and(|value: &Json| !is_right(value))
    };
    let wrong = rows.iter().find(|(name, _, is_right)| is_wrong(name, is_right));
    let wrong = wrong.map(|(name, expected, _)| (*name, *expected));
    wrong.or(claims.member("jti").is_none().then_some(("jti", "a jti (require_jti)")))
}

/// Reads `accepted_types` from the tree, because the parsed configuration does not keep the original text.
fn accepted_types(tree: &Tree, issuer: usize) -> String {
    let own = tree.list("issuers").get(issuer).and_then(|issuer| issuer.get("accepted_types"));
    match texts(own.or_else(|| tree.get("accepted_types"))).as_slice() {
        [] => "absent or \"JWT\" or \"at+jwt\"".to_owned(),
        words => {
            let word = |word: &String| if word == "absent" { word.clone() } else { text(word) };
            list(words.iter().map(word)).replace(", ", " or ")
        }
    }
}

fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    let mut shown: Vec<String> = items.take(MAX_VALUES).collect();
    if count == 0 {
        return "none".to_owned();
    }
    if count > MAX_VALUES {
        shown.push(format!("and {} more", count - MAX_VALUES));
    }
    shown.join(", ")
}

fn text(text: &str) -> String {
    // Avoids a copy of a long value of which only the start is shown.
    let start: String = text.chars().take(MAX_CHARACTERS + 1).collect();
    json(&Json::String(start))
}

/// Formats JSON on one line, with control characters and bidirectional overrides escaped.
fn json(value: &Json) -> String {
    describe::one_line(&value.to_string(), MAX_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_and_escaped() {
        let shown = |text: &str| json(&Json::parse(text.as_bytes()).unwrap());
        for (value, expected) in [
            (r#""user""#, r#""user""#),
            (r#""it's \"é\"""#, r#""it's \"é\"""#),
            (r#"{"id":7,"on":[true,null]}"#, r#"{"id":7,"on":[true,null]}"#),
            ("\"a\\u001b[2J\\nb\"", r#""a\u001b[2J\nb""#),
            ("\"\u{202e}\u{9b}\u{7f}\"", r#""\u{202e}\u{9b}\u{7f}""#),
        ] {
            assert_eq!(shown(value), expected);
        }
        assert_eq!(shown(&format!("\"{}\"", "a".repeat(500))).chars().count(), MAX_CHARACTERS + 1);
        assert_eq!(text(&"a".repeat(500)).chars().count(), MAX_CHARACTERS + 1);
        let names = (0..12).map(|number| number.to_string());
        assert_eq!(list(names.collect::<Vec<_>>().into_iter()), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 2 more");
    }
}
