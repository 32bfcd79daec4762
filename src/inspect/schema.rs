//! JSON Schema.
use super::tree::Tree;
/// stub
pub fn is_top_level(tree: &Tree) -> bool {
    tree.get("routes").is_some() || tree.get("audience").is_some()
}
