//! What two policies demand of one request, with each comparison made once.

use std::collections::HashMap;

use super::demand::{Demand, Verdict};
use jwt_guard::config::Config;
use jwt_guard::http::HeaderMap;
use jwt_guard::policy::RequestValue;
use jwt_guard::request::{Annotations, EffectivePolicy, Metadata, Request, resolve_policy};

/// A change of what is demanded, and both demands.
#[derive(Debug)]
pub(super) struct Outcome {
    pub verdict: Verdict,
    pub old: Demand,
    pub new: Demand,
}

/// The index of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct OutcomeIndex(usize);

/// The comparisons of two policies.
pub(super) struct Effects<'c> {
    configs: [&'c Config; 2],
    /// The result for each pair of applied requirements. Requests of many regions have the same.
    known: HashMap<[Option<Applied>; 2], Option<OutcomeIndex>>,
    by_text: HashMap<(Verdict, String, String), OutcomeIndex>,
    outcomes: Vec<Outcome>,
}

/// The requirements that apply: the address of each, its entry in the routes, and the values of its parameters.
type Applied = Vec<(usize, Option<usize>, Vec<Option<String>>)>;

impl<'c> Effects<'c> {
    pub fn new(configs: [&'c Config; 2]) -> Self {
        Self { configs, known: HashMap::new(), by_text: HashMap::new(), outcomes: Vec::new() }
    }

    pub fn outcome(&self, index: OutcomeIndex) -> Option<&Outcome> {
        self.outcomes.get(index.0)
    }

    /// The change for one request; `None` if nothing changed.
    pub fn compare(&mut self, host: &str, method: &str, path: &str) -> Option<OutcomeIndex> {
        let headers: HeaderMap =
            [(":authority", host), (":method", method), (":path", path)].into_iter().collect();
        let request =
            Request { headers: &headers, metadata: Metadata::Absent, annotations: Annotations::default() };
        let [old, new] = self.configs.map(|config| resolve_policy(config, &request).ok());
        let key = [&old, &new].map(|policy| policy.as_ref().map(applied));
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let [old_config, new_config] = self.configs;
        let demand = |policy: &Option<EffectivePolicy<'_>>, config: &Config| match policy {
            Some(policy) => Demand::of(policy, config),
            None => Demand::Refused,
        };
        let (old, new) = (demand(&old, old_config), demand(&new, new_config));
        let global = [old_config.token_from.as_slice(), new_config.token_from.as_slice()];
        let outcome = Demand::change(&old, &new, global).map(|verdict| self.add(verdict, old, new));
        self.known.insert(key, outcome);
        outcome
    }

    fn add(&mut self, verdict: Verdict, old: Demand, new: Demand) -> OutcomeIndex {
        let text = (verdict.clone(), old.words().to_owned(), new.words().to_owned());
        *self.by_text.entry(text).or_insert_with(|| {
            self.outcomes.push(Outcome { verdict, old, new });
            OutcomeIndex(self.outcomes.len() - 1)
        })
    }
}

fn applied(policy: &EffectivePolicy<'_>) -> Applied {
    let applied = policy.applied.iter().map(|applied| {
        let values = match &applied.parameters {
            None => Vec::new(),
            Some(parameters) => {
                let values = applied.requirement.request_values();
                let values = values.into_iter().filter_map(|value| match value {
                    RequestValue::Path(name) => Some(parameters.value(name).map(|value| value.into_owned())),
                    RequestValue::Host(_) | RequestValue::Header(_) => None,
                });
                values.collect()
            }
        };
        (std::ptr::from_ref(applied.requirement).addr(), applied.entry, values)
    });
    applied.collect()
}
