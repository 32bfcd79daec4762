//! The condition of one rule of `authorization`, as permissions and principals of RBAC.

use crate::convert::addresses::cidr;
use crate::convert::made::{boolean, list, object, text as text_at};
use crate::convert::manifest::{self, boolean as as_boolean, items, known, optional, required, text, texts};
use crate::convert::notes::{Fault, Notes};
use crate::inspect::tree::Tree;

/// The filter that stores the payload of the token.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// The condition of a rule: every part must hold.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    /// What the request does. RBAC reads these parts as permissions and as principals.
    operation: Vec<Part>,
    /// Who sends it.
    principal: Vec<Part>,
}

/// A part of a condition, which is a permission or a principal of RBAC.
#[derive(Debug, Clone)]
enum Part {
    /// A matcher that has the same name on both sides.
    Matcher(Tree),
    /// One of these.
    Any(Vec<Part>),
    /// Not this.
    Not(Box<Part>),
}

/// What is known of the condition of a rule.
#[derive(Debug)]
pub enum Known {
    /// The condition.
    Condition(Condition),
    /// The condition without a part that has no equivalent: more requests meet it.
    Wider(Condition),
}

impl Condition {
    /// The permissions and principals of a policy for requests that meet the condition and none of the others.
    pub fn policy(&self, place: &Tree, except: &[&Self]) -> Tree {
        let mut permissions: Vec<Tree> = self.operation.iter().map(|part| part.permission(place)).collect();
        let mut principals: Vec<Tree> = self.principal.iter().map(|part| part.principal(place)).collect();
        for other in except {
            if other.principal.is_empty() {
                let all = all(
                    place,
                    PERMISSION,
                    other.operation.iter().map(|part| part.permission(place)).collect(),
                );
                permissions.push(object(place, vec![("not_rule", all)]));
            } else {
                let parts = other.operation.iter().chain(&other.principal);
                let all = all(place, PRINCIPAL, parts.map(|part| part.principal(place)).collect());
                principals.push(object(place, vec![("not_id", all)]));
            }
        }
        let permissions = list(place, vec![all(place, PERMISSION, permissions)]);
        let principals = list(place, vec![all(place, PRINCIPAL, principals)]);
        object(place, vec![("permissions", permissions), ("principals", principals)])
    }
}

/// The names of the fields of one side.
type Side = (&'static str, &'static str, &'static str, &'static str);

const PERMISSION: Side = ("and_rules", "or_rules", "rules", "not_rule");
const PRINCIPAL: Side = ("and_ids", "or_ids", "ids", "not_id");

impl Part {
    fn permission(&self, place: &Tree) -> Tree {
        self.tree(place, PERMISSION)
    }

    fn principal(&self, place: &Tree) -> Tree {
        self.tree(place, PRINCIPAL)
    }

    fn tree(&self, place: &Tree, side: Side) -> Tree {
        match self {
            Self::Matcher(tree) => tree.clone(),
            Self::Not(part) => object(place, vec![(side.3, part.tree(place, side))]),
            Self::Any(parts) => match parts.as_slice() {
                [only] => only.tree(place, side),
                parts => {
                    let parts = list(place, parts.iter().map(|part| part.tree(place, side)).collect());
                    object(place, vec![(side.1, object(place, vec![(side.2, parts)]))])
                }
            },
        }
    }
}

fn all(place: &Tree, side: Side, mut parts: Vec<Tree>) -> Tree {
    match parts.len() {
        0 => object(place, vec![("any", boolean(place, true))]),
        1 => parts.remove(0),
        _ => object(place, vec![(side.0, object(place, vec![(side.2, list(place, parts))]))]),
    }
}

