//! HTTPRoute and GRPCRoute: the matches of their rules, in the order in which Envoy Gateway compares them.

use std::cmp::Reverse;

use crate::convert::made::{boolean, list, map, object, text as text_at};
use crate::convert::manifest::{Manifest, items, known, optional, required, text, texts};
use crate::convert::notes::Fault;
use crate::inspect::tree::Tree;

/// A route object.
#[derive(Debug)]
pub struct Route<'t> {
    /// The object.
    pub manifest: Manifest<'t>,
    /// `hostnames`
    pub hostnames: Vec<&'t str>,
    /// The Gateways, with the listener if one is named.
    pub parents: Vec<Parent<'t>>,
    /// The matches of all rules, in their order.
    pub matches: Vec<Match<'t>>,
}

/// An entry of `parentRefs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent<'t> {
    /// The namespace of the Gateway.
    pub namespace: &'t str,
    /// The name of the Gateway.
    pub name: &'t str,
    /// The listener.
    pub section: Option<&'t str>,
}

/// One entry of `matches`.
#[derive(Debug, Clone)]
pub struct Match<'t> {
    /// The name of the rule.
    pub rule: Option<&'t str>,
    /// The `match` of an Envoy route.
    pub tree: Tree,
    /// Its place in the order.
    precedence: Precedence,
}

/// The greatest comes first; among equals, the first in the files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Precedence {
    path: PathKind,
    length: usize,
    headers: usize,
    exact_headers: usize,
    cookies: usize,
    queries: usize,
    exact_queries: usize,
    /// Files do not tell which of two equal routes is older. A test that only some requests pass counts for both of its results, so
    /// that such a match before the other one is never weaker.
    is_open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PathKind {
    Prefix,
    Regex,
    Exact,
}

/// Sorts matches as Envoy Gateway does.
pub fn sort<T>(matches: &mut [T], of: impl Fn(&T) -> &Match<'_>) {
    matches.sort_by_key(|item| Reverse(of(item).precedence.clone()));
}

/// The fields of a rule.
const RULE_FIELDS: [&str; 7] =
    ["name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence"];

/// Reads an HTTPRoute or a GRPCRoute.
///
/// # Errors
/// The first field that is not as expected.
pub fn route<'t>(tree: &'t Tree, kind: &'t str) -> Result<Route<'t>, Fault> {
    let manifest = Manifest::read(tree, kind, "gateway.networking.k8s.io", &["v1", "v1beta1", "v1alpha2"])?;
    known(manifest.spec, &["parentRefs", "hostnames", "rules", "useDefaultGateways"])?;
    let hostnames = texts(manifest.spec, "hostnames")?.into_iter().map(|(_, name)| name).collect();
    let parents = items(manifest.spec, "parentRefs")?.iter();
    let parents: Vec<Option<Parent<'t>>> =
        parents.map(|tree| parent(tree, manifest.namespace)).collect::<Result<_, Fault>>()?;
    let mut matches = Vec::new();
    for rule in items(manifest.spec, "rules")? {
        let name = optional(rule, "name", text)?;
        let found = of_rule(rule, kind)?.into_iter();
        matches.extend(found.map(|(tree, precedence)| Match { rule: name, tree, precedence }));
    }
    if manifest.spec.get_exact("rules").is_none() {
        let found = of_rule(&object(manifest.spec, Vec::new()), kind)?.into_iter();
        matches.extend(found.map(|(tree, precedence)| Match { rule: None, tree, precedence }));
    }
    Ok(Route { manifest, hostnames, parents: parents.into_iter().flatten().collect(), matches })
}

