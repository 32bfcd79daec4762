//! A file of tests: read as a whole before any test runs, so that a slip in it is no failed test.

use std::collections::BTreeMap;

use jwtguard::inspect::tree::Tree;
use jwtguard::inspect::trial::{Call, Credential, reason_named};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::commands::token_input::{Claims, without_scheme};
use crate::commands::{check, explain};

/// What a file says.
pub struct Suite {
    pub config: Option<String>,
    pub configuration: usize,
    pub jwks: Option<String>,
    pub tests: Vec<Test>,
}

/// One request and what is expected of it.
pub struct Test {
    pub name: String,
    /// As the file has it.
    pub request: String,
    pub line: usize,
    pub call: Call,
    pub credential: Credential,
    pub expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    config: Option<String>,
    #[serde(default = "first")]
    configuration: usize,
    jwks: Option<String>,
    #[serde(default = "localhost")]
    host: String,
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
    route_metadata: Option<Value>,
    expect: Value,
}

/// What is expected of a request; what is absent is not compared.
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
                "{file}: expected one document with config and tests, found {}",
                documents.len()
            ));
        };
        let tree = &document.tree;
        let raw: Raw = parsed(&tree.to_json())
            .map_err(|problem| problem.told(file, tree, "", |path| path.to_owned()))?;
        if raw.tests.is_empty() {
            return Err(format!("{file}:{}: there is no test", tree.nearest("tests").line));
        }
        let tests = raw.tests.into_iter().enumerate().map(|(index, test)| {
            let path = format!("tests[{index}]");
            let name = test.name.as_deref().unwrap_or(&test.request).to_owned();
            let line = tree.nearest(&path).line;
            test.sound(name.clone(), line, &raw.host).map_err(|problem| {
                problem.told(file, tree, &path, |path| match path {
                    "" => name.clone(),
                    path => format!("{name}: {path}"),
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
    fn sound(self, name: String, line: usize, host: &str) -> Result<Test, Problem> {
        let expected = expected(&self.expect)?;
        let (method, path) =
            explain::request(&self.request).map_err(|sentence| Problem::at("request", sentence))?;
        let headers = self.headers.into_iter().map(|(name, value)| (name, text(&value)));
        let call = Call {
            method,
            path,
            host: self.host.unwrap_or_else(|| host.to_owned()),
            headers: headers.collect(),
            route_metadata: self.route_metadata.map(|metadata| metadata.to_string()),
        };
        let credential = match (self.token, self.claims) {
            (Some(_), Some(_)) => return Err(Problem::at("token", "give either claims or a token")),
            (Some(token), None) => Credential::Token(without_scheme(&token).to_owned()),
            (None, Some(object)) => Claims::new(object).credential(None),
            (None, None) => Credential::None,
        };
        Ok(Test { name, request: self.request, line, call, credential, expected })
    }
}

/// A header's value: numbers and booleans as they are written.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn expected(expect: &Value) -> Result<Expected, Problem> {
    let expected: Expected = match expect {
        Value::String(word) if word == "pass" => Expected { pass: Some(true), ..Expected::default() },
        Value::Number(status) => {
            let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
            let status = status.ok_or_else(|| Problem::at("expect", "expect is no status"))?;
            Expected { status: Some(status), ..Expected::default() }
        }
        Value::Object(members) if members.is_empty() => {
            return Err(Problem::at("expect", "expect says nothing"));
        }
        Value::Object(_) => parsed(&expect.to_string()).map_err(|problem| problem.below("expect"))?,
        _ => return Err(Problem::at("expect", "expected pass, a status, or an object of both and more")),
    };
    // A request that is not refused has no reason.
    let named = |name: &str| if name == NO_REASON { Ok(()) } else { reason_named(name).map(drop) };
    if let Some(reason) = &expected.reason {
        named(reason).map_err(|sentence| Problem::at("expect.reason", sentence))?;
    }
    for (index, reason) in expected.would_deny.iter().flatten().enumerate() {
        reason_named(reason)
            .map_err(|sentence| Problem::at(&format!("expect.would_deny[{index}]"), sentence))?;
    }
    Ok(expected)
}

/// What stands for the reason where there is none.
pub const NO_REASON: &str = "none";

/// What is wrong, and where below the value that was read.
struct Problem {
    path: String,
    sentence: String,
}

impl Problem {
    fn at(path: &str, sentence: impl Into<String>) -> Self {
        Self { path: path.to_owned(), sentence: sentence.into() }
    }

    fn below(self, path: &str) -> Self {
        let path = jwtguard::inspect::tree::below(path, &self.path);
        Self { path, ..self }
    }

    /// With the file and the line of the value nearest to it.
    fn told(&self, file: &str, tree: &Tree, path: &str, named: impl Fn(&str) -> String) -> String {
        let line = tree.nearest(&jwtguard::inspect::tree::below(path, &self.path)).line;
        match named(&self.path) {
            name if name.is_empty() => format!("{file}:{line}: {}", self.sentence),
            name => format!("{file}:{line}: {name}: {}", self.sentence),
        }
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Problem> {
    let reader = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let (path, problem) = (error.path().to_string(), error.into_inner().to_string());
        // The text was made here: lines and columns of it would mislead.
        let sentence = problem.split(" at line ").next().unwrap_or_default();
        Problem::at(if path == "." { "" } else { &path }, sentence)
    })
}
