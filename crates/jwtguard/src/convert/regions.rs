//! Divides the requests into regions, and finds the requirement of each.
//!
//! A region is a host, a path template without the more specific templates, and a method. If a test of the request holds for
//! some requests of a region only, the requirement is that of both cases together, so that none of them becomes weaker.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::expression::{Expression, HostTest, Region, RequestTest};
use super::notes::{Effect, Place};
use super::path_test::{Cell, PathTest, Slashes};
use super::requirement::{Requirement, TooMany};
use super::rules::{DescribedTest, JwtRule, Loss, Need, Origin, Otherwise, Rules, requirement};
use super::template::{End, Template};

/// The regions of all requests.
#[derive(Debug)]
pub struct Regions {
    /// The templates, the most specific one first.
    pub templates: Vec<Template>,
    /// The hosts that tests name, and `None` for the others.
    pub hosts: Vec<Option<HostTest>>,
    /// The methods that tests name, and `None` for the others.
    pub methods: Vec<Option<String>>,
}

/// What holds for a region.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The requirement.
    pub requirement: Requirement,
    /// The rules and policies that it comes from.
    pub origins: Vec<Origin>,
}

/// What a region loses, with the template for which it holds, if it does not hold for all.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionLoss {
    /// The loss.
    pub loss: Loss,
    /// The template.
    pub template: Option<Template>,
}

/// The largest number of tests that only some requests of a region pass. Each doubles the cases.
const MAX_UNDECIDED: usize = 6;

impl Regions {
    /// The regions that the tests of the rules need.
    pub fn of(rules: &Rules, domains: &[HostTest]) -> Self {
        let mut templates = HashSet::from([Template::everything(), Template::everything().base()]);
        let mut hosts: BTreeSet<HostTest> = domains.iter().cloned().collect();
        let mut methods = BTreeSet::new();
        rules.request_tests(&mut |test| match test {
            RequestTest::Path(test) => templates.extend(test.templates()),
            RequestTest::Host(host) => {
                hosts.insert(host.clone());
            }
            RequestTest::Method(names) => methods.extend(names.iter().cloned()),
            RequestTest::VirtualHost(_) | RequestTest::Other(_) => {}
        });
        // A route for GET matches HEAD as well.
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        let mut templates = usable(templates);
        templates.sort_by(|one, other| one.precedence(other).then_with(|| one.cmp(other)));
        Self {
            templates,
            hosts: hosts.into_iter().map(Some).chain([None]).collect(),
            methods: methods.into_iter().map(Some).chain([None]).collect(),
        }
    }
}

/// The templates that one configuration can have together: at most one of each spelling, and few parts of one segment in one
/// place. A template that is missing here leaves its paths to a less specific one, where its tests are not decided.
fn usable(templates: HashSet<Template>) -> Vec<Template> {
    const MAX_PARTS: usize = 64;
    let mut templates: Vec<Template> = templates.into_iter().collect();
    templates.sort();
    let mut spellings = HashMap::new();
    let mut parts: HashMap<Vec<_>, usize> = HashMap::new();
    templates.retain(|template| {
        let text = template.to_string();
        if !template.is_plain() || jwt_guard::route::Template::parse(&text).is_err() {
            return false;
        }
        let first = spellings.entry(text.to_lowercase()).or_insert_with(|| text.clone());
        let is_part = matches!(template.end, End::Starting(_));
        let count = parts.entry(template.segments.clone()).or_default();
        *count += usize::from(is_part);
        *first == text && !(is_part && *count > MAX_PARTS)
    });
    templates
}

impl Rules {
    /// Visits the tests of the request in all rules.
    pub fn request_tests<'r>(&'r self, visit: &mut dyn FnMut(&'r RequestTest)) {
        self.jwt.iter().for_each(|rule| rule.condition.request_tests(visit));
        self.before.iter().chain(&self.after).for_each(|filter| filter.condition.request_tests(visit));
    }

