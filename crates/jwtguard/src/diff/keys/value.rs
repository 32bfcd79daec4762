//! The comparison of two values of one key.

use serde_json::{Value, json};

use super::direction::Direction;
use crate::diff::demand::Change;

/// What a change of the value does. `None` if both values mean the same.
pub(super) fn change(
    direction: Direction,
    key: &str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Option<Change> {
    let name = key.rsplit('.').next().unwrap_or(key);
    match direction {
        Direction::Regions | Direction::Entries => None,
        Direction::Neutral => Some(Change::Other),
        Direction::Undecided => is_different_list(name, old, new).then_some(Change::Weaker),
        Direction::TrueIsWeaker => ordered(truth(old), truth(new)),
        Direction::TrueIsStricter => ordered(truth(new), truth(old)),
        Direction::MoreIsWeaker => ordered(number(old), number(new)),
        Direction::AddedIsWeaker => of_lists(&items(name, old), &items(name, new)),
        Direction::AddedIsStricter => of_lists(&items(name, new), &items(name, old)),
        Direction::LimitsTo => match (limit(name, old), limit(name, new)) {
            (None, None) => None,
            (None, Some(_)) => Some(Change::Stricter),
            (Some(_), None) => Some(Change::Weaker),
            (Some(old), Some(new)) => of_lists(&old, &new),
        },
        Direction::WeakestFirst(words) => {
            let strength = |value: Option<&Value>| {
                let word = value.and_then(Value::as_str)?;
                words.iter().position(|known| *known == word)
            };
            ordered(strength(new), strength(old))
        }
        Direction::PresentIsStricter => match (old, new) {
            (None, Some(_)) => Some(Change::Stricter),
            _ => Some(Change::Weaker),
        },
        Direction::ClaimHeaders => of_maps(old, new),
    }
}

/// The change from one value to another one, of which the greater one is weaker.
fn ordered<T: PartialOrd>(old: T, new: T) -> Option<Change> {
    if old < new {
        Some(Change::Weaker)
    } else if new < old {
        Some(Change::Stricter)
    } else {
        None
    }
}

/// The change of a list, in which an additional value is weaker.
fn of_lists(old: &[Value], new: &[Value]) -> Option<Change> {
    let lacks = |list: &[Value], others: &[Value]| others.iter().any(|other| !list.contains(other));
    match (lacks(old, new), lacks(new, old)) {
        (true, _) => Some(Change::Weaker),
        (false, true) => Some(Change::Stricter),
        (false, false) => None,
    }
}

fn of_maps(old: Option<&Value>, new: Option<&Value>) -> Option<Change> {
    let empty = serde_json::Map::new();
    let [old, new] = [old, new].map(|value| value.and_then(Value::as_object).unwrap_or(&empty));
    let differs = |(name, value): (&String, &Value)| new.get(name).is_some_and(|new| new != value);
    if old.iter().any(differs) {
        return Some(Change::Weaker);
    }
    // Headers that clients can send now are found in the parsed configurations, over all maps.
    (old != new).then_some(Change::Other)
}

fn is_different_list(name: &str, old: Option<&Value>, new: Option<&Value>) -> bool {
    match (old, new) {
        (Some(_), Some(_)) => of_lists(&items(name, old), &items(name, new)).is_some(),
        (old, new) => old != new,
    }
}

fn truth(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

/// The number; without one there is no limit. Envoy hands some numbers over as text.
fn number(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::INFINITY),
        Some(Value::String(text)) => text.parse().unwrap_or(f64::INFINITY),
        _ => f64::INFINITY,
    }
}

/// The members of a list that limits something; `None` if nothing is limited.
fn limit(name: &str, value: Option<&Value>) -> Option<Vec<Value>> {
    match value {
        None => None,
        Some(any) if any.get("any") == Some(&Value::Bool(true)) => None,
        value => Some(items(name, value)),
    }
}

/// The members of a list in one spelling. One value is a list of one.
fn items(name: &str, value: Option<&Value>) -> Vec<Value> {
    let list = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(value) => vec![value.clone()],
    };
    match name {
        "refused_claims" => list.iter().flat_map(refused_values).collect(),
        "jwks_inline" => list.iter().flat_map(keys).collect(),
        "accepted_types" => list.iter().map(in_lower_case).collect(),
        "accepted_algorithms" | "algorithms" => list.iter().map(algorithm).collect(),
        "roles_from" | "groups_from" | "scopes_from" => list.iter().map(source).collect(),
        _ => list,
    }
}

/// Each claim with each value that is refused there.
fn refused_values(map: &Value) -> Vec<Value> {
    let members = map.as_object().into_iter().flatten();
    members
        .flat_map(|(claim, values)| {
            items("", Some(values)).into_iter().map(move |value| json!([claim, value]))
        })
        .collect()
}

