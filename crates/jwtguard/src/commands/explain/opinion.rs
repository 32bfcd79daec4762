//! The second opinions in the output of `explain`.

use jwtguard::inspect::describe::one_line;
use jwtguard::inspect::simulation::{
    SecondOpinion, SimulationResult, Simulator, TestCredential, TestRequest, Verdict,
};
use serde_json::{Map, Value, json};

/// The longest part of a text from a token, such as `alg`, that is shown, in characters.
const MAX_CHARACTERS: usize = 80;

/// The opinions of `jwt-simple` on the tokens of the request.
pub struct Opinions {
    first: Option<SecondOpinion>,
    second: Vec<(String, SecondOpinion)>,
}

impl Opinions {
    pub fn of(
        simulator: &Simulator<'_>,
        (credential, request): (&TestCredential, &TestRequest),
        outcome: &SimulationResult,
    ) -> Self {
        let second = request.second_tokens.iter().filter_map(|(name, credential)| {
            let (_, report) = outcome.second_tokens.iter().find(|(judged, _)| judged == name)?;
            Some((name.clone(), simulator.second_opinion(credential, report)?))
        });
        Self { first: simulator.second_opinion(credential, &outcome.token), second: second.collect() }
    }

    /// The lines of the text.
    pub fn lines(&self) -> Vec<String> {
        let first = self.first.iter().map(|opinion| (String::new(), opinion));
        let second = self.second.iter().map(|(name, opinion)| (format!(" on second token {name}"), opinion));
        let all = first.chain(second).flat_map(|(token, opinion)| {
            let line = format!("second opinion (jwt-simple){token}: {}", described(&opinion.verdict));
            let difference = opinion.difference.as_ref();
            std::iter::once(line).chain(difference.map(|text| format!("difference{token}: {text}")))
        });
        all.collect()
    }

    pub fn first_as_json(&self) -> Value {
        self.first.as_ref().map_or(Value::Null, as_json)
    }

    pub fn second_as_json(&self) -> Map<String, Value> {
        self.second.iter().map(|(name, opinion)| (name.clone(), as_json(opinion))).collect()
    }
}

fn as_json(opinion: &SecondOpinion) -> Value {
    let verdict = match &opinion.verdict {
        Verdict::Valid => "valid",
        Verdict::Refused(_) => "refuses",
        Verdict::UnknownAlgorithm(_) | Verdict::UnknownTime(_) | Verdict::NoKey => "unknown",
    };
    json!({"verdict": verdict, "why": why(&opinion.verdict), "difference": opinion.difference})
}

fn described(verdict: &Verdict) -> String {
    match (verdict, why(verdict)) {
        (Verdict::Refused(_), Some(why)) => format!("refuses: {why}"),
        (_, Some(why)) => why,
        (_, None) => "valid".to_owned(),
    }
}

fn why(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::Valid => None,
        Verdict::Refused(refusal) => Some(one_line(&refusal.to_string(), MAX_CHARACTERS)),
        Verdict::UnknownAlgorithm(algorithm) => {
            Some(format!("does not know {} with public keys", one_line(algorithm, MAX_CHARACTERS)))
        }
        Verdict::UnknownTime(refusal) => Some(format!("does not verify the token: {refusal}")),
        Verdict::NoKey => Some("does not verify the token: no key fits the token's kid and alg".to_owned()),
    }
}
