//! A requirement as users write one: on a route, as the default, as a named policy, in route metadata.

use std::collections::BTreeMap;

use super::claim_sources;
use super::error::ConfigError;
use super::reader::{Errors, Node, Object, shown};
use crate::issuer_index::IssuerIndex;
use crate::jose::json::Json;

use crate::policy::{
    AnyAll, ClaimCondition, ClaimTest, Condition, Conditions, Narrowing, NonEmpty, Requirement, Rule,
};

/// What a requirement may refer to by name.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// The issuers' names, in the order of the configuration.
    pub issuers: Vec<String>,
    /// Every audience of every issuer.
    pub audiences: Vec<String>,
    /// The named policies.
    pub policies: BTreeMap<String, Requirement>,
    /// The names of policies with a mistake in them, which is told where they stand and not where they are named.
    pub broken_policies: Vec<String>,
    /// Whether an issuer has a mistake in it, so that names and audiences may be missing above.
    pub lacks_issuers: bool,
}

/// What an object without any condition means where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// Any valid token: `default_policy: {}`.
    AnyValidToken,
    /// A mistake: it would mean nothing or everything.
    Refused,
}

/// A whole requirement.
pub fn requirement(
    node: &Node<'_>,
    names: &Vocabulary,
    empty: Empty,
    errors: &mut Errors,
) -> Option<Requirement> {
    let mut object = node.object("a requirement, such as {requires_role: [admin]}", errors)?;
    let read = read(&mut object, names, empty, errors);
    object.finish(errors);
    read
}

/// The keys of a requirement that stand beside others, as on a route. The caller finishes the object.
pub fn read(
    object: &mut Object<'_>,
    names: &Vocabulary,
    empty: Empty,
    errors: &mut Errors,
) -> Option<Requirement> {
    let before = errors.len();
    let alone: Vec<&'static str> = [
        ("allow_anonymous", object.yes("allow_anonymous", errors)),
        ("allow_authenticated", object.yes("allow_authenticated", errors)),
        ("allow_missing_or_failed", object.yes("allow_missing_or_failed", errors)),
        ("deny", object.yes("deny", errors)),
    ]
    .into_iter()
    .filter_map(|(key, set)| set.then_some(key))
    .collect();
    let allow_missing = object.yes("allow_missing", errors);
    let policy = object.take("policy");
    let shadow = object.take("shadow");
    let narrowings = narrowings(object, names, errors);
    let conditions = conditions(object, names, errors);
    let shadow = shadow.and_then(|node| requirement(&node, names, Empty::Refused, errors));
    if shadow.as_ref().is_some_and(|shadow| shadow.shadow.is_some()) {
        object.refuse("shadow", "a shadow has no shadow of its own", errors);
    }

    let companions = usize::from(allow_missing) + usize::from(policy.is_some()) + alone.len();
    let has_conditions = !conditions.is_empty();
    let rule = match alone.first() {
        Some(key) if companions > 1 || has_conditions || !narrowings.is_empty() => {
            object.refuse(key, "stands alone: it leaves nothing for another condition to decide", errors);
            None
        }
        Some(&"allow_anonymous") => Some(Rule::Anonymous),
        Some(&"allow_missing_or_failed") => Some(Rule::MissingOrFailed),
        Some(&"deny") => Some(Rule::Deny),
        Some(_) => Some(Rule::Authenticated(Conditions::default())),
        None => match policy {
            Some(node) if companions > 1 || has_conditions || !narrowings.is_empty() => {
                node.refuse("stands alone: put the other conditions into the named policy", errors);
                None
            }
            Some(node) => {
                let named = named_policy(&node, names, errors)?;
                let shadow = shadow.map(Box::new).or_else(|| named.shadow.clone());
                let policy = node.value().as_str().map(Into::into);
                return (errors.len() == before).then(|| Requirement {
                    rule: named.rule.clone(),
                    shadow,
                    policy,
                });
            }
            None if allow_missing && has_conditions => {
                let problem = "combines only with requires_issuer and requires_audience";
                object.refuse("allow_missing", problem, errors);
                None
            }
            None if allow_missing => Some(Rule::Missing(narrowings)),
            None => {
                let mut all: Vec<Condition> = narrowings.into_iter().map(Condition::NarrowedTo).collect();
                all.extend(conditions);
                // A key with a slip in its name, or one that names a broken issuer, is a condition all the same.
                let is_empty = all.is_empty()
                    && !object.has_unknown()
                    && !["requires_issuer", "requires_audience"].iter().any(|key| object.has(key));
                if is_empty && empty == Empty::Refused && errors.len() == before {
                    let problem = "names no condition; for any valid token say allow_authenticated: true, \
                                   for everybody allow_anonymous: true";
                    errors.push(ConfigError { path: object.path().to_owned(), problem: problem.to_owned() });
                }
                Some(Rule::Authenticated(Conditions(all)))
            }
        },
    };
    let requirement = Requirement { rule: rule?, shadow: shadow.map(Box::new), policy: None };
    (errors.len() == before).then_some(requirement)
}

