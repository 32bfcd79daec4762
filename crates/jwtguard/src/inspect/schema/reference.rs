//! The reference of the configuration as Markdown: `docs/configuration.md`.

use std::fmt::Write;

use super::types::default;
use jwt_guard::config::keys::{Bounds, DeclaredKey, KeyType};
use jwt_guard::config::objects::{OBJECTS, ObjectKeys};
use jwt_guard::route::VariantClass;

const HEAD: &str = "\
# Configuration reference

Every key of the filter's configuration, by the object that it stands in. `jwtguard schema` prints the same as JSON
Schema, and `jwtguard check` tells what is wrong with a configuration.

- A key that is not listed here is refused, at any depth.
- `null` means the same as an absent key.
- \"text or list\" means one text, or a list with at least one entry and without repetitions.
- Bounds are inclusive.

This file is generated: `cargo run -p jwtguard --example configuration-reference > docs/configuration.md`.
";

const ONE_ISSUER: &str = "
A configuration has `issuers`, or the keys of one [`issuer`](#issuer) beside these. `roles_from`, `groups_from` and
`scopes_from` may stand here in both cases; an entry of `issuers` can replace them.
";

const REQUIREMENT: &str = "\nA route has the keys of a [`requirement`](#requirement) as well.\n";

const RESOURCE_METADATA: &str = "\nRFC 9728, section 2, defines its other members.\n";

/// The reference.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    // The same keys as those of a requirement.
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
        let _ = write!(text, " Exactly one of {} is required.", listed(object.one_of));
    }
    text.push('\n');
    let (groups, note) = match (object.name, object.groups) {
        ("configuration", [own, ..]) => (std::slice::from_ref(own), ONE_ISSUER),
        ("route", [own, ..]) => (std::slice::from_ref(own), REQUIREMENT),
        ("resource_metadata", groups) => (groups, RESOURCE_METADATA),
        (_, groups) => (groups, ""),
    };
    text.push_str(note);
    if groups.is_empty() {
        return;
    }
    text.push_str("\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for key in groups.iter().flat_map(|keys| keys.iter()) {
        let default = default(key).map_or_else(String::new, |value| format!("`{value}`"));
        let cells = [format!("`{}`", key.name), key_type(&key.key_type), default, meaning(key)];
        let _ = writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

/// The description, with the names of keys as code and with nothing else that Markdown takes for markup.
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
    // A requirement that may be empty is described by its title in the schema alone.
    let link = |name: &str| link(if name == "default_policy" { "requirement" } else { name });
    let words =
        |values: &[&str]| values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    match key_type {
        KeyType::Boolean => "`true` or `false`".to_owned(),
        KeyType::NonBlank => "text".to_owned(),
        KeyType::Texts | KeyType::ClaimList => "text or list".to_owned(),
        KeyType::Matching(pattern) => format!("text like `{pattern}`"),
        KeyType::OneOf(values) => format!("one of {}", words(values)),
        KeyType::SomeOf(values) => format!("one of these or a list: {}", words(values)),
        KeyType::Number(Bounds { least, greatest, unit }) => format!("{least} to {greatest} {unit}"),
        KeyType::Object(name) => link(name),
        KeyType::ObjectOrList(name) => format!("{} or a list of them", link(name)),
        KeyType::List(name) | KeyType::Alternatives(name) => format!("list of {}", link(name)),
        KeyType::Map(name) => format!("object: name to {}", link(name)),
        KeyType::ClaimHeaders => {
            "object: header name to claim, list of claims, `$roles`, `$groups`, `$scopes`, `$payload` or `$none`"
                .to_owned()
        }
        KeyType::ClaimSources => format!("text, {}, or a list of them, which may be empty", link("source")),
        KeyType::ReadingClasses => {
            format!("one of these or a list: {}", words(&VariantClass::SKIPPABLE.map(VariantClass::name)))
        }
        KeyType::Kids => "text or list, which may be empty".to_owned(),
        KeyType::Jwks => "JWKS as an object or as text".to_owned(),
        KeyType::RefusedClaims => "object: claim to value or list of values".to_owned(),
        KeyType::AnyOrAll => format!("text or list, or {}", link("all_of_them")),
        KeyType::Scopes => format!("text or {}", link("scopes")),
        KeyType::Values => "JSON value or list of values".to_owned(),
    }
}
