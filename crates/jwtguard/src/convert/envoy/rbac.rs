//! The RBAC filter: policies with permissions and principals.

use super::route_match::path_matcher;
use super::string_match::{Case, Pattern, StringMatch};
use super::tests::Tests;
use crate::convert::claim_test::{ClaimTest, TextTest, ValueTest};
use crate::convert::expression::{Expression, all, any};
use crate::convert::fields::{boolean, items, known, map, one_of, required_text, text, whole_text};
use crate::convert::notes::{Fault, Notes, Place};
use crate::convert::rules::{Authorization, Origin};
use crate::inspect::tree::{Tree, TreeValue};

/// The namespace in which `jwt_authn` writes payloads.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// Reads the configuration of a filter: the condition on which requests pass.
///
/// # Errors
/// The value is none.
pub fn read(tree: &Tree, tests: &mut Tests, notes: &mut Notes) -> Result<Authorization, Fault> {
    known(
        tree,
        &[
            "rules",
            "rules_stat_prefix",
            "matcher",
            "shadow_rules",
            "shadow_matcher",
            "shadow_rules_stat_prefix",
            "track_per_rule_stats",
        ],
    )?;
    for name in ["shadow_rules", "shadow_matcher"] {
        if let Some(shadow) = tree.get(name) {
            notes.dropped(
                shadow,
                "rules that are only counted stay out; write shadow beside a requirement, or report_only",
            );
        }
    }
    for name in ["rules_stat_prefix", "shadow_rules_stat_prefix", "track_per_rule_stats"] {
        if let Some(prefix) = tree.get(name).filter(|value| value.value != TreeValue::Bool(false)) {
            notes.dropped(prefix, "jwt-guard has metrics of its own: jwt_guard.denied.<reason>");
        }
    }
    if let Some(matcher) = tree.get("matcher") {
        if tree.get("rules").is_some() {
            return Err(Fault::at(matcher, "found rules and matcher; expected one of them"));
        }
        notes.dropped(
            matcher,
            "convert does not read matcher trees: every request is denied; write the policies as rules",
        );
        return Ok(Authorization { condition: Expression::Constant(false), policies: Vec::new() });
    }
    match tree.get("rules") {
        Some(rules) => self::rules(rules, tests, notes),
        None => Ok(Authorization { condition: Expression::Constant(true), policies: Vec::new() }),
    }
}

fn rules(tree: &Tree, tests: &mut Tests, notes: &mut Notes) -> Result<Authorization, Fault> {
    known(tree, &["action", "policies", "audit_logging_options"])?;
    if let Some(options) = tree.get("audit_logging_options") {
        notes.dropped(options, "jwt-guard has no audit log; its log has a line for each refusal");
    }
    let mut policies = Vec::new();
    // Envoy judges policies in the order of their names; the result does not depend on it.
    for (name, policy) in map(tree, "policies")? {
        let origin = Origin { place: Place::of(policy), label: format!("policy {name}") };
        policies.push((self::policy(policy, tests, notes)?, origin));
    }
    let one_matches = any(policies.iter().map(|(condition, _)| condition.clone()));
    let action = tree.get("action");
    let condition = match action {
        None => one_matches,
        Some(action) if action.is_enum("ALLOW", 0) => one_matches,
        Some(action) if action.is_enum("DENY", 1) => one_matches.negated(),
        Some(action) if action.is_enum("LOG", 2) => {
            notes.dropped(
                action,
                "the action LOG refuses nothing; write shadow beside a requirement to count requests",
            );
            policies.clear();
            Expression::Constant(true)
        }
        Some(action) => return Err(Fault::at(action, "expected ALLOW, DENY or LOG")),
    };
    Ok(Authorization { condition, policies })
}

