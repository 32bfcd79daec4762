//! The comparison of global keys, issuers and second tokens.

mod direction;
mod value;

use serde_json::{Map, Value};

use super::demand::Change;
use super::side::Side;
use direction::{Direction, KeyGroup};
use jwt_guard::config::keys::{DeclaredKey, DefaultValue, configuration, issuer, shared};
use jwt_guard::config::{Config, Issuer};
use jwt_guard::headers::HeaderSource;
use jwt_guard::issuer_index::IssuerIndex;

/// The change of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyChange {
    /// The place of the key, such as `issuers[issuer_example].audience`.
    pub key: String,
    /// What the change does.
    pub change: Change,
    /// The old value, or the default; `None` if there is none.
    pub old: Option<Value>,
    /// The new value, or the default; `None` if there is none.
    pub new: Option<Value>,
}

/// The keys that changed, except those that are compared region by region.
pub(super) fn key_changes(old: &Side, new: &Side) -> Vec<KeyChange> {
    let mut changes = Vec::new();
    objects(KeyGroup::Configuration, "", [&old.json, &new.json], &mut changes);
    claim_headers(old, new, &mut changes);
    dpop(old, new, &mut changes);
    issuers(old, new, &mut changes);
    second_tokens(old, new, &mut changes);
    changes
}

/// The changes of the keys of one object.
fn objects(group: KeyGroup, place: &str, [old, new]: [&Value; 2], changes: &mut Vec<KeyChange>) {
    for key in group.keys() {
        let direction = group.direction(key.name).unwrap_or(Direction::Undecided);
        if group == KeyGroup::Configuration && direction == Direction::ClaimHeaders {
            continue;
        }
        let values = [old, new].map(|object| effective(object, key));
        changes.extend(changed(direction, format!("{place}{}", key.name), values));
    }
}

fn changed(direction: Direction, key: String, [old, new]: [Option<Value>; 2]) -> Option<KeyChange> {
    if old == new {
        return None;
    }
    let change = value::change(direction, &key, old.as_ref(), new.as_ref())?;
    Some(KeyChange { key, change, old, new })
}

/// The value of a key, or its default.
fn effective(object: &Value, key: &DeclaredKey) -> Option<Value> {
    match object.get(key.name) {
        Some(value) if !value.is_null() => Some(value.clone()),
        _ => default(key),
    }
}

fn default(key: &DeclaredKey) -> Option<Value> {
    match key.default {
        DefaultValue::None => None,
        DefaultValue::Flag(value) => Some(value.into()),
        DefaultValue::Integer(value) => Some(value.into()),
        DefaultValue::Text(text) => Some(text.into()),
        DefaultValue::Texts(texts) => Some(texts.to_vec().into()),
        DefaultValue::Json(text) => serde_json::from_str(text).ok(),
    }
}

/// A header that the filter no longer removes from requests is weaker: a client can send an identity in it. So is a header
/// that carries another claim.
fn claim_headers(old: &Side, new: &Side, changes: &mut Vec<KeyChange>) {
    let is_sent = |name: &&str| !new.config.claim_headers.is_removed(name);
    let sent = old.config.claim_headers.names().any(|name| is_sent(&name));
    let maps = [old, new].map(|side| side.json.get(configuration::CLAIM_HEADERS.as_str()).cloned());
    let mut worst = sent.then_some(Change::Weaker);
    for (old_index, new_index) in pairs(&old.config, &new.config) {
        let [old_map, new_map] = [(old, old_index), (new, new_index)].map(|(side, index)| {
            let map = side.config.claim_headers.for_issuer(IssuerIndex(index));
            map.map(|(name, source)| (name.to_owned(), source.clone())).collect::<Vec<_>>()
        });
        worst = worst.max_by_weakness(map_change(&old_map, &new_map));
    }
    if let Some(change) = worst {
        let [old, new] = maps;
        changes.push(KeyChange { key: configuration::CLAIM_HEADERS.as_str().to_owned(), change, old, new });
    }
}

fn map_change(old: &[(String, HeaderSource)], new: &[(String, HeaderSource)]) -> Option<Change> {
    let of = |map: &[(String, HeaderSource)], name: &str| {
        map.iter().find(|(own, _)| own == name).map(|(_, source)| source.clone())
    };
    let has_other_claim = old.iter().any(|(name, source)| of(new, name).is_some_and(|new| new != *source));
    let has_other_name = old.len() != new.len() || old.iter().any(|(name, _)| of(new, name).is_none());
    match (has_other_claim, has_other_name) {
        (true, _) => Some(Change::Weaker),
        (false, true) => Some(Change::Other),
        (false, false) => None,
    }
}

/// The weaker one of two changes.
trait MaxByWeakness {
    fn max_by_weakness(self, other: Self) -> Self;
}

