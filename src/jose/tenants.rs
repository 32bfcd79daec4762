//! Issuers with one `iss` for each tenant, such as Entra ID: `https://login.microsoftonline.com/{tid}/v2.0`.

use std::collections::BTreeSet;

use super::json::Json;

/// The form of an issuer's `iss`: a text with one placeholder, which stands for one path segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantIssuer {
    text: String,
    /// The text before the placeholder; it ends in a slash.
    prefix: String,
    /// The claim that contains the tenant.
    claim: String,
    /// The text after the placeholder: empty, or it starts with a slash.
    suffix: String,
    tenants: Tenants,
}

/// The tenants whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// Every tenant.
    Any,
    /// These tenants.
    Listed(BTreeSet<String>),
}

/// Why a text is not the form of an issuer with tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TenantIssuerError {
    /// The text is not an http or https URL.
    #[error("an issuer with a placeholder must be a URL, such as https://login.example.com/{{tid}}/v2.0")]
    NotUrl,
    /// Several placeholders, or a brace without its counterpart.
    #[error("an issuer can have only one placeholder, such as {{tid}}; write one pair of braces")]
    NotOnePlaceholder,
    /// The placeholder is only a part of a path segment, or is not in the path.
    #[error(
        "the placeholder must be one whole segment of the path, as in https://login.example.com/{{tid}}/v2.0"
    )]
    NotSegment,
    /// The name in braces is not the name of a claim.
    #[error("the placeholder must be the name of a claim of letters, digits, _ and -, such as {{tid}}")]
    NotClaim,
}

/// Whether the configured issuer has a placeholder.
pub fn has_placeholder(issuer: &str) -> bool {
    issuer.contains(['{', '}'])
}

/// Whether the text can be a tenant: a path segment of letters, digits, `-`, `.`, `_` and `~` (RFC 3986, section 2.3),
/// and not a dot segment. Other characters could end the segment, or have a second spelling.
pub fn is_tenant(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(is_unreserved)
}

impl TenantIssuer {
    /// Parses the form. `tenants` are those whose tokens are accepted.
    ///
    /// # Errors
    /// The reason why the text is not such a form.
    pub fn parse(text: &str, tenants: Tenants) -> Result<Self, TenantIssuerError> {
        let is_url = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
        let Some((before, rest)) = text.split_once('{').filter(|_| is_url) else {
            return Err(if is_url {
                TenantIssuerError::NotOnePlaceholder
            } else {
                TenantIssuerError::NotUrl
            });
        };
        let (claim, after) = rest.split_once('}').ok_or(TenantIssuerError::NotOnePlaceholder)?;
        if [before, claim, after].iter().any(|part| has_placeholder(part)) {
            return Err(TenantIssuerError::NotOnePlaceholder);
        }
        let is_in_path = before.split('/').count() > 3 && !before.contains(['?', '#']);
        if !is_in_path || !before.ends_with('/') || !(after.is_empty() || after.starts_with('/')) {
            return Err(TenantIssuerError::NotSegment);
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if claim.is_empty() || !claim.bytes().all(is_name) {
            return Err(TenantIssuerError::NotClaim);
        }
        Ok(Self {
            text: text.to_owned(),
            prefix: before.to_owned(),
            claim: claim.to_owned(),
            suffix: after.to_owned(),
            tenants,
        })
    }

    /// The claim that contains the tenant.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// The `iss` of a tenant's tokens.
    pub fn iss_of(&self, tenant: &str) -> String {
        [&self.prefix, tenant, &self.suffix].concat()
    }

    /// The tenants whose tokens are accepted.
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// The tenant in an `iss`, if the `iss` has this form and the tenant is accepted.
    pub fn tenant_in<'t>(&self, iss: &'t str) -> Option<&'t str> {
        let tenant = iss.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?;
        let is_accepted = match &self.tenants {
            Tenants::Any => true,
            Tenants::Listed(tenants) => tenants.contains(tenant),
        };
        (is_tenant(tenant) && is_accepted).then_some(tenant)
    }

    /// Whether the claim of the tenant is this text. A token whose `iss` and claim name two tenants could otherwise
    /// count as the one for the filter, and as the other for an upstream that reads the claim.
    pub(super) fn names_tenant(&self, claims: &Json, tenant: &str) -> bool {
        claims.member(&self.claim).and_then(Json::as_str) == Some(tenant)
    }

    /// Whether the member `issuer` of a key allows the key to sign for this `iss` and tenant. In the member,
    /// `{tenantid}` and the placeholder of this form stand for the tenant.
    pub(super) fn signs(&self, issuer_of_key: &str, iss: &str, tenant: &str) -> bool {
        let own = format!("{{{}}}", self.claim);
        issuer_of_key == iss
            || ["{tenantid}", &own].iter().any(|place| issuer_of_key.replace(place, tenant) == iss)
    }

    /// Whether some text has both forms. Each placeholder is taken to match every segment.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (own, others) = (self.segments(), other.segments());
        let can_be_equal = |(one, other): (&&str, &&str)| {
            one == other
                || is_placeholder(one) && !other.is_empty()
                || is_placeholder(other) && !one.is_empty()
        };
        own.len() == others.len() && own.iter().zip(&others).all(can_be_equal)
    }

    fn segments(&self) -> Vec<&str> {
        self.text.split('/').collect()
    }
}