fn policy(tree: &Tree, tests: &mut Tests, notes: &mut Notes) -> Result<Expression, Fault> {
    known(tree, &["permissions", "principals", "condition", "checked_condition", "cel_config"])?;
    let mut permissions = Vec::new();
    for permission in items(tree, "permissions")? {
        permissions.push(self::permission(permission, tests)?);
    }
    let mut principals = Vec::new();
    for principal in items(tree, "principals")? {
        principals.push(self::principal(principal, tests)?);
    }
    let mut parts = vec![any(permissions), any(principals)];
    for name in ["condition", "checked_condition"] {
        if let Some(condition) = tree.get(name) {
            parts.push(tests.other(condition, "what a CEL expression says"));
        }
    }
    if let Some(config) = tree.get("cel_config") {
        notes.dropped(config, "convert does not read CEL expressions");
    }
    Ok(all(parts))
}

const PERMISSIONS: [&str; 14] = [
    "and_rules",
    "or_rules",
    "any",
    "header",
    "url_path",
    "destination_ip",
    "destination_port",
    "destination_port_range",
    "metadata",
    "not_rule",
    "requested_server_name",
    "matcher",
    "uri_template",
    "sourced_metadata",
];

fn permission(tree: &Tree, tests: &mut Tests) -> Result<Expression, Fault> {
    let (name, value) = one_of(tree, &PERMISSIONS)?;
    match name {
        "any" => always(value),
        "and_rules" => Ok(all(parts(value, "rules", tests, permission)?)),
        "or_rules" => Ok(any(parts(value, "rules", tests, permission)?)),
        "not_rule" => Ok(permission(value, tests)?.negated()),
        "header" => tests.header(value),
        "url_path" => path_matcher(value, tests),
        "uri_template" => {
            known(value, &["name", "typed_config"])?;
            let config =
                value.get("typed_config").ok_or_else(|| Fault::at(value, "found no typed_config"))?;
            known(config, &["path_template"])?;
            Ok(tests.uri_template(value, required_text(config, "path_template")?))
        }
        "metadata" => metadata(value, tests),
        "sourced_metadata" => sourced_metadata(value, tests),
        "destination_ip" | "destination_port" | "destination_port_range" => {
            Ok(tests.other(value, "the address and the port of the listener"))
        }
        "requested_server_name" => Ok(tests.other(value, "the server name of the TLS connection")),
        _ => Ok(tests.other(value, "what an extension matches")),
    }
}

const PRINCIPALS: [&str; 14] = [
    "and_ids",
    "or_ids",
    "any",
    "authenticated",
    "source_ip",
    "direct_remote_ip",
    "remote_ip",
    "header",
    "url_path",
    "metadata",
    "filter_state",
    "not_id",
    "sourced_metadata",
    "custom",
];

fn principal(tree: &Tree, tests: &mut Tests) -> Result<Expression, Fault> {
    let (name, value) = one_of(tree, &PRINCIPALS)?;
    match name {
        "any" => always(value),
        "and_ids" => Ok(all(parts(value, "ids", tests, principal)?)),
        "or_ids" => Ok(any(parts(value, "ids", tests, principal)?)),
        "not_id" => Ok(principal(value, tests)?.negated()),
        "header" => tests.header(value),
        "url_path" => path_matcher(value, tests),
        "metadata" => metadata(value, tests),
        "sourced_metadata" => sourced_metadata(value, tests),
        "authenticated" => Ok(tests.other(value, "the certificate of the client")),
        "source_ip" | "direct_remote_ip" | "remote_ip" => Ok(tests.other(value, "the address of the client")),
        "filter_state" => Ok(tests.other(value, "filter state")),
        _ => Ok(tests.other(value, "what an extension matches")),
    }
}

fn always(tree: &Tree) -> Result<Expression, Fault> {
    match tree.is_true() {
        true => Ok(Expression::Constant(true)),
        false => Err(Fault::at(tree, "expected true")),
    }
}

fn parts(
    tree: &Tree,
    name: &str,
    tests: &mut Tests,
    read: fn(&Tree, &mut Tests) -> Result<Expression, Fault>,
) -> Result<Vec<Expression>, Fault> {
    known(tree, &[name])?;
    items(tree, name)?.iter().map(|part| read(part, tests)).collect()
}

