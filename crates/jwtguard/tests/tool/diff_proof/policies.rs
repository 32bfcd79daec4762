//! Pairs of small policies from small alphabets, so that their rules meet.

use jwt_guard::config::Config;
use serde_json::{Map, Value, json};

/// A policy.
#[derive(Debug, Clone)]
pub struct Policy {
    default: Option<Value>,
    routes: Vec<Rule>,
    guards: Vec<Rule>,
}

/// A route or a guard.
#[derive(Debug, Clone)]
struct Rule {
    path: &'static str,
    methods: &'static [&'static str],
    hosts: &'static [&'static str],
    requirement: Value,
}

const PATHS: [&str; 18] = [
    "/",
    "/a",
    "/b",
    "/A",
    "/a/**",
    "/a/b",
    "/a/{id}",
    "/{id}",
    "/{id}/**",
    "/{id}/b",
    "/**",
    "/a*",
    "/a*/b",
    "/*b/**",
    "/a**",
    "/A/b",
    "/b/{id}/**",
    "/*/*",
];
const METHODS: [&[&str]; 6] = [&[], &[], &["GET"], &["POST"], &["DELETE", "GET"], &["HEAD"]];
const HOSTS: [&[&str]; 8] =
    [&[], &[], &[], &[], &["h1.example"], &["*.example"], &["{tenant}.example"], &["h1.example", "h2.test"]];

/// A generator of pairs. Equal seeds generate equal pairs.
pub struct Generator {
    state: u64,
    methods: &'static [&'static [&'static str]],
    hosts: &'static [&'static [&'static str]],
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        // Half of the pairs have methods and a third has hosts: both multiply the requests.
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d,
            methods: if seed % 4 < 2 { &METHODS } else { &[&[]] },
            hosts: if seed.is_multiple_of(3) { &HOSTS } else { &[&[]] },
        }
    }

    /// A number below the limit (SplitMix64).
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Two valid policies: one and a change of it, or two unrelated ones.
    pub fn pair(&mut self) -> (Policy, Policy) {
        let old = self.valid(|generator| generator.policy());
        let new = match self.below(10) {
            0..7 => self.valid(|generator| generator.changed(&old)),
            _ => self.valid(|generator| generator.policy()),
        };
        if self.below(2) == 0 { (old, new) } else { (new, old) }
    }

    fn valid(&mut self, make: impl Fn(&mut Self) -> Policy) -> Policy {
        loop {
            let policy = make(self);
            if Config::parse(policy.to_json().to_string().as_bytes()).is_ok() {
                return policy;
            }
        }
    }

    fn policy(&mut self) -> Policy {
        let default = match self.below(3) {
            0 => None,
            _ => Some(self.requirement("", false)),
        };
        let routes = (0..self.below(4)).map(|_| self.rule(false)).collect();
        let guards = (0..self.below(6).saturating_sub(3)).map(|_| self.rule(true)).collect();
        Policy { default, routes, guards }
    }

    fn rule(&mut self, guards: bool) -> Rule {
        let path = self.one(&PATHS);
        let (methods, hosts) = (self.one(self.methods), self.one(self.hosts));
        let requirement = self.requirement(path, guards);
        Rule { path, methods, hosts, requirement }
    }

    /// A change such as an operator makes.
    fn changed(&mut self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        for _ in 0..=self.below(2) {
            let in_guards = self.below(4) == 0;
            let add = self.rule(in_guards);
            let requirement = |generator: &mut Self, path| generator.requirement(path, in_guards);
            let choice = self.below(8);
            let rules = if in_guards { &mut policy.guards } else { &mut policy.routes };
            if rules.is_empty() || choice == 0 {
                rules.push(add);
                continue;
            }
            let index = self.below(rules.len());
            match choice {
                1 => drop(rules.remove(index)),
                2 => rules[index].path = add.path,
                3 => rules[index].methods = add.methods,
                4 => rules[index].hosts = add.hosts,
                5 => rules.reverse(),
                6 => policy.default = Some(self.requirement("", false)),
                _ => rules[index].requirement = requirement(self, rules[index].path),
            }
        }
        policy
    }

