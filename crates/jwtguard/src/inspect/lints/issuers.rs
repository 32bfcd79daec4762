//! Checks issuers: issuer names that no token contains, claims that are not audiences, key endpoints of known issuers.

use super::Lint;
use super::authority::{authority, is_loopback};
use super::values::pattern;
use crate::inspect::path::{below, of_keys};
use crate::inspect::tree::Tree;
use jwt_guard::config::keys::{Name, configuration, issuer as key};
use jwt_guard::config::{Config, Issuer, KeyOrigin, Path};
use jwt_guard::endpoint::Endpoint;
use jwt_guard::http::{Scheme, Uri};
use jwt_guard::jose::pointer::Pointer;
use jwt_guard::keys::{Location, Source};

/// Checks each issuer of the configuration.
pub fn issuers(config: &Config, tree: &Tree, lints: &mut Vec<Lint>) {
    for (index, issuer) in config.issuers.iter().enumerate() {
        let listed =
            tree.get(configuration::ISSUERS.as_str()).map(|list| list.items().get(index).unwrap_or(list));
        let base = match listed {
            Some(_) => of_keys(&[configuration::ISSUERS]).index(index),
            None => Path::root(),
        };
        let mut lint = |path: Path<&'static str>, problem: String| {
            lints.push(Lint::new(&below(&base, &path), problem));
        };
        if !issuer.rules.require_expiration {
            lint(
                of_keys(&[key::REQUIRE_EXPIRATION.name]),
                "is false: a token without exp is valid until its key is removed".to_owned(),
            );
        }
        if issuer.rules.refused_claims.is_empty() {
            lint(
                of_keys(&[key::REFUSED_CLAIMS]),
                "is empty: refresh and ID tokens are accepted as access tokens".to_owned(),
            );
        }
        names(issuer, listed.unwrap_or(tree), &mut lint);
        revocation_list(issuer, &mut lint);
        if let KeyOrigin::Fetched { source: Source { location, .. }, .. } = &issuer.keys
            && location.scheme() == Scheme::Http
            && !is_loopback(authority(location))
        {
            let key = match location {
                Location::Discovery { .. } => key::ISSUER,
                Location::Endpoint(_) => key::JWKS_ENDPOINT.name,
            };
            let url = authority(location);
            lint(
                of_keys(&[key]),
                format!(
                    "fetches keys from {url} over plain http: an attacker on the network path can replace them; use https"
                ),
            );
        }
    }
}