fn sourced_metadata(tree: &Tree, tests: &mut Tests) -> Result<Expression, Fault> {
    known(tree, &["metadata_matcher", "metadata_source"])?;
    let matcher = tree.get("metadata_matcher").ok_or_else(|| Fault::at(tree, "found no metadata_matcher"))?;
    match tree.get("metadata_source") {
        Some(source) if !source.is_enum("DYNAMIC", 0) => Ok(tests.other(tree, "the metadata of a route")),
        _ => metadata(matcher, tests),
    }
}

fn metadata(tree: &Tree, tests: &mut Tests) -> Result<Expression, Fault> {
    known(tree, &["filter", "path", "value", "invert"])?;
    let mut names = Vec::new();
    for segment in items(tree, "path")? {
        known(segment, &["key"])?;
        names.push(required_text(segment, "key")?.to_owned());
    }
    let value =
        tree.get("value").ok_or_else(|| Fault::at(tree, "found no value; expected a ValueMatcher"))?;
    let value = self::value(value)?;
    let test = match (text(tree, "filter")?, names.split_first()) {
        (Some(JWT_AUTHN), Some((payload, claim))) if !claim.is_empty() => Expression::Claim(ClaimTest {
            payload: payload.clone(),
            claim: claim.to_vec(),
            value,
            place: Place::of(tree),
        }),
        (filter, _) => tests.other(tree, &format!("the metadata of {}", filter.unwrap_or("a filter"))),
    };
    Ok(if boolean(tree, "invert")? { test.negated() } else { test })
}

/// Reads a `ValueMatcher`.
fn value(tree: &Tree) -> Result<ValueTest, Fault> {
    let (name, value) = one_of(
        tree,
        &[
            "null_match",
            "double_match",
            "string_match",
            "bool_match",
            "present_match",
            "list_match",
            "or_match",
        ],
    )?;
    Ok(match name {
        "string_match" => ValueTest::Text(text_test(&StringMatch::read(value)?)),
        "bool_match" => ValueTest::Bool(boolean(tree, "bool_match")?),
        "present_match" if boolean(tree, "present_match")? => ValueTest::Present,
        "double_match" => double(value)?,
        "list_match" => {
            let (_, member) = one_of(value, &["one_of"])?;
            ValueTest::Member(Box::new(self::value(member)?))
        }
        "or_match" => {
            known(value, &["value_matchers"])?;
            let tests: Result<Vec<_>, _> = items(value, "value_matchers")?.iter().map(self::value).collect();
            ValueTest::Or(tests?)
        }
        _ => ValueTest::Other,
    })
}

fn text_test(matched: &StringMatch) -> TextTest {
    match (&matched.pattern, matched.case) {
        (_, Case::Ignored) => TextTest::Other,
        (Pattern::Exact(text), _) => TextTest::Exact(text.clone()),
        (Pattern::Prefix(text), _) => TextTest::Prefix(text.clone()),
        (Pattern::Suffix(text), _) => TextTest::Suffix(text.clone()),
        (Pattern::Regex(regex), _) if regex == ".+" => TextTest::Filled,
        (Pattern::Contains(_) | Pattern::Regex(_) | Pattern::Custom, _) => TextTest::Other,
    }
}

fn double(tree: &Tree) -> Result<ValueTest, Fault> {
    let number = |tree: &Tree, name: &str| -> Result<f64, Fault> {
        let Some(value) = tree.get(name) else { return Ok(0.0) };
        let number = whole_text(value)?.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| Fault::at(value, "expected a number"))
    };
    match one_of(tree, &["range", "exact"])? {
        ("range", range) => {
            known(range, &["start", "end"])?;
            Ok(ValueTest::Range { start: number(range, "start")?, end: number(range, "end")? })
        }
        _ => Ok(ValueTest::Number(number(tree, "exact")?)),
    }
}