/// The matches of a rule. Without matches, it matches every path.
fn of_rule(rule: &Tree, kind: &str) -> Result<Vec<(Tree, Precedence)>, Fault> {
    known(rule, &RULE_FIELDS)?;
    let extension =
        items(rule, "filters")?.iter().find(|filter| filter.text_of("type") == Some("ExtensionRef"));
    let read: fn(&Tree) -> Result<(Tree, Precedence), Fault> =
        if kind == "GRPCRoute" { grpc_match } else { http_match };
    let written = items(rule, "matches")?;
    let absent = written.is_empty().then(|| object(rule, Vec::new()));
    let of_match = |tree: &Tree| {
        let (tree, precedence) = read(tree)?;
        let by_method =
            tree.list("headers").iter().filter(|header| header.text_of("name") == Some(":method")).count();
        let is_open = precedence.headers + precedence.queries > by_method;
        let precedence = Precedence { is_open, ..precedence };
        Ok(match extension {
            None => (tree, precedence),
            Some(extension) => (with_cookies(&tree, extension), Precedence { cookies: 1, ..precedence }),
        })
    };
    written.iter().chain(absent.as_ref()).map(of_match).collect()
}

/// The match with a test of cookies, which an HTTPRouteFilter can add: some of the requests may not pass it.
fn with_cookies(matched: &Tree, extension: &Tree) -> Tree {
    let test = object(
        extension,
        vec![("name", text_at(extension, "cookie")), ("present_match", boolean(extension, true))],
    );
    let mut headers = matched.list("headers").to_vec();
    headers.push(test);
    let others = matched.members().iter().filter(|(name, _)| name != "headers").cloned();
    map(matched, others.chain([("headers".to_owned(), list(matched, headers))]).collect())
}

/// An entry of `parentRefs`. `None` if the parent is no Gateway.
fn parent<'t>(tree: &'t Tree, namespace: &'t str) -> Result<Option<Parent<'t>>, Fault> {
    known(tree, &["group", "kind", "namespace", "name", "sectionName", "port"])?;
    let name = text(required(tree, "name", "the name of a Gateway")?)?;
    let namespace = optional(tree, "namespace", text)?.unwrap_or(namespace);
    let is_gateway = optional(tree, "kind", text)?.is_none_or(|kind| kind == "Gateway");
    Ok(is_gateway.then_some(Parent { namespace, name, section: optional(tree, "sectionName", text)? }))
}

fn http_match(tree: &Tree) -> Result<(Tree, Precedence), Fault> {
    known(tree, &["path", "headers", "queryParams", "method"])?;
    let (path, kind, length) = match tree.get_exact("path") {
        Some(path) => self::path(path)?,
        None => (("prefix", text_at(tree, "/")), PathKind::Prefix, 0),
    };
    let (mut headers, mut exact_headers) = named(tree, "headers")?;
    if let Some(method) = optional(tree, "method", |tree| text(tree).map(|_| tree))? {
        headers.push(matcher(method, ":method", "exact", method));
        exact_headers += 1;
    }
    let (queries, exact_queries) = named(tree, "queryParams")?;
    let precedence = Precedence {
        path: kind,
        length,
        headers: headers.len(),
        exact_headers,
        cookies: 0,
        queries: queries.len(),
        exact_queries,
        is_open: false,
    };
    let mut members = vec![path];
    if !headers.is_empty() {
        members.push(("headers", list(tree, headers)));
    }
    if !queries.is_empty() {
        members.push(("query_parameters", list(tree, queries)));
    }
    Ok((object(tree, members), precedence))
}

