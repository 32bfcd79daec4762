//! Names of claims: names that are meant as paths, and names of standard claims.

use super::Lint;
use jwt_guard::config::Path;

/// Warns about the name of a claim that is probably meant as a path.
pub(super) fn nested(claim: &str, path: &Path<&str>, lints: &mut Vec<Lint>) {
    if let Some(pointer) = intended_pointer(claim) {
        let problem = format!(
            "\"{claim}\" is read as the name of a top-level claim; for a claim inside another one write \
             the JSON Pointer {pointer} (and /{} for a claim of exactly that name)",
            claim.replace('~', "~0").replace('/', "~1")
        );
        lints.push(Lint::new(path, problem));
    }
}

/// Domain labels. Claim names can contain domain names: `kubernetes.io`, `com.example.role`.
const DOMAINS: [&str; 22] = [
    "com", "org", "net", "io", "dev", "app", "cloud", "local", "internal", "example", "test", "edu", "gov",
    "eu", "de", "uk", "us", "co", "ai", "me", "int", "info",
];

/// Converts a name with dots, slashes or brackets, which other projects use for paths, to a JSON Pointer.
fn intended_pointer(claim: &str) -> Option<String> {
    let path =
        claim.strip_prefix("$.").or_else(|| claim.strip_prefix("request.auth.claims")).unwrap_or(claim);
    let is_path = path.len() < claim.len();
    if claim.starts_with(['/', '$']) && !is_path || claim.contains(':') || claim.contains(char::is_whitespace)
    {
        return None;
    }
    let is_bracketed = path.contains('[') && path.ends_with(']');
    if is_bracketed || is_path {
        let steps = path
            .split(['[', ']', '.'])
            .map(|step| step.trim_matches(['"', '\'']))
            .filter(|step| !step.is_empty());
        let pointer: String =
            steps.map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect();
        return (!pointer.is_empty()).then_some(pointer);
    }
    if let Some((first, _)) = path.split_once('/') {
        return (!first.is_empty() && !first.contains('.')).then(|| format!("/{path}"));
    }
    let labels: Vec<&str> = path.split('.').collect();
    let is_domain = |label: &&str| DOMAINS.contains(label);
    let (first, last) = (labels.first()?, labels.last()?);
    if labels.len() < 2 || labels.iter().any(|label| label.is_empty()) || is_domain(first) || is_domain(last)
    {
        return None;
    }
    // `kubernetes.io.namespace` means the member `namespace` of the claim `kubernetes.io`.
    let host = labels.iter().rposition(|label| DOMAINS.contains(label)).map_or(1, |at| at + 1);
    let (host, rest) = labels.split_at_checked(host)?;
    Some(format!("/{}/{}", host.join("."), rest.join("/")))
}

/// Whether a claim is a space-separated list of scopes (RFC 6749, section 3.3).
pub(super) fn is_scopes(claim: &str) -> bool {
    ["scope", "scp"].contains(&top_level(claim))
}

/// The verb for the format: `scp` is one string in Microsoft's tokens, but an array in Okta's.
pub(super) fn is_text(claim: &str) -> &'static str {
    if top_level(claim) == "scp" { "may be" } else { "is" }
}

/// The name of a top-level claim that is written as a name or as a pointer.
pub(super) fn top_level(claim: &str) -> &str {
    claim.strip_prefix('/').filter(|rest| !rest.contains('/')).unwrap_or(claim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_names() {
        for (claim, expected) in [
            ("realm_access.roles", Some("/realm_access/roles")),
            ("resource_access.my-api.roles", Some("/resource_access/my-api/roles")),
            ("realm_access/roles", Some("/realm_access/roles")),
            ("$.realm_access.roles", Some("/realm_access/roles")),
            ("realm_access[roles]", Some("/realm_access/roles")),
            ("request.auth.claims[realm_access][roles]", Some("/realm_access/roles")),
            ("kubernetes.io.namespace", Some("/kubernetes.io/namespace")),
            ("/realm_access/roles", None),
            ("/realm_access.roles", None),
            ("kubernetes.io", None),
            ("com.example.role", None),
            ("https://example.com/roles", None),
            ("example.com/roles", None),
            ("cognito:groups", None),
            ("urn:a.b:c", None),
            ("roles", None),
            ("$roles", None),
        ] {
            assert_eq!(intended_pointer(claim).as_deref(), expected, "{claim}");
        }
    }
}
