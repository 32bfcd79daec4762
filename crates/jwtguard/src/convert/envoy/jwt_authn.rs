//! The `jwt_authn` filter: its rules and what each requires.

use super::provider;
use super::route_match;
use super::tests::Tests;
use crate::convert::expression::Expression;
use crate::convert::fields::{boolean, items, known, map, one_of, required_text, text, texts, whole_text};
use crate::convert::notes::{Fault, Notes, Place};
use crate::convert::provider::Provider;
use crate::convert::rules::{JwtRule, Need, Origin, Otherwise, ProviderNeed};
use crate::inspect::tree::{Tree, TreeValue};

/// The configuration of a filter.
#[derive(Debug, Default)]
pub struct JwtAuthn {
    /// The providers whose tokens jwt-guard can verify.
    pub providers: Vec<Provider>,
    /// The names of all providers, with their position among those above.
    names: Vec<(String, Option<usize>)>,
    /// The rules in their order.
    pub rules: Vec<JwtRule>,
    /// The requirements with names.
    named: Vec<(String, Need)>,
    /// Where `bypass_cors_preflight` is set.
    pub preflight: Option<Place>,
}

const FIELDS: [&str; 7] = [
    "providers",
    "rules",
    "filter_state_rules",
    "bypass_cors_preflight",
    "requirement_map",
    "strip_failure_response",
    "stat_prefix",
];

impl JwtAuthn {
    /// Reads a configuration.
    ///
    /// # Errors
    /// The value is none.
    pub fn read(tree: &Tree, tests: &mut Tests, notes: &mut Notes) -> Result<Self, Fault> {
        known(tree, &FIELDS)?;
        let mut filter = Self::default();
        for (name, provider) in provider::all(tree, notes)? {
            let position = provider.is_some().then_some(filter.providers.len());
            filter.names.push((name, position));
            filter.providers.extend(provider);
        }
        for name in ["strip_failure_response", "stat_prefix"] {
            if let Some(value) = tree.get(name).filter(|value| value.value != TreeValue::Bool(false)) {
                notes.dropped(
                    value,
                    "the bodies of refusals and the metrics of jwt-guard have forms of their own",
                );
            }
        }
        if boolean(tree, "bypass_cors_preflight")? {
            filter.preflight = tree.get("bypass_cors_preflight").map(Place::of);
        }
        for (name, requirement) in map(tree, "requirement_map")? {
            let need = filter.need(requirement, notes)?;
            filter.named.push((name.clone(), need));
        }
        for (index, rule) in items(tree, "rules")?.iter().enumerate() {
            let rule = filter.rule(rule, index, tests, notes)?;
            filter.rules.push(rule);
        }
        filter.filter_state_rules(tree, tests, notes)?;
        Ok(filter)
    }

    fn rule(
        &mut self,
        tree: &Tree,
        index: usize,
        tests: &mut Tests,
        notes: &mut Notes,
    ) -> Result<JwtRule, Fault> {
        known(tree, &["match", "requires", "requirement_name"])?;
        let matched = tree.get("match").ok_or_else(|| Fault::at(tree, "found no match; expected a match"))?;
        let condition = route_match::read(matched, tests)?;
        let need = match (tree.get("requires"), tree.get("requirement_name")) {
            (Some(_), Some(name)) => {
                return Err(Fault::at(name, "found requires and requirement_name; expected one of them"));
            }
            (Some(requires), None) => self.need(requires, notes)?,
            (None, Some(name)) => self.named(name)?,
            (None, None) => unread(),
        };
        let origin = Origin { place: Place::of(tree), label: format!("rules[{index}]") };
        Ok(JwtRule { condition, need, origin })
    }

    /// Filter state decides only where no rule matches.
    fn filter_state_rules(&mut self, tree: &Tree, tests: &mut Tests, notes: &mut Notes) -> Result<(), Fault> {
        let Some(rules) = tree.get("filter_state_rules") else { return Ok(()) };
        known(rules, &["name", "requires"])?;
        text(rules, "name")?;
        for (name, requirement) in map(rules, "requires")? {
            let condition = tests.other(requirement, "filter state");
            let need = self.need(requirement, notes)?;
            let origin =
                Origin { place: Place::of(requirement), label: format!("filter_state_rules {name}") };
            self.rules.push(JwtRule { condition, need, origin });
        }
        Ok(())
    }

