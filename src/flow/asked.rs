//! What is asked of a request, for people who want to know why: the same rules that [`decide`](super::decide)
//! judges by, without the judgement.

use super::{Judge, KeyLookup, KeySource, Patience, Refused, Request, RuleName};
use crate::bearer::Place;
use crate::config::Config;
use crate::issuer_index::IssuerIndex;
use crate::jose::algorithm::InModule;
use crate::jose::jwks::KeySet;
use crate::keys::Need;
use crate::policy::Requirement;
use crate::route::ReadingClass;
use crate::time::UnixTime;
use crate::token_cache::TokenCache;

/// Everything that is asked of one request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// All of these must be met; at least one.
    pub rules: Vec<AskedBy>,
    /// Where a token is looked for.
    pub places: Vec<Place>,
}

/// One requirement and what it comes from.
#[derive(Debug, Clone)]
pub struct AskedBy {
    /// The rule.
    pub rule: RuleName,
    /// Method and path of the reading that chose it; `None` for the request as written.
    pub reading: Option<(String, String)>,
    /// What an upstream does that leads to that reading, in order.
    pub reading_classes: Vec<ReadingClass>,
    /// What it asks.
    pub requirement: Requirement,
}

/// The requirements that govern a request.
///
/// # Errors
/// The refusal of a request that no rule is looked up for, such as one whose path is ambiguous.
pub fn asked(config: &Config, request: &Request<'_>) -> Result<Asked, Box<Refused>> {
    let judge = Judge {
        config,
        headers: request.headers,
        keys: &NoKeys,
        verifier: &InModule,
        cache: &TokenCache::new(0),
        now: UnixTime::from_millis(0),
        patience: Patience::Over,
    };
    let governing = judge.governing(&request.metadata)?;
    let rules = governing.asked.iter().map(|asked| AskedBy {
        rule: asked.rule.clone(),
        reading: asked
            .reading
            .as_ref()
            .map(|reading| (reading.method.clone().into_owned(), reading.path.clone().into_owned())),
        reading_classes: asked.reading.as_ref().map(|reading| reading.classes.clone()).unwrap_or_default(),
        requirement: asked.requirement.clone(),
    });
    Ok(Asked { rules: rules.collect(), places: governing.places.into_owned() })
}

/// Nothing is verified to tell what is asked.
struct NoKeys;

impl KeySource for NoKeys {
    fn current(&self, _: IssuerIndex) -> Option<std::rc::Rc<KeySet>> {
        None
    }

    fn look_again(&self, _: IssuerIndex, _: Need) -> KeyLookup {
        KeyLookup::Unavailable { retry_after: std::time::Duration::ZERO }
    }
}
