//! The reference of the configuration as Markdown: `docs/configuration.md`.

use std::fmt::Write;

use super::types::default;
use jwt_guard::config::keys::{Bounds, DeclaredKey, KeyType};
use jwt_guard::config::objects::{OBJECTS, ObjectKeys};
use jwt_guard::route::VariantClass;

const HEAD: &str = "\
# Configuration reference

This page lists every key of the filter's configuration, by the object that contains the key. `jwtguard schema` prints
the same as a JSON Schema, and `jwtguard check` finds the mistakes in a configuration.

- The filter refuses a configuration with a key that is not listed here, at any depth.
- A key with the value `null` counts as absent.
- The column \"default\" shows the value that an absent key has. Where the column is empty, an absent key sets nothing,
  or the last column says what applies.
- \"text or list\" is one text, or a list of texts with at least one entry and no entry twice.
- The bounds of a number are inclusive, and the unit follows them.
- A claim is given by the name of a top-level claim, taken literally, or by a JSON Pointer (RFC 6901), which starts
  with `/`.

This file is generated: `cargo run -p jwtguard --example configuration-reference > docs/configuration.md`.
";

const ONE_ISSUER: &str = "
A configuration has either `issuers`, or the keys of one [`issuer`](#issuer) at this level. `roles_from`, `groups_from`
and `scopes_from` can be set at this level in both cases, and an entry of `issuers` can replace them.
";

const REQUIREMENT: &str = "\nA route also has the keys of a [`requirement`](#requirement).\n";

const GUARD: &str = "\nA guard also has the keys of a [`requirement`](#requirement), except `allow_anonymous`, `allow_missing` and \
`allow_missing_or_failed`.\n";

const RESOURCE_METADATA: &str = "\nRFC 9728, section 2, defines the other members of the document.\n";

/// Generates the reference.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    // The keys of `default_policy` are those of a requirement.
    for object in OBJECTS.iter().filter(|object| object.name != "default_policy") {
        section(object, &mut text);
    }
    text
}

fn section(object: &ObjectKeys, text: &mut String) {
    let _ = write!(text, "\n## `{}`\n\n{}.", object.name, object.title);
    let listed = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if !object.required.is_empty() {
        let _ = write!(text, " Required: {}.", listed(object.required));
    }
    if !object.one_of.is_empty() {
        let alternatives: Vec<String> =
            object.one_of.iter().map(|keys| listed(keys).replace(", ", " and/or ")).collect();
        let required = match alternatives.as_slice() {
            [one] => format!("At least one of {} is required.", one.replace(" and/or ", ", ")),
            several => format!("Exactly one of {} is required.", several.join(", ")),
        };
        let _ = write!(text, " {required}");
    }
    text.push('\n');
    let (groups, note) = match (object.name, object.groups) {
        ("configuration", [own, ..]) => (std::slice::from_ref(own), ONE_ISSUER),
        ("guard", [own, ..]) => (std::slice::from_ref(own), GUARD),
        ("route", [own, ..]) => (std::slice::from_ref(own), REQUIREMENT),
        ("resource_metadata", groups) => (groups, RESOURCE_METADATA),
        (_, groups) => (groups, ""),
    };
    text.push_str(note);
    if groups.is_empty() {
        return;
    }
    text.push_str("\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for key in groups.iter().flat_map(|keys| keys.iter()).filter(|key| !object.except.contains(&key.name)) {
        let default = default(key).map_or_else(String::new, |value| format!("`{value}`"));
        let cells = [format!("`{}`", key.name), key_type(&key.key_type), default, meaning(key)];
        let _ = writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

/// The description as Markdown: names of keys become code, and characters that Markdown would take for markup are
/// escaped.
fn meaning(key: &DeclaredKey) -> String {
    let word = |word: &str| {
        let name = word.trim_end_matches(['.', ',', ';', ':']);
        let is_key =
            name.contains('_') && OBJECTS.iter().flat_map(ObjectKeys::keys).any(|key| key.name == name);
        match is_key {
            true => word.replacen(name, &format!("`{name}`"), 1),
            false => word.replace('*', "\\*").replace('[', "\\["),
        }
    };
    key.description.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn key_type(key_type: &KeyType) -> String {
    let link = |name: &str| format!("[`{name}`](#{name})");
    // `default_policy` has no section: its keys are those of a requirement.
    let link = |name: &str| link(if name == "default_policy" { "requirement" } else { name });
    let words =
        |values: &[&str]| values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    match key_type {
        KeyType::Boolean => "`true` or `false`".to_owned(),
        KeyType::True => "`true`".to_owned(),
        KeyType::NonBlank => "text".to_owned(),
        KeyType::Texts | KeyType::TextsUpTo(_) | KeyType::ClaimList => "text or list".to_owned(),
        KeyType::TextsMatching(pattern) => format!("text that matches `{pattern}`, or a list of them"),
        KeyType::Matching(pattern) => format!("text that matches `{pattern}`"),
        KeyType::Enum(values) => format!("one of {}", words(values)),
        KeyType::EnumList(values) => format!("one of these or a list: {}", words(values)),
        KeyType::Number(Bounds { least, greatest, unit }) => format!("{least} to {greatest} {unit}"),
        KeyType::Object(name) => link(name),
        KeyType::ObjectOrList(name) => format!("{} or a list of them", link(name)),
        KeyType::List(name) | KeyType::Alternatives(name) => format!("list of {}", link(name)),
        KeyType::Map(name) => format!("object from name to {}", link(name)),
        KeyType::ClaimHeaders => format!(
            "object from header name to claim, list of claims, `$roles`, `$groups`, `$scopes`, `$payload`, `$none` or {}",
            link("header_value")
        ),
        KeyType::ClaimSources => format!("claim, {}, or a list of them, which may be empty", link("source")),
        KeyType::VariantClasses => {
            format!("one of these or a list: {}", words(&VariantClass::SKIPPABLE.map(VariantClass::name)))
        }
        KeyType::Kids => "text or list, which may be empty".to_owned(),
        KeyType::Jwks => "JWKS as an object or as text".to_owned(),
        KeyType::RefusedClaims => "object from claim to value or list of values".to_owned(),
        KeyType::AnyOrAll => format!("text or list, or {}", link("all_of_them")),
        KeyType::Tenants => format!("text or list, or {}", link("any_tenant")),
        KeyType::Scopes => format!("text or {}", link("scopes")),
        KeyType::Values => "JSON value or list of values".to_owned(),
        KeyType::WordOrObject(word, name) => format!("`{word}` or {}", link(name)),
        KeyType::AnyNumber => "number".to_owned(),
    }
}