fn named_policy<'n>(node: &Node<'_>, names: &'n Vocabulary, errors: &mut Errors) -> Option<&'n Requirement> {
    let name = node.text("the name of a policy", errors)?;
    let found = names.policies.get(name);
    if found.is_none() && !names.broken_policies.iter().any(|broken| broken == name) {
        let known: Vec<&str> = names.policies.keys().map(String::as_str).collect();
        let known = if known.is_empty() {
            "none is defined".to_owned()
        } else {
            format!("defined: {}", known.join(", "))
        };
        node.refuse(format!("no policy is named {}; {known}", shown(node.value())), errors);
    }
    found
}

fn narrowings(object: &mut Object<'_>, names: &Vocabulary, errors: &mut Errors) -> Vec<Narrowing> {
    let issuer = object.take("requires_issuer").and_then(|node| {
        let texts = node.texts("the name of an issuer", errors)?;
        let mut known = |text: &&str| {
            let index = names.issuers.iter().position(|name| name == text);
            if index.is_none() && !names.lacks_issuers {
                node.refuse(
                    format!("no issuer is named \"{text}\"; configured: {}", names.issuers.join(", ")),
                    errors,
                );
            }
            index.map(IssuerIndex)
        };
        NonEmpty::new(texts.iter().map(&mut known).collect::<Option<Vec<_>>>()?).map(Narrowing::Issuer)
    });
    let audience = object.take("requires_audience").and_then(|node| {
        let texts = node.texts("an audience", errors)?;
        let is_unknown =
            |text: &&&str| !names.lacks_issuers && !names.audiences.iter().any(|audience| audience == **text);
        for text in texts.iter().filter(is_unknown) {
            node.refuse(
                format!("no issuer has the audience \"{text}\"; configured: {}", names.audiences.join(", ")),
                errors,
            );
        }
        NonEmpty::new(texts.into_iter().map(str::to_owned)).map(Narrowing::Audience)
    });
    issuer.into_iter().chain(audience).collect()
}

fn conditions(object: &mut Object<'_>, names: &Vocabulary, errors: &mut Errors) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if let Some(node) = object.take("requires_role") {
        conditions.extend(any_or_all(&node, "a role name", errors).map(Condition::Role));
    }
    if let Some(node) = object.take("requires_group") {
        conditions.extend(any_or_all(&node, "a group name", errors).map(Condition::Group));
    }
    if let Some(node) = object.take("requires_scope") {
        conditions.extend(scopes(&node, errors).map(Condition::Scope));
    }
    if let Some(node) = object.take("requires_claim") {
        let items = node.one_or_many();
        if items.is_empty() {
            node.refuse("expected at least one condition, such as {claim: tier, any: [gold]}", errors);
        }
        conditions.extend(items.iter().filter_map(|item| claim(item, errors)).map(Condition::Claim));
    }
    if let Some(node) = object.take("any_of") {
        let what = "a list of requirements";
        let items = node.list(what, errors).unwrap_or_default();
        if items.is_empty() {
            node.refuse("expected at least one requirement", errors);
        }
        let alternatives = items.iter().filter_map(|item| alternative(item, names, errors));
        conditions.extend(NonEmpty::new(alternatives.collect::<Vec<_>>()).map(Condition::AnyOf));
    }
    conditions
}

/// One of several alternatives: conditions on a token, or a named policy that is nothing else.
fn alternative(node: &Node<'_>, names: &Vocabulary, errors: &mut Errors) -> Option<Conditions> {
    let requirement = requirement(node, names, Empty::Refused, errors)?;
    if requirement.shadow.is_some() {
        node.refuse("an alternative has no shadow", errors);
        return None;
    }
    match requirement.rule {
        Rule::Authenticated(conditions) => Some(conditions),
        _ => {
            node.refuse(
                "an alternative asks something of a valid token; allow_… and deny decide without one",
                errors,
            );
            None
        }
    }
}

