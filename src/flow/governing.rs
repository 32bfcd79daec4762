//! Which requirements apply: those of every reading, or what the metadata of Envoy's own route says.

use std::borrow::Cow;

use super::{Judge, Metadata, Outcome, RuleName};
use crate::bearer::Place;
use crate::config::{Route, RouteMetadata};
use crate::denial::Reason;
use crate::flow::Facts;
use crate::headers::folds_to;
use crate::policy::Requirement;
use crate::route::{self, AmbiguousPath, Demand, METHOD_OVERRIDES, Reading, ReadingClass, Spread, Target};

/// The requirements that apply, all of them to be met, and what their routes say beside them.
pub(super) struct Governing<'r> {
    /// At least one.
    pub asked: Vec<Asked<'r>>,
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

/// The requirements alone; mostly it is one.
pub(super) enum Requirements<'r> {
    One([&'r Requirement; 1]),
    Many(Vec<&'r Requirement>),
}

impl<'r> Requirements<'r> {
    pub fn as_slice(&self) -> &[&'r Requirement] {
        match self {
            Self::One(one) => one,
            Self::Many(many) => many,
        }
    }
}

impl<'r> Governing<'r> {
    pub fn requirements(&self) -> Requirements<'r> {
        match self.asked.as_slice() {
            [only] => Requirements::One([only.requirement]),
            asked => Requirements::Many(asked.iter().map(|asked| asked.requirement).collect()),
        }
    }

    /// For whoever asks afterwards which policy it was: its name, where it has one.
    pub fn rules(&self) -> Vec<RuleName> {
        let named = |asked: &Asked<'_>| asked.requirement.policy.clone().map(RuleName::Policy);
        self.asked.iter().map(|asked| named(asked).unwrap_or_else(|| asked.rule.clone())).collect()
    }

    pub fn first(&self) -> Option<&Asked<'r>> {
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

        let mut governing = Governing {
            asked: Vec::new(),
            places: Cow::Borrowed(&[]),
            shared_places: Cow::Borrowed(&[]),
            forward_token: true,
        };
        match metadata {
            Metadata::Absent => {}
            Metadata::Bad(problem) => return self.refuse(Reason::BadMetadata, problem),
            Metadata::Requirement(requirement) => {
                self.is_safe_for_metadata(&routes)?;
                governing.asked.push(Asked { requirement, rule: RuleName::Metadata, reading: None });
            }
        }
        let routes_decide = governing.asked.is_empty() || self.config.route_metadata == RouteMetadata::Narrow;
        for (position, demand) in routes.iter().enumerate() {
            let route = demand.found.map(|found| found.rule);
            let places = route.and_then(|route| route.token_from.as_ref()).unwrap_or(&self.config.token_from);
            if position == 0 {
                governing.places = Cow::Borrowed(places);
                governing.shared_places = Cow::Borrowed(places);
            }
            for place in places {
                if !governing.places.contains(place) {
                    governing.places.to_mut().push(place.clone());
                }
            }
            if governing.shared_places.iter().any(|place| !places.contains(place)) {
                governing.shared_places.to_mut().retain(|place| places.contains(place));
            }
            let forwards = route.and_then(|route| route.forward_token);
            governing.forward_token &= forwards.unwrap_or(self.config.forward_token);
            if routes_decide {
                let requirement = route.map_or(&self.config.default_policy, |route| &route.requirement);
                let reading = (position > 0).then(|| demand.reading.clone());
                governing.asked.push(Asked { requirement, rule: name_of(demand), reading });
            }
        }
        Ok(governing)
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
