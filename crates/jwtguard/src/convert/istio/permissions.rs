//! What a request does: `to.operation`, and the conditions of `when` on the connection.

use super::claims::Value;
use super::conditions::{Side, add, each};
use super::matchers::{LetterCase, header, string};
use crate::convert::addresses::cidr;
use crate::convert::made::{boolean, list, number, object, text as text_at};
use crate::convert::manifest::known;
use crate::convert::notes::Fault;
use crate::inspect::tree::Tree;

/// The fields of `operation`.
const FIELDS: [&str; 8] =
    ["hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"];

/// The conditions of an `operation`.
///
/// # Errors
/// The first field that is not as expected.
pub fn operation(tree: &Tree) -> Result<Vec<Tree>, Fault> {
    known(tree, &FIELDS)?;
    let mut conditions = Vec::new();
    let of = |field,
              not_field,
              condition: fn(&'_ Tree, &str) -> Result<Tree, String>,
              conditions: &mut Vec<Tree>| {
        add(tree, (field, not_field), Side::Permission, conditions, |place, values| {
            each(Side::Permission, place, values, |place, value| {
                condition(place, value).map_err(|problem| Fault::at(place, problem))
            })
        })
    };
    of(
        "hosts",
        "notHosts",
        |place, value| Ok(on_header(place, ":authority", value, LetterCase::Ignored)),
        &mut conditions,
    )?;
    of(
        "methods",
        "notMethods",
        |place, value| Ok(on_header(place, ":method", value, LetterCase::Exact)),
        &mut conditions,
    )?;
    of("paths", "notPaths", path, &mut conditions)?;
    of("ports", "notPorts", port, &mut conditions)?;
    match conditions.is_empty() {
        true => Err(Fault::at(
            tree,
            format!("expected at least one of {}, got an empty operation", FIELDS.join(", ")),
        )),
        false => Ok(conditions),
    }
}

/// Whether a key of `when` is about the connection or the metadata of other filters, and not about the sender.
pub fn is_key(key: &str) -> bool {
    ["destination.ip", "destination.port", "connection.sni"].contains(&key) || key.starts_with(METADATA)
}

/// A condition of `when` whose key [`is_key`].
///
/// # Errors
/// A value that is not as expected.
pub fn when(key: &str, place: &Tree, values: &[Value<'_>]) -> Result<Tree, Fault> {
    let one = |condition: fn(&Tree, &str) -> Result<Tree, String>| {
        each(Side::Permission, place, values, |place, value| {
            condition(place, value).map_err(|problem| Fault::at(place, problem))
        })
    };
    match key {
        "destination.ip" => one(|place, value| {
            let range = cidr(place, value)
                .ok_or_else(|| format!("expected an IP address or a range, got `{value}`"))?;
            Ok(object(place, vec![("destination_ip", range)]))
        }),
        "destination.port" => one(port),
        "connection.sni" => {
            one(|place, value| Ok(object(place, vec![("requested_server_name", string(place, value))])))
        }
        _ => metadata(key, place, values),
    }
}

/// The start of a key that names a filter and a key of its metadata.
const METADATA: &str = "experimental.envoy.filters.";

/// A condition on the metadata of another filter: `[a]` is a member of a list, `a` is a text.
fn metadata(key: &str, place: &Tree, values: &[Value<'_>]) -> Result<Tree, Fault> {
    let rest = key.strip_prefix("experimental.").and_then(|rest| rest.strip_suffix(']'));
    let Some((filter, name)) =
        rest.and_then(|rest| rest.split_once('[')).filter(|(_, name)| !name.is_empty())
    else {
        return Err(Fault::at(place, format!("expected a key such as {METADATA}FILTER[KEY], got `{key}`")));
    };
    each(Side::Permission, place, values, |place, value| {
        let matcher = |text: &str| object(place, vec![("string_match", string(place, text))]);
        let value = match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(member) => {
                object(place, vec![("list_match", object(place, vec![("one_of", matcher(member))]))])
            }
            None => matcher(value),
        };
        let path = list(place, vec![object(place, vec![("key", text_at(place, name))])]);
        let metadata = vec![("filter", text_at(place, filter)), ("path", path), ("value", value)];
        Ok(object(place, vec![("metadata", object(place, metadata))]))
    })
}

/// Each request has a method and a host.
fn any(place: &Tree) -> Tree {
    object(place, vec![("any", boolean(place, true))])
}

fn on_header(place: &Tree, name: &str, value: &str, letter_case: LetterCase) -> Tree {
    if value == "*" {
        return any(place);
    }
    object(place, vec![("header", header(place, name, value, letter_case))])
}

fn port(place: &Tree, value: &str) -> Result<Tree, String> {
    let port: u16 = value.parse().map_err(|_| format!("expected a port such as \"8080\", got `{value}`"))?;
    Ok(object(place, vec![("destination_port", number(place, i64::from(port)))]))
}

fn path(place: &Tree, value: &str) -> Result<Tree, String> {
    if value == "*" {
        // Each path that starts with a slash, and `OPTIONS *`, which has no such path; not a CONNECT without a path.
        let of = |matcher: Tree| object(place, vec![("url_path", object(place, vec![("path", matcher)]))]);
        let slash = object(place, vec![("prefix", text_at(place, "/"))]);
        return Ok(Side::Permission.any(place, vec![of(slash), of(string(place, value))]));
    }
    if !value.contains(['{', '}']) {
        let matcher = object(place, vec![("path", string(place, value))]);
        return Ok(object(place, vec![("url_path", matcher)]));
    }
    template(value)?;
    let config = object(
        place,
        vec![
            (
                "@type",
                text_at(
                    place,
                    "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
                ),
            ),
            ("path_template", text_at(place, value.replace("{**}", "**").replace("{*}", "*"))),
        ],
    );
    let extension = object(place, vec![("name", text_at(place, "uri-template")), ("typed_config", config)]);
    Ok(object(place, vec![("uri_template", extension)]))
}

/// Checks a template: `{*}` and `{**}` are whole segments, and no other one stands after `{**}`.
fn template(value: &str) -> Result<(), String> {
    let mut ended = false;
    for segment in value.trim_matches('/').split('/') {
        match segment {
            "{*}" | "{**}" if ended => {
                return Err(format!("expected {{**}} as the last operator of the path, got `{value}`"));
            }
            "{**}" => ended = true,
            "{*}" => {}
            _ if segment.contains(['{', '}']) => {
                return Err(format!(
                    "expected {{*}} or {{**}} as a whole segment of the path, got `{segment}` in `{value}`"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let place = Tree::from_json("{}").unwrap();
        for (value, expected) in [
            ("/a", r#""exact":"/a""#),
            ("/a/*", r#""prefix":"/a/""#),
            ("*.json", r#""suffix":".json""#),
            ("/a/{*}/b", r#""path_template":"/a/*/b""#),
            ("/{**}/b", r#""path_template":"/**/b""#),
        ] {
            let condition = path(&place, value).unwrap().to_json();
            assert!(condition.contains(expected), "{value}: {condition}");
        }
        for value in ["/a/{b}", "/a/{*}b", "/{**}/{*}", "/{**}/{**}", "/a}"] {
            assert!(path(&place, value).is_err(), "{value}");
        }
    }
}
