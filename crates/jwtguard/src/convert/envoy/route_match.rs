//! `RouteMatch`: the requests that a rule of `jwt_authn` or a route of Envoy takes.

use super::string_match::{path_regex, regex};
use super::tests::Tests;
use crate::convert::expression::{Expression, RequestTest, all};
use crate::convert::fields::{boolean, items, known, one_of, required_text, text, whole_text};
use crate::convert::notes::Fault;
use crate::convert::path_test::PathTest;
use crate::inspect::tree::{Tree, TreeValue};

const PATHS: [&str; 6] =
    ["prefix", "path", "safe_regex", "connect_matcher", "path_separated_prefix", "path_match_policy"];

/// Parts of the request that the filter does not read.
const OTHERS: [(&str, &str); 8] = [
    ("runtime_fraction", "a share of the requests"),
    ("query_parameters", "query parameters"),
    ("cookies", "cookies other than those with a token"),
    ("grpc", "whether a request is gRPC"),
    ("tls_context", "the TLS connection"),
    ("dynamic_metadata", "dynamic metadata"),
    ("filter_state", "filter state"),
    ("headers", ""),
];

/// Reads a `RouteMatch`.
///
/// # Errors
/// The value is none.
pub fn read(tree: &Tree, tests: &mut Tests) -> Result<Expression, Fault> {
    let others = OTHERS.map(|(name, _)| name);
    known(tree, &[&PATHS[..], &others[..], &["case_sensitive"]].concat())?;
    let set: Vec<(&str, &Tree)> = PATHS.iter().filter_map(|name| Some((*name, tree.get(name)?))).collect();
    let [(name, value)] = set.as_slice() else {
        return Err(Fault::at(tree, format!("expected one of {}", PATHS.join(", "))));
    };
    let ignores_case = tree.get("case_sensitive").is_some() && !boolean(tree, "case_sensitive")?;
    let path = match *name {
        _ if ignores_case && matches!(*name, "prefix" | "path" | "path_separated_prefix") => {
            whole_text(value)?;
            tests.path_in_any_case(value)
        }
        "prefix" => match whole_text(value)? {
            "" | "/" => Expression::Request(RequestTest::Path(PathTest::Prefix("/".to_owned()))),
            prefix => tests.path(value, PathTest::Prefix(prefix.to_owned())),
        },
        "path" => tests.path(value, PathTest::Exact(whole_text(value)?.to_owned())),
        "path_separated_prefix" => tests.path(value, PathTest::Separated(whole_text(value)?.to_owned())),
        "safe_regex" => {
            let id = tests.number(value);
            tests.path(value, path_regex(regex(value)?, id))
        }
        "path_match_policy" => policy(value, tests)?,
        _ => {
            known(value, &[])?;
            Expression::Request(RequestTest::Method(["CONNECT".to_owned()].into()))
        }
    };
    let mut parts = vec![path];
    for (name, what) in OTHERS {
        if name == "headers" {
            for header in items(tree, name)? {
                parts.push(tests.header(header)?);
            }
        } else if let Some(value) = tree.get(name).filter(|value| !value.is_empty_list()) {
            parts.push(tests.other(value, what));
        }
    }
    Ok(all(parts))
}

/// A `path_match_policy`, which is a template of Envoy.
fn policy(tree: &Tree, tests: &mut Tests) -> Result<Expression, Fault> {
    known(tree, &["name", "typed_config"])?;
    text(tree, "name")?;
    let config = tree
        .get("typed_config")
        .ok_or_else(|| Fault::at(tree, "found no typed_config; expected a template"))?;
    known(config, &["path_template"])?;
    Ok(tests.uri_template(tree, required_text(config, "path_template")?))
}

/// Reads a `PathMatcher`.
///
/// # Errors
/// The value is none.
pub fn path_matcher(tree: &Tree, tests: &mut Tests) -> Result<Expression, Fault> {
    let (_, path) = one_of(tree, &["path"])?;
    let matched = super::string_match::StringMatch::read(path)?;
    Ok(tests.path_by_text(path, &matched))
}

impl Tree {
    /// Whether the value is a list without items.
    pub(in crate::convert) fn is_empty_list(&self) -> bool {
        matches!(&self.value, TreeValue::List(items) if items.is_empty())
    }
}
