//! `WWW-Authenticate: Bearer …` and `DPoP …` (RFC 6750 section 3, RFC 9110 section 11.6.1, RFC 9449
//! section 7.1, RFC 9470 section 3, RFC 9728 section 5.1).

use crate::policy::StepUp;

/// The parameters of a challenge besides the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// The `realm` parameter; see [`realm_is_valid`].
    pub realm: &'a str,
    /// The `scope` parameter, if scopes are required; see [`scope_is_valid`].
    pub scopes: &'a [&'a str],
    /// The authentication that is required, for a step-up (RFC 9470 section 3).
    pub step_up: Option<&'a StepUp>,
    /// The `resource_metadata` parameter: the URL of the document that describes the resource, from
    /// [`ResourceMetadata::challenge_for`](crate::resource_metadata::ResourceMetadata::challenge_for).
    pub resource_metadata: Option<&'a str>,
    /// The challenge with the scheme DPoP, if `dpop` is configured.
    pub dpop: Option<DpopChallenge<'a>>,
}

/// The challenge with the scheme DPoP (RFC 9449 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DpopChallenge<'a> {
    /// The parameter `algs`: the accepted algorithms of proofs.
    pub algs: &'a str,
    /// Whether only this scheme can help the client: the token was sent with it, or is bound to a DPoP key.
    pub is_only: bool,
}

/// The error in the credentials, as far as the client may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChallengeError {
    /// No credentials: the challenge has no error code (RFC 6750 section 3.1), only the required scopes.
    Missing,
    InvalidRequest,
    InvalidToken {
        description: &'static str,
    },
    /// The DPoP proof is missing, not valid or used (RFC 9449 section 7.1).
    InvalidProof {
        description: &'static str,
    },
    InsufficientScope,
    /// Another authentication of the user is required (RFC 9470 section 3).
    StepUp,
    /// A claim that cannot be forwarded. The error code is `insufficient_scope`, but the challenge names no
    /// scope: a client that requested more scopes would return with the same claims.
    Unforwardable,
}

impl Challenge<'_> {
    /// The challenges, Bearer first. A client whose token is valid gets only a challenge with the scheme of that token.
    pub(super) fn headers(&self, fault: ChallengeError) -> [Option<String>; 2] {
        let bearer = || self.header("Bearer realm=", self.realm, fault);
        let Some(dpop) = self.dpop else { return [Some(bearer()), None] };
        let of_dpop = || self.header("DPoP algs=", dpop.algs, fault);
        match fault {
            _ if dpop.is_only => [Some(of_dpop()), None],
            ChallengeError::InsufficientScope | ChallengeError::StepUp | ChallengeError::Unforwardable => {
                [Some(bearer()), None]
            }
            _ => [Some(bearer()), Some(of_dpop())],
        }
    }

    fn header(&self, start: &str, first: &str, fault: ChallengeError) -> String {
        // Enough for most challenges, so that one allocation suffices.
        let mut value = String::with_capacity(256);
        value.push_str(start);
        push_quoted(&mut value, first);
        let mut add = |name: &str, text: &str| {
            value.push_str(", ");
            value.push_str(name);
            value.push('=');
            push_quoted(&mut value, text);
        };
        let scopes = match fault {
            ChallengeError::Missing => self.scope(),
            ChallengeError::InvalidRequest => {
                add("error", "invalid_request");
                None
            }
            ChallengeError::InvalidToken { description } => {
                add("error", "invalid_token");
                add("error_description", description);
                None
            }
            ChallengeError::InvalidProof { description } => {
                add("error", "invalid_dpop_proof");
                add("error_description", description);
                None
            }
            ChallengeError::InsufficientScope => {
                add("error", "insufficient_scope");
                self.scope()
            }
            ChallengeError::StepUp => {
                add("error", "insufficient_user_authentication");
                add("error_description", "Another authentication of the user is required");
                let (acr, max_age) =
                    self.step_up.map_or((&[][..], None), |step_up| (&step_up.acr, step_up.max_age));
                if !acr.is_empty() {
                    add("acr_values", &acr.join(" "));
                }
                if let Some(max_age) = max_age {
                    add("max_age", &max_age.to_string());
                }
                self.scope()
            }
            ChallengeError::Unforwardable => {
                add("error", "insufficient_scope");
                None
            }
        };
        if let Some(scopes) = scopes {
            add("scope", &scopes);
        }
        if let Some(url) = self.resource_metadata {
            add("resource_metadata", url);
        }
        value
    }

    /// The scopes of the challenge. Names that are not valid scopes are left out, because a client could not
    /// request them.
    fn scope(&self) -> Option<String> {
        let scopes: Vec<&str> = self.scopes.iter().copied().filter(|scope| scope_is_valid(scope)).collect();
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }
}

/// Whether the realm is valid: printable ASCII, not blank, without leading or trailing spaces.
pub fn realm_is_valid(realm: &str) -> bool {
    !realm.is_empty() && realm == realm.trim_ascii() && realm.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether the text is a valid scope: RFC 6749 section 3.3, `scope-token`.
pub fn scope_is_valid(scope: &str) -> bool {
    !scope.is_empty() && scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// Appends a quoted-string (RFC 9110 section 5.6.4). Characters other than printable ASCII become `?`: a line break
/// would let the text inject a header.
fn push_quoted(value: &mut String, text: &str) {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    value.push('"');
    if text.bytes().all(is_plain) {
        value.push_str(text);
    } else {
        for character in text.chars() {
            match character {
                '"' | '\\' => value.extend(['\\', character]),
                ' '..='~' => value.push(character),
                _ => value.push('?'),
            }
        }
    }
    value.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_so_that_it_stays_text() {
        let rows = [
            ("api", r#""api""#),
            ("", r#""""#),
            (r#"a"b"#, r#""a\"b""#),
            (r"a\", r#""a\\""#),
            (r#"a", error="x"#, r#""a\", error=\"x""#),
            ("a\r\nset-cookie: b", r#""a??set-cookie: b""#),
            ("caf\u{e9}\u{7f}", r#""caf??""#),
        ];
        for (text, expected) in rows {
            let mut value = "realm=".to_owned();
            push_quoted(&mut value, text);
            assert_eq!(value, format!("realm={expected}"), "{text:?}");
        }
    }

    #[test]
    fn realms_and_scopes_are_what_the_grammar_takes() {
        for realm in ["api", "https://api.example.com/", "My API", r#"a"b\"#] {
            assert!(realm_is_valid(realm), "{realm:?}");
        }
        for realm in ["", " ", " a", "a ", "a\tb", "a\nb", "caf\u{e9}", "\u{7f}"] {
            assert!(!realm_is_valid(realm), "{realm:?}");
        }
        for scope in ["read", "orders:read", "https://e.com/s", "!#[]~"] {
            assert!(scope_is_valid(scope), "{scope:?}");
        }
        for scope in ["", "a b", "a\"b", "a\\b", "a\nb", "\u{e9}", "\u{7f}"] {
            assert!(!scope_is_valid(scope), "{scope:?}");
        }
    }
}