/// Reads the condition of a rule. `key` gives the name under which a provider stores its payload.
///
/// # Errors
/// The first field that is not as expected.
pub fn condition(
    rule: &Tree,
    key: &dyn Fn(&str) -> Option<String>,
    notes: &mut Notes,
) -> Result<Known, Fault> {
    let mut condition = Condition::default();
    if let Some(operation) = rule.get_exact("operation") {
        condition.operation = self::operation(operation)?;
    }
    let mut unknown = None;
    if let Some(tree) = rule.get_exact("principal") {
        known(tree, &["clientCIDRs", "jwt", "headers", "clientIPGeoLocations"])?;
        condition.principal.extend(addresses(tree)?);
        if let Some(jwt) = tree.get_exact("jwt") {
            condition.principal.extend(token(jwt, key)?);
        }
        condition.principal.extend(headers(tree)?);
        if let Some(places) = tree.get_exact("clientIPGeoLocations") {
            manifest::list(places)?;
            unknown = Some((places, "clientIPGeoLocations"));
        }
        if tree.members().is_empty() {
            let problem = "expected at least one of clientCIDRs, jwt, headers, clientIPGeoLocations, got an empty principal";
            return Err(Fault::at(tree, problem));
        }
    }
    if let Some(cel) = optional(rule, "cel", |tree| text(tree).map(|_| tree))? {
        unknown = Some((cel, "cel"));
    }
    let Some((place, field)) = unknown else {
        if rule.get_exact("principal").is_none() {
            return Err(Fault::at(rule, "expected principal or cel in a rule of authorization, got neither"));
        }
        return Ok(Known::Condition(condition));
    };
    let effect = match rule.text_of("action") {
        Some("Deny") => "the rule denies requests for which the condition does not hold, too",
        _ => "the rule admits no request",
    };
    notes.dropped(
        place,
        format!("jwt-guard has no condition like {field}: {effect}. Keep this rule in a SecurityPolicy"),
    );
    Ok(Known::Wider(condition))
}

fn operation(tree: &Tree) -> Result<Vec<Part>, Fault> {
    known(tree, &["methods", "path"])?;
    let mut parts = Vec::new();
    let methods = texts(tree, "methods")?;
    if !methods.is_empty() {
        let is_method = |(place, method): &(&Tree, &str)| Part::Matcher(header(place, ":method", method));
        parts.push(Part::Any(methods.iter().map(is_method).collect()));
    }
    if let Some(path) = tree.get_exact("path") {
        parts.push(self::path(path)?);
    }
    match parts.is_empty() {
        true => Err(Fault::at(tree, "expected methods or path, got an empty operation")),
        false => Ok(parts),
    }
}

/// A path, with the types of the Gateway API. A prefix matches whole segments.
fn path(tree: &Tree) -> Result<Part, Fault> {
    known(tree, &["type", "value", "invert"])?;
    let place = tree.get_exact("value").unwrap_or(tree);
    let value = optional(tree, "value", text)?.unwrap_or("/");
    let url_path = |kind: &str, value: &str| {
        let matcher = object(place, vec![(kind, text_at(place, value))]);
        Part::Matcher(object(place, vec![("url_path", object(place, vec![("path", matcher)]))]))
    };
    let part = match optional(tree, "type", text)?.unwrap_or("PathPrefix") {
        "PathPrefix" if value == "/" => url_path("prefix", "/"),
        "PathPrefix" => {
            let prefix = value.strip_suffix('/').unwrap_or(value);
            Part::Any(vec![url_path("exact", prefix), url_path("prefix", &format!("{prefix}/"))])
        }
        "Exact" => url_path("exact", value),
        "RegularExpression" => {
            let regex = object(place, vec![("regex", text_at(place, value))]);
            let matcher = object(place, vec![("safe_regex", regex)]);
            let header = vec![("name", text_at(place, ":path")), ("string_match", matcher)];
            Part::Matcher(object(place, vec![("header", object(place, header))]))
        }
        other => {
            let problem = format!("expected one of PathPrefix, Exact, RegularExpression, got `{other}`");
            return Err(Fault::at(tree.get_exact("type").unwrap_or(tree), problem));
        }
    };
    Ok(match optional(tree, "invert", as_boolean)? {
        Some(true) => Part::Not(Box::new(part)),
        _ => part,
    })
}

fn header(place: &Tree, name: &str, value: &str) -> Tree {
    let matcher = object(place, vec![("exact", text_at(place, value))]);
    let header = vec![("name", text_at(place, name)), ("string_match", matcher)];
    object(place, vec![("header", object(place, header))])
}