/// One name, a list of which any will do, or `{all: […]}`.
fn any_or_all(node: &Node<'_>, what: &str, errors: &mut Errors) -> Option<AnyAll<String>> {
    if !matches!(node.value(), crate::jose::json::Json::Object(_)) {
        return names_of(node, what, errors).map(AnyAll::Any);
    }
    let mut object = node.object(what, errors)?;
    let all = object.take("all");
    if all.is_none() && !object.has_unknown() {
        object.refuse("all", format!("expected {what} or a list of them"), errors);
    }
    object.finish(errors);
    names_of(&all?, what, errors).map(AnyAll::All)
}

/// One scope, `{any: […]}` or `{all: […]}`. Conventions differ on what a bare list means, so it is refused.
fn scopes(node: &Node<'_>, errors: &mut Errors) -> Option<AnyAll<String>> {
    use crate::jose::json::Json;
    match node.value() {
        Json::Array(items) if items.len() > 1 => {
            node.refuse("say {any: […]} or {all: […]} for several scopes", errors);
            None
        }
        Json::Object(_) => {
            let mut object = node.object("a scope", errors)?;
            let (any, all) = (object.take("any"), object.take("all"));
            let chosen = match (any, all) {
                (Some(any), None) => names_of(&any, "a scope", errors).map(AnyAll::Any),
                (None, Some(all)) => names_of(&all, "a scope", errors).map(AnyAll::All),
                (None, None) if object.has_unknown() => None,
                _ => {
                    node.refuse("expected either any or all", errors);
                    None
                }
            };
            object.finish(errors);
            chosen.filter(|chosen| are_scopes(chosen, node, errors))
        }
        _ => names_of(node, "a scope", errors)
            .map(AnyAll::Any)
            .filter(|chosen| are_scopes(chosen, node, errors)),
    }
}

/// RFC 6749 section 3.3: a scope is visible ASCII without `"` and `\`; it stands in challenges.
fn are_scopes(scopes: &AnyAll<String>, node: &Node<'_>, errors: &mut Errors) -> bool {
    let (AnyAll::Any(names) | AnyAll::All(names)) = scopes;
    let valid =
        |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    let all_valid = names.iter().all(valid);
    if !all_valid {
        node.refuse("a scope has visible ASCII characters only, and neither space, \" nor \\", errors);
    }
    all_valid
}

fn names_of(node: &Node<'_>, what: &str, errors: &mut Errors) -> Option<NonEmpty<String>> {
    NonEmpty::new(node.texts(what, errors)?.into_iter().map(str::to_owned))
}

fn claim(node: &Node<'_>, errors: &mut Errors) -> Option<ClaimCondition> {
    let mut object = node.object("a condition on a claim, such as {claim: tier, any: [gold]}", errors)?;
    let pointer = object.take("claim");
    let present = object.yes("present", errors);
    let (any, all) = (object.take("any"), object.take("all"));
    if pointer.is_none() && !object.has_unknown() {
        object.refuse("claim", "expected a claim name or a JSON Pointer", errors);
    }
    let pointer = pointer.and_then(|node| claim_sources::pointer(&node, errors));
    let test = match (any, all, present) {
        (Some(any), None, false) => values(&any, errors).map(|values| ClaimTest::Values(AnyAll::Any(values))),
        (None, Some(all), false) => values(&all, errors).map(|values| ClaimTest::Values(AnyAll::All(values))),
        (None, None, true) => Some(ClaimTest::Present),
        (None, None, false) if object.has_unknown() => None,
        _ => {
            node.refuse("expected one of any: […], all: […] and present: true", errors);
            None
        }
    };
    object.finish(errors);
    Some(ClaimCondition { pointer: pointer?, test: test? })
}

/// Values that a claim can be equal to.
pub(super) fn values(node: &Node<'_>, errors: &mut Errors) -> Option<NonEmpty<Json>> {
    let items = node.one_or_many();
    if items.is_empty() {
        node.refuse("expected at least one value", errors);
    }
    for item in &items {
        if matches!(item.value(), Json::Null | Json::Array(_)) {
            item.refuse("expected a string, a number, true, false or an object: nothing is equal to null or to a list", errors);
            return None;
        }
    }
    NonEmpty::new(items.into_iter().map(|item| item.value().clone()))
}
