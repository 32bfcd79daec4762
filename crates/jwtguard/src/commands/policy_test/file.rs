//! A test file. It is parsed completely before any test runs, so that a mistake in it is not reported as a failed test.

use std::collections::BTreeMap;

use jwt_guard::config::Path;
use jwt_guard::config::path::PathSegment;
use jwtguard::inspect::path::below;
use jwtguard::inspect::simulation::{TestCredential, TestRequest, parse_reason};
use jwtguard::inspect::tree::Tree;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::commands::token_input::{ClaimsInput, certificate_digest, without_scheme};
use crate::commands::{check, explain};

/// The content of a test file.
pub struct Suite {
    pub config: Option<String>,
    pub configuration: usize,
    pub jwks: Option<String>,
    pub tests: Vec<Test>,
}

/// One request and the expected decision.
pub struct Test {
    pub name: String,
    /// The request as the file has it.
    pub request: String,
    pub line: usize,
    pub test_request: TestRequest,
    /// The time of the request, in seconds since 1970; the current time if absent.
    pub now: Option<u64>,
    pub credential: TestCredential,
    pub expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSuite {
    config: Option<String>,
    #[serde(default = "first")]
    configuration: usize,
    jwks: Option<String>,
    #[serde(default = "localhost")]
    host: String,
    now: Option<u64>,
    tests: Vec<RawTest>,
}

fn first() -> usize {
    1
}

fn localhost() -> String {
    "localhost".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTest {
    name: Option<String>,
    request: String,
    host: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    claims: Option<Map<String, Value>>,
    token: Option<String>,
    client_certificate: Option<String>,
    #[serde(default)]
    dpop: bool,
    #[serde(default)]
    tokens: BTreeMap<String, Value>,
    route_metadata: Option<Value>,
    route_annotation: Option<Value>,
    gateway_annotation: Option<Value>,
    now: Option<u64>,
    expect: Value,
}

/// The expected decision. Absent members are not compared.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub pass: Option<bool>,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub reason: Option<String>,
    pub rule: Option<String>,
    #[serde(default)]
    pub upstream: BTreeMap<String, Value>,
    pub would_deny: Option<Vec<String>>,
}

impl Suite {
    /// Reads a file; `-` is standard input.
    pub fn read(file: &str) -> Result<Self, String> {
        let documents = check::read(file)?;
        let [document] = documents.as_slice() else {
            return Err(format!(
                "{file}: expected one document with config and tests, found {} documents",
                documents.len()
            ));
        };
        let tree = &document.tree;
        let raw: RawSuite = parsed(&tree.to_json())
            .map_err(|problem| problem.located_in(file, tree, &Path::root(), dotted))?;
        let tests = Path::root().key("tests");
        if raw.tests.is_empty() {
            return Err(format!(
                "{file}:{}: tests is empty; write at least one test",
                tree.nearest_to(&tests).line
            ));
        }
        let tests = raw.tests.into_iter().enumerate().map(|(index, test)| {
            let path = tests.index(index).to_owned();
            let name = test.name.as_deref().unwrap_or(&test.request).to_owned();
            let line = tree.nearest_to(&path).line;
            test.into_test(name.clone(), line, (&raw.host, raw.now)).map_err(|problem| {
                problem.located_in(file, tree, &path, |path| match path.is_root() {
                    true => name.clone(),
                    false => format!("{name}: {}", dotted(path)),
                })
            })
        });
        Ok(Self {
            config: raw.config,
            configuration: raw.configuration,
            jwks: raw.jwks,
            tests: tests.collect::<Result<_, _>>()?,
        })
    }
}

impl RawTest {
    fn into_test(
        self,
        name: String,
        line: usize,
        (host, now): (&str, Option<u64>),
    ) -> Result<Test, FileError> {
        let expected = expected(&self.expect)?;
        let (method, path) =
            explain::request(&self.request).map_err(|sentence| FileError::at(&key("request"), sentence))?;
        let headers = self.headers.into_iter().map(|(name, value)| (name, text(&value)));
        let test_request = TestRequest {
            method,
            path,
            host: self.host.unwrap_or_else(|| host.to_owned()),
            headers: headers.collect(),
            client_certificate: self
                .client_certificate
                .map(|text| certificate_digest(&text))
                .transpose()
                .map_err(|sentence| FileError::at(&key("client_certificate"), sentence))?,
            dpop: self.dpop,
            route_metadata: self.route_metadata.map(|metadata| metadata.to_string()),
            route_annotation: self.route_annotation.as_ref().map(text),
            gateway_annotation: self.gateway_annotation.as_ref().map(text),
            second_tokens: second_tokens(self.tokens)?,
        };
        let credential = match (self.token, self.claims) {
            (Some(_), Some(_)) => {
                return Err(FileError::at(
                    &key("token"),
                    "found both claims and token; write only one of them",
                ));
            }
            (Some(token), None) => TestCredential::Token(without_scheme(&token).to_owned()),
            (None, Some(object)) => ClaimsInput::new(object).credential(None),
            (None, None) => TestCredential::None,
        };
        let now = self.now.or(now);
        Ok(Test { name, request: self.request, line, test_request, now, credential, expected })
    }
}

/// The second tokens: each the claims of a token, or a token.
fn second_tokens(tokens: BTreeMap<String, Value>) -> Result<Vec<(String, TestCredential)>, FileError> {
    let credential = |(name, value): (String, Value)| match value {
        Value::Object(claims) => Ok((name, ClaimsInput::new(claims).credential(None))),
        Value::String(token) => Ok((name, TestCredential::Token(without_scheme(&token).to_owned()))),
        _ => Err(FileError::at(
            &key("tokens").key(&name),
            "expected the claims of the token, or the token itself",
        )),
    };
    tokens.into_iter().map(credential).collect()
}

/// The value of a header. Numbers and booleans become text.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn expected(expect: &Value) -> Result<Expected, FileError> {
    let path = key("expect");
    let expected: Expected = match expect {
        Value::String(word) if word == "pass" => Expected { pass: Some(true), ..Expected::default() },
        Value::Number(status) => {
            let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
            let status = status.ok_or_else(|| FileError::at(&path, "expected a status from 0 to 65535"))?;
            Expected { status: Some(status), ..Expected::default() }
        }
        Value::Object(members) if members.is_empty() => {
            return Err(FileError::at(
                &path,
                "expect is empty; write pass, a status, or an object with pass, status, error, reason, rule, upstream or would_deny",
            ));
        }
        Value::Object(_) => parsed(&expect.to_string()).map_err(|problem| problem.below(&path))?,
        _ => {
            return Err(FileError::at(
                &path,
                "expected pass, a status, or an object with pass, status, error, reason, rule, upstream or would_deny",
            ));
        }
    };
    // A request that is not denied has no reason, which a test writes as `none`.
    let named = |name: &str| if name == NO_REASON { Ok(()) } else { parse_reason(name).map(drop) };
    if let Some(reason) = &expected.reason {
        named(reason).map_err(|sentence| FileError::at(&path.key("reason"), sentence))?;
    }
    for (index, reason) in expected.would_deny.iter().flatten().enumerate() {
        parse_reason(reason)
            .map_err(|sentence| FileError::at(&path.key("would_deny").index(index), sentence))?;
    }
    Ok(expected)
}

