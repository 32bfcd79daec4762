//! AuthorizationPolicy: the RBAC filters that istiod makes from the policies of one proxy.

use super::conditions::{Side, add};
use super::{permissions, principals};
use crate::convert::made::{boolean, list, map, object, text as text_at};
use crate::convert::manifest::{Manifest, items, known, object as as_object, optional, required, text};
use crate::convert::names::unique;
use crate::convert::notes::{Fault, Notes};
use crate::inspect::tree::Tree;

/// The fields of `spec`.
const FIELDS: [&str; 6] = ["selector", "targetRef", "targetRefs", "rules", "action", "provider"];

/// The annotation of a policy that decides nothing.
const DRY_RUN: &str = "istio.io/dry-run";

/// What a policy does with the requests that its rules match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It admits them.
    Allow,
    /// It refuses them.
    Deny,
    /// It does not decide.
    None,
}

/// A policy.
#[derive(Debug)]
pub struct Authorization<'t> {
    /// The object.
    pub manifest: Manifest<'t>,
    /// What it does.
    pub action: Action,
    /// One policy of RBAC for each rule.
    rules: Vec<Tree>,
}

impl<'t> Authorization<'t> {
    /// Reads a policy. Tells what of its action is not converted.
    ///
    /// # Errors
    /// The first field that is not as expected.
    pub fn read(manifest: Manifest<'t>, notes: &mut Notes) -> Result<Self, Fault> {
        let spec = manifest.spec;
        known(spec, &FIELDS)?;
        let rules = items(spec, "rules")?;
        let action = action(&manifest, notes)?;
        let converted: Result<Vec<Tree>, Fault> =
            rules.iter().map(|tree| rule(tree, manifest.namespace)).collect();
        let written = optional(spec, "action", text)?.unwrap_or("ALLOW");
        if rules.is_empty() && written != "ALLOW" {
            let problem = format!(
                "expected rules in a policy with action {written}, got none: such a policy matches no request; write \
                 rules: [{{}}] for every request"
            );
            return Err(Fault::at(spec, problem));
        }
        Ok(Self { manifest, action, rules: converted? })
    }
}

/// Reads `action`, `provider` and the annotation for a dry run.
fn action(manifest: &Manifest<'_>, notes: &mut Notes) -> Result<Action, Fault> {
    let spec = manifest.spec;
    let place = spec.get_exact("action").unwrap_or(spec);
    let written = optional(spec, "action", text)?.unwrap_or("ALLOW");
    let provider = optional(spec, "provider", as_object)?;
    if let Some(provider) = provider {
        known(provider, &["name"])?;
        required(provider, "name", "the name of an extensionProvider")?;
        if written != "CUSTOM" {
            let problem = format!("expected provider only with action CUSTOM, got action {written}");
            return Err(Fault::at(provider, problem));
        }
    }
    let dry_run = manifest.annotation(DRY_RUN).filter(|value| value.is_true());
    match written {
        "ALLOW" | "DENY" | "AUDIT" | "CUSTOM" if dry_run.is_some() => {
            let text = format!(
                "the annotation {DRY_RUN} makes this policy decide nothing, and no request is refused because of it here: \
                 for the same without it, write its conditions into `shadow` of a route"
            );
            notes.dropped(dry_run.unwrap_or(place), text);
            Ok(Action::None)
        }
        "ALLOW" => Ok(Action::Allow),
        "DENY" => Ok(Action::Deny),
        "AUDIT" => {
            let text = "action AUDIT decides nothing, and no request is refused because of it here: keep this object for the \
                        audit log, or write its conditions into `shadow` of a route";
            notes.dropped(place, text);
            Ok(Action::None)
        }
        "CUSTOM" => {
            let text = "action CUSTOM asks an external service, which jwt-guard does not: the requests that the rules match \
                        are denied. To let that service decide, keep this object, which runs before jwt-guard, and convert \
                        the others without it";
            notes.dropped(place, text);
            Ok(Action::Deny)
        }
        other => {
            let problem = format!("expected one of ALLOW, DENY, AUDIT, CUSTOM, got `{other}`");
            Err(Fault::at(place, problem))
        }
    }
}

