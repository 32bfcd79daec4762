//! Claim values that are written as numbers but reach the filter as strings.

use super::lints::Lint;
use super::tree::{Tree, TreeValue};
use jwt_guard::config::keys::{Name, issuer, requirement};
use jwt_guard::config::path::PathSegment;

/// The keys whose values are compared with claims. In other keys, the reader refuses such a string or reads it as a name.
const OF_CLAIMS: [Name; 2] = [requirement::REQUIRES_CLAIM, issuer::REFUSED_CLAIMS];

/// Finds every such value in a configuration or a requirement.
pub fn numeric_strings(tree: &Tree) -> Vec<Lint> {
    let mut lints = Vec::new();
    tree.walk(&mut |value, path, _| {
        let is_of_claims = |step: &PathSegment<&str>| {
            OF_CLAIMS.iter().any(|key| matches!(step, PathSegment::Key(name) if *name == key.as_str()))
        };
        if let TreeValue::NumericText(text) = &value.value
            && path.segments().iter().any(is_of_claims)
        {
            let problem = format!(
                "{text} becomes the string \"{text}\": Envoy's YAML parser supports only integers of 32 bits; quote the \
                 value if a string is intended, or write the configuration as JSON text"
            );
            lints.push(Lint::new(path, problem));
        }
    });
    lints
}
