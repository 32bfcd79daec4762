//! Compares the strictness of two requirements.

use jwt_guard::policy::{
    AnyAll, ClaimTest, Condition, Conditions, IssuerOrAudience, NonEmpty, Requirement, Rule,
};

/// Whether every request that meets `one` also meets `other`.
pub fn implies(one: &Requirement, other: &Requirement) -> bool {
    let asks_for = |(token, wanted): &(_, Requirement)| {
        one.tokens.iter().any(|(own, held)| own == token && implies(held, wanted))
    };
    if one.rule != Rule::Deny && !other.tokens.iter().all(asks_for) {
        return false;
    }
    match (&one.rule, &other.rule) {
        (Rule::Deny, _) | (_, Rule::Anonymous | Rule::AllowMissingOrFailed) => true,
        (Rule::AllowMissing(one), Rule::AllowMissing(other)) => all_met(&narrowed(one), &narrowed(other)),
        (Rule::Authenticated(Conditions(one)), Rule::AllowMissing(other)) => all_met(one, &narrowed(other)),
        (Rule::Authenticated(Conditions(one)), Rule::Authenticated(Conditions(other))) => all_met(one, other),
        _ => false,
    }
}

/// Whether `one` allows some requests that `other` denies, and `other` allows none that `one` denies.
pub fn requires_less(one: &Requirement, other: &Requirement) -> bool {
    implies(other, one) && !implies(one, other)
}

fn narrowed(restrictions: &[IssuerOrAudience]) -> Vec<Condition> {
    restrictions.iter().cloned().map(Condition::IssuerOrAudience).collect()
}

fn all_met(held: &[Condition], wanted: &[Condition]) -> bool {
    wanted.iter().all(|wanted| is_met(held, wanted))
}

fn is_met(held: &[Condition], wanted: &Condition) -> bool {
    let by_one = |held: &Condition| match held {
        Condition::AnyOf(alternatives) => alternatives.iter().all(|Conditions(held)| is_met(held, wanted)),
        held => follows(held, wanted),
    };
    let by_alternative = match wanted {
        Condition::AnyOf(alternatives) => alternatives.iter().any(|Conditions(wanted)| all_met(held, wanted)),
        _ => false,
    };
    by_alternative || held.contains(wanted) || held.iter().any(by_one)
}

fn follows(held: &Condition, wanted: &Condition) -> bool {
    match (held, wanted) {
        (Condition::Role(held), Condition::Role(wanted))
        | (Condition::Group(held), Condition::Group(wanted))
        | (Condition::Scope(held), Condition::Scope(wanted)) => values(held, wanted),
        (Condition::Claim(held), Condition::Claim(wanted)) if held.pointer == wanted.pointer => {
            match (&held.test, &wanted.test) {
                // An absent claim meets `none`.
                (held, ClaimTest::Present) => !matches!(held, ClaimTest::NoneOf(_)),
                (ClaimTest::Values(held), ClaimTest::Values(wanted)) => values(held, wanted),
                (ClaimTest::StartsWith(held), ClaimTest::StartsWith(wanted)) => {
                    held.iter().all(|held| wanted.iter().any(|wanted| held.starts_with(wanted.as_str())))
                }
                (ClaimTest::EndsWith(held), ClaimTest::EndsWith(wanted)) => {
                    held.iter().all(|held| wanted.iter().any(|wanted| held.ends_with(wanted.as_str())))
                }
                (ClaimTest::NoneOf(held), ClaimTest::NoneOf(wanted)) => is_within(wanted, held),
                (ClaimTest::Within(held), ClaimTest::Within(wanted)) => held.is_within(wanted),
                _ => false,
            }
        }
        (Condition::StepUp(held), Condition::StepUp(wanted)) => {
            let acr = wanted.acr.is_empty()
                || !held.acr.is_empty() && held.acr.iter().all(|acr| wanted.acr.contains(acr));
            let age = wanted.max_age.is_none_or(|wanted| held.max_age.is_some_and(|held| held <= wanted));
            acr && age
        }
        (Condition::IssuerOrAudience(held), Condition::IssuerOrAudience(wanted)) => match (held, wanted) {
            (IssuerOrAudience::Issuer(held), IssuerOrAudience::Issuer(wanted)) => is_within(held, wanted),
            (IssuerOrAudience::Audience(held), IssuerOrAudience::Audience(wanted)) => is_within(held, wanted),
            _ => false,
        },
        _ => false,
    }
}

