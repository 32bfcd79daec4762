//! Routes that match on a claim header. Envoy chooses the route again after the filter has set these headers, so a route can
//! depend on a verified claim, under four conditions.

/// A condition that a route with a match on a claim header does not meet.
#[derive(Debug)]
pub enum Missing<'a> {
    /// The match is not on one exact value.
    ExactValue {
        /// How an exact match is written.
        remedy: &'a str,
    },
    /// The client's own header is not removed before Envoy chooses the first route.
    EarlyRemoval {
        /// What must remove it.
        remedy: &'a str,
    },
    /// A requirement that the filter does not read on a route that Envoy chooses by the claim.
    OutsideRoutes {
        /// What contains the requirement, as in "routes\[1\] has metadata jwt_guard".
        place: &'a str,
    },
    /// The filter does not run on a route of the virtual host.
    Filter {
        /// Where it does not run, and what to write.
        place: &'a str,
    },
}

impl Missing<'_> {
    /// The message for a header.
    pub fn problem(&self, header: &str) -> String {
        let start = format!("matches on the claim header {header}, but");
        match self {
            Self::ExactValue { remedy } => format!(
                "{start} not on one exact value: a request without the claim, or with another value than intended, can meet \
                 the match; {remedy}"
            ),
            Self::EarlyRemoval { remedy } => format!(
                "{start} the client's own copy is not removed before Envoy chooses the first route: a client chooses that \
                 route; {remedy}"
            ),
            Self::OutsideRoutes { place } => format!(
                "{start} {place}: the filter never reads the requirement of a route that Envoy chooses by a claim; write the \
                 requirement in routes or guards of the filter, and remove this one"
            ),
            Self::Filter { place } => format!("{start} the filter does not run {place}"),
        }
    }
}

/// The warning about requests without the claim. `reached` says what they reach.
pub fn without_the_claim(header: &str, reached: &str, remedy: &str) -> String {
    format!("requests without the claim header {header} {reached} instead of an answer 403; {remedy}")
}