/// Checks the revocation list. The reader of the configuration warns about `revocation_list_token`.
fn revocation_list(issuer: &Issuer, lint: &mut dyn FnMut(Path<&'static str>, String)) {
    let Some(list) = &issuer.revocation_list else { return };
    if list.fail_open {
        lint(
            of_keys(&[key::REVOCATION_LIST_FAIL_OPEN.name]),
            "is true: while the list cannot be fetched, revoked tokens pass after \
             revocation_list_max_stale_seconds, and at once after a start of Envoy"
                .to_owned(),
        );
    }
    let location = &list.source.location;
    if location.scheme() == Scheme::Http && !is_loopback(authority(location)) {
        let url = authority(location);
        lint(
            of_keys(&[key::REVOCATION_LIST_ENDPOINT]),
            format!(
                "fetches the revocation list from {url} over plain http: an attacker on the network path can replace \
                 it and read the token of the request; use https"
            ),
        );
    }
}

/// Checks the issuer name, the audiences and the default key endpoint.
fn names(issuer: &Issuer, tree: &Tree, lint: &mut dyn FnMut(Path<&'static str>, String)) {
    let iss = issuer.rules.iss.as_str();
    let unissued = match issuer.rules.tenants {
        None => unissued(iss),
        Some(_) => None,
    };
    if let Some(problem) = &unissued {
        lint(of_keys(&[key::ISSUER]), problem.clone());
    }
    for (index, audience) in issuer.rules.audiences.iter().enumerate() {
        let problem = match pattern(audience) {
            Some(problem) => {
                Some(format!("{problem}: write each audience that tokens for this service contain"))
            }
            None => placeholder(audience).map(|place| {
                format!("{place} is a placeholder: no token has this audience; write the actual audience")
            }),
        };
        if let Some(problem) = problem {
            lint(of_keys(&[key::AUDIENCE]).index(index), problem);
        }
    }
    for (index, pointer) in issuer.rules.audience_from.iter().enumerate() {
        if let Some(problem) = no_audience(pointer, issuer) {
            lint(of_keys(&[key::AUDIENCE_FROM]).index(index), problem);
        }
    }
    let absent = |key: Name| tree.get(key.as_str()).is_none();
    let is_default = absent(key::JWKS_ENDPOINT.name) && absent(key::JWKS_INLINE);
    if let KeyOrigin::Fetched { source: Source { location: Location::Endpoint(url), .. }, .. } = &issuer.keys
        && is_default
        && unissued.is_none()
        && let Some((whose, keys)) = known_keys(iss)
    {
        let scheme = url.scheme().as_str();
        let problem = format!(
            "is not set, so keys are fetched from the default {scheme}://{}{}; {whose} serves keys at another URL: \
             write jwks_endpoint: {keys}",
            url.authority(),
            url.path()
        );
        lint(of_keys(&[key::JWKS_ENDPOINT.name]), problem);
    }
}

/// Warns about a claim that does not name an audience.
fn no_audience(pointer: &Pointer, issuer: &Issuer) -> Option<String> {
    let text = pointer.as_str();
    let claim = text.strip_prefix('/').unwrap_or(text);
    let remedy = "write aud, or the claim that names the client or service, such as client_id or azp";
    match claim {
        "iss" => {
            let passes = issuer.rules.audiences.contains(&issuer.rules.iss);
            let consequence = match (passes, issuer.rules.audience_from.len()) {
                (true, _) => "every token of the issuer passes, with any audience",
                (false, 1) => "no configured audience is the issuer, so no token passes",
                (false, _) => "no configured audience is the issuer, so the entry adds nothing",
            };
            Some(format!("compares the audience with the token's issuer: {consequence}; {remedy}"))
        }
        "token_use" | "typ" | "type" | "ver" | "tid" => Some(format!(
            "compares the audience with {claim}, which is the same in every token of the issuer and does not name an \
             audience; {remedy}"
        )),
        "sub" => Some(format!(
            "compares the audience with the token's subject, which does not name an audience; {remedy}"
        )),
        _ => None,
    }
}

/// Explains why no token has this `iss`.
fn unissued(iss: &str) -> Option<String> {
    let compared = "never equals a token's iss, which is compared literally";
    if iss.contains('*') {
        return Some(format!(
            "{compared}: * is not a wildcard; list each issuer in issuers, or write the name of a claim in braces, as in \
             https://login.example.com/{{tid}}/v2.0, and tenants"
        ));
    }
    if let Some(place) = placeholder(iss) {
        return Some(format!(
            "{compared}: {place} is a placeholder, but tokens contain a value; write each issuer in a list of issuers, or \
             the name of a claim in braces, as in https://login.example.com/{{tid}}/v2.0, and tenants"
        ));
    }
    if let Some((before, _)) = iss.split_once("/.well-known/") {
        return Some(format!(
            "{compared}: this is the URL of a metadata document of the issuer; write {before}"
        ));
    }
    if let Some((before, _)) = iss.split_once("/protocol/openid-connect") {
        return Some(format!("{compared}: this is the URL of an endpoint of the issuer; write {before}"));
    }
    let url = Uri::parse(iss).ok().filter(|url| url.scheme() == Scheme::Https)?;
    let (host, path) = (url.authority(), url.path_and_query());
    let path = path.strip_prefix('/').unwrap_or(path);
    if MICROSOFT.contains(&host) {
        return unissued_by_microsoft(host, path).map(|problem| format!("{compared}: {problem}"));
    }
    if host.ends_with(".auth0.com") && !iss.ends_with('/') {
        return Some(format!("{compared}: the iss of Auth0 ends with a slash; write {iss}/"));
    }
    None
}

/// Hosts of Microsoft Entra ID.
const MICROSOFT: [&str; 5] = [
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "sts.windows.net",
];

fn unissued_by_microsoft(host: &str, path: &str) -> Option<String> {
    let tenant = path.split('/').next().unwrap_or_default();
    let form = match host {
        "sts.windows.net" => "https://sts.windows.net/TENANT-ID/".to_owned(),
        host => format!("https://{host}/TENANT-ID/v2.0"),
    };
    if ["common", "organizations", "consumers"].contains(&tenant) {
        return Some(format!(
            "tokens from {tenant} contain the id of their own tenant; write {form} for one tenant, or {} and tenants for \
             several",
            form.replace("TENANT-ID", "{tid}")
        ));
    }
    if tenant.contains('.') || tenant.is_empty() {
        return Some(format!("tokens contain the id of the tenant (a GUID), not its domain; write {form}"));
    }
    let is_form = match host {
        "sts.windows.net" => path == format!("{tenant}/"),
        // The iss of Azure AD B2C can end with a slash, or have the path `tfp`.
        _ => tenant == "tfp" || path.trim_end_matches('/') == format!("{tenant}/v2.0"),
    };
    (!is_form).then(|| {
        let v1 = "(tokens of version 1.0 have https://sts.windows.net/TENANT-ID/, tokens of version 2.0 end with /v2.0)";
        format!("write {} {v1}", form.replace("TENANT-ID", tenant))
    })
}

/// A placeholder that was not replaced: `<your-domain>`, and in an audience `{tenantid}` and `${AUDIENCE}`. The reader
/// checks the braces of an issuer itself.
fn placeholder(text: &str) -> Option<&str> {
    for (open, close) in [('{', '}'), ('<', '>')] {
        if let Some(start) = text.find(open)
            && let Some(length) = text.get(start..).and_then(|rest| rest.find(close))
        {
            return text.get(start..=start + length);
        }
    }
    None
}

/// The key endpoints of well-known issuers that do not use the default, according to their documentation.
fn known_keys(iss: &str) -> Option<(&'static str, String)> {
    let url = Endpoint::parse(iss).ok()?;
    let (host, path) = (url.authority(), url.path().trim_end_matches('/'));
    let base = iss.trim_end_matches('/');
    let ends = |suffix: &str| host.ends_with(suffix);
    Some(match host {
        "sts.windows.net" => ("Microsoft", format!("https://login.microsoftonline.com{path}/discovery/keys")),
        _ if MICROSOFT.contains(&host) => {
            let tenant = path.trim_end_matches("/v2.0");
            ("Microsoft", format!("https://{host}{tenant}/discovery/v2.0/keys"))
        }
        "accounts.google.com" => ("Google", "https://www.googleapis.com/oauth2/v3/certs".to_owned()),
        "securetoken.google.com" => (
            "Firebase",
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
                .to_owned(),
        ),
        "token.actions.githubusercontent.com" => ("GitHub", format!("{base}/.well-known/jwks")),
        "gitlab.com" => ("GitLab", format!("{base}/oauth/discovery/keys")),
        "appleid.apple.com" => ("Apple", format!("{base}/auth/keys")),
        _ if ends(".auth0.com") => ("Auth0", format!("{base}/.well-known/jwks.json")),
        _ if ends(".okta.com") || ends(".oktapreview.com") => match path.contains("/oauth2") {
            true => ("Okta", format!("{base}/v1/keys")),
            false => ("Okta", format!("{base}/oauth2/v1/keys")),
        },
        _ if host.starts_with("cognito-idp.") => ("Amazon Cognito", format!("{base}/.well-known/jwks.json")),
        _ if host.starts_with("oidc.eks.") => ("Amazon EKS", format!("{base}/keys")),
        _ if host.starts_with("kubernetes.default.svc") => ("Kubernetes", format!("{base}/openid/v1/jwks")),
        _ if ends(".cloudflareaccess.com") => ("Cloudflare Access", format!("{base}/cdn-cgi/access/certs")),
        _ if ends(".zitadel.cloud") => ("Zitadel", format!("{base}/oauth/v2/keys")),
        _ if path.contains("/realms/") => ("Keycloak", format!("{base}/protocol/openid-connect/certs")),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_token_contains() {
        let tenant = "11111111-2222-3333-4444-555555555555";
        for (iss, expected) in [
            ("https://sts.windows.net/*/".to_owned(), Some("* is not a wildcard")),
            ("https://login.microsoftonline.com/common/v2.0".to_owned(), Some("tokens from common contain")),
            (
                "https://login.microsoftonline.com/organizations/v2.0".to_owned(),
                Some("tokens from organizations"),
            ),
            (
                "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0".to_owned(),
                Some("not its domain"),
            ),
            (format!("https://login.microsoftonline.com/{tenant}"), Some("of version 2.0")),
            (format!("https://login.microsoftonline.com/{tenant}/v2.0/"), None),
            (format!("https://sts.windows.net/{tenant}"), Some("write https://sts.windows.net/1")),
            (
                "https://a.example/.well-known/openid-configuration".to_owned(),
                Some("write https://a.example"),
            ),
            (
                "https://k.example/realms/r/protocol/openid-connect/certs".to_owned(),
                Some("k.example/realms/r"),
            ),
            ("https://t.auth0.com".to_owned(), Some("write https://t.auth0.com/")),
            ("https://<your-domain>/".to_owned(), Some("<your-domain> is a placeholder")),
            (format!("https://login.microsoftonline.com/{tenant}/v2.0"), None),
            (format!("https://sts.windows.net/{tenant}/"), None),
            ("https://t.auth0.com/".to_owned(), None),
            ("https://k.example/realms/r".to_owned(), None),
            ("accounts.google.com".to_owned(), None),
            ("my issuer".to_owned(), None),
        ] {
            let problem = unissued(&iss);
            match expected {
                Some(expected) => {
                    assert!(
                        problem.as_deref().is_some_and(|problem| problem.contains(expected)),
                        "{iss}: {problem:?}"
                    );
                }
                None => assert_eq!(problem, None, "{iss}"),
            }
        }
    }
}
