//! Lists of signature algorithms.

use super::problem::Problem;
use super::reader::{ConfigNode, Errors};
use crate::jose::algorithm::Algorithm;

/// A list of algorithms with a private and a public key.
pub(super) fn algorithms(node: &ConfigNode<'_>, errors: &mut Errors) -> Vec<Algorithm> {
    let mut algorithms = Vec::new();
    for name in node.string_list("an algorithm, such as RS256", errors).unwrap_or_default() {
        match Algorithm::from_name(name) {
            Some(algorithm) if algorithms.contains(&algorithm) => {
                node.refuse(Problem::RepeatedAlgorithm { name: name.to_owned() }, errors);
            }
            Some(algorithm) => algorithms.push(algorithm),
            None if name.eq_ignore_ascii_case("none") => node.refuse(Problem::Unsigned, errors),
            None if name.to_ascii_uppercase().starts_with("HS") => {
                node.refuse(Problem::SharedSecret { name: name.to_owned() }, errors);
            }
            None => {
                node.refuse(Problem::UnknownAlgorithm { name: name.to_owned() }, errors);
            }
        }
    }
    algorithms
}