impl MaxByWeakness for Option<Change> {
    fn max_by_weakness(self, other: Self) -> Self {
        // `Change` is ordered with the weakest first.
        match (self, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }
}

fn dpop(old: &Side, new: &Side, changes: &mut Vec<KeyChange>) {
    let key = configuration::DPOP.as_str();
    let [old, new] = [old, new].map(|side| side.json.get(key).filter(|value| !value.is_null()));
    match (old, new) {
        (Some(old), Some(new)) => objects(KeyGroup::Dpop, "dpop.", [old, new], changes),
        // With `dpop`, bound tokens count that were refused; without it, the scheme DPoP is not read.
        (old, new) => {
            changes.extend(changed(Direction::Undecided, key.to_owned(), [old.cloned(), new.cloned()]))
        }
    }
}

/// The indices of the issuers that both have.
fn pairs(old: &Config, new: &Config) -> Vec<(usize, usize)> {
    let old = old.issuers.iter().enumerate();
    let pairs = old.filter_map(|(index, issuer)| Some((index, position(&issuer.rules.iss, &new.issuers)?)));
    pairs.collect()
}

fn position(iss: &str, issuers: &[Issuer]) -> Option<usize> {
    issuers.iter().position(|issuer| issuer.rules.iss == iss)
}

fn issuers(old: &Side, new: &Side, changes: &mut Vec<KeyChange>) {
    let entry = |side: &Side, index: usize| match side.json.get(configuration::ISSUERS.as_str()) {
        Some(Value::Array(entries)) => entries.get(index).cloned().unwrap_or_default(),
        _ => side.json.clone(),
    };
    let place = |issuer: &Issuer| format!("{}[{}]", configuration::ISSUERS.as_str(), issuer.name);
    let pairs = pairs(&old.config, &new.config);
    for (old_index, new_index) in &pairs {
        let entries = [(old, *old_index), (new, *new_index)].map(|(side, index)| {
            let issuer = side.config.issuers.get(index);
            with_defaults(entry(side, index), &side.json, issuer)
        });
        let Some(issuer) = new.config.issuers.get(*new_index) else { continue };
        let [old, new] = &entries;
        objects(KeyGroup::Issuer, &format!("{}.", place(issuer)), [old, new], changes);
    }
    for (index, issuer) in old.config.issuers.iter().enumerate() {
        if !pairs.iter().any(|(old, _)| *old == index) {
            // Its tokens can be those of an issuer with tenants now.
            let has_tenants = new.config.issuers.iter().any(|issuer| issuer.rules.tenants.is_some());
            let change = if has_tenants { Change::Weaker } else { Change::Stricter };
            let old = Some(issuer.rules.iss.clone().into());
            changes.push(KeyChange { key: place(issuer), change, old, new: None });
        }
    }
    for (index, issuer) in new.config.issuers.iter().enumerate() {
        if !pairs.iter().any(|(_, new)| *new == index) {
            let new = Some(issuer.rules.iss.clone().into());
            changes.push(KeyChange { key: place(issuer), change: Change::Weaker, old: None, new });
        }
    }
}

/// The entry of an issuer, with the values that it takes from the top level, and with `first_token` as it is in force.
fn with_defaults(mut entry: Value, global: &Value, issuer: Option<&Issuer>) -> Value {
    let is_listed = global.get(configuration::ISSUERS.as_str()).is_some();
    let Some(members) = entry.as_object_mut() else { return entry };
    for &name in shared::NAMES {
        let own = members.get(name.as_str()).is_some_and(|value| !value.is_null());
        if let Some(value) = global.get(name.as_str()).filter(|_| !own) {
            members.insert(name.as_str().to_owned(), value.clone());
        }
    }
    if !is_listed {
        // At the top level these are the keys of the configuration, which are compared as such.
        members.remove(configuration::TOKEN_FROM.as_str());
        members.remove(configuration::CLAIM_HEADERS.as_str());
    }
    if let Some(issuer) = issuer {
        members.insert(issuer::FIRST_TOKEN.as_str().to_owned(), issuer.first_token.into());
    }
    entry
}

fn second_tokens(old: &Side, new: &Side, changes: &mut Vec<KeyChange>) {
    let key = configuration::SECOND_TOKENS.as_str();
    let empty = Map::new();
    let [old, new] = [old, new].map(|side| side.json.get(key).and_then(Value::as_object).unwrap_or(&empty));
    for (name, value) in old {
        let place = format!("{key}.{name}");
        match new.get(name) {
            Some(other) => objects(KeyGroup::SecondToken, &format!("{place}."), [value, other], changes),
            // Requirements that asked for it are compared by region. Its place is no longer removed from requests.
            None => changes.extend(changed(Direction::Undecided, place, [Some(value.clone()), None])),
        }
    }
    for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        changes.extend(changed(Direction::Neutral, format!("{key}.{name}"), [None, Some(value.clone())]));
    }
}
