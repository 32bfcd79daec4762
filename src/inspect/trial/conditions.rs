//! Each condition of a rule with its outcome.

use std::rc::Rc;

use super::{Bench, TokenReport};
use crate::flow::RuleName;
use crate::flow::asked::AskedBy;
use crate::inspect::words;
use crate::policy::{self, Condition, Conditions, Identity, Requirement};

/// A rule that governs the request.
#[derive(Debug)]
pub struct Rule {
    /// `routes[2] (/api/admin/**)` or the like.
    pub name: String,
    /// The reading that chose it, where that is not the request as sent.
    pub reading: Option<String>,
    /// Who may pass by it.
    pub who: String,
    /// Its conditions on a token, each with its outcome.
    pub conditions: Vec<Checked>,
}

/// A condition and whether it is met.
#[derive(Debug)]
pub struct Checked {
    /// The condition in words.
    pub condition: String,
    /// Whether it is met.
    pub met: bool,
}

impl Rule {
    pub(super) fn judge(
        asked: &AskedBy,
        bench: &Bench<'_>,
        identity: Option<&Rc<Identity>>,
        token: &TokenReport,
    ) -> Self {
        let names = &bench.config.vocabulary;
        let mut conditions = Vec::new();
        if let policy::Rule::Authenticated(Conditions(list)) = &asked.requirement.rule {
            let met = matches!(token, TokenReport::Valid { .. });
            conditions.push(Checked { condition: "a valid token".to_owned(), met });
            if let Some(identity) = identity {
                conditions.extend(list.iter().map(|condition| Checked {
                    condition: words::condition(condition, names),
                    met: is_met(condition, identity),
                }));
            }
        }
        let name = match &asked.rule {
            RuleName::Route(index) => match bench.template(*index) {
                Some(template) => format!("routes[{index}] ({template})"),
                None => format!("routes[{index}]"),
            },
            other => other.to_string(),
        };
        let reading = asked.reading.as_ref().map(|(method, path)| format!("{method} {path}"));
        Self { name, reading, who: words::requirement(&asked.requirement, names), conditions }
    }
}

/// One condition, asked of the policy as a requirement of its own.
fn is_met(condition: &Condition, identity: &Rc<Identity>) -> bool {
    let alone = Conditions(vec![condition.clone()]);
    let requirement = Requirement::new(policy::Rule::Authenticated(alone));
    policy::evaluate(&[&requirement], policy::Credential::Verified(identity)).is_ok()
}
