//! Evaluates each condition of a rule.

use super::result::{AppliedRule, ConditionResult, TokenReport};
use super::simulator::Simulator;
use super::token_values;
use crate::inspect::describe;
use jwt_guard::policy::{self, Condition, ConditionContext, Conditions, EvaluationContext, Identity};
use jwt_guard::request::{AppliedRequirement, JudgedToken};

impl AppliedRule {
    pub(super) fn evaluate(
        applied: &AppliedRequirement<'_>,
        simulator: &Simulator<'_>,
        identity: Option<(&Identity, ConditionContext<'_>)>,
        token: &TokenReport,
    ) -> Self {
        let names = &simulator.config.names;
        let mut conditions = Vec::new();
        if let Some((of_token, of_identity)) = conditions_of(&applied.requirement.rule) {
            let found = match token {
                TokenReport::Invalid { found, .. } => found.clone(),
                _ => None,
            };
            let met = match token {
                TokenReport::Valid { .. } => true,
                TokenReport::Absent => matches!(applied.requirement.rule, policy::Rule::AllowMissing(_)),
                TokenReport::Invalid { .. } | TokenReport::NotRead => false,
            };
            conditions.push(ConditionResult { condition: of_token.to_owned(), met, found });
            conditions.extend(identity.iter().flat_map(|(identity, context)| {
                of_identity.iter().map(|condition| {
                    let met = condition.unmet(identity, context).is_none();
                    let found = (!met)
                        .then(|| token_values::unmet_value(condition, identity, context, simulator.config));
                    ConditionResult { condition: describe::condition(condition, names), met, found }
                })
            }));
        }
        let route = applied.entry;
        let name = route.map_or_else(|| applied.rule.to_string(), |index| simulator.route_name(index));
        let reading =
            applied.variant.as_ref().map(|reading| format!("{} {}", reading.method, reading.compared_path()));
        let classes = applied.variant.iter().flat_map(|reading| &reading.classes);
        let variant_classes = classes.map(|class| class.name()).collect();
        Self {
            name,
            route,
            reading,
            variant_classes,
            who: describe::requirement(applied.requirement, names),
            conditions,
        }
    }
}

impl AppliedRule {
    /// Adds the conditions of `requires_token`. `second` has the tokens that were judged, and the state of each token of the
    /// configuration.
    pub(super) fn add_second_tokens(
        &mut self,
        applied: &AppliedRequirement<'_>,
        simulator: &Simulator<'_>,
        (judged, reports): (&[JudgedToken<'_>], &[(String, TokenReport)]),
        of_request: EvaluationContext<'_>,
    ) {
        for (index, requirement) in &applied.requirement.tokens {
            let Some((name, report)) = reports.get(index.0) else { continue };
            let inner = AppliedRequirement { requirement, ..applied.clone() };
            let outcome = judged.iter().find(|judged| judged.index == *index).map(|judged| &judged.outcome);
            let identity =
                outcome.and_then(|outcome| outcome.verified()).map(|cached| cached.identity().as_ref());
            let clock_skew = identity.and_then(|identity| simulator.config.issuers.get(identity.issuer().0));
            let clock_skew = clock_skew.map(|issuer| issuer.rules.clock_skew).unwrap_or_default();
            let of_request = EvaluationContext { clock_skew, ..of_request };
            let context = ConditionContext { of_request, requirement: 0 };
            let inner =
                Self::evaluate(&inner, simulator, identity.map(|identity| (identity, context)), report);
            self.conditions.extend(inner.conditions.into_iter().map(|result| ConditionResult {
                condition: format!("second token {name}: {}", result.condition),
                ..result
            }));
        }
    }
}

/// The condition on the token, and the conditions on its identity; `None` if the rule has no condition.
fn conditions_of(rule: &policy::Rule) -> Option<(&'static str, Vec<Condition>)> {
    match rule {
        policy::Rule::Authenticated(Conditions(list)) => Some(("a valid token", list.clone())),
        policy::Rule::AllowMissing(restrictions) => {
            let restrictions = restrictions.iter().cloned().map(Condition::IssuerOrAudience);
            Some(("no token, or a valid token", restrictions.collect()))
        }
        policy::Rule::Anonymous | policy::Rule::Deny | policy::Rule::AllowMissingOrFailed => None,
    }
}
