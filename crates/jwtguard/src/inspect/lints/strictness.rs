//! Which of two requirements asks for more.

use jwt_guard::policy::{AnyAll, ClaimTest, Condition, Conditions, Narrowing, NonEmpty, Requirement, Rule};

/// Whether every request that meets `one` meets `other` too.
pub fn implies(one: &Requirement, other: &Requirement) -> bool {
    match (&one.rule, &other.rule) {
        (Rule::Deny, _) | (_, Rule::Anonymous | Rule::MissingOrFailed) => true,
        (Rule::Missing(one), Rule::Missing(other)) => all_met(&narrowed(one), &narrowed(other)),
        (Rule::Authenticated(Conditions(one)), Rule::Missing(other)) => all_met(one, &narrowed(other)),
        (Rule::Authenticated(Conditions(one)), Rule::Authenticated(Conditions(other))) => all_met(one, other),
        _ => false,
    }
}

/// Whether `one` lets requests pass that `other` refuses, and never the other way round.
pub fn requires_less(one: &Requirement, other: &Requirement) -> bool {
    implies(other, one) && !implies(one, other)
}

fn narrowed(narrowings: &[Narrowing]) -> Vec<Condition> {
    narrowings.iter().cloned().map(Condition::NarrowedTo).collect()
}

fn all_met(held: &[Condition], asked: &[Condition]) -> bool {
    asked.iter().all(|asked| is_met(held, asked))
}

fn is_met(held: &[Condition], asked: &Condition) -> bool {
    let by_one = |held: &Condition| match held {
        Condition::AnyOf(alternatives) => alternatives.iter().all(|Conditions(held)| is_met(held, asked)),
        held => follows(held, asked),
    };
    let by_alternative = match asked {
        Condition::AnyOf(alternatives) => alternatives.iter().any(|Conditions(asked)| all_met(held, asked)),
        _ => false,
    };
    by_alternative || held.contains(asked) || held.iter().any(by_one)
}

fn follows(held: &Condition, asked: &Condition) -> bool {
    match (held, asked) {
        (Condition::Role(held), Condition::Role(asked))
        | (Condition::Group(held), Condition::Group(asked))
        | (Condition::Scope(held), Condition::Scope(asked)) => values(held, asked),
        (Condition::Claim(held), Condition::Claim(asked)) if held.pointer == asked.pointer => {
            match (&held.test, &asked.test) {
                (_, ClaimTest::Present) => true,
                (ClaimTest::Values(held), ClaimTest::Values(asked)) => values(held, asked),
                (ClaimTest::Present, ClaimTest::Values(_)) => false,
            }
        }
        (Condition::NarrowedTo(held), Condition::NarrowedTo(asked)) => match (held, asked) {
            (Narrowing::Issuer(held), Narrowing::Issuer(asked)) => is_within(held, asked),
            (Narrowing::Audience(held), Narrowing::Audience(asked)) => is_within(held, asked),
            _ => false,
        },
        _ => false,
    }
}

fn values<T: PartialEq>(held: &AnyAll<T>, asked: &AnyAll<T>) -> bool {
    match (held, asked) {
        (AnyAll::Any(held), AnyAll::Any(asked)) => is_within(held, asked),
        (AnyAll::All(held), AnyAll::Any(asked)) => held.iter().any(|value| asked.contains(value)),
        (AnyAll::All(held), AnyAll::All(asked)) => is_within(asked, held),
        (AnyAll::Any(held), AnyAll::All(asked)) => held.count() == 1 && is_within(asked, held),
    }
}

fn is_within<T: PartialEq>(few: &NonEmpty<T>, many: &NonEmpty<T>) -> bool {
    few.iter().all(|value| many.contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_guard::config::reader::Node;
    use jwt_guard::config::requirement::{Empty, Vocabulary, requirement};
    use jwt_guard::jose::json::Json;

    fn read(text: &str) -> Requirement {
        let names = Vocabulary { issuers: vec!["i".into(), "j".into()], ..Vocabulary::default() };
        let (json, mut errors) = (Json::parse(text.as_bytes()).unwrap(), Vec::new());
        let read = requirement(&Node::root(&json), &names, Empty::AnyValidToken, &mut errors);
        read.unwrap_or_else(|| panic!("{text}: {errors:?}"))
    }

    #[test]
    fn what_follows_from_what() {
        for (one, other, expected) in [
            (r#"{"deny":true}"#, r#"{"requires_role":"a"}"#, true),
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
