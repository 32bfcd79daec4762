//! The differences between the actual and the expected decision.

use jwtguard::inspect::simulation::{SimulatedDecision, SimulationResult, TokenReport};
use serde_json::Value;

use super::file::{Expected, NO_REASON, text};
use crate::commands::explain;

/// Describes each difference in one line.
pub fn differences(expected: &Expected, outcome: &SimulationResult) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, expected: Option<String>, got: String| {
        if let Some(expected) = expected.filter(|expected| *expected != got) {
            differences.push(format!("{what}: expected {expected}, got {got}"));
        }
    };
    let none = || NO_REASON.to_owned();
    let (status, body) = match &outcome.decision {
        SimulatedDecision::Forward { .. } => (None, None),
        SimulatedDecision::Deny { status, body, .. } => (Some(*status), Some(body.as_str())),
        SimulatedDecision::Serve { .. } => (Some(200), None),
    };
    let describe = |pass: bool| if pass { "forwarded" } else { "answered by the filter" }.to_owned();
    compare("decision", expected.pass.map(describe), describe(outcome.passes()));
    let shown = status.map_or_else(|| describe(true), |status| status.to_string());
    // A forwarded request counts as 200: the simulation has no upstream.
    let wanted = expected.status.filter(|status| !(*status == 200 && outcome.passes()));
    compare("status", wanted.map(|status| status.to_string()), shown);
    let error = body.and_then(|body| serde_json::from_str::<Value>(body).ok());
    let error = error.as_ref().and_then(|body| body.get("error")).and_then(Value::as_str);
    compare("error", expected.error.clone(), error.map_or_else(none, str::to_owned));
    compare("reason", expected.reason.clone(), outcome.reason().map_or_else(none, str::to_owned));
    let rules: Vec<_> = outcome.rules.iter().map(|rule| rule.name.as_str()).collect();
    let names = |rule: &&str, wanted: &str| {
        *rule == wanted || rule.contains(&format!("({wanted})")) || rule.starts_with(&format!("{wanted} "))
    };
    if let Some(wanted) = &expected.rule
        && !rules.iter().any(|rule| names(rule, wanted))
    {
        differences.push(format!("rule: expected {wanted}, got {}", rules.join(" and ")));
    }
    if let Some(wanted) = &expected.would_deny {
        let got: Vec<_> = outcome.would_deny.iter().map(|cause| cause.reason.as_str().to_owned()).collect();
        if *wanted != got {
            differences.push(format!(
                "would_deny: expected [{}], got [{}]",
                wanted.join(", "),
                got.join(", ")
            ));
        }
    }
    differences.extend(upstream(expected, outcome));
    differences
}

fn upstream(expected: &Expected, outcome: &SimulationResult) -> Vec<String> {
    if expected.upstream.is_empty() {
        return Vec::new();
    }
    let SimulatedDecision::Forward { upstream, .. } = &outcome.decision else {
        return vec!["upstream: expected headers, but the request is not forwarded".to_owned()];
    };
    let mut differences = Vec::new();
    for (name, wanted) in &expected.upstream {
        let got: Vec<_> = upstream
            .iter()
            .filter(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        let shown =
            if got.is_empty() { "no such header".to_owned() } else { format!("{:?}", got.join(", ")) };
        match wanted {
            Value::Null if !got.is_empty() => {
                differences.push(format!("upstream {name}: expected no such header, got {shown}"))
            }
            Value::Null => {}
            wanted if got != [text(wanted).as_str()] => {
                differences.push(format!("upstream {name}: expected {:?}, got {shown}", text(wanted)));
            }
            _ => {}
        }
    }
    differences
}

/// Explains a failure: the rule, unread tokens, the reason.
pub fn why(outcome: &SimulationResult) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in &outcome.rules {
        let unmet: Vec<_> =
            rule.conditions.iter().filter(|result| !result.met).map(explain::condition).collect();
        let unmet = if unmet.is_empty() { String::new() } else { format!("; not met: {}", unmet.join(", ")) };
        lines.push(format!("rule {}: {}{unmet}", rule.name, rule.who));
    }
    let unread = outcome.unread_tokens.iter();
    lines.extend(unread.map(|place| explain::unread(place, outcome)));
    match (&outcome.decision, &outcome.token) {
        (SimulatedDecision::Deny { cause, .. }, _) => {
            lines.push(format!("denied, {}: {}", cause.reason, cause.detail))
        }
        (_, TokenReport::Invalid { cause, .. }) => {
            lines.push(format!("the token is not valid, {}: {}", cause.reason, cause.detail))
        }
        _ => {}
    }
    lines
}
