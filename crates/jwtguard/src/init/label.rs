//! Labels of pods.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use super::keys_server::is_dns_name;
use crate::scalar::Scalar;

/// A label of pods, `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The key, with an optional prefix: `app.kubernetes.io/name`.
    pub key: String,
    /// The value.
    pub value: String,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected a label of the pods, KEY=VALUE, such as app=orders";
        let (key, value) = text.split_once('=').ok_or_else(|| expected.to_owned())?;
        let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
        if !prefix.is_none_or(is_dns_name) || !is_label_text(name) || !is_label_text(value) {
            return Err(format!(
                "{expected}; key and value have at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at \
                 both ends"
            ));
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

impl Display for Label {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", Scalar(&self.key), Scalar(&self.value))
    }
}

/// Whether the text can be the name or the value of a label.
pub(super) fn is_label_text(text: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let at_ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(is_safe)
        && at_ends(text.bytes().next())
        && at_ends(text.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        for (text, expected) in [
            ("app=orders", "app: orders"),
            ("app.kubernetes.io/name=1", r#"app.kubernetes.io/name: "1""#),
            ("a=true", r#"a: "true""#),
        ] {
            assert_eq!(text.parse::<Label>().unwrap().to_string(), expected);
        }
        for text in ["app", "app=", "=orders", "app=a b", "a/b/c=d", "app=-a", "app=a:b", "a{=b"] {
            assert!(text.parse::<Label>().is_err(), "{text:?}");
        }
    }
}