    /// What holds for a template, a host and a method.
    pub fn decide(
        &self,
        template: &Template,
        templates: &HashSet<Template>,
        method: Option<&str>,
        host: (Option<&HostTest>, Option<usize>),
        losses: &mut Vec<RegionLoss>,
    ) -> Decision {
        let variants: &[Slashes] = match template.end {
            End::Here => &[Slashes::None, Slashes::One, Slashes::Two],
            _ => &[Slashes::None],
        };
        let mut decisions = Vec::new();
        for slashes in variants {
            let cell = Cell { template, slashes: *slashes, templates };
            let region = Region { cell, method, host: host.0, virtual_host: host.1, assumed: &[] };
            decisions.push((*slashes, self.decide_cell(&region, losses)));
        }
        let requirement =
            self.both(decisions.iter().map(|(_, decision)| decision.requirement.clone()), losses);
        self.tell_slashes(template, &decisions, &requirement, losses);
        let mut origins: Vec<Origin> = Vec::new();
        for origin in decisions.into_iter().flat_map(|(_, decision)| decision.origins) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Decision { requirement, origins }
    }

    /// What holds for requests without a path, such as CONNECT, with any of the methods. No text of a path matches them.
    pub fn decide_without_path(
        &self,
        methods: &[Option<String>],
        losses: &mut Vec<RegionLoss>,
    ) -> Requirement {
        let mut assumed: Vec<(RequestTest, bool)> = Vec::new();
        self.request_tests(&mut |test| {
            let is_text = matches!(
                test,
                RequestTest::Path(
                    PathTest::Exact(_)
                        | PathTest::Prefix(_)
                        | PathTest::Separated(_)
                        | PathTest::Segments { .. }
                )
            );
            if is_text && !assumed.iter().any(|(known, _)| known == test) {
                assumed.push((test.clone(), false));
            }
        });
        let everything = Template::everything();
        let templates = HashSet::from([everything.clone()]);
        let cell = Cell { template: &everything, slashes: Slashes::None, templates: &templates };
        let of_methods = methods.iter().map(|method| {
            let method = method.as_deref();
            let region = Region { cell, method, host: None, virtual_host: None, assumed: &assumed };
            self.decide_cell(&region, losses).requirement
        });
        let of_methods: Vec<Requirement> = of_methods.collect();
        self.both(of_methods.into_iter(), losses)
    }

    fn tell_slashes(
        &self,
        template: &Template,
        decisions: &[(Slashes, Decision)],
        both: &Requirement,
        losses: &mut Vec<RegionLoss>,
    ) {
        let stricter: Vec<String> = decisions
            .iter()
            .filter(|(slashes, decision)| decision.requirement != *both && *slashes != Slashes::Two)
            .map(|(slashes, _)| match (slashes, template.to_string().as_str()) {
                (_, "/") => "/".to_owned(),
                (slashes, path) => format!("{path}{}", slashes.text()),
            })
            .collect();
        if stricter.is_empty() {
            return;
        }
        let place = decisions.iter().flat_map(|(_, decision)| &decision.origins).next();
        let answer = match both {
            Requirement::Deny => "is denied to everybody",
            _ => "must meet what both must meet",
        };
        let open = decisions.iter().find(|(slashes, decision)| {
            *slashes != Slashes::Two && decision.requirement == Requirement::Open
        });
        // A route that opens the one path opens the other one, too.
        let remedy = match open {
            Some((slashes, _)) => format!(
                "if {template}{} may be open as well, write the route {{ path: {template}, allow_anonymous: true }}, with the \
                 methods that the original opens",
                if *slashes == Slashes::None { "/" } else { "" }
            ),
            None => format!(
                "if the upstream serves both alike, write a route for {template} by hand, which decides on both"
            ),
        };
        let text = format!(
            "{} {answer}, because {template} and {template}/ are one path for jwt-guard and two in the original; {remedy}",
            stricter.join(" and ")
        );
        let loss = Loss { effect: Effect::Lossy, place: place.map(|origin| origin.place.clone()), text };
        losses.push(RegionLoss { loss, template: Some(template.clone()) });
    }

