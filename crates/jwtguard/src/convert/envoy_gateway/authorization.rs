//! `authorization`: an ordered list of rules, of which the first that matches decides, as RBAC filters with actions DENY and
//! ALLOW, whose order means nothing.

use super::conditions::{Condition, Known, condition};
use crate::convert::made::{boolean, map, object, text as text_at};
use crate::convert::manifest::{items, known, optional, required, text};
use crate::convert::names::unique;
use crate::convert::notes::{Fault, Notes};
use crate::inspect::tree::Tree;

/// The rules of one SecurityPolicy as the `rules` of RBAC.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The requests that the rules before the first Allow deny.
    pub deny: Option<Tree>,
    /// The requests that a rule or the default action admits. `None`: every request that is not denied.
    pub allow: Option<Tree>,
}

/// What a rule or the default does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Deny,
}

struct Rule<'t> {
    tree: &'t Tree,
    name: String,
    action: Action,
    condition: Condition,
}

/// Reads `authorization`. `key` gives the name under which a provider stores its payload.
///
/// The first rule that matches decides. So a request passes where a rule with action Allow matches, and none with action
/// Deny before it.
///
/// # Errors
/// The first field that is not as expected.
pub fn authorization(
    tree: &Tree,
    key: &dyn Fn(&str) -> Option<String>,
    notes: &mut Notes,
) -> Result<Rules, Fault> {
    known(tree, &["rules", "defaultAction"])?;
    let default = optional(tree, "defaultAction", action)?.unwrap_or(Action::Deny);
    let mut rules = Vec::new();
    for (index, rule) in items(tree, "rules")?.iter().enumerate() {
        rules.extend(self::rule(rule, index, key, notes)?);
    }
    let first_allow = rules.iter().position(|rule| rule.action == Action::Allow).unwrap_or(rules.len());
    let (leading, rest) = rules.split_at_checked(first_allow).unwrap_or((&rules, &[]));
    let denied = leading.iter().map(|rule| (rule.name.clone(), rule.condition.policy(rule.tree, &[])));
    let deny = (!leading.is_empty()).then(|| of_action(tree, "DENY", denied.collect()));
    let later_denies = rest.iter().any(|rule| rule.action == Action::Deny);
    if default == Action::Allow && !later_denies {
        return Ok(Rules { deny, allow: None });
    }
    let mut admitted = Vec::new();
    let mut denies: Vec<&Condition> = Vec::new();
    for rule in rest {
        match rule.action {
            Action::Deny => denies.push(&rule.condition),
            Action::Allow => admitted.push((rule.name.clone(), rule.condition.policy(rule.tree, &denies))),
        }
    }
    if default == Action::Allow {
        let place = tree.get_exact("defaultAction").unwrap_or(tree);
        admitted.push(("defaultAction".to_owned(), Condition::default().policy(place, &denies)));
    }
    if admitted.is_empty() {
        admitted.push(("none".to_owned(), never(tree)));
    }
    Ok(Rules { deny, allow: Some(of_action(tree, "ALLOW", admitted)) })
}

fn rule<'t>(
    tree: &'t Tree,
    index: usize,
    key: &dyn Fn(&str) -> Option<String>,
    notes: &mut Notes,
) -> Result<Option<Rule<'t>>, Fault> {
    known(tree, &["name", "action", "operation", "principal", "cel"])?;
    let name = optional(tree, "name", text)?.map_or_else(|| format!("rule-{index}"), str::to_owned);
    let action = action(required(tree, "action", "Allow or Deny")?)?;
    let condition = match (condition(tree, key, notes)?, action) {
        (Known::Condition(condition), _) | (Known::Wider(condition), Action::Deny) => condition,
        // Without the condition, the rule would admit more.
        (Known::Wider(_), Action::Allow) => return Ok(None),
    };
    Ok(Some(Rule { tree, name, action, condition }))
}

fn action(tree: &Tree) -> Result<Action, Fault> {
    match text(tree)? {
        "Allow" => Ok(Action::Allow),
        "Deny" => Ok(Action::Deny),
        other => Err(Fault::at(tree, format!("expected Allow or Deny, got `{other}`"))),
    }
}

/// The `rules` of an RBAC filter. Policies with the same name get a number.
fn of_action(place: &Tree, action: &str, policies: Vec<(String, Tree)>) -> Tree {
    let mut named: Vec<(String, Tree)> = Vec::new();
    for (name, policy) in policies {
        let name = unique(&name, '-', |name| named.iter().any(|(other, _)| other == name));
        named.push((name, policy));
    }
    object(place, vec![("action", text_at(place, action)), ("policies", map(place, named))])
}

/// The `rules` of an RBAC filter that denies every request.
pub fn deny_all(place: &Tree, name: &str) -> Tree {
    of_action(place, "DENY", vec![(name.to_owned(), Condition::default().policy(place, &[]))])
}

fn never(place: &Tree) -> Tree {
    let any = || object(place, vec![("any", boolean(place, true))]);
    let not = |name: &str| crate::convert::made::list(place, vec![object(place, vec![(name, any())])]);
    object(place, vec![("permissions", not("not_rule")), ("principals", not("not_id"))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::tree::TreeValue;

    /// Whether a permission or a principal of RBAC matches a request with a method.
    fn matches(condition: &Tree, method: &str) -> bool {
        let (name, value) = &condition.members()[0];
        match name.as_str() {
            "any" => value.value == TreeValue::Bool(true),
            "header" => value.at(&["string_match", "exact"]).and_then(Tree::text) == Some(method),
            "not_rule" | "not_id" => !matches(value, method),
            "and_rules" => value.list("rules").iter().all(|rule| matches(rule, method)),
            "or_rules" => value.list("rules").iter().any(|rule| matches(rule, method)),
            other => panic!("{other}"),
        }
    }

    fn has_policy(rules: &Tree, method: &str) -> bool {
        let any = |tree: &Tree, name: &str| tree.list(name).iter().any(|one| matches(one, method));
        rules
            .get("policies")
            .unwrap()
            .members()
            .iter()
            .any(|(_, policy)| any(policy, "permissions") && any(policy, "principals"))
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        // Each rule: its action, and its methods.
        let of_rule = [("Allow", "A"), ("Allow", "A,B"), ("Deny", "A"), ("Deny", "B,C"), ("Deny", "A,B,C")];
        let lists = (0..of_rule.len().pow(3))
            .map(|number| [number % 5, number / 5 % 5, number / 25].map(|index| of_rule[index]));
        for rules in lists {
            for default in ["Allow", "Deny"] {
                let written: Vec<String> = rules
                    .iter()
                    .map(|(action, methods)| {
                        let methods = methods.replace(',', r#"",""#);
                        format!(
                            r#"{{"action":"{action}","operation":{{"methods":["{methods}"]}},"principal":{{"clientCIDRs":["0.0.0.0/0","::/0"]}}}}"#
                        )
                    })
                    .collect();
                let text = format!(r#"{{"rules":[{}],"defaultAction":"{default}"}}"#, written.join(","));
                let tree = Tree::from_json(&text).unwrap();
                let found = authorization(&tree, &|_| None, &mut Notes::default()).unwrap();
                for method in ["A", "B", "C", "D"] {
                    let first = rules.iter().find(|(_, methods)| methods.contains(method));
                    let expected = first.map_or(default, |(action, _)| *action) == "Allow";
                    let denied = found.deny.as_ref().is_some_and(|rules| has_policy(rules, method));
                    let admitted = found.allow.as_ref().is_none_or(|rules| has_policy(rules, method));
                    assert_eq!(!denied && admitted, expected, "{text} {method}");
                }
            }
        }
    }
}