    fn requirement(&mut self, path: &str, in_guard: bool) -> Value {
        match self.below(12) {
            0 if !in_guard => json!({"allow_anonymous": true}),
            1 if !in_guard => json!({"allow_missing": true}),
            2 if !in_guard => json!({"allow_missing_or_failed": true}),
            3 if !in_guard => json!({"allow_missing": true, "requires_issuer": self.one(&["one", "two"])}),
            4 => json!({"deny": true}),
            5 => json!({"allow_authenticated": true}),
            6 => {
                let count = self.below(2) + 1;
                let alternatives: Vec<Value> = (0..=count).map(|_| self.conditions(path)).collect();
                json!({"any_of": alternatives})
            }
            7 => {
                let mut conditions = self.conditions(path);
                conditions["any_of"] = json!([self.conditions(path), self.conditions(path)]);
                conditions
            }
            _ => self.conditions(path),
        }
    }

    /// One or two conditions on a token.
    fn conditions(&mut self, path: &str) -> Value {
        let mut conditions = Map::new();
        for _ in 0..=self.below(2) {
            let (key, value) = match self.below(9) {
                0 => ("requires_role", json!("admin")),
                1 => (
                    "requires_role",
                    self.one(&[0, 1]).eq(&0).then(|| json!(["admin", "user"])).unwrap_or(json!("user")),
                ),
                2 => ("requires_role", json!({"all": ["admin", "user"]})),
                3 => ("requires_scope", json!("r")),
                4 => ("requires_issuer", json!(["one"])),
                5 => ("requires_issuer", json!(["one", "two"])),
                6 => ("requires_audience", json!(self.one(&[&["a"][..], &["b"], &["a", "b", "c"]]))),
                _ => ("requires_claim", self.claim(path)),
            };
            conditions.insert(key.to_owned(), value);
        }
        conditions.into()
    }

    fn claim(&mut self, path: &str) -> Value {
        let count = self.below(2);
        let claims: Vec<Value> = (0..=count)
            .map(|_| match self.below(13) {
                0 => json!({"claim": "c", "any": ["x"]}),
                1 => json!({"claim": "c", "any": ["x", "y"]}),
                2 => json!({"claim": "/c", "all": ["x", "y"]}),
                3 => json!({"claim": "c", "none": ["x"]}),
                4 => json!({"claim": "c", "none": ["x", "y"]}),
                5 => json!({"claim": "c", "none": [3]}),
                6 => json!({"claim": "c", "present": true}),
                7 => json!({"claim": "c", "prefix": "x"}),
                8 => json!({"claim": "c", "suffix": "y"}),
                9 => json!({"claim": "c", "at_least": self.one(&[3, 5])}),
                10 => json!({"claim": "c", "at_most": self.one(&[3, 5])}),
                11 => json!({"claim": "c", "any": [3]}),
                _ if path.contains("{id}") => json!({"claim": "sub", "equals": {"path": "id"}}),
                _ => json!({"claim": "sub", "any": ["a"]}),
            })
            .collect();
        claims.into()
    }
}

impl Policy {
    pub fn to_json(&self) -> Value {
        let rules = |rules: &[Rule]| -> Vec<Value> { rules.iter().map(Rule::to_json).collect() };
        let mut policy = json!({
            "issuers": [
                {"issuer": "https://one.example", "name": "one", "audience": ["a", "b"], "jwks_cluster": "c",
                    "accepted_algorithms": "EdDSA"},
                {"issuer": "https://two.example", "name": "two", "audience": ["c"], "jwks_cluster": "c",
                    "accepted_algorithms": "EdDSA"},
            ],
            "routes": rules(&self.routes),
            "guards": rules(&self.guards),
        });
        if let Some(default) = &self.default {
            policy["default_policy"] = default.clone();
        }
        policy
    }
}

impl Rule {
    fn to_json(&self) -> Value {
        let mut rule = self.requirement.clone();
        rule["path"] = self.path.into();
        if !self.methods.is_empty() {
            rule["methods"] = json!(self.methods);
        }
        if !self.hosts.is_empty() {
            rule["hosts"] = json!(self.hosts);
        }
        rule
    }
}