    /// The requirement with a name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(&self, name: &Tree) -> Result<Need, Fault> {
        let text = whole_text(name)?;
        let found = self.named.iter().find(|(known, _)| known == text).map(|(_, need)| need.clone());
        found.ok_or_else(|| Fault::at(name, format!("requirement_map has no {text:?}")))
    }

    /// Reads a `JwtRequirement`.
    fn need(&mut self, tree: &Tree, notes: &mut Notes) -> Result<Need, Fault> {
        const KINDS: [&str; 7] = [
            "provider_name",
            "provider_and_audiences",
            "requires_any",
            "requires_all",
            "allow_missing_or_failed",
            "allow_missing",
            "extract_only_without_validation",
        ];
        if tree.members().is_empty() {
            known(tree, &KINDS)?;
            return Ok(unread());
        }
        let (kind, value) = one_of(tree, &KINDS)?;
        match kind {
            "provider_name" => self.provider(value, whole_text(value)?, None),
            "provider_and_audiences" => {
                known(value, &["provider_name", "audiences"])?;
                let name = required_text(value, "provider_name")?;
                let audiences = texts(value, "audiences")?;
                self.provider(value, name, Some(audiences).filter(|audiences| !audiences.is_empty()))
            }
            "requires_any" => {
                let mut any = Need { providers: Vec::new(), otherwise: Otherwise::Refused };
                for part in self.parts(value, notes)? {
                    any.providers.extend(part.providers);
                    // Without a requirement, everything passes, and a token that the others verify gives an identity.
                    let otherwise =
                        if part.otherwise == Otherwise::Unread { Otherwise::Passes } else { part.otherwise };
                    any.otherwise = any.otherwise.max(otherwise);
                }
                Ok(any)
            }
            "requires_all" => {
                let mut all: Option<Need> = None;
                for part in self.parts(value, notes)? {
                    all = Some(match all {
                        None => part,
                        Some(all) => self.both(all, part, value, notes),
                    });
                }
                Ok(all.unwrap_or_else(unread))
            }
            "extract_only_without_validation" => {
                known(value, &[])?;
                notes.dropped(value, "the filter passes on no claims that it has not verified; such requests pass without them");
                Ok(self.all_providers(Otherwise::Passes))
            }
            kind => {
                known(value, &[])?;
                let otherwise = if kind == "allow_missing" { Otherwise::Missing } else { Otherwise::Passes };
                Ok(self.all_providers(otherwise))
            }
        }
    }

    fn parts(&mut self, tree: &Tree, notes: &mut Notes) -> Result<Vec<Need>, Fault> {
        known(tree, &["requirements"])?;
        let parts = items(tree, "requirements")?;
        // Beside other requirements, allow_missing stands for a request without a token only.
        let is_bypass = |part: &Tree| {
            part.get("allow_missing").is_some() || part.get("allow_missing_or_failed").is_some()
        };
        let has_others = parts.iter().any(|part| !is_bypass(part));
        parts
            .iter()
            .map(|part| {
                let mut need = self.need(part, notes)?;
                if has_others && is_bypass(part) {
                    need.providers.clear();
                }
                Ok(need)
            })
            .collect()
    }

    /// The tokens that meet both requirements. One request has one token here.
    fn both(&self, one: Need, other: Need, at: &Tree, notes: &mut Notes) -> Need {
        match (one.otherwise, other.otherwise) {
            (Otherwise::Unread, _) => return other,
            (_, Otherwise::Unread) => return one,
            _ => {}
        }
        let otherwise = one.otherwise.min(other.otherwise);
        // Without its own providers, a requirement admits what the other one verifies.
        let providers: Vec<ProviderNeed> = match (one.providers.is_empty(), other.providers.is_empty()) {
            (true, _) if one.otherwise != Otherwise::Refused => other.providers,
            (_, true) if other.otherwise != Otherwise::Refused => one.providers,
            _ => one
                .providers
                .iter()
                .filter_map(|provider| {
                    let same = other.providers.iter().find(|other| other.issuer == provider.issuer)?;
                    let audiences = match (self.audiences(provider), self.audiences(same)) {
                        (None, audiences) | (audiences, None) => audiences,
                        (Some(one), Some(two)) => {
                            Some(one.into_iter().filter(|name| two.contains(name)).collect())
                        }
                    };
                    // The first verification takes the token away from the second one.
                    let forwards =
                        self.providers.get(provider.issuer).is_some_and(|provider| provider.forwards);
                    let is_possible = forwards
                        && audiences.as_ref().is_none_or(|audiences: &Vec<String>| !audiences.is_empty());
                    is_possible.then(|| ProviderNeed { audiences, ..provider.clone() })
                })
                .collect(),
        };
        if otherwise == Otherwise::Refused && providers.is_empty() {
            notes.dropped(
                at,
                "a request has one token for jwt-guard, so that it cannot meet requirements of two providers: these requests are \
                 denied; second_tokens is for a second token in a place of its own",
            );
        }
        Need { providers, otherwise }
    }

    /// The audiences of tokens that pass; `None` for all.
    fn audiences(&self, need: &ProviderNeed) -> Option<Vec<String>> {
        let of_provider = || self.providers.get(need.issuer).map(|provider| provider.audiences.clone());
        need.audiences.clone().or_else(of_provider).filter(|audiences| !audiences.is_empty())
    }

    fn all_providers(&self, otherwise: Otherwise) -> Need {
        let providers = self.providers.iter().enumerate();
        Need {
            providers: providers.map(|(index, provider)| of_provider(index, provider)).collect(),
            otherwise,
        }
    }

    fn provider(&mut self, at: &Tree, name: &str, audiences: Option<Vec<String>>) -> Result<Need, Fault> {
        let Some((_, position)) = self.names.iter().find(|(known, _)| known == name) else {
            return Err(Fault::at(at, format!("providers has no {name:?}")));
        };
        let mut providers = Vec::new();
        if let Some(index) = *position
            && let Some(provider) = self.providers.get_mut(index)
        {
            for audience in audiences.iter().flatten() {
                if !provider.audiences.contains(audience) && !provider.other_audiences.contains(audience) {
                    provider.other_audiences.push(audience.clone());
                }
            }
            let mut need = of_provider(index, provider);
            need.audiences = audiences;
            providers.push(need);
        }
        Ok(Need { providers, otherwise: Otherwise::Refused })
    }

    /// Names the audiences of a provider where its issuer has others too. Called once all rules are read.
    pub fn restrict(&self, need: &mut Need) {
        for of_provider in &mut need.providers {
            let Some(provider) = self.providers.get(of_provider.issuer) else { continue };
            if of_provider.audiences.is_none() {
                of_provider.audiences = provider.restriction();
            } else if of_provider.audiences.as_ref() == Some(&provider.audiences)
                && provider.other_audiences.is_empty()
            {
                of_provider.audiences = None;
            }
        }
    }

    /// Reads the configuration for a route: the rules that take the place of those of the filter.
    ///
    /// # Errors
    /// The value is none.
    pub fn for_route(&self, tree: &Tree) -> Result<(Need, Origin), Fault> {
        known(tree, &["disabled", "requirement_name"])?;
        let origin = Origin { place: Place::of(tree), label: "route".to_owned() };
        let need = match tree.get("requirement_name") {
            Some(name) => self.named(name)?,
            None if boolean(tree, "disabled")? => unread(),
            None => return Err(Fault::at(tree, "expected disabled or requirement_name")),
        };
        Ok((need, origin))
    }
}

fn of_provider(index: usize, provider: &Provider) -> ProviderNeed {
    ProviderNeed {
        issuer: index,
        iss: provider.issuer.clone(),
        audiences: None,
        conditions: provider.subjects.clone(),
        payload: provider.payload.clone(),
        splits: provider.splits.clone(),
    }
}

/// No token is read.
pub fn unread() -> Need {
    Need { providers: Vec::new(), otherwise: Otherwise::Unread }
}

/// The condition under which a rule for a route applies.
pub fn rule_for_route(condition: Expression, (need, origin): (Need, Origin)) -> JwtRule {
    JwtRule { condition, need, origin }
}
