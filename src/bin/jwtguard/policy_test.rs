//! `test`: a policy under test, without an Envoy.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use jwt_guard::inspect::trial::{Bench, Call, Credential, Decision, Outcome, TokenReport};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::check::{self, UNREADABLE};
use crate::output::say;
use crate::token_input::{Claims, without_scheme};
use crate::{explain, now};

/// Try requests against a configuration and compare what becomes of them with what should.
#[derive(clap::Args)]
#[command(after_help = "\
A file names a configuration, seen from itself, and requests:

  config: envoy.yaml
  tests:
    - name: a user is no admin
      request: GET /api/admin/users
      claims: { sub: alice, roles: [user] }
      expect: { status: 403, reason: role }
    - name: an admin is, and the upstream is told who
      request: GET /api/admin/users
      claims: { sub: root, roles: [admin] }
      expect: { pass: true, upstream: { x-auth-sub: root, authorization: null } }

A test has request, and may have host, headers, claims or token, route_metadata. iss, aud, iat and exp are added to
claims where they are missing; claims may also be what jwtguard decode --json prints, to which nothing is added. token
may have Bearer before it. expect may have pass, status, error, reason, rule, upstream, would_deny; a number alone is a
status, pass alone is pass: true.

Exit status: 0 all is as expected, 1 something is not, 2 the file makes no sense.")]
pub struct Arguments {
    /// Files of tests
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// This configuration instead of the one that the file names
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Print every test, not the failures alone
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    config: Option<String>,
    #[serde(default = "first")]
    configuration: usize,
    jwks: Option<String>,
    #[serde(default = "localhost")]
    host: String,
    tests: Vec<Case>,
}

fn first() -> usize {
    1
}

fn localhost() -> String {
    "localhost".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: Option<String>,
    request: String,
    host: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    claims: Option<Map<String, Value>>,
    token: Option<String>,
    route_metadata: Option<Value>,
    expect: Value,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Expected {
    pass: Option<bool>,
    status: Option<u16>,
    error: Option<String>,
    reason: Option<String>,
    rule: Option<String>,
    #[serde(default)]
    upstream: BTreeMap<String, Value>,
    would_deny: Option<Vec<String>>,
}

/// `test`
pub fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let (mut passed, mut failed) = (0, 0);
    for file in &arguments.files {
        match suite(file, arguments) {
            Ok((suite_passed, suite_failed)) => {
                passed += suite_passed;
                failed += suite_failed;
            }
            Err(sentence) => {
                eprintln!("jwtguard: {sentence}");
                return Ok(ExitCode::from(UNREADABLE));
            }
        }
    }
    say!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn suite(file: &str, arguments: &Arguments) -> Result<(usize, usize), String> {
    let documents = check::read(file)?;
    let [document] = documents.as_slice() else {
        return Err(format!(
            "{file}: expected one document with config and tests, found {}",
            documents.len()
        ));
    };
    let suite: Suite = parsed(&document.tree.to_json()).map_err(|problem| format!("{file}: {problem}"))?;
    let beside = |name: &str| match Path::new(file).parent().filter(|_| file != "-") {
        Some(folder) => folder.join(name).display().to_string(),
        None => name.to_owned(),
    };
    let config = match (&arguments.config, &suite.config) {
        (Some(config), _) => config.clone(),
        (None, Some(config)) => beside(config),
        (None, None) => {
            return Err(format!("{file}: config is missing: the file with the configuration to test"));
        }
    };
    let (config, tree) = explain::configuration(&config, suite.configuration)?;
    let mut bench = Bench::new(&config, &tree, now());
    if let Some(jwks) = &suite.jwks {
        let path = beside(jwks);
        bench.add_keys(&check::text(&path)?).map_err(|problem| format!("{path}: {problem}"))?;
    }
    if suite.tests.is_empty() {
        return Err(format!("{file}: there is no test"));
    }
    let tests = document.tree.get("tests").map(|tests| tests.items()).unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for (index, case) in suite.tests.iter().enumerate() {
        let line = tests.get(index).map_or(0, |test| test.line);
        let name = case.name.as_deref().unwrap_or(&case.request);
        let differences = differences(case, &suite, &bench)
            .map_err(|problem| format!("{file}:{line}: {name}: {problem}"))?;
        if differences.is_empty() {
            passed += 1;
            if arguments.verbose {
                say!("ok   {name}");
            }
        } else {
            failed += 1;
            say!("FAIL {name} ({file}:{line})");
            for difference in differences {
                say!("     {difference}");
            }
        }
    }
    Ok((passed, failed))
}

fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
    let reader = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let (path, problem) = (error.path().to_string(), error.into_inner().to_string());
        // The text was made here: lines and columns of it would mislead.
        let problem = problem.split(" at line ").next().unwrap_or_default().to_owned();
        if path == "." { problem } else { format!("{path}: {problem}") }
    })
}

