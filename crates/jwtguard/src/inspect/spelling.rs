//! Names that look like misspellings of each other.

use std::collections::BTreeMap;

use super::path::below;
use super::tree::{Tree, TreeValue};
use jwt_guard::config::Path;
use jwt_guard::config::keys::{Name, requirement};

/// A name that stands once, and the other one that it is nearly.
#[derive(Debug, PartialEq, Eq)]
pub struct Misspelling {
    /// The name that stands once.
    pub name: String,
    /// Where it stands.
    pub path: Path,
    /// What it may have been meant to be.
    pub other: String,
    /// How often that one stands.
    pub times: usize,
}

/// Every name under `requires_role`, `requires_group` and `requires_scope` that stands once and is nearly one
/// that stands elsewhere.
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
    for (name, stands) in &places {
        let [path] = stands.as_slice() else { continue };
        let others = places.iter().filter(|(other, _)| *other != name && is_nearly(name, other));
        // Of two names that both stand once, the later one in the alphabet is told, once.
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

/// The known name that a text is nearly, if there is just one.
pub fn nearest<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let mut near = known.filter(|known| is_nearly(text, known));
    near.next().filter(|_| near.next().is_none())
}

/// The same for the name of a key, which may be as short as `any`.
pub fn nearest_key<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let mut near = known.filter(|known| is_nearly_from(3, text, known));
    near.next().filter(|_| near.next().is_none())
}

fn is_nearly(one: &str, other: &str) -> bool {
    is_nearly_from(4, one, other)
}

/// Whether one may be a slip for the other: the same but for case and separators, or one letter left out, put in,
/// changed or swapped with its neighbour. Digits are no slips: `v1` and `v2` are two names. A name of fewer letters
/// than `shortest` is not compared.
fn is_nearly_from(shortest: usize, one: &str, other: &str) -> bool {
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
    fn slips_and_other_names() {
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
            assert_eq!(is_nearly(one, other), expected, "{one} {other}");
            assert_eq!(is_nearly(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn the_rare_spelling_is_told() {
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
