//! Converts the configuration of other filters that validate tokens into a configuration of jwt-guard.
//!
//! A front-end finds its objects in the documents and turns each into a [`Source`]: the Envoy filters that the objects stand
//! for, or a policy. The core converts the filters. What the configuration of jwt-guard cannot express becomes stricter, and
//! a [`Note`] tells it.

mod addresses;
pub mod chain;
mod claim_test;
mod emit;
mod envoy;
mod envoy_gateway;
mod expression;
mod fields;
mod istio;
pub mod made;
mod manifest;
mod names;
pub mod node;
pub mod notes;
mod path_test;
mod payloads;
mod pico;
pub mod policy;
mod provider;
mod regions;
mod requirement;
mod rules;
pub mod template;

use crate::inspect::FileDocument;

pub use chain::{Chain, Filter, FilterKind, Source};
pub use notes::{Effect, Fault, Note, Notes, Place};
pub use policy::Policy;

/// The result of a conversion.
#[derive(Debug)]
pub struct Conversion {
    /// One policy for each chain of filters, in the order of the files.
    pub policies: Vec<Policy>,
    /// What the policies do not express, in the order of the files.
    pub notes: Vec<Note>,
}

/// Converts everything in the documents that validates tokens.
///
/// # Errors
/// The first value that cannot be read.
pub fn convert(documents: &[FileDocument]) -> Result<Conversion, Fault> {
    let mut notes = Notes::default();
    let mut policies = Vec::new();
    for source in sources(documents, &mut notes)? {
        policies.push(match source {
            Source::Policy(policy) => policy,
            Source::Chain(chain) => of_chain(&chain, &mut notes)?,
        });
    }
    if policies.is_empty() {
        return Err(Fault::nothing(documents));
    }
    Ok(Conversion { policies, notes: notes.sorted(documents) })
}

/// What each front-end finds.
fn sources(documents: &[FileDocument], notes: &mut Notes) -> Result<Vec<Source>, Fault> {
    let mut sources = envoy::chains(documents)?;
    sources.extend(istio::sources(documents, notes)?);
    sources.extend(envoy_gateway::sources(documents, notes)?);
    sources.extend(pico::sources(documents, notes)?);
    Ok(sources)
}

/// Converts the filters of one chain.
///
/// # Errors
/// The first value of the filters that cannot be read.
pub fn of_chain(chain: &Chain, notes: &mut Notes) -> Result<Policy, Fault> {
    let rules = envoy::read(chain, notes)?;
    Ok(emit::policy(chain, &rules, notes))
}
