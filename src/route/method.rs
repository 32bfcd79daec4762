//! The methods of routes, and the method variants of requests.

use std::borrow::Cow;
use std::fmt;

use super::{AmbiguousPath, VariantClass};
use crate::http::is_token;

/// The maximum number of method variants of a request. Two are common; more would multiply the look-ups.
const MAX_METHODS: usize = 8;

/// The method of a route: a token (RFC 9110 section 5.6.2), compared case-sensitively (section 9.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Method {
    name: String,
}

/// Why a text is not a method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MethodError {
    /// The text is empty or contains a character that is invalid in a token.
    #[error("expected a method such as `GET`, got {0:?}")]
    NotAToken(String),
    /// A method of RFC 9110 in the wrong case, which would never match.
    #[error("methods are case-sensitive: write `{0}`")]
    WrongCase(String),
}

impl Method {
    /// Parses a method such as `GET`.
    pub fn parse(text: &str) -> Result<Self, MethodError> {
        if token(text.as_bytes()).is_none() {
            return Err(MethodError::NotAToken(text.to_owned()));
        }
        let upper = text.to_ascii_uppercase();
        if upper != text && REGISTERED.contains(&upper.as_str()) {
            return Err(MethodError::WrongCase(upper));
        }
        Ok(Self { name: text.to_owned() })
    }

    /// The method's name.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// The methods of RFC 9110 section 9.3 and RFC 5789.
const REGISTERED: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The method variants of a request: `:method` first, then the methods in its override headers, each with the
/// class of behavior that leads to it.
///
/// Override values are parsed like in the frameworks that support them: each member of a comma-separated list
/// separately, without surrounding spaces. A method in lower case is also read in upper case, because these
/// frameworks (and WSGI servers, for `:method` itself) convert it. A member that is not a token makes the
/// request ambiguous, because an upstream's interpretation is unknown. An empty member is ignored.
pub(super) fn variants<'a>(
    method: &'a [u8],
    overrides: &[&'a [u8]],
) -> Result<(Cow<'a, str>, Vec<(Cow<'a, str>, VariantClass)>), AmbiguousPath> {
    let method = token(method).ok_or(AmbiguousPath::Method)?;
    let mut others: Vec<(Cow<'a, str>, VariantClass)> = Vec::new();
    let mut add = |variant: Cow<'a, str>, class| {
        if variant != method && !others.iter().any(|(known, _)| *known == variant) {
            others.push((variant, class));
        }
        if others.len() < MAX_METHODS { Ok(()) } else { Err(AmbiguousPath::Method) }
    };
    let mut add_both = |variant: &'a str, class| {
        add(Cow::Borrowed(variant), class)?;
        let lower = variant.bytes().any(|byte| byte.is_ascii_lowercase());
        if lower { add(Cow::Owned(variant.to_ascii_uppercase()), class) } else { Ok(()) }
    };
    add_both(method, VariantClass::MethodCase)?;
    for member in overrides.iter().flat_map(|value| value.split(|byte| *byte == b',')) {
        let member = member.trim_ascii();
        if !member.is_empty() {
            let member = token(member).ok_or(AmbiguousPath::Method)?;
            add_both(member, VariantClass::MethodOverride)?;
        }
    }
    Ok((Cow::Borrowed(method), others))
}

/// The bytes as text, if they are a token (RFC 9110 section 5.6.2).
fn token(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|_| is_token(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_tokens() {
        for text in ["GET", "PROPFIND", "M-SEARCH", "purge"] {
            assert_eq!(Method::parse(text).map(|method| method.to_string()), Ok(text.to_owned()));
        }
        for text in ["", " ", "GET POST", "GET,POST", "G\u{e9}T", "GET\n"] {
            assert_eq!(Method::parse(text), Err(MethodError::NotAToken(text.to_owned())));
        }
        assert_eq!(Method::parse("get"), Err(MethodError::WrongCase("GET".to_owned())));
    }

    #[test]
    fn overrides_are_readings_of_the_method() {
        let many = b"A,B,C,D,E,F,G,H";
        for (method, overrides, expected) in [
            (&b"GET"[..], vec![], Some(vec!["GET"])),
            (b"get", vec![], Some(vec!["get", "GET"])),
            (b"POST", vec![&b"DELETE"[..]], Some(vec!["POST", "DELETE"])),
            (b"POST", vec![b"delete"], Some(vec!["POST", "delete", "DELETE"])),
            (b"POST", vec![b" PUT , DELETE"], Some(vec!["POST", "PUT", "DELETE"])),
            (b"POST", vec![b"PUT", b"DELETE"], Some(vec!["POST", "PUT", "DELETE"])),
            (b"POST", vec![b"POST", b"POST"], Some(vec!["POST"])),
            (b"POST", vec![b"", b" , "], Some(vec!["POST"])),
            (b"POST", vec![b"DEL ETE"], None),
            (b"POST", vec![b"DEL\xffETE"], None),
            (b"POST", vec![b"\"DELETE\""], None),
            (b"POST", vec![many], None),
            (b"", vec![], None),
            (b"G T", vec![], None),
        ] {
            let read = variants(method, &overrides).ok().map(|(first, others)| {
                let others = others.into_iter().map(|(method, _)| method);
                std::iter::once(first).chain(others).map(Cow::into_owned).collect::<Vec<_>>()
            });
            let expected = expected.map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(read, expected, "{method:?} {overrides:?}");
        }
    }
}
