//! Values of claims that are written as numbers and reach the filter as text.

use super::doubts::Doubt;
use super::tree::{Tree, Value};
use jwt_guard::config::path::Segment;

/// The keys whose values are compared with claims. Elsewhere a number that became text is refused, or is a name.
const OF_CLAIMS: [&str; 2] = ["requires_claim", "refused_claims"];

/// Every such value in a configuration or a requirement.
pub fn digits(tree: &Tree) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    tree.walk(&mut |value, path, _| {
        if let Value::Digits(text) = &value.value
            && path.segments().iter().any(|step| matches!(step, Segment::Key(key) if OF_CLAIMS.contains(key)))
        {
            let problem = format!(
                "{text} becomes the text \"{text}\": Envoy's reader of YAML knows only whole numbers of 32 bits; quote \
                 it where text is meant, or give the configuration as JSON text"
            );
            doubts.push((path.to_string(), problem));
        }
    });
    doubts
}
