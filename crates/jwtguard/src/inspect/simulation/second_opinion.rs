//! The second opinion on a token: `jwt-simple` verifies the token with the keys that the filter would use.

use serde_json::Value;

use super::difference::difference;
use super::result::TokenReport;
use super::simulator::Simulator;
use super::test_credential::TestCredential;
use super::verdict::{Judged, UnverifiedParts, Verdict};
use jwt_guard::config::Issuer;
use jwt_guard::jose::algorithm::Algorithm;
use jwt_guard_testkit::second_opinion::{self, Expected, Refusal};

/// The opinion of `jwt-simple` on a token.
#[derive(Debug)]
pub struct SecondOpinion {
    /// The verdict.
    pub verdict: Verdict,
    /// Describes how the verdict differs from the result of the filter; `None` if it does not differ.
    pub difference: Option<String>,
}

impl Simulator<'_> {
    /// The opinion of `jwt-simple` on a token that the filter read. There is none on generated tokens: the temporary key
    /// signs them as the filter expects.
    pub fn second_opinion(&self, credential: &TestCredential, report: &TokenReport) -> Option<SecondOpinion> {
        let TestCredential::Token(token) = credential else { return None };
        if matches!(report, TokenReport::NotRead | TokenReport::Absent) {
            return None;
        }
        let parts = UnverifiedParts::new(token);
        let judged = self.judged_by_jwt_simple(&parts);
        let difference = difference(&judged, &parts, report);
        Some(SecondOpinion { verdict: judged.verdict, difference })
    }

    fn judged_by_jwt_simple(&self, parts: &UnverifiedParts<'_>) -> Judged {
        let header = match second_opinion::read_header(parts.token) {
            Ok(header) => header,
            Err(refusal) => return Judged { verdict: Verdict::Refused(refusal), fitting: 0 },
        };
        let Some(algorithm) = Algorithm::from_name(&header.algorithm) else {
            return Judged { verdict: Verdict::UnknownAlgorithm(header.algorithm), fitting: 0 };
        };
        let mut judged = Judged { verdict: Verdict::NoKey, fitting: 0 };
        for (index, expected) in self.expectations(parts) {
            for key in self.fitting_keys(index, header.kid.as_deref(), algorithm) {
                judged.fitting += 1;
                let verdict = match second_opinion::verify(algorithm, key, parts.token, &expected) {
                    Ok(_) => Verdict::Valid,
                    Err(Refusal::UnknownAlgorithm(known)) => Verdict::UnknownAlgorithm(known.to_string()),
                    Err(refusal @ Refusal::UnknownTime) => Verdict::UnknownTime(refusal),
                    Err(refusal) => Verdict::Refused(refusal),
                };
                if verdict.rank() > judged.verdict.rank() {
                    judged.verdict = verdict;
                }
            }
        }
        judged
    }

    /// The issuers whose keys are tried, each with what its tokens must have: the token's issuer, or every issuer if that one
    /// is not configured.
    fn expectations(&self, parts: &UnverifiedParts<'_>) -> Vec<(usize, Expected)> {
        let iss = parts.claims.get("iss").and_then(Value::as_str);
        match iss.and_then(|iss| Some((iss, self.config.issuer_of(iss)?))) {
            Some((iss, (index, issuer))) => vec![(index.0, self.expected(issuer, iss))],
            None => {
                let issuers = self.config.issuers.iter().enumerate();
                issuers.map(|(index, issuer)| (index, self.expected(issuer, &issuer.rules.iss))).collect()
            }
        }
    }

    fn expected(&self, issuer: &Issuer, iss: &str) -> Expected {
        let rules = &issuer.rules;
        // jwt-simple reads the audience from no other claim.
        let in_aud = rules.audience_from.iter().all(|pointer| matches!(pointer.as_str(), "aud" | "/aud"));
        Expected {
            now: self.now,
            clock_skew: rules.clock_skew,
            issuer: iss.to_owned(),
            audiences: in_aud.then(|| rules.audiences.clone()),
        }
    }
}