fn keys(set: &Value) -> Vec<Value> {
    let parsed = set.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    match parsed.as_ref().unwrap_or(set).get("keys") {
        Some(Value::Array(keys)) => keys.clone(),
        _ => Vec::new(),
    }
}

/// A type is compared in any letter case, with and without `application/` (RFC 7515 section 4.1.9).
fn in_lower_case(value: &Value) -> Value {
    let text = value.as_str().unwrap_or_default().to_ascii_lowercase();
    text.strip_prefix("application/").unwrap_or(&text).into()
}

/// Both names are of one algorithm (RFC 9864).
fn algorithm(value: &Value) -> Value {
    if value == "Ed25519" { "EdDSA".into() } else { value.clone() }
}

fn source(value: &Value) -> Value {
    if value.is_string() { json!({ "claim": value }) } else { value.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_direction_tells_weaker_from_stricter() {
        use Change::*;
        use Direction::*;
        let words = WeakestFirst(&["ignore", "enforce", "require"]);
        for (direction, key, old, new, expected, back) in [
            (TrueIsWeaker, "report_only", json!(false), json!(true), Some(Weaker), Some(Stricter)),
            (TrueIsStricter, "enabled", json!(true), json!(false), Some(Weaker), Some(Stricter)),
            (MoreIsWeaker, "clock_skew_seconds", json!(60), json!("61"), Some(Weaker), Some(Stricter)),
            (MoreIsWeaker, "clock_skew_seconds", json!(60), json!(60.0), None, None),
            (
                MoreIsWeaker,
                "max_token_lifetime_seconds",
                json!(60),
                json!(null),
                Some(Weaker),
                Some(Stricter),
            ),
            (AddedIsWeaker, "audience", json!("a"), json!(["b", "a"]), Some(Weaker), Some(Stricter)),
            (AddedIsWeaker, "audience", json!("a"), json!(["b"]), Some(Weaker), Some(Weaker)),
            (AddedIsWeaker, "audience", json!("a"), json!(["a"]), None, None),
            (AddedIsWeaker, "accepted_types", json!("JWT"), json!("application/jwt"), None, None),
            (AddedIsWeaker, "accepted_algorithms", json!("EdDSA"), json!(["Ed25519"]), None, None),
            (AddedIsWeaker, "roles_from", json!("r"), json!([{"claim": "r"}]), None, None),
            (
                AddedIsWeaker,
                "roles_from",
                json!("r"),
                json!([{"claim": "r", "prefix": "x"}]),
                Some(Weaker),
                Some(Weaker),
            ),
            (
                AddedIsWeaker,
                "jwks_inline",
                json!({"keys": [{"kid": "1"}, {"kid": "2"}]}),
                json!("{\"keys\":[{\"kid\":\"2\"}]}"),
                Some(Stricter),
                Some(Weaker),
            ),
            (AddedIsStricter, "refused_kids", json!(["a"]), json!([]), Some(Weaker), Some(Stricter)),
            (
                AddedIsStricter,
                "refused_claims",
                json!({"typ": ["ID", "Refresh"]}),
                json!({"typ": "ID"}),
                Some(Weaker),
                Some(Stricter),
            ),
            (LimitsTo, "paths", json!(["/a"]), json!(null), Some(Weaker), Some(Stricter)),
            (LimitsTo, "paths", json!(["/a"]), json!(["/a", "/b"]), Some(Weaker), Some(Stricter)),
            (LimitsTo, "tenants", json!(["t"]), json!({"any": true}), Some(Weaker), Some(Stricter)),
            (words, "confirmation", json!("enforce"), json!("ignore"), Some(Weaker), Some(Stricter)),
            (
                PresentIsStricter,
                "revocation_list_endpoint",
                json!("/l"),
                json!(null),
                Some(Weaker),
                Some(Stricter),
            ),
            (
                PresentIsStricter,
                "revocation_list_endpoint",
                json!("/l"),
                json!("/m"),
                Some(Weaker),
                Some(Weaker),
            ),
            (Undecided, "jwks_endpoint", json!("/l"), json!("/m"), Some(Weaker), Some(Weaker)),
            (Undecided, "audience_from", json!("aud"), json!(["aud"]), None, None),
            (Neutral, "realm", json!("a"), json!("b"), Some(Other), Some(Other)),
            (
                ClaimHeaders,
                "claim_headers",
                json!({"x-a": "b"}),
                json!({"x-a": "c"}),
                Some(Weaker),
                Some(Weaker),
            ),
            (ClaimHeaders, "claim_headers", json!({"x-a": "b"}), json!({}), Some(Other), Some(Other)),
        ] {
            let of = |value: &Value| Some(value.clone()).filter(|value| !value.is_null());
            let (one, other) = (of(&old), of(&new));
            let forth = change(direction, key, one.as_ref(), other.as_ref());
            assert_eq!(forth, expected, "{key}: {old} to {new}");
            assert_eq!(change(direction, key, other.as_ref(), one.as_ref()), back, "{key}: {new} to {old}");
        }
    }
}
