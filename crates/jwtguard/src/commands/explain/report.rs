//! The output of `explain`.

use jwtguard::inspect::describe::one_line;
use jwtguard::inspect::simulation::{
    ConditionResult, SimulatedDecision, SimulationResult, TestRequest, TokenReport,
};
use serde_json::{Value, json};

use super::opinion::Opinions;
use crate::commands::output::print_line;

/// Prints the result as text.
pub fn print(request: &TestRequest, outcome: &SimulationResult, opinions: &Opinions) {
    print_line!("{} {} on {}", request.method, shortened(&request.path), request.host);
    if outcome.readings.len() > 1 {
        print_line!("\nthe path has {} variants", outcome.readings.len());
        for reading in &outcome.readings {
            match reading.classes.as_slice() {
                [] => print_line!("  {}", shortened(&reading.path)),
                classes => print_line!("  {}  ({})", shortened(&reading.path), classes.join(", ")),
            }
        }
    }
    if !outcome.rules.is_empty() {
        print_line!("\n{}", if outcome.rules.len() > 1 { "rules, all must be met" } else { "the rule" });
    }
    for rule in &outcome.rules {
        match &rule.reading {
            Some(reading) => {
                let classes = rule.variant_classes.join(", ");
                print_line!(
                    "  {}, for the variant {} ({classes}): {}",
                    rule.name,
                    shortened(reading),
                    rule.who
                );
            }
            None => print_line!("  {}: {}", rule.name, rule.who),
        }
        for result in &rule.conditions {
            print_line!("    {}  {}", if result.met { "met    " } else { "not met" }, condition(result));
        }
    }
    if !outcome.less_specific.is_empty() {
        print_line!("\nalso matches, but does not apply: less specific");
    }
    for route in &outcome.less_specific {
        print_line!("  {}: {}", route.name, route.who);
    }
    print_line!("\ntoken: {}", token(&outcome.token));
    for (name, report) in &outcome.second_tokens {
        print_line!("second token {name}: {}", token(report));
    }
    for line in opinions.lines() {
        print_line!("{line}");
    }
    for place in &outcome.unread_tokens {
        print_line!("{}", unread(place, outcome));
    }
    for cause in &outcome.would_deny {
        print_line!("would be denied: {}, {}", cause.reason, cause.detail);
    }
    match &outcome.decision {
        SimulatedDecision::Forward { upstream, set, removed } => {
            print_line!("\nthe request is forwarded; the upstream receives");
            for (name, value) in upstream {
                let mark = if set.contains(name) { "+" } else { " " };
                print_line!("  {mark} {name}: {}", shortened(value));
            }
            for name in removed {
                print_line!("  - {name}");
            }
        }
        SimulatedDecision::Deny { status, headers, body, cause } => {
            print_line!("\nthe request is denied: {}, {}", cause.reason, cause.detail);
            print_line!("the client receives\n  {status}");
            for (name, value) in headers {
                print_line!("  {name}: {value}");
            }
            print_line!("  {body}");
        }
        SimulatedDecision::Serve { body } => {
            print_line!("\nthe client receives a document of resource_metadata\n  {body}")
        }
    }
}

/// Describes a condition, with the value in the token if it does not meet the condition.
pub fn condition(result: &ConditionResult) -> String {
    match &result.found {
        Some(found) => format!("{}; the token has {found}", result.condition),
        None => result.condition.clone(),
    }
}

/// Warns about a token in a place that is not in `token_from`.
pub fn unread(place: &str, outcome: &SimulationResult) -> String {
    format!(
        "the {place} contains a JWT but is not read: tokens are read from {}",
        outcome.token_from.join(", ")
    )
}

fn token(report: &TokenReport) -> String {
    match report {
        TokenReport::NotRead => "not read".to_owned(),
        TokenReport::Absent => "none".to_owned(),
        TokenReport::Invalid { cause, .. } => format!("not valid: {}, {}", cause.reason, cause.detail),
        TokenReport::Valid { issuer, has_revocation_list, names } => {
            let names = names.iter().filter(|(_, names)| !names.is_empty());
            let names: Vec<_> =
                names.map(|(what, names)| format!("; {what} {}", shortened(&names.join(", ")))).collect();
            let list = if *has_revocation_list { "; the revocation list is not consulted" } else { "" };
            format!("valid, from issuer {issuer}{}{list}", names.concat())
        }
    }
}

/// Shortens long values, such as tokens, and escapes control characters, which a terminal would execute.
fn shortened(value: &str) -> String {
    const MAX_CHARACTERS: usize = 160;
    one_line(value, MAX_CHARACTERS)
}

/// The result as a JSON object. The help of `explain` lists its members.
pub fn as_json(outcome: &SimulationResult, opinions: &Opinions) -> Value {
    let rules: Vec<_> = outcome
        .rules
        .iter()
        .map(|rule| {
            let conditions: Vec<_> = rule
                .conditions
                .iter()
                .map(
                    |result| json!({"condition": result.condition, "met": result.met, "found": result.found}),
                )
                .collect();
            json!({
                "rule": rule.name,
                "reading": rule.reading,
                "reading_classes": rule.variant_classes,
                "who": rule.who,
                "conditions": conditions,
            })
        })
        .collect();
    let decision = match &outcome.decision {
        SimulatedDecision::Forward { upstream, set, removed } => json!({
            "passes": true,
            "upstream": upstream.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
            "set": set,
            "removed": removed,
        }),
        SimulatedDecision::Deny { status, headers, body, cause } => json!({
            "passes": false,
            "status": status,
            "reason": cause.reason.as_str(),
            "detail": cause.detail,
            "headers": headers.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
            "body": body,
        }),
        SimulatedDecision::Serve { body } => json!({
            "passes": false,
            "status": 200,
            "reason": null,
            "detail": null,
            "headers": [],
            "body": body,
        }),
    };
    let would_deny: Vec<_> = outcome.would_deny.iter().map(|cause| cause.reason.as_str()).collect();
    let less_specific = outcome.less_specific.iter();
    let less_specific: Vec<_> =
        less_specific.map(|route| json!({"rule": route.name, "who": route.who})).collect();
    let second_tokens = outcome.second_tokens.iter();
    let second_tokens: serde_json::Map<String, Value> =
        second_tokens.map(|(name, report)| (name.clone(), token(report).into())).collect();
    json!({
        "readings": outcome.readings.iter().map(|reading| &reading.path).collect::<Vec<_>>(),
        "rules": rules,
        "less_specific": less_specific,
        "token": token(&outcome.token),
        "second_tokens": second_tokens,
        "second_opinion": opinions.first_as_json(),
        "second_token_opinions": opinions.second_as_json(),
        "token_from": outcome.token_from,
        "unread_tokens": outcome.unread_tokens,
        "would_deny": would_deny,
        "decision": decision,
    })
}