fn values<T: PartialEq>(held: &AnyAll<T>, wanted: &AnyAll<T>) -> bool {
    match (held, wanted) {
        (AnyAll::Any(held), AnyAll::Any(wanted)) => is_within(held, wanted),
        (AnyAll::All(held), AnyAll::Any(wanted)) => held.iter().any(|value| wanted.contains(value)),
        (AnyAll::All(held), AnyAll::All(wanted)) => is_within(wanted, held),
        (AnyAll::Any(held), AnyAll::All(wanted)) => held.count() == 1 && is_within(wanted, held),
    }
}

fn is_within<T: PartialEq>(few: &NonEmpty<T>, many: &NonEmpty<T>) -> bool {
    few.iter().all(|value| many.contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_guard::config::reader::ConfigNode;
    use jwt_guard::config::requirement::{DefinedNames, EmptyRequirement, requirement};
    use jwt_guard::jose::json::Json;

    fn read(text: &str) -> Requirement {
        let issuers = vec!["i".into(), "j".into()];
        let names = DefinedNames { issuers, second_tokens: vec!["t".into()], ..DefinedNames::default() };
        let (json, mut errors) = (Json::parse(text.as_bytes()).unwrap(), Vec::new());
        let read =
            requirement(&ConfigNode::root(&json), &names, EmptyRequirement::AnyValidToken, &mut errors);
        read.unwrap_or_else(|| panic!("{text}: {errors:?}"))
    }

    #[test]
    fn one_requirement_implies_another() {
        for (one, other, expected) in [
            (r#"{"deny":true}"#, r#"{"requires_role":"a"}"#, true),
            (
                r#"{"requires_step_up":{"acr":"a","max_age_seconds":10}}"#,
                r#"{"requires_step_up":{"acr":["a","b"],"max_age_seconds":20}}"#,
                true,
            ),
            (r#"{"requires_step_up":{"acr":["a","b"]}}"#, r#"{"requires_step_up":{"acr":"a"}}"#, false),
            (r#"{"requires_step_up":{"max_age_seconds":1}}"#, r#"{"requires_step_up":{"acr":"a"}}"#, false),
            (r#"{"requires_step_up":{"acr":"a"}}"#, r#"{"requires_step_up":{"max_age_seconds":1}}"#, false),
            (
                r#"{"requires_claim":{"claim":"c","equals":{"header":"x-a"}}}"#,
                r#"{"requires_claim":{"claim":"c","present":true}}"#,
                true,
            ),
            (
                r#"{"requires_claim":{"claim":"c","equals":{"header":"x-a"}}}"#,
                r#"{"requires_claim":{"claim":"c","equals":{"header":"x-b"}}}"#,
                false,
            ),
            (
                r#"{"requires_claim":{"claim":"c","prefix":"a/b/"}}"#,
                r#"{"requires_claim":{"claim":"c","prefix":["a/","x"]}}"#,
                true,
            ),
            (
                r#"{"requires_claim":{"claim":"c","prefix":"a/"}}"#,
                r#"{"requires_claim":{"claim":"c","prefix":"a/b/"}}"#,
                false,
            ),
            (
                r#"{"requires_claim":{"claim":"c","suffix":"@x.a"}}"#,
                r#"{"requires_claim":{"claim":"c","suffix":".a"}}"#,
                true,
            ),
            (
                r#"{"requires_claim":{"claim":"c","suffix":".a"}}"#,
                r#"{"requires_claim":{"claim":"c","suffix":"@x.a"}}"#,
                false,
            ),
            (
                r#"{"requires_claim":{"claim":"c","none":["a","b"]}}"#,
                r#"{"requires_claim":{"claim":"c","none":"a"}}"#,
                true,
            ),
            (
                r#"{"requires_claim":{"claim":"c","none":"a"}}"#,
                r#"{"requires_claim":{"claim":"c","none":["a","b"]}}"#,
                false,
            ),
            (
                r#"{"requires_claim":{"claim":"c","none":"a"}}"#,
                r#"{"requires_claim":{"claim":"c","present":true}}"#,
                false,
            ),
            (
                r#"{"requires_claim":{"claim":"c","prefix":"a"}}"#,
                r#"{"requires_claim":{"claim":"c","present":true}}"#,
                true,
            ),
            (
                r#"{"requires_claim":{"claim":"c","at_least":2,"at_most":3}}"#,
                r#"{"requires_claim":{"claim":"c","at_least":1}}"#,
                true,
            ),
            (
                r#"{"requires_claim":{"claim":"c","at_least":1}}"#,
                r#"{"requires_claim":{"claim":"c","at_least":1,"at_most":3}}"#,
                false,
            ),
            (
                r#"{"requires_claim":{"claim":"c","at_least":1}}"#,
                r#"{"requires_claim":{"claim":"c","present":true}}"#,
                true,
            ),
            (
                r#"{"requires_claim":{"claim":"c","prefix":"a"}}"#,
                r#"{"requires_claim":{"claim":"c","suffix":"a"}}"#,
                false,
            ),
            (
                r#"{"requires_role":"a","requires_token":{"t":{"requires_role":"b"}}}"#,
                r#"{"requires_role":"a"}"#,
                true,
            ),
            (r#"{"requires_role":"a"}"#, r#"{"requires_token":{"t":{"requires_role":"b"}}}"#, false),
            (
                r#"{"requires_token":{"t":{"requires_role":"b"}}}"#,
                r#"{"requires_token":{"t":{"requires_role":["b","c"]}}}"#,
                true,
            ),
            (
                r#"{"requires_token":{"t":{"requires_role":["b","c"]}}}"#,
                r#"{"requires_token":{"t":{"requires_role":"b"}}}"#,
                false,
            ),
            (r#"{"deny":true}"#, r#"{"requires_token":{"t":{"requires_role":"b"}}}"#, true),
            (r#"{"requires_role":"a"}"#, r#"{"deny":true}"#, false),
            (r#"{"requires_role":"a"}"#, "{}", true),
            ("{}", r#"{"requires_role":"a"}"#, false),
            (r#"{"allow_anonymous":true}"#, "{}", false),
            (r#"{"allow_missing":true}"#, r#"{"allow_anonymous":true}"#, true),
            (r#"{"allow_missing":true}"#, "{}", false),
            ("{}", r#"{"allow_missing":true}"#, true),
            ("{}", r#"{"allow_missing":true,"requires_issuer":"i"}"#, false),
            (r#"{"requires_issuer":"i"}"#, r#"{"requires_issuer":["i","j"]}"#, true),
            (r#"{"requires_issuer":["i","j"]}"#, r#"{"requires_issuer":"i"}"#, false),
            (r#"{"requires_role":"a"}"#, r#"{"requires_role":["a","b"]}"#, true),
            (r#"{"requires_role":["a","b"]}"#, r#"{"requires_role":"a"}"#, false),
            (r#"{"requires_role":{"all":["a","b"]}}"#, r#"{"requires_role":"a"}"#, true),
            (r#"{"requires_role":"a"}"#, r#"{"requires_role":{"all":["a"]}}"#, true),
            (r#"{"requires_role":"a"}"#, r#"{"requires_group":"a"}"#, false),
            (
                r#"{"requires_claim":{"claim":"c","any":[1]}}"#,
                r#"{"requires_claim":{"claim":"c","present":true}}"#,
                true,
            ),
            (
                r#"{"requires_claim":{"claim":"c","any":[1]}}"#,
                r#"{"requires_claim":{"claim":"d","any":[1]}}"#,
                false,
            ),
            (
                r#"{"requires_role":"a"}"#,
                r#"{"any_of":[{"requires_role":"a"},{"requires_group":"g"}]}"#,
                true,
            ),
            (
                r#"{"any_of":[{"requires_role":"a"},{"requires_group":"g"}]}"#,
                r#"{"requires_role":"a"}"#,
                false,
            ),
            (
                r#"{"any_of":[{"requires_role":"a"},{"requires_role":"b"}]}"#,
                r#"{"requires_role":["a","b"]}"#,
                true,
            ),
        ] {
            assert_eq!(implies(&read(one), &read(other)), expected, "{one} {other}");
        }
    }
}