    /// What holds for a region in which tests may be open.
    fn decide_cell(&self, region: &Region<'_>, losses: &mut Vec<RegionLoss>) -> Decision {
        let rules: Vec<(&JwtRule, Expression)> = self.possible_rules(region);
        let conditions = |filters: &[super::rules::Authorization]| {
            super::expression::all(filters.iter().map(|filter| filter.condition.within(region)))
        };
        let (before, after) = (conditions(&self.before), conditions(&self.after));
        let mut undecided: Vec<RequestTest> = Vec::new();
        let mut note = |test: &RequestTest| {
            if !undecided.contains(test) {
                undecided.push(test.clone());
            }
        };
        rules.iter().for_each(|(_, condition)| condition.request_tests(&mut note));
        [&before, &after].iter().for_each(|condition| condition.request_tests(&mut note));
        let origins = self.origins(region, &rules);
        if undecided.len() > MAX_UNDECIDED {
            self.tell(&undecided, losses);
            return Decision { requirement: Requirement::Deny, origins };
        }
        let mut cases = Vec::new();
        for number in 0..(1_usize << undecided.len()) {
            let results =
                undecided.iter().enumerate().map(|(at, test)| (test.clone(), number >> at & 1 == 1));
            let assumed: Vec<(RequestTest, bool)> = region.assumed.iter().cloned().chain(results).collect();
            let region = Region { assumed: &assumed, ..*region };
            let need =
                rules.iter().find(|(_, condition)| condition.within(&region) == Expression::Constant(true));
            let unread = Need { providers: Vec::new(), otherwise: Otherwise::Unread };
            let need = need.map_or(&unread, |(rule, _)| &rule.need);
            let mut lost = Vec::new();
            let found =
                requirement(need, &before.within(&region), &after.within(&region), self.issuers, &mut lost);
            let template = region.cell.template;
            losses.extend(lost.into_iter().map(|mut loss| {
                let place = loss.place.take();
                loss.place = place.or_else(|| origins.first().map(|origin| origin.place.clone()));
                let template = Some(template.clone());
                RegionLoss { loss, template }
            }));
            cases.push(found.unwrap_or_else(|TooMany| {
                self.tell_too_many(losses);
                Requirement::Deny
            }));
        }
        if cases.windows(2).any(|pair| matches!(pair, [one, two] if one != two)) {
            self.tell(&undecided, losses);
        }
        Decision { requirement: self.both(cases.into_iter(), losses), origins }
    }

    /// The rules of `jwt_authn` up to the first one that each request of the region matches.
    fn possible_rules(&self, region: &Region<'_>) -> Vec<(&JwtRule, Expression)> {
        let mut rules = Vec::new();
        for rule in &self.jwt {
            let condition = rule.condition.within(region);
            if condition == Expression::Constant(false) {
                continue;
            }
            let is_last = condition == Expression::Constant(true);
            rules.push((rule, condition));
            if is_last {
                break;
            }
        }
        rules
    }

    fn origins(&self, region: &Region<'_>, rules: &[(&JwtRule, Expression)]) -> Vec<Origin> {
        let of_rules = rules.iter().map(|(rule, _)| rule.origin.clone());
        let policies = self.before.iter().chain(&self.after).flat_map(|filter| &filter.policies);
        let of_policies = policies
            .filter(|(condition, _)| condition.within(region) != Expression::Constant(false))
            .map(|(_, origin)| origin.clone());
        of_rules.chain(of_policies).collect()
    }

    fn both(
        &self,
        requirements: impl Iterator<Item = Requirement>,
        losses: &mut Vec<RegionLoss>,
    ) -> Requirement {
        let mut different: Vec<Requirement> = Vec::new();
        for requirement in requirements {
            if !different.contains(&requirement) {
                different.push(requirement);
            }
        }
        let mut both = Requirement::Open;
        for requirement in different {
            both = both.and(requirement).unwrap_or_else(|TooMany| {
                self.tell_too_many(losses);
                Requirement::Deny
            });
        }
        both
    }

    fn tell_too_many(&self, losses: &mut Vec<RegionLoss>) {
        let text = "the conditions together have more alternatives than one requirement can have, so that the requests that they \
                    concern are denied; write named policies by hand";
        let loss = Loss { effect: Effect::Dropped, place: None, text: text.to_owned() };
        losses.push(RegionLoss { loss, template: None });
    }

    /// Tells of tests that are not decided, where the answer depends on them.
    fn tell(&self, undecided: &[RequestTest], losses: &mut Vec<RegionLoss>) {
        for test in undecided {
            let described = self.tests.iter().filter(|described| described.test == *test);
            losses.extend(described.map(|DescribedTest { place, text, test }| {
                let effect = match test {
                    RequestTest::Path(_) => Effect::Lossy,
                    _ => Effect::Dropped,
                };
                let text = format!(
                    "{text}: a request that may pass this test must meet what is asked where it passes, and what is asked \
                     where it does not"
                );
                RegionLoss { loss: Loss { effect, place: Some(place.clone()), text }, template: None }
            }));
        }
    }

    /// The place of a rule, for a loss without a place of its own.
    pub fn first_place(&self) -> Option<Place> {
        self.jwt.first().map(|rule| rule.origin.place.clone())
    }
}