/// What is not as expected, a line each.
fn differences(case: &Case, suite: &Suite, bench: &Bench<'_>) -> Result<Vec<String>, String> {
    let expected: Expected = match &case.expect {
        Value::String(word) if word == "pass" => Expected { pass: Some(true), ..Expected::default() },
        Value::Number(status) => {
            let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
            Expected { status: Some(status.ok_or("expect is no status")?), ..Expected::default() }
        }
        Value::Object(members) if members.is_empty() => return Err("expect says nothing".to_owned()),
        Value::Object(_) => {
            parsed(&case.expect.to_string()).map_err(|problem| format!("expect: {problem}"))?
        }
        _ => return Err("expect: expected pass, a status, or an object of both and more".to_owned()),
    };
    let (method, path) = explain::request(&case.request)?;
    let headers = case.headers.iter().map(|(name, value)| (name.clone(), text(value)));
    let call = Call {
        method,
        path,
        host: case.host.clone().unwrap_or_else(|| suite.host.clone()),
        headers: headers.collect(),
        route_metadata: case.route_metadata.as_ref().map(Value::to_string),
    };
    let credential = match (&case.token, &case.claims) {
        (Some(_), Some(_)) => return Err("give either claims or a token".to_owned()),
        (Some(token), None) => Credential::Token(without_scheme(token).to_owned()),
        (None, Some(claims)) => Claims::new(claims.clone()).credential(None),
        (None, None) => Credential::None,
    };
    let outcome = bench.run(&call, &credential)?;
    let mut differences = compared(&expected, &outcome);
    if !differences.is_empty() {
        differences.extend(why(&outcome));
    }
    Ok(differences)
}

/// A header's value: numbers and booleans as they are written.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn compared(expected: &Expected, outcome: &Outcome) -> Vec<String> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, expected: Option<String>, got: String| {
        if let Some(expected) = expected.filter(|expected| *expected != got) {
            differences.push(format!("{what}: expected {expected}, got {got}"));
        }
    };
    let none = || "none".to_owned();
    let (status, body) = match &outcome.decision {
        Decision::Passes { .. } => (None, None),
        Decision::Refused { status, body, .. } => (Some(*status), Some(body.as_str())),
        Decision::Served { .. } => (Some(200), None),
    };
    let went = |pass: bool| if pass { "the request goes on" } else { "the filter answers" }.to_owned();
    compare("outcome", expected.pass.map(went), went(outcome.passes()));
    let shown = status.map_or_else(|| went(true), |status| status.to_string());
    // 200 is what a request that goes on is taken to end with.
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
        let got: Vec<_> = outcome.would_deny.iter().map(|facts| facts.reason.as_str().to_owned()).collect();
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

fn upstream(expected: &Expected, outcome: &Outcome) -> Vec<String> {
    if expected.upstream.is_empty() {
        return Vec::new();
    }
    let Decision::Passes { upstream, .. } = &outcome.decision else {
        return vec!["upstream: expected headers there, but the request does not get there".to_owned()];
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

/// What a reader of a failure asks next.
fn why(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in &outcome.rules {
        let unmet: Vec<_> =
            rule.conditions.iter().filter(|checked| !checked.met).map(explain::condition).collect();
        let unmet = if unmet.is_empty() { String::new() } else { format!("; not met: {}", unmet.join(", ")) };
        lines.push(format!("the rule is {}: {}{unmet}", rule.name, rule.who));
    }
    let unread = outcome.unread_tokens.iter();
    lines.extend(unread.map(|place| explain::unread(place, outcome)));
    match (&outcome.decision, &outcome.token) {
        (Decision::Refused { facts, .. }, _) => {
            lines.push(format!("refused because of {}: {}", facts.reason, facts.detail))
        }
        (_, TokenReport::Invalid { facts, .. }) => {
            lines.push(format!("the token is not valid: {}, {}", facts.reason, facts.detail))
        }
        _ => {}
    }
    lines
}
