//! Reads the fields of a message. A field that the conversion does not know is a fault: to ignore it could drop a restriction.

use crate::inspect::tree::{Tree, TreeValue, is_camel_case_of};

use super::notes::Fault;

/// Refuses members with other names. A name counts in snake case and in camel case, as in Envoy.
///
/// # Errors
/// The value is not an object, or has another member.
pub fn known(tree: &Tree, names: &[&str]) -> Result<(), Fault> {
    if !matches!(tree.value, TreeValue::Object(_)) {
        return Err(Fault::at(tree, format!("found {}; expected an object", kind(tree))));
    }
    for (name, value) in tree.members() {
        if name != "@type" && !names.iter().any(|known| is_name(name, known)) {
            let nearest = names.iter().max_by(|a, b| {
                strsim::jaro(name, a).partial_cmp(&strsim::jaro(name, b)).unwrap_or(std::cmp::Ordering::Equal)
            });
            let meant = match nearest {
                Some(known) if strsim::jaro(name, known) > 0.8 => format!("did you mean {known}?"),
                _ => format!("expected one of {}", names.join(", ")),
            };
            return Err(Fault::at(value, format!("unknown field {name}; {meant}")));
        }
    }
    Ok(())
}

/// The one member of a message that has exactly one of several fields set, by its name in snake case.
///
/// # Errors
/// No member or several, or a member with another name.
pub fn one_of<'t, 'n>(tree: &'t Tree, names: &[&'n str]) -> Result<(&'n str, &'t Tree), Fault> {
    known(tree, names)?;
    let mut set = names.iter().filter_map(|name| Some((*name, member(tree, name)?)));
    match (set.next(), set.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Fault::at(tree, format!("found none of {}; expected one", names.join(", ")))),
        (Some((one, _)), Some((other, at))) => {
            Err(Fault::at(at, format!("found {one} and {other}; expected one of them")))
        }
    }
}

/// The member with a name, also an empty object.
pub fn member<'t>(tree: &'t Tree, name: &str) -> Option<&'t Tree> {
    tree.get(name)
}

/// The text of a member.
///
/// # Errors
/// The member is not a text.
pub fn text<'t>(tree: &'t Tree, name: &str) -> Result<Option<&'t str>, Fault> {
    tree.get(name).map(whole_text).transpose()
}

/// The text of a value.
///
/// # Errors
/// The value is not a text.
pub fn whole_text(tree: &Tree) -> Result<&str, Fault> {
    match &tree.value {
        TreeValue::Text(text) | TreeValue::NumericText(text) | TreeValue::Number(text) => Ok(text),
        _ => Err(Fault::at(tree, format!("found {}; expected a text", kind(tree)))),
    }
}

/// The text of a member that must be there.
///
/// # Errors
/// The member is absent or not a text.
pub fn required_text<'t>(tree: &'t Tree, name: &str) -> Result<&'t str, Fault> {
    text(tree, name)?.ok_or_else(|| Fault::at(tree, format!("found no {name}; expected a text")))
}

/// The items of a member.
///
/// # Errors
/// The member is not a list.
pub fn items<'t>(tree: &'t Tree, name: &str) -> Result<&'t [Tree], Fault> {
    match tree.get(name) {
        None => Ok(&[]),
        Some(Tree { value: TreeValue::List(items), .. }) => Ok(items),
        Some(other) => Err(Fault::at(other, format!("found {}; expected a list", kind(other)))),
    }
}

/// The texts of a list.
///
/// # Errors
/// The member is not a list of texts.
pub fn texts(tree: &Tree, name: &str) -> Result<Vec<String>, Fault> {
    items(tree, name)?.iter().map(|item| whole_text(item).map(ToOwned::to_owned)).collect()
}

/// The members of a map.
///
/// # Errors
/// The member is not an object.
pub fn map<'t>(tree: &'t Tree, name: &str) -> Result<&'t [(String, Tree)], Fault> {
    match tree.get(name) {
        None => Ok(&[]),
        Some(Tree { value: TreeValue::Object(members), .. }) => Ok(members),
        Some(other) => Err(Fault::at(other, format!("found {}; expected an object", kind(other)))),
    }
}

/// A boolean; absent is false.
///
/// # Errors
/// The member is not a boolean.
pub fn boolean(tree: &Tree, name: &str) -> Result<bool, Fault> {
    let Some(value) = tree.get(name) else { return Ok(false) };
    // `google.protobuf.BoolValue` has the same spelling.
    match &value.value {
        TreeValue::Bool(boolean) => Ok(*boolean),
        _ if value.is_true() => Ok(true),
        TreeValue::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Fault::at(value, format!("found {}; expected true or false", kind(value)))),
    }
}

/// A whole number.
///
/// # Errors
/// The member is no whole number.
pub fn whole(tree: &Tree, name: &str) -> Result<Option<u64>, Fault> {
    let Some(value) = tree.get(name) else { return Ok(None) };
    let number = whole_text(value).ok().and_then(|text| text.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| Fault::at(value, format!("found {}; expected a whole number", kind(value))))
}

/// A duration in seconds, as `5s` or `0.5s`.
///
/// # Errors
/// The member is no duration.
pub fn seconds(tree: &Tree, name: &str) -> Result<Option<f64>, Fault> {
    let Some(value) = tree.get(name) else { return Ok(None) };
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let parsed = match &value.value {
        TreeValue::Text(text) => text.strip_suffix('s').and_then(number),
        TreeValue::Object(_) => {
            known(value, &["seconds", "nanos"])?;
            let nanos = whole(value, "nanos")?.unwrap_or(0);
            text(value, "seconds")?.map_or(Some(0.0), number).map(|seconds| seconds + nanos as f64 / 1e9)
        }
        _ => None,
    };
    parsed.map(Some).ok_or_else(|| Fault::at(value, "expected a duration such as 5s".to_owned()))
}

fn is_name(member: &str, name: &str) -> bool {
    member == name || is_camel_case_of(member, name)
}

/// What a value is, for messages.
pub fn kind(tree: &Tree) -> String {
    match &tree.value {
        TreeValue::Null => "nothing".to_owned(),
        TreeValue::Bool(value) => value.to_string(),
        TreeValue::Number(number) => number.clone(),
        TreeValue::Text(text) | TreeValue::NumericText(text) => format!("{text:?}"),
        TreeValue::List(_) => "a list".to_owned(),
        TreeValue::Object(_) => "an object".to_owned(),
    }
}
