//! Values of claims that are written as numbers and reach the filter as text.

use super::lints::Lint;
use super::tree::{Tree, TreeValue};
use jwt_guard::config::keys::{Name, issuer, requirement};
use jwt_guard::config::path::Segment;

/// The keys whose values are compared with claims. Elsewhere a number that became text is refused, or is a name.
const OF_CLAIMS: [Name; 2] = [requirement::REQUIRES_CLAIM, issuer::REFUSED_CLAIMS];

/// Every such value in a configuration or a requirement.
pub fn numeric_strings(tree: &Tree) -> Vec<Lint> {
    let mut lints = Vec::new();
    tree.walk(&mut |value, path, _| {
        let is_of_claims = |step: &Segment<&str>| {
            OF_CLAIMS.iter().any(|key| matches!(step, Segment::Key(name) if *name == key.as_str()))
        };
        if let TreeValue::NumericText(text) = &value.value
            && path.segments().iter().any(is_of_claims)
        {
            let problem = format!(
                "{text} becomes the text \"{text}\": Envoy's reader of YAML knows only whole numbers of 32 bits; quote \
                 it where text is meant, or give the configuration as JSON text"
            );
            lints.push(Lint::new(path, problem));
        }
    });
    lints
}
