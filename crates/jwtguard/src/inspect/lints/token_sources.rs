//! Checks `token_from` for token sources that can never contain a token.

use super::Lint;
use super::lint::route;
use crate::inspect::path::of_keys;
use jwt_guard::config::Config;
use jwt_guard::config::keys::{configuration, route as key, second_token};
use jwt_guard::token_source::TokenSource;

/// Headers with a meaning in HTTP or Envoy, in which no client sends a token.
const NEVER: [&str; 20] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

/// Warns about each token source of the configuration and of its routes that cannot contain a token.
pub fn token_sources(config: &Config, lints: &mut Vec<Lint>) {
    let of_routes = config.routes.rules().enumerate();
    let of_routes = of_routes.filter_map(|(index, route)| {
        Some((self::route(index).key(key::TOKEN_FROM.as_str()), route.token_from.as_deref()?))
    });
    let global = (of_keys(&[configuration::TOKEN_FROM]), config.token_from.as_slice());
    let of_second = config.second_tokens.iter().map(|token| {
        let path = of_keys(&[configuration::SECOND_TOKENS]).key(&token.name);
        (path.key(second_token::TOKEN_FROM.as_str()), token.token_from.as_slice())
    });
    let all = std::iter::once(global).chain(of_routes).chain(of_second);
    for (path, places) in all {
        for (index, place) in places.iter().enumerate() {
            let earlier = places.get(..index).unwrap_or_default();
            if let Some(problem) = problem(place).or_else(|| twice(place, earlier)) {
                lints.push(Lint::new(&path.index(index), problem));
            }
        }
    }
}

fn problem(place: &TokenSource) -> Option<String> {
    let never = "can never contain a token";
    match place {
        TokenSource::Header { name, prefix } => match name.as_str() {
            "cookie" => Some(format!("{never}: this header contains all cookies of the request; write {{cookie: NAME}}")),
            "host" => Some(format!("{never}: Envoy moves the host to :authority; write a header that the client sets")),
            "sec-websocket-protocol" => Some(format!(
                "{never} from a browser: a browser sends a list of protocols in this header, the filter refuses a value with \
                 a comma, and the server must answer with one of the protocols; write {{cookie: NAME}} or {{query: NAME}}"
            )),
            name if NEVER.contains(&name) => {
                Some(format!("{never}: {name} has another meaning in HTTP or Envoy; write a header that the client sets"))
            }
            name => prefixed(name, prefix),
        },
        TokenSource::Query { name } => name.contains(['&', '+', '%', '#']).then(|| {
            format!(
                "{never}: & and # end a parameter of the query, and + and % are decoded before names are compared; \
                 write the name of one parameter{}",
                match name.split(['&', '+', '%', '#']).find(|part| !part.is_empty()) {
                    Some(part) => format!(", such as {{query: {part}}}"),
                    None => String::new(),
                }
            )
        }),
        TokenSource::Authorization | TokenSource::Dpop | TokenSource::Cookie { .. } => None,
    }
}

fn prefixed(name: &str, prefix: &str) -> Option<String> {
    let trimmed = prefix.trim();
    if prefix.contains(',') {
        return Some(format!(
            "the prefix \"{prefix}\" never matches: the filter refuses a value with a comma, because two joined \
             headers look the same; write a prefix without a comma"
        ));
    }
    if !prefix.is_empty() && trimmed.is_empty() {
        return Some(
            "the prefix has only spaces, which are not part of the value of a header; remove prefix"
                .to_owned(),
        );
    }
    if prefix.starts_with(' ') {
        return Some(format!(
            "the prefix \"{prefix}\" never matches: the value of a header does not start with a space; \
             write \"{} \"",
            trimmed
        ));
    }
    if trimmed.eq_ignore_ascii_case("basic") {
        return Some(format!(
            "Basic in {name} contains a user name and a password, not a token; for Bearer write {{header: authorization}}"
        ));
    }
    // `token=` and `jwt:` are directly before the token. A word needs a space after it.
    prefix.ends_with(|last: char| last.is_ascii_alphanumeric()).then(|| {
        format!(
            "the prefix \"{prefix}\" has no final space: \"{prefix} eyJ…\" is refused as malformed, and only \
             \"{prefix}eyJ…\" is read; write \"{prefix} \""
        )
    })
}

/// Warns about two prefixes of the same header if one starts with the other: both then match the same token.
fn twice(place: &TokenSource, earlier: &[TokenSource]) -> Option<String> {
    let (name, prefix) = place.header().filter(|(name, _)| *name != "cookie")?;
    let prefix = prefix.to_ascii_lowercase();
    let clashes = |other: &&TokenSource| {
        other.header().is_some_and(|(header, other)| {
            let other = other.to_ascii_lowercase();
            header == name && other != prefix && (other.starts_with(&prefix) || prefix.starts_with(&other))
        })
    };
    earlier.iter().find(clashes).map(|other| {
        let other = other.header().map(|(_, prefix)| prefix).unwrap_or_default();
        format!(
            "{name} is also read with the prefix \"{other}\", and one of the two prefixes starts with the other: a token \
             after the longer prefix is found twice and refused; remove one of the two"
        )
    })
}
