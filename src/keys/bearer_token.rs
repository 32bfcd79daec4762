//! The bearer token that a document is fetched with.

/// A bearer token for a fetch (RFC 6750 section 2.1).
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken {
    /// The value of `Authorization`.
    authorization: String,
}

impl BearerToken {
    /// The token in a text. Spaces and line breaks around it are removed, because files with a secret often end with a
    /// line break. `None` if it is empty or has a character that cannot be in a token.
    pub fn parse(text: &str) -> Option<Self> {
        let token = text.trim_ascii();
        let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then(|| Self { authorization: format!("Bearer {token}") })
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> &str {
        &self.authorization
    }
}

/// Does not show the token.
impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_visible_ascii_and_is_not_shown() {
        for (text, authorization) in [
            ("abc", Some("Bearer abc")),
            ("abc.d-e_f~+/==\n", Some("Bearer abc.d-e_f~+/==")),
            (" abc ", Some("Bearer abc")),
            ("", None),
            (" \n", None),
            ("a b", None),
            ("a\r\nx: y", None),
            ("\u{e9}", None),
        ] {
            let token = BearerToken::parse(text);
            assert_eq!(token.as_ref().map(BearerToken::authorization), authorization, "{text:?}");
            assert!(!format!("{token:?}").contains("abc"));
        }
    }
}