/// The name for the absence of a reason.
pub const NO_REASON: &str = "none";

/// An error in a test file, with its path below the parsed value.
struct FileError {
    path: Path,
    sentence: String,
}

impl FileError {
    fn at(path: &Path<&str>, sentence: impl Into<String>) -> Self {
        Self { path: path.to_owned(), sentence: sentence.into() }
    }

    fn below(self, path: &Path<&str>) -> Self {
        Self { path: below(&path.to_owned(), &self.path), ..self }
    }

    /// Adds the file, and the line of the nearest value that exists.
    fn located_in(&self, file: &str, tree: &Tree, path: &Path, named: impl Fn(&Path) -> String) -> String {
        let line = tree.nearest_to(&below(path, &self.path)).line;
        match named(&self.path) {
            name if name.is_empty() => format!("{file}:{line}: {}", self.sentence),
            name => format!("{file}:{line}: {name}: {}", self.sentence),
        }
    }
}

/// Formats a path with the names as in the file, without quotes.
fn dotted(path: &Path) -> String {
    let mut dotted = String::new();
    for segment in path.segments() {
        match segment {
            PathSegment::Key(key) if dotted.is_empty() => dotted.push_str(key),
            PathSegment::Key(key) => dotted.extend([".", key]),
            PathSegment::Index(index) => dotted.push_str(&format!("[{index}]")),
        }
    }
    dotted
}

fn key(name: &str) -> Path<&str> {
    Path::root().key(name)
}

fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, FileError> {
    let reader = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().iter().filter_map(step).collect();
        let (error, problem) = (error.inner(), error.inner().to_string());
        // The JSON text is generated: its lines and columns are not those of the file.
        let position = format!(" at line {} column {}", error.line(), error.column());
        let sentence = problem.strip_suffix(&position).unwrap_or(&problem).to_owned();
        FileError { path, sentence }
    })
}

fn step(step: &serde_path_to_error::Segment) -> Option<PathSegment> {
    use serde_path_to_error::Segment as Step;
    match step {
        Step::Seq { index } => Some(PathSegment::Index(*index)),
        Step::Map { key } => Some(PathSegment::Key(key.clone())),
        Step::Enum { .. } | Step::Unknown => None,
    }
}
