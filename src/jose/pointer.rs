//! The location of a value in the claims: the literal name of a top-level claim, or a JSON Pointer (RFC 6901).

use super::json::Json;

/// The location of a value in the claims.
///
/// Text that starts with `/` is an RFC 6901 pointer; anything else is the name of a top-level claim, so that
/// `https://example.com/roles` and `cognito:groups` need no escaping.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pointer {
    text: String,
    tokens: Vec<String>,
}

/// Why a text is not a pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// The text is empty. As a JSON Pointer it would name all claims at once.
    #[error("expected a claim name or a JSON Pointer, got an empty string")]
    Empty,
    /// A `~` is not followed by `0` or `1` (RFC 6901 section 3).
    #[error("in a JSON Pointer, write `~0` for `~` and `~1` for `/`")]
    BadEscape,
}

impl Pointer {
    /// Parses a claim name or a JSON Pointer.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        let tokens = match text.strip_prefix('/') {
            _ if text.is_empty() => return Err(PointerError::Empty),
            Some(rest) => rest.split('/').map(unescape).collect::<Result<_, _>>()?,
            None => vec![text.to_owned()],
        };
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// The value at this location, if there is one.
    pub fn find<'a>(&self, claims: &'a Json) -> Option<&'a Json> {
        self.tokens.iter().try_fold(claims, |value, token| match value {
            Json::Object(members) => members.iter().find(|(name, _)| name == token).map(|(_, value)| value),
            Json::Array(items) => items.get(array_index(token)?),
            _ => None,
        })
    }

    /// Whether the claims say nothing at this location: an object on the way lacks the member, or a value is `null`. A
    /// value on the way that is neither an object nor an array with this index says something in another shape, so the
    /// location is not absent.
    pub fn is_absent(&self, claims: &Json) -> bool {
        let mut value = claims;
        for token in &self.tokens {
            let next = match value {
                Json::Null => return true,
                Json::Object(members) => {
                    members.iter().find(|(name, _)| name == token).map(|(_, value)| value)
                }
                Json::Array(items) => match array_index(token) {
                    Some(index) => items.get(index),
                    None => return false,
                },
                _ => return false,
            };
            match next {
                Some(next) => value = next,
                None => return true,
            }
        }
        *value == Json::Null
    }

    /// The text that was parsed.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// An array index: digits without a leading zero (RFC 6901 section 4).
fn array_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with('0');
    (canonical && token.bytes().all(|byte| byte.is_ascii_digit())).then(|| token.parse().ok())?
}

fn unescape(token: &str) -> Result<String, PointerError> {
    let mut characters = token.chars();
    let mut unescaped = String::with_capacity(token.len());
    while let Some(character) = characters.next() {
        unescaped.push(match character {
            '~' => match characters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(PointerError::BadEscape),
            },
            other => other,
        });
    }
    Ok(unescaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_pointers_find_what_they_name() {
        let claims = Json::parse(
            br#"{"role":"a","realm_access":{"roles":["x","y"]},"a/b":1,"m~n":2,"":3,"https://e.com/r":4,"a.b":5}"#,
        )
        .unwrap();
        let rows: &[(&str, &str, Option<&str>)] = &[
            ("a top-level name", "role", Some("\"a\"")),
            ("a nested array", "/realm_access/roles", Some("[\"x\",\"y\"]")),
            ("an index", "/realm_access/roles/1", Some("\"y\"")),
            ("an index past the end", "/realm_access/roles/2", None),
            ("an index with a leading zero", "/realm_access/roles/01", None),
            ("an index with a sign", "/realm_access/roles/+1", None),
            ("the end of an array", "/realm_access/roles/-", None),
            ("an escaped slash", "/a~1b", Some("1")),
            ("an escaped tilde", "/m~0n", Some("2")),
            ("the empty name", "/", Some("3")),
            ("a URL as a name", "https://e.com/r", Some("4")),
            ("a dot in a name", "a.b", Some("5")),
            ("a literal name does not descend", "realm_access.roles", None),
            ("through a string", "/role/0", None),
        ];
        for (label, pointer, expected) in rows {
            let found = Pointer::parse(pointer).unwrap().find(&claims).map(Json::to_string);
            assert_eq!(found.as_deref(), *expected, "{label}");
        }
    }

    #[test]
    fn what_is_not_a_pointer_is_refused() {
        assert_eq!(Pointer::parse(""), Err(PointerError::Empty));
        assert_eq!(Pointer::parse("/a~2"), Err(PointerError::BadEscape));
        assert_eq!(Pointer::parse("/a~"), Err(PointerError::BadEscape));
    }

    #[test]
    fn a_location_is_absent_only_if_the_claims_say_nothing_there() {
        let claims = Json::parse(br#"{"a":{"b":1,"n":null},"l":[{"b":1}],"s":"b","z":null}"#).unwrap();
        for (pointer, absent) in [
            ("/a/c", true),
            ("x", true),
            ("/x/y/z", true),
            ("/a/n", true),
            ("/z/b", true),
            ("z", true),
            ("/l/1", true),
            ("/l/0/c", true),
            ("/a/b", false),
            ("a", false),
            ("/l/b", false),
            ("/s/b", false),
            ("/a/b/c", false),
            ("/l/0/b", false),
        ] {
            assert_eq!(Pointer::parse(pointer).unwrap().is_absent(&claims), absent, "{pointer}");
        }
    }
}
