//! Finds names that are probably misspellings of other names.

use std::collections::BTreeMap;

use super::path::below;
use super::tree::{Tree, TreeValue};
use jwt_guard::config::Path;
use jwt_guard::config::keys::{Name, requirement};

/// A name that occurs once and is similar to another name.
#[derive(Debug, PartialEq, Eq)]
pub struct Misspelling {
    /// The name that occurs once.
    pub name: String,
    /// The path of this name.
    pub path: Path,
    /// The name that was probably meant.
    pub other: String,
    /// How often the other name occurs.
    pub times: usize,
}

/// Finds each name in `requires_role`, `requires_group` and `requires_scope` that occurs once and is similar to another name
/// of the same key.
pub fn misspellings(tree: &Tree) -> Vec<Misspelling> {
    let keys = [requirement::REQUIRES_ROLE, requirement::REQUIRES_GROUP, requirement::REQUIRES_SCOPE];
    keys.into_iter().flat_map(|key| of_key(tree, key)).collect()
}

fn of_key(tree: &Tree, key: Name) -> Vec<Misspelling> {
    let mut places: BTreeMap<String, Vec<Path>> = BTreeMap::new();
    tree.walk(&mut |tree, path, _| {
        if path.last_key() == Some(&key.as_str()) {
            tree.walk(&mut |value, rest, _| {
                if let TreeValue::Text(name) = &value.value {
                    places.entry(name.clone()).or_default().push(below(path, rest).to_owned());
                }
            });
        }
    });
    let mut found = Vec::new();
    for (name, paths) in &places {
        let [path] = paths.as_slice() else { continue };
        let others = places.iter().filter(|(other, _)| *other != name && is_similar(name, other));
        // If both names occur once, only the later one in the alphabet is reported.
        let likely =
            others.filter(|(other, at)| at.len() > 1 || *other < name).max_by_key(|(_, at)| at.len());
        if let Some((other, at)) = likely {
            found.push(Misspelling {
                name: name.clone(),
                path: path.clone(),
                other: other.clone(),
                times: at.len(),
            });
        }
    }
    found
}

/// Returns the known name that is similar to a text, if exactly one is.
pub fn nearest<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let mut near = known.filter(|known| is_similar(text, known));
    near.next().filter(|_| near.next().is_none())
}

/// Returns the known key that is similar to a text, if exactly one is. Keys can be as short as `any`.
pub fn nearest_key<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let mut near = known.filter(|known| is_similar_from(3, text, known));
    near.next().filter(|_| near.next().is_none())
}

fn is_similar(one: &str, other: &str) -> bool {
    is_similar_from(4, one, other)
}

/// Whether two names differ only in case and separators, or in one letter that is deleted, inserted, replaced or swapped
/// with the next one. Names that differ in digits, such as `v1` and `v2`, are not similar. Names with fewer letters than
/// `shortest` are not compared.
fn is_similar_from(shortest: usize, one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (one, other) = (plain(one), plain(other));
    if one == other {
        return true;
    }
    let (one_length, other_length) = (one.chars().count(), other.chars().count());
    if one_length.min(other_length) < shortest {
        return false;
    }
    let keeps_digits = if one_length == other_length {
        one.chars().zip(other.chars()).all(|(a, b)| a == b || a.is_alphabetic() && b.is_alphabetic())
    } else {
        let is_digit = |c: &char| !c.is_alphabetic();
        one.chars().filter(is_digit).eq(other.chars().filter(is_digit))
    };
    keeps_digits && strsim::osa_distance(&one, &other) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_and_different_names() {
        for (one, other, expected) in [
            ("admin", "amdin", true),
            ("admin", "Admin", true),
            ("admin", "admins", true),
            ("order-admin", "order_admin", true),
            ("orders:read", "orders:reed", true),
            ("admin", "auditor", false),
            ("team1", "team2", false),
            ("team1a", "teama1", false),
            ("team1", "team11", false),
            ("team1", "teams1", true),
            ("ops", "cops", false),
            ("read", "write", false),
        ] {
            assert_eq!(is_similar(one, other), expected, "{one} {other}");
            assert_eq!(is_similar(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn the_rare_spelling_is_reported() {
        let tree = Tree::from_json(
            r#"{"routes":[{"path":"/a","requires_role":"admin"},{"path":"/b","requires_role":["admin","x"]},
                {"path":"/c","any_of":[{"requires_role":{"all":["amdin"]}}]},{"path":"/d","requires_group":"amdin"}]}"#,
        );
        let found = misspellings(&tree.unwrap());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].other.as_str(), found[0].times), ("amdin", "admin", 2));
        assert_eq!(found[0].path.to_string(), "routes[2].any_of[0].requires_role.all[0]");
    }
}