/// `clientCIDRs`. Both ranges with every address together are no condition.
fn addresses(principal: &Tree) -> Result<Option<Part>, Fault> {
    let ranges = texts(principal, "clientCIDRs")?;
    let has = |range: &str| ranges.iter().any(|(_, other)| *other == range);
    let part = |(place, range): &(&Tree, &str)| {
        let range = cidr(place, range)
            .filter(|_| range.contains('/'))
            .ok_or_else(|| Fault::at(place, format!("expected a range such as 10.0.0.0/8, got `{range}`")))?;
        Ok(Part::Matcher(object(place, vec![("remote_ip", range)])))
    };
    let parts: Result<Vec<Part>, Fault> = ranges.iter().map(part).collect();
    let parts = parts?;
    let is_everyone = has("0.0.0.0/0") && has("::/0");
    Ok((!parts.is_empty() && !is_everyone).then_some(Part::Any(parts)))
}

/// `principal.jwt`: every scope, and one value of every claim.
fn token(tree: &Tree, key: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Part>, Fault> {
    known(tree, &["provider", "claims", "scopes"])?;
    let provider = required(tree, "provider", "the name of an entry of jwt.providers")?;
    let name = text(provider)?;
    let key = key(name).ok_or_else(|| {
        Fault::at(
            provider,
            format!("no entry of jwt.providers in the same SecurityPolicy has the name `{name}`"),
        )
    })?;
    let mut parts = Vec::new();
    for (place, scope) in texts(tree, "scopes")? {
        let member = |claim: &str| Part::Matcher(metadata(place, &key, &[claim], in_list(place, scope)));
        parts.push(Part::Any(vec![member("scope"), member("scp")]));
    }
    for claim in items(tree, "claims")? {
        known(claim, &["name", "valueType", "values"])?;
        let name = text(required(claim, "name", "the name of a claim")?)?;
        let path: Vec<&str> = name.split('.').collect();
        let matcher = match optional(claim, "valueType", text)?.unwrap_or("String") {
            "String" => exact,
            "StringArray" => in_list,
            other => {
                let problem = format!("expected String or StringArray, got `{other}`");
                return Err(Fault::at(claim.get_exact("valueType").unwrap_or(claim), problem));
            }
        };
        let values = texts(claim, "values")?;
        if values.is_empty() {
            return Err(Fault::at(claim, "`values` is missing: expected the values of the claim"));
        }
        let value = |(place, value): &(&Tree, &str)| {
            Part::Matcher(metadata(place, &key, &path, matcher(place, value)))
        };
        parts.push(Part::Any(values.iter().map(value).collect()));
    }
    match parts.is_empty() {
        true => Err(Fault::at(tree, "expected claims or scopes in principal.jwt, got neither")),
        false => Ok(parts),
    }
}

fn exact(place: &Tree, value: &str) -> Tree {
    object(place, vec![("string_match", object(place, vec![("exact", text_at(place, value))]))])
}

fn in_list(place: &Tree, value: &str) -> Tree {
    object(place, vec![("list_match", object(place, vec![("one_of", exact(place, value))]))])
}

fn metadata(place: &Tree, key: &str, claim: &[&str], value: Tree) -> Tree {
    let keys = std::iter::once(key).chain(claim.iter().copied());
    let path = keys.map(|key| object(place, vec![("key", text_at(place, key))])).collect();
    let matcher = vec![("filter", text_at(place, JWT_AUTHN)), ("path", list(place, path)), ("value", value)];
    object(place, vec![("metadata", object(place, matcher))])
}

fn headers(principal: &Tree) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    for tree in items(principal, "headers")? {
        known(tree, &["name", "values"])?;
        let name = text(required(tree, "name", "the name of a header")?)?;
        let values = texts(tree, "values")?;
        if values.is_empty() {
            return Err(Fault::at(tree, "`values` is missing: expected the values of the header"));
        }
        let value = |(place, value): &(&Tree, &str)| Part::Matcher(header(place, name, value));
        parts.push(Part::Any(values.iter().map(value).collect()));
    }
    Ok(parts)
}
