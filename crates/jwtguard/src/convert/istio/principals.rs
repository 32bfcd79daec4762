//! Who sends a request: `from.source`, and the conditions of `when` on the sender.

use super::claims::{self, Value};
use super::conditions::{Side, add, each};
use super::matchers::{LetterCase, header, literal, prefixed_string, regex};
use crate::convert::addresses::cidr;
use crate::convert::made::{object, text as text_at};
use crate::convert::manifest::known;
use crate::convert::notes::Fault;
use crate::inspect::tree::Tree;

/// The fields of `source`, each with the key of `when` that says the same.
const SOURCES: [(&str, &str, &str); 7] = [
    ("principals", "notPrincipals", "source.principal"),
    ("requestPrincipals", "notRequestPrincipals", "request.auth.principal"),
    ("serviceAccounts", "notServiceAccounts", "source.serviceAccount"),
    ("trustDomains", "notTrustDomains", "source.trustDomain"),
    ("namespaces", "notNamespaces", "source.namespace"),
    ("remoteIpBlocks", "notRemoteIpBlocks", "remote.ip"),
    ("ipBlocks", "notIpBlocks", "source.ip"),
];

/// The conditions of a `source` in an object of a namespace.
///
/// # Errors
/// The first field that is not as expected.
pub fn source(tree: &Tree, namespace: &str) -> Result<Vec<Tree>, Fault> {
    let fields: Vec<&str> = SOURCES.iter().flat_map(|(field, not_field, _)| [*field, *not_field]).collect();
    known(tree, &fields)?;
    let mut conditions = Vec::new();
    for (field, not_field, key) in SOURCES {
        add(tree, (field, not_field), Side::Principal, &mut conditions, |place, values| {
            when(key, place, place, values, namespace)
        })?;
    }
    match conditions.is_empty() {
        true => Err(Fault::at(
            tree,
            format!("expected at least one of {}, got an empty source", fields.join(", ")),
        )),
        false => Ok(conditions),
    }
}

/// A condition of `when` on the sender.
///
/// # Errors
/// A key or a value that is not as expected.
pub fn when<'t>(
    key: &str,
    key_place: &Tree,
    place: &'t Tree,
    values: &[Value<'t>],
    namespace: &str,
) -> Result<Tree, Fault> {
    let each = |condition: &dyn Fn(&'t Tree, &'t str) -> Result<Tree, Fault>| {
        each(Side::Principal, place, values, condition)
    };
    match key {
        "request.auth.principal" => each(&|place, value| Ok(claims::principal(place, value))),
        "request.auth.audiences" => Ok(claims::one_of(place, &["aud".to_owned()], values)),
        "request.auth.presenter" => Ok(claims::one_of(place, &["azp".to_owned()], values)),
        "source.principal" => {
            each(&|place, value| Ok(authenticated(place, prefixed_string(place, "spiffe://", value))))
        }
        "source.namespace" => each(&|place, value| {
            let name = value.split('*').map(literal).collect::<Vec<_>>().join(".*");
            Ok(authenticated(place, regex(place, &format!(".*/ns/{name}/.*"))))
        }),
        "source.serviceAccount" => each(&|place, value| service_account(place, value, namespace)),
        "source.trustDomain" => each(&trust_domain),
        "source.ip" => each(&|place, value| ip(place, "direct_remote_ip", value)),
        "remote.ip" => each(&|place, value| ip(place, "remote_ip", value)),
        _ => match (in_brackets(key, "request.auth.claims"), in_brackets(key, "request.headers")) {
            (Some(names), _) => {
                let names = claims::names(names).ok_or_else(|| unknown_key(key_place, key))?;
                Ok(claims::one_of(place, &names, values))
            }
            (None, Some(brackets)) => {
                let name = brackets.get(1..brackets.len() - 1).unwrap_or_default();
                each(&|place, value| {
                    Ok(object(place, vec![("header", header(place, name, value, LetterCase::Exact))]))
                })
            }
            (None, None) => Err(unknown_key(key_place, key)),
        },
    }
}

/// The brackets with a name behind the start of a key.
fn in_brackets<'k>(key: &'k str, start: &str) -> Option<&'k str> {
    let rest = key.strip_prefix(start)?;
    (rest.len() > 2 && rest.starts_with('[') && rest.ends_with(']')).then_some(rest)
}

/// The fault of a key of `when` that Istio does not know.
fn unknown_key(place: &Tree, key: &str) -> Fault {
    let text = format!(
        "unknown key `{key}`: expected request.auth.principal, request.auth.audiences, request.auth.presenter, \
         request.auth.claims[NAME], request.headers[NAME], source.ip, remote.ip, source.namespace, source.principal, \
         source.serviceAccount, source.trustDomain, destination.ip, destination.port, connection.sni or \
         experimental.envoy.filters.FILTER[KEY]"
    );
    Fault::at(place, text)
}

fn authenticated(place: &Tree, name: Tree) -> Tree {
    object(place, vec![("authenticated", object(place, vec![("principal_name", name)]))])
}

fn service_account(place: &Tree, value: &str, namespace: &str) -> Result<Tree, Fault> {
    let (namespace, account) = value.split_once('/').unwrap_or((namespace, value));
    if account.is_empty() || account.contains(['/', '*']) || namespace.contains('*') {
        let problem = format!("expected NAME or NAMESPACE/NAME without *, got `{value}`");
        return Err(Fault::at(place, problem));
    }
    let pattern = format!("spiffe://.+/ns/{}/(.+/|)sa/{}(/.+)?", literal(namespace), literal(account));
    Ok(authenticated(place, regex(place, &pattern)))
}

fn trust_domain(place: &Tree, value: &str) -> Result<Tree, Fault> {
    let starts_with =
        |text: String| authenticated(place, object(place, vec![("prefix", text_at(place, text))]));
    match value.split_once('*') {
        _ if value.contains('/') => {
            Err(Fault::at(place, format!("expected a trust domain without /, got `{value}`")))
        }
        _ if value == "*" => Ok(starts_with("spiffe://".to_owned())),
        None => Ok(starts_with(format!("spiffe://{value}/"))),
        Some((start, end)) => {
            let pattern = format!("spiffe://{}[^/]*{}/.*", literal(start), literal(end));
            Ok(authenticated(place, regex(place, &pattern)))
        }
    }
}

fn ip(place: &Tree, field: &str, value: &str) -> Result<Tree, Fault> {
    let range = cidr(place, value).ok_or_else(|| {
        Fault::at(place, format!("expected an IP address or a range such as 10.0.0.0/8, got `{value}`"))
    })?;
    Ok(object(place, vec![(field, range)]))
}