/// A rule as a policy of RBAC: one of the permissions and one of the principals must match.
fn rule(tree: &Tree, namespace: &str) -> Result<Tree, Fault> {
    known(tree, &["from", "to", "when"])?;
    let (mut permissions_of_when, mut principals_of_when) = (Vec::new(), Vec::new());
    for condition in items(tree, "when")? {
        known(condition, &["key", "values", "notValues"])?;
        let key_place =
            required(condition, "key", "the name of an attribute, such as request.auth.claims[NAME]")?;
        let key = text(key_place)?;
        if items(condition, "values")?.is_empty() && items(condition, "notValues")?.is_empty() {
            return Err(Fault::at(
                condition,
                format!("expected values or notValues of the key {key}, got neither"),
            ));
        }
        let names = ("values", "notValues");
        let permission = permissions::is_key(key);
        let (side, conditions) = match permission {
            true => (Side::Permission, &mut permissions_of_when),
            false => (Side::Principal, &mut principals_of_when),
        };
        add(condition, names, side, conditions, |place, values| match permission {
            true => permissions::when(key, place, values),
            false => principals::when(key, key_place, place, values, namespace),
        })?;
    }
    let sources = entries(tree, "from", "source", |source| principals::source(source, namespace))?;
    let operations = entries(tree, "to", "operation", permissions::operation)?;
    let principals = combined(tree, Side::Principal, sources, &principals_of_when);
    let permissions = combined(tree, Side::Permission, operations, &permissions_of_when);
    Ok(object(tree, vec![("permissions", list(tree, permissions)), ("principals", list(tree, principals))]))
}

/// The entries of `from` or `to`, with their conditions.
fn entries<'t>(
    rule: &'t Tree,
    name: &str,
    member: &str,
    read: impl Fn(&'t Tree) -> Result<Vec<Tree>, Fault>,
) -> Result<Vec<(&'t Tree, Vec<Tree>)>, Fault> {
    let entries = items(rule, name)?;
    if let Some(empty) = rule.get_exact(name).filter(|_| entries.is_empty()) {
        return Err(Fault::at(
            empty,
            format!("expected an entry with {member}, got an empty list: remove `{name}`"),
        ));
    }
    let entry = |entry: &'t Tree| {
        known(entry, &[member])?;
        let inner = as_object(required(entry, member, "an object")?)?;
        Ok((inner, read(inner)?))
    };
    entries.iter().map(entry).collect()
}

/// One condition for each entry; each contains the conditions of `when`.
fn combined(rule: &Tree, side: Side, entries: Vec<(&Tree, Vec<Tree>)>, when: &[Tree]) -> Vec<Tree> {
    if entries.is_empty() {
        return vec![side.all(rule, when.to_vec())];
    }
    let entry = |(place, mut conditions): (&Tree, Vec<Tree>)| {
        conditions.extend_from_slice(when);
        side.all(place, conditions)
    };
    entries.into_iter().map(entry).collect()
}

/// The RBAC filter of the policies with an action. A policy without rules matches no request.
pub fn filter(policies: &[&Authorization<'_>], action: Action) -> Option<Tree> {
    let mut found = Vec::new();
    for policy in policies.iter().filter(|policy| policy.action == action) {
        let place = policy.manifest.tree;
        let name = policy.manifest.name;
        if policy.rules.is_empty() {
            found.push((free(name, &found), never(place)));
        }
        for (index, rule) in policy.rules.iter().enumerate() {
            let name = if policy.rules.len() == 1 { name.to_owned() } else { format!("{name}-{index}") };
            found.push((free(&name, &found), rule.clone()));
        }
    }
    let place = policies.iter().find(|policy| policy.action == action)?.manifest.tree;
    let word = if action == Action::Deny { "DENY" } else { "ALLOW" };
    let rules = object(place, vec![("action", text_at(place, word)), ("policies", map(place, found))]);
    Some(object(place, vec![("rules", rules)]))
}

/// A policy that matches no request.
fn never(place: &Tree) -> Tree {
    let not =
        |side: Side| list(place, vec![side.not(place, object(place, vec![("any", boolean(place, true))]))]);
    object(place, vec![("permissions", not(Side::Permission)), ("principals", not(Side::Principal))])
}

/// A name that no other policy has, such as one of another namespace.
fn free(name: &str, taken: &[(String, Tree)]) -> String {
    unique(name, '-', |name| taken.iter().any(|(other, _)| other == name))
}
