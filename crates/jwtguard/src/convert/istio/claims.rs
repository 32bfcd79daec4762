//! Conditions on the payload of the token, which istiod lets `jwt_authn` store as dynamic metadata.

use super::matchers::{regex, string};
use crate::convert::made::{list, object, text};
use crate::inspect::tree::Tree;

/// The name under which every provider stores the payload.
pub const PAYLOAD: &str = "payload";

/// The filter that stores it.
const FILTER: &str = "envoy.filters.http.jwt_authn";

/// A value of a rule, with its place.
pub type Value<'t> = (&'t Tree, &'t str);

/// A claim, as text or as a list of texts, matches one of the values.
pub fn one_of(place: &Tree, path: &[String], values: &[Value<'_>]) -> Tree {
    let matchers: Vec<Tree> = values
        .iter()
        .map(|(place, value)| object(place, vec![("string_match", string(place, value))]))
        .collect();
    let value = or(place, matchers);
    let in_list = object(place, vec![("list_match", object(place, vec![("one_of", value.clone())]))]);
    metadata(place, path, or(place, vec![in_list, value]))
}

/// `requestPrincipals`: `ISS/SUB`, where the last `/` separates the two.
pub fn principal(place: &Tree, value: &str) -> Tree {
    let any = || regex(place, ".+");
    let matcher = |kind: &'static str, value: &str| object(place, vec![(kind, text(place, value))]);
    let parts = value.rsplit_once('/');
    let (issuer, subject) = match (parts, value.strip_prefix('*'), value.strip_suffix('*')) {
        _ if value == "*" => (any(), any()),
        (Some(("*", subject)), Some(_), _) => (any(), matcher("exact", subject)),
        (Some((issuer, subject)), Some(_), _) => {
            (matcher("suffix", issuer.trim_start_matches('*')), matcher("exact", subject))
        }
        (None, Some(end), _) => (any(), matcher("suffix", end)),
        (Some((issuer, "*")), None, Some(_)) => (matcher("exact", issuer), any()),
        (Some((issuer, subject)), None, Some(_)) => {
            (matcher("exact", issuer), matcher("prefix", subject.trim_end_matches('*')))
        }
        (None, None, Some(start)) => (matcher("prefix", start), any()),
        (Some((issuer, subject)), None, None) => (matcher("exact", issuer), matcher("exact", subject)),
        (None, None, None) => (matcher("exact", value), matcher("exact", "")),
    };
    let claim = |name: &str, value: Tree| {
        metadata(place, &[name.to_owned()], object(place, vec![("string_match", value)]))
    };
    let both = list(place, vec![claim("iss", issuer), claim("sub", subject)]);
    object(place, vec![("and_ids", object(place, vec![("ids", both)]))])
}

/// The names in `[a][b]`. Where the brackets do not pair up, all between the first and the last is one name.
pub fn names(brackets: &str) -> Option<Vec<String>> {
    let whole = brackets.strip_prefix('[')?.strip_suffix(']')?;
    let parts: Vec<&str> = whole.split("][").collect();
    let paired = parts.iter().all(|part| !part.contains(['[', ']']));
    let names: Vec<String> =
        if paired { parts } else { vec![whole] }.into_iter().map(str::to_owned).collect();
    (!whole.is_empty()).then_some(names)
}

fn metadata(place: &Tree, path: &[String], value: Tree) -> Tree {
    let keys = std::iter::once(PAYLOAD).chain(path.iter().map(String::as_str));
    let path = keys.map(|key| object(place, vec![("key", text(place, key))])).collect();
    let matcher =
        object(place, vec![("filter", text(place, FILTER)), ("path", list(place, path)), ("value", value)]);
    object(place, vec![("metadata", matcher)])
}

fn or(place: &Tree, mut matchers: Vec<Tree>) -> Tree {
    match (matchers.len(), matchers.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            matchers.extend(last);
            object(place, vec![("or_match", object(place, vec![("value_matchers", list(place, matchers))]))])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals() {
        let place = Tree::from_json("{}").unwrap();
        let (any, exact) =
            (r#"{"safe_regex":{"regex":".+"}}"#, |text: &str| format!(r#"{{"exact":"{text}"}}"#));
        let (start, end) = (
            |text: &str| format!(r#"{{"prefix":"{text}"}}"#),
            |text: &str| format!(r#"{{"suffix":"{text}"}}"#),
        );
        for (value, issuer, subject) in [
            ("*", any.to_owned(), any.to_owned()),
            ("https://a.example/s", exact("https://a.example"), exact("s")),
            ("https://a.example/*", exact("https://a.example"), any.to_owned()),
            ("https://a.example/s*", exact("https://a.example"), start("s")),
            ("*/s", any.to_owned(), exact("s")),
            ("*.example/s", end(".example"), exact("s")),
            ("*-s", any.to_owned(), end("-s")),
            ("a-*", start("a-"), any.to_owned()),
            ("a", exact("a"), exact("")),
        ] {
            let written = principal(&place, value).to_json();
            let expected: Vec<String> = [("iss", issuer), ("sub", subject)]
                .iter()
                .map(|(name, value)| format!(r#"{{"key":"{name}"}}],"value":{{"string_match":{value}}}"#))
                .collect();
            assert!(
                expected.iter().all(|part| written.contains(part.as_str())),
                "{value}: {written}, {expected:?}"
            );
        }
    }

    #[test]
    fn names_in_brackets() {
        for (brackets, expected) in [
            ("[a]", Some(vec!["a"])),
            ("[a][b]", Some(vec!["a", "b"])),
            ("[https://a.example/roles]", Some(vec!["https://a.example/roles"])),
            ("[a[b]]", Some(vec!["a[b]"])),
            ("[]", None),
            ("a", None),
        ] {
            let expected = expected.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(names(brackets), expected, "{brackets}");
        }
    }
}
