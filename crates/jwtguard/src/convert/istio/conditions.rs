//! The parts of a rule that a request must meet together: a field and its values, or what the values must not be.

use crate::convert::made::{boolean, list, object};
use crate::convert::manifest::texts;
use crate::convert::notes::Fault;
use crate::inspect::tree::Tree;

use super::claims::Value;

/// Whether a condition belongs to the permissions or to the principals of a policy of RBAC, whose members have other names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What a request does.
    Permission,
    /// Who sends it.
    Principal,
}

impl Side {
    /// All of the conditions; a condition that always holds, if there is none.
    pub fn all(self, place: &Tree, mut conditions: Vec<Tree>) -> Tree {
        match (conditions.len(), conditions.pop()) {
            (0, _) | (_, None) => object(place, vec![("any", boolean(place, true))]),
            (1, Some(only)) => only,
            (_, Some(last)) => {
                conditions.push(last);
                let (name, member) = match self {
                    Self::Permission => ("and_rules", "rules"),
                    Self::Principal => ("and_ids", "ids"),
                };
                object(place, vec![(name, object(place, vec![(member, list(place, conditions))]))])
            }
        }
    }

    /// One of the conditions. There is at least one.
    pub fn any(self, place: &Tree, mut conditions: Vec<Tree>) -> Tree {
        match (conditions.len(), conditions.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                conditions.extend(last);
                let (name, member) = match self {
                    Self::Permission => ("or_rules", "rules"),
                    Self::Principal => ("or_ids", "ids"),
                };
                object(place, vec![(name, object(place, vec![(member, list(place, conditions))]))])
            }
        }
    }

    /// Not the condition.
    pub fn not(self, place: &Tree, condition: Tree) -> Tree {
        let name = match self {
            Self::Permission => "not_rule",
            Self::Principal => "not_id",
        };
        object(place, vec![(name, condition)])
    }
}

/// Adds the conditions of a field and of the field that says what its value must not be.
///
/// # Errors
/// A value that `condition` cannot read.
pub fn add<'t>(
    tree: &'t Tree,
    (field, not_field): (&str, &str),
    side: Side,
    conditions: &mut Vec<Tree>,
    condition: impl Fn(&'t Tree, &[Value<'t>]) -> Result<Tree, Fault>,
) -> Result<(), Fault> {
    let values = texts(tree, field)?;
    if let Some(place) = tree.get_exact(field).filter(|_| !values.is_empty()) {
        conditions.push(condition(place, &values)?);
    }
    let values = texts(tree, not_field)?;
    if let Some(place) = tree.get_exact(not_field).filter(|_| !values.is_empty()) {
        conditions.push(side.not(place, condition(place, &values)?));
    }
    Ok(())
}

/// One of the values must match.
///
/// # Errors
/// A value that `condition` cannot read.
pub fn each<'t>(
    side: Side,
    place: &'t Tree,
    values: &[Value<'t>],
    condition: impl Fn(&'t Tree, &'t str) -> Result<Tree, Fault>,
) -> Result<Tree, Fault> {
    let conditions: Result<Vec<Tree>, Fault> =
        values.iter().map(|(place, value)| condition(place, value)).collect();
    Ok(side.any(place, conditions?))
}
