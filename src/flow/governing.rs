//! Which requirements apply: those of every reading, or what the metadata of Envoy's own route says.

use std::borrow::Cow;

use super::{Judge, Metadata, Outcome, RuleName};
use crate::bearer::Place;
use crate::config::{Route, RouteMetadata};
use crate::denial::Reason;
use crate::flow::Facts;
use crate::headers::folds_to;
use crate::policy::{NonEmpty, Requirement, Requirements};
use crate::route::{self, AmbiguousPath, Demand, Reading, ReadingClass, Spread, Target};

/// Some frameworks take the method from one of these; in any spelling that folds to it, as WSGI and CGI do.
pub(super) const METHOD_OVERRIDES: [&str; 3] =
    ["x-http-method-override", "x-http-method", "x-method-override"];

/// The requirements that apply, all of them to be met, and what their routes say beside them.
pub(super) struct Governing<'r> {
    pub asked: NonEmpty<Asked<'r>>,
    /// Where a token is looked for: wherever some reading does. What one of them would take for a second token is
    /// one.
    pub places: Cow<'r, [Place]>,
    /// Where it may stand: where every reading looks for it. A page that takes a cookie must not make it one for an
    /// interface that takes none, and so has no defence against forged requests of a browser's.
    shared_places: Cow<'r, [Place]>,
    /// Whether the upstream gets it.
    pub forward_token: bool,
}

/// One requirement and where it comes from.
pub(super) struct Asked<'r> {
    pub requirement: &'r Requirement,
    pub rule: RuleName,
    /// The reading that chose it, where that is not the request as sent.
    pub reading: Option<Reading<'r>>,
}

impl<'r> Governing<'r> {
    pub fn requirements(&self) -> Requirements<'r> {
        self.asked.map(|asked| asked.requirement).into()
    }

    /// For whoever asks afterwards which policy it was: its name, where it has one.
    pub fn rules(&self) -> Vec<RuleName> {
        let named = |asked: &Asked<'_>| asked.requirement.policy.clone().map(RuleName::Policy);
        self.asked.iter().map(|asked| named(asked).unwrap_or_else(|| asked.rule.clone())).collect()
    }

    pub fn first(&self) -> &Asked<'r> {
        self.asked.first()
    }

    /// Where every reading looks for a token.
    pub fn shared_places(&self) -> &[Place] {
        &self.shared_places
    }

    /// Whether every reading looks for a token there.
    pub fn is_shared(&self, place: &Place) -> bool {
        self.shared_places.contains(place)
    }
}

impl<'r> Judge<'r> {
    pub(super) fn governing(&self, metadata: &'r Metadata) -> Outcome<Governing<'r>> {
        let target = Target {
            host: self.header(":authority").unwrap_or_default(),
            method: self.header(":method").unwrap_or_default(),
            path: self.header(":path"),
            method_overrides: self.method_overrides(),
        };
        let routes = self.config.routes.governing(&target);
        let routes = routes
            .or_else(|ambiguous: AmbiguousPath| self.refuse(Reason::AmbiguousPath, &ambiguous.to_string()))?;

        let as_sent = routes.as_sent();
        let asked = match metadata {
            Metadata::Absent => self.asked(as_sent, None),
            Metadata::Bad(problem) => return self.refuse(Reason::BadMetadata, problem),
            Metadata::Requirement(requirement) => {
                self.is_safe_for_metadata(&routes)?;
                Asked { requirement, rule: RuleName::Metadata, reading: None }
            }
        };
        let mut governing = Governing {
            asked: NonEmpty::one(asked),
            places: Cow::Borrowed(self.places(as_sent)),
            shared_places: Cow::Borrowed(self.places(as_sent)),
            forward_token: true,
        };
        let has_metadata = !matches!(metadata, Metadata::Absent);
        let narrows = has_metadata && self.config.route_metadata == RouteMetadata::Narrow;
        for (position, demand) in routes.iter().enumerate() {
            let places = self.places(demand);
            for place in places {
                if !governing.places.contains(place) {
                    governing.places.to_mut().push(place.clone());
                }
            }
            if governing.shared_places.iter().any(|place| !places.contains(place)) {
                governing.shared_places.to_mut().retain(|place| places.contains(place));
            }
            let forwards = demand.found.and_then(|found| found.rule.forward_token);
            governing.forward_token &= forwards.unwrap_or(self.config.forward_token);
            if narrows || !has_metadata && position > 0 {
                let reading = (position > 0).then(|| demand.reading.clone());
                governing.asked.push(self.asked(demand, reading));
            }
        }
        Ok(governing)
    }

    fn asked(&self, demand: &Demand<'r, Route>, reading: Option<Reading<'r>>) -> Asked<'r> {
        let route = demand.found.map(|found| &found.rule.requirement);
        Asked { requirement: route.unwrap_or(&self.config.default_policy), rule: name_of(demand), reading }
    }

    fn places(&self, demand: &Demand<'r, Route>) -> &'r [Place] {
        let route = demand.found.and_then(|found| found.rule.token_from.as_deref());
        route.unwrap_or(&self.config.token_from)
    }

    fn method_overrides(&self) -> Vec<&'r [u8]> {
        let names = |name: &str| METHOD_OVERRIDES.iter().any(|known| folds_to(name, known));
        let overrides = self.headers.iter().filter(|(name, _)| names(name));
        overrides.map(|(_, value)| value.as_slice()).collect()
    }

    /// Envoy chooses the route again once a header was edited, and its metadata is not read again. So nothing that
    /// a client sends may make the second choice another one: no header that is edited away. Nor may Envoy have
    /// chosen by a path or a method that the upstream could read differently.
    fn is_safe_for_metadata(&self, routes: &route::Governing<'_, Route>) -> Outcome<()> {
        if self.headers.iter().any(|(name, _)| self.config.claim_headers.is_removed(name)) {
            return self.refuse(Reason::BadRequest, "a header that is removed, where route metadata decides");
        }
        if !routes.has_one_method() {
            return self.refuse(
                Reason::AmbiguousPath,
                "the method has several readings, where route metadata decides",
            );
        }
        if routes.spread() > Spread::TrailingSlash {
            return self.refuse(Reason::AmbiguousPath, &self.ambiguity());
        }
        Ok(())
    }

    /// Which other reading the path has, and what an upstream does that leads to it.
    fn ambiguity(&self) -> String {
        let path = self.header(":path").unwrap_or_default();
        let classes = route::furthest_classes(path, self.config.routes.skipped());
        let classes: Vec<_> = classes.into_iter().map(ReadingClass::name).collect();
        format!("the path has another reading by {}, where route metadata decides", classes.join(","))
    }

    fn refuse<T>(&self, reason: Reason, detail: &str) -> Outcome<T> {
        Err(self.refused(Facts::new(reason, detail), None, &[], &[]))
    }
}

fn name_of<T>(demand: &Demand<'_, T>) -> RuleName {
    demand.index().map_or(RuleName::DefaultPolicy, RuleName::Route)
}
