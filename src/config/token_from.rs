//! `token_from`: the token sources of a request.

use super::keys::place as key;
use super::problem::Problem;
use super::reader::{Errors, Node};
use crate::bearer::Place;
use crate::http::is_token;
use crate::jose::json::Json;

pub(super) fn places(node: &Node<'_>, errors: &mut Errors) -> Option<Vec<Place>> {
    let items = node.one_or_many();
    if items.is_empty() {
        node.refuse(Problem::NoItems { what: "token source, such as {header: authorization}" }, errors);
    }
    let mut places = Vec::with_capacity(items.len());
    for item in &items {
        let Some(place) = place(item, errors) else { continue };
        if places.contains(&place) {
            item.refuse(Problem::RepeatedPlace, errors);
        }
        places.push(place);
    }
    (!places.is_empty() && places.len() == items.len()).then_some(places)
}

fn place(node: &Node<'_>, errors: &mut Errors) -> Option<Place> {
    let mut object = node.object("a token source, such as {header: authorization}", errors)?;
    let mut name = |key, errors: &mut Errors| {
        let node = object.take(key)?;
        let name = node.text("a name", errors)?;
        if !is_token(name.as_bytes()) {
            node.refuse(Problem::InvalidName, errors);
            return None;
        }
        Some(name.to_owned())
    };
    let header = name(key::HEADER, errors).map(|name| name.to_ascii_lowercase());
    let (query, cookie) = (name(key::QUERY, errors), name(key::COOKIE, errors));
    let is_named = [key::HEADER, key::QUERY, key::COOKIE].iter().filter(|key| object.has(**key)).count() == 1;
    let prefix = object.take(key::PREFIX).map(|node| match node.value() {
        Json::String(prefix) if prefix.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => prefix.clone(),
        _ => {
            node.refuse(Problem::InvalidPrefix, errors);
            String::new()
        }
    });
    if prefix.is_some() && header.is_none() {
        object.refuse(key::PREFIX, Problem::PrefixWithoutHeader, errors);
    }
    let has_slip = object.has_unknown();
    object.finish(errors);
    match (header, query, cookie) {
        (Some(name), None, None) if name == "authorization" && prefix.is_none() => Some(Place::Authorization),
        (Some(name), None, None) => Some(Place::Header { name, prefix: prefix.unwrap_or_default() }),
        (None, Some(name), None) => Some(Place::Query { name }),
        (None, None, Some(name)) => Some(Place::Cookie { name }),
        (None, None, None) if has_slip || is_named => None,
        _ => {
            node.refuse(Problem::NotOnePlace, errors);
            None
        }
    }
}