fn is_placeholder(segment: &str) -> bool {
    segment.starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRA: &str = "https://login.microsoftonline.com/{tid}/v2.0";

    fn form(text: &str) -> TenantIssuer {
        TenantIssuer::parse(text, Tenants::Any).unwrap()
    }

    #[test]
    fn one_placeholder_is_one_whole_segment_of_the_path() {
        for text in [
            ENTRA,
            "https://sts.windows.net/{tid}/",
            "http://a/{t}",
            "https://a.example/realms/{realm_id}",
            "https://a/{a-b}/x",
        ] {
            assert!(TenantIssuer::parse(text, Tenants::Any).is_ok(), "{text}");
        }
        for (text, expected) in [
            ("urn:{tid}", TenantIssuerError::NotUrl),
            ("ftp://a/{tid}", TenantIssuerError::NotUrl),
            ("https://{tid}", TenantIssuerError::NotSegment),
            ("https://{tid}/", TenantIssuerError::NotSegment),
            ("https://{tid}.example/a", TenantIssuerError::NotSegment),
            ("https://a.{tid}/a", TenantIssuerError::NotSegment),
            ("https://a/x{tid}", TenantIssuerError::NotSegment),
            ("https://a/{tid}x", TenantIssuerError::NotSegment),
            ("https://a/${tid}/", TenantIssuerError::NotSegment),
            ("https://a/?b/{tid}/", TenantIssuerError::NotSegment),
            ("https://a/{}/", TenantIssuerError::NotClaim),
            ("https://a/{t.d}/", TenantIssuerError::NotClaim),
            ("https://a/{/t}/", TenantIssuerError::NotClaim),
            ("https://a/{tid}/{tid}", TenantIssuerError::NotOnePlaceholder),
            ("https://a/{{tid}}/", TenantIssuerError::NotOnePlaceholder),
            ("https://a/{tid", TenantIssuerError::NotOnePlaceholder),
            ("https://a/tid}", TenantIssuerError::NotOnePlaceholder),
            ("https://a/tid}/{tid}", TenantIssuerError::NotOnePlaceholder),
        ] {
            assert_eq!(TenantIssuer::parse(text, Tenants::Any), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_tenant_is_one_segment() {
        let any = form(ENTRA);
        let iss = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        for tenant in ["a", "9188040d-6c67-4c5b-b112-36a304b66dad", "A.b_c~d-1", "..."] {
            assert_eq!(any.tenant_in(&iss(tenant)), Some(tenant));
        }
        for tenant in [
            "", ".", "..", "a/b", "a/v2.0/b", "%61", "a%2Fb", "a b", "a?b", "a#b", "{tid}", "é", "a\\b",
            "a;b",
        ] {
            assert_eq!(any.tenant_in(&iss(tenant)), None, "{tenant}");
        }
        for iss in [
            "https://login.microsoftonline.com/v2.0",
            "https://login.microsoftonline.com//v2.0",
            "https://login.microsoftonline.com/a/v2.0/",
            "https://login.microsoftonline.com/a/V2.0",
            "https://Login.microsoftonline.com/a/v2.0",
            "http://login.microsoftonline.com/a/v2.0",
            "https://login.microsoftonline.com/a",
            "",
        ] {
            assert_eq!(any.tenant_in(iss), None, "{iss}");
        }
        let listed = TenantIssuer::parse(ENTRA, Tenants::Listed(["a".to_owned()].into())).unwrap();
        assert_eq!(
            ["a", "A", "b", "aa"].map(|tenant| listed.tenant_in(&iss(tenant)).is_some()),
            [true, false, false, false]
        );
    }

    #[test]
    fn forms_that_some_text_can_have_overlap() {
        for (one, other, expected) in [
            ("https://a/{t}/x", "https://a/{u}/x", true),
            ("https://a/{t}/x", "https://a/y/{u}", true),
            ("https://a/{t}/x", "https://a/{t}/y", false),
            ("https://a/{t}/x", "https://b/{t}/x", false),
            ("https://a/{t}/x", "https://a/{t}/x/", false),
            ("https://a/{t}", "https://a/{t}/", false),
            // A tenant is never empty.
            ("https://a/{t}/", "https://a/b/{t}", false),
        ] {
            assert_eq!(form(one).overlaps(&form(other)), expected, "{one} {other}");
            assert_eq!(form(other).overlaps(&form(one)), expected, "{other} {one}");
        }
    }

    #[test]
    fn a_key_signs_for_the_issuer_that_it_names() {
        let entra = form(ENTRA);
        let iss = "https://login.microsoftonline.com/a/v2.0";
        for (issuer, expected) in [
            ("https://login.microsoftonline.com/{tenantid}/v2.0", true),
            ("https://login.microsoftonline.com/{tid}/v2.0", true),
            ("https://login.microsoftonline.com/a/v2.0", true),
            ("https://login.microsoftonline.com/b/v2.0", false),
            ("https://login.microsoftonline.com/{other}/v2.0", false),
            ("https://login.microsoftonline.us/{tenantid}/v2.0", false),
            ("https://sts.windows.net/{tenantid}/", false),
            ("", false),
        ] {
            assert_eq!(entra.signs(issuer, iss, "a"), expected, "{issuer}");
        }
    }
}
