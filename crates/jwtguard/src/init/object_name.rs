//! Names of Kubernetes objects.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use crate::scalar::Scalar;

/// The name of a Kubernetes object or namespace: an RFC 1123 label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName(String);

impl FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_object_name(text) {
            return Ok(Self(text.to_owned()));
        }
        Err("expected the name of a Kubernetes object: at most 63 lower-case letters, digits and hyphens, with a letter \
             or digit at both ends"
            .to_owned())
    }
}

impl Display for ObjectName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        // A name such as `123` or `yes` needs quotes.
        Scalar(&self.0).fmt(formatter)
    }
}

impl ObjectName {
    /// The name as text, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of another object that belongs to this one.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self(format!("{}-{suffix}", self.0))
    }
}

fn is_object_name(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_safe)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_objects() {
        for text in ["jwt-guard", "a", "1", &"x".repeat(63)] {
            assert_eq!(text.parse::<ObjectName>().unwrap().as_str(), text);
        }
        for text in ["", "A", "a_b", "-a", "a-", "a.b", "a b", "a\n", &"x".repeat(64)] {
            assert!(text.parse::<ObjectName>().is_err(), "{text:?}");
        }
        assert_eq!("yes".parse::<ObjectName>().unwrap().to_string(), r#""yes""#);
    }
}