type PathMatch = ((&'static str, Tree), PathKind, usize);

fn path(tree: &Tree) -> Result<PathMatch, Fault> {
    known(tree, &["type", "value"])?;
    let place = tree.get_exact("value").unwrap_or(tree);
    let value = optional(tree, "value", text)?.unwrap_or("/");
    match optional(tree, "type", text)?.unwrap_or("PathPrefix") {
        "PathPrefix" if value == "/" => Ok((("prefix", text_at(place, "/")), PathKind::Prefix, 0)),
        "PathPrefix" => {
            let prefix = text_at(place, value.strip_suffix('/').unwrap_or(value));
            Ok((("path_separated_prefix", prefix), PathKind::Prefix, value.len()))
        }
        "Exact" => Ok((("path", text_at(place, value)), PathKind::Exact, value.len())),
        "RegularExpression" => Ok((regex(place, value), PathKind::Regex, value.len())),
        other => {
            let problem = format!("expected one of PathPrefix, Exact, RegularExpression, got `{other}`");
            Err(Fault::at(tree.get_exact("type").unwrap_or(tree), problem))
        }
    }
}

fn regex(place: &Tree, regex: &str) -> (&'static str, Tree) {
    ("safe_regex", object(place, vec![("regex", text_at(place, regex))]))
}

/// Matchers of headers or query parameters, and how many of them are exact.
fn named(tree: &Tree, field: &str) -> Result<(Vec<Tree>, usize), Fault> {
    let (mut matchers, mut exact) = (Vec::new(), 0);
    for item in items(tree, field)? {
        known(item, &["type", "name", "value"])?;
        let name = text(required(item, "name", "a name")?)?;
        let value = required(item, "value", "a value")?;
        text(value)?;
        match optional(item, "type", text)?.unwrap_or("Exact") {
            "Exact" => {
                matchers.push(matcher(item, name, "exact", value));
                exact += 1;
            }
            "RegularExpression" => {
                let regex = object(value, vec![("regex", value.clone())]);
                matchers.push(matcher(item, name, "safe_regex", &regex));
            }
            other => {
                let problem = format!("expected Exact or RegularExpression, got `{other}`");
                return Err(Fault::at(item.get_exact("type").unwrap_or(item), problem));
            }
        }
    }
    Ok((matchers, exact))
}

fn matcher(place: &Tree, name: &str, kind: &'static str, value: &Tree) -> Tree {
    let matcher = object(place, vec![(kind, value.clone())]);
    object(place, vec![("name", text_at(place, name)), ("string_match", matcher)])
}

/// A match of a GRPCRoute. The path of a call is `/SERVICE/METHOD`.
fn grpc_match(tree: &Tree) -> Result<(Tree, Precedence), Fault> {
    known(tree, &["method", "headers"])?;
    let (mut headers, exact_headers) = named(tree, "headers")?;
    let mut path = (("prefix", text_at(tree, "/")), PathKind::Prefix, 0);
    if let Some(call) = tree.get_exact("method") {
        known(call, &["type", "service", "method"])?;
        let kind = optional(call, "type", text)?.unwrap_or("Exact");
        let (service, method) = (optional(call, "service", text)?, optional(call, "method", text)?);
        let any_name = "[A-Za-z_][A-Za-z_0-9]*";
        path = match (kind, service, method) {
            ("Exact", Some(service), Some(method)) => {
                let value = format!("/{service}/{method}");
                (("path", text_at(call, value.as_str())), PathKind::Exact, value.len())
            }
            ("Exact", Some(service), None) => {
                let value = format!("/{service}");
                (("path_separated_prefix", text_at(call, value.as_str())), PathKind::Prefix, value.len())
            }
            ("Exact", None, Some(method)) => {
                let end = text_at(call, format!("/{method}"));
                headers.push(matcher(call, ":path", "suffix", &end));
                path
            }
            ("RegularExpression", Some(_), _) | ("RegularExpression", _, Some(_)) => {
                let any_service = r"(?i)\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*";
                let value = format!("/{}/{}", service.unwrap_or(any_service), method.unwrap_or(any_name));
                (regex(call, &value), PathKind::Regex, value.len())
            }
            ("Exact" | "RegularExpression", None, None) => {
                return Err(Fault::at(
                    call,
                    "expected service or method in a method of a GRPCRoute, got neither",
                ));
            }
            (other, ..) => {
                let problem = format!("expected Exact or RegularExpression, got `{other}`");
                return Err(Fault::at(call, problem));
            }
        };
    }
    let (path, kind, length) = path;
    let precedence = Precedence {
        path: kind,
        length,
        headers: headers.len(),
        exact_headers,
        cookies: 0,
        queries: 0,
        exact_queries: 0,
        is_open: false,
    };
    let mut members = vec![path];
    if !headers.is_empty() {
        members.push(("headers", list(tree, headers)));
    }
    Ok((object(tree, members), precedence))
}
