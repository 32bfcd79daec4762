//! The hosts and methods that tell two policies apart.

use jwt_guard::route::HostPattern;

/// Hosts, or methods, that the same routes match.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Class {
    /// The name, or the pattern of the names; empty for all other names.
    pub shown: String,
    /// One of them.
    pub sample: String,
}

impl Class {
    fn new(shown: impl Into<String>, sample: impl Into<String>) -> Self {
        Self { shown: shown.into(), sample: sample.into() }
    }
}

/// Some hosts or methods, by their names or by those of all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// Every one.
    Any,
    /// These.
    Only(Vec<String>),
    /// Every one except these.
    Except(Vec<String>),
}

impl Names {
    /// The names of some of the classes. The last of all classes is that of every other name.
    pub(super) fn of(some: &[&Class], all: &[Class]) -> Self {
        let names = |classes: &mut dyn Iterator<Item = &Class>| -> Vec<String> {
            let mut names: Vec<String> = classes.map(|class| class.shown.clone()).collect();
            names.sort_unstable();
            names
        };
        let has_others = all.last().is_some_and(|others| some.contains(&others));
        if some.len() == all.len() {
            Self::Any
        } else if has_others {
            Self::Except(names(&mut all.iter().filter(|class| !some.contains(class))))
        } else {
            Self::Only(names(&mut some.iter().copied()))
        }
    }

    /// Whether these are at least those of the other.
    pub(super) fn cover(&self, other: &Self) -> bool {
        let all_in = |some: &[String], all: &[String]| some.iter().all(|name| all.contains(name));
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Only(own), Self::Only(other)) => all_in(other, own),
            (Self::Except(own), Self::Except(other)) => all_in(own, other),
            (Self::Except(own), Self::Only(other)) => !other.iter().any(|name| own.contains(name)),
            (Self::Only(_), _) | (_, Self::Any) => false,
        }
    }
}

/// The classes of hosts: each name, one and several labels before each suffix, and last every other host.
pub(super) fn hosts(patterns: &[&HostPattern]) -> Vec<Class> {
    const LABEL: &str = "other";
    let texts: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    let mut classes: Vec<Class> = Vec::new();
    let mut add = |class: Class| {
        if !classes.iter().any(|known| known.sample == class.sample) {
            classes.push(class);
        }
    };
    let mut label = LABEL.to_owned();
    while texts.iter().any(|text| text.starts_with(&format!("{label}."))) {
        label.push('x');
    }
    for text in &texts {
        match suffix(text) {
            None => add(Class::new(text, text)),
            Some(suffix) => {
                add(Class::new(format!("*.{suffix}"), format!("{label}.{suffix}")));
                add(Class::new(format!("*.*.{suffix}"), format!("{label}.{label}.{suffix}")));
                add(Class::new(suffix, suffix));
            }
        }
    }
    let is_matched = |host: &str| {
        texts.iter().any(|text| match suffix(text) {
            Some(suffix) => {
                host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            None => text == host,
        })
    };
    let free = (0..).map(|number| match number {
        0 => "localhost".to_owned(),
        number => format!("{LABEL}{number}.example"),
    });
    let another = free.take(texts.len() + 2).find(|host| !is_matched(host));
    // If `*.example` is in the list, a name without a dot is not below it.
    add(Class::new("", another.unwrap_or_else(|| format!("{LABEL}-host"))));
    classes
}

/// The name below which a pattern matches every host, or every host with one more label.
fn suffix(pattern: &str) -> Option<&str> {
    let (label, suffix) = pattern.split_once('.')?;
    (label == "*" || label.starts_with('{')).then_some(suffix)
}

/// The classes of methods: each in the list, HEAD where GET is in the list, and last every other method.
pub(super) fn methods(listed: &[&str]) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for method in listed {
        if !classes.iter().any(|class| class.sample == *method) {
            classes.push(Class::new(*method, *method));
        }
    }
    if listed.contains(&"GET") && !listed.contains(&"HEAD") {
        classes.push(Class::new("HEAD", "HEAD"));
    }
    let usual = ["GET", "POST", "PUT", "PATCH", "DELETE", "OTHER"];
    let another = usual.into_iter().find(|method| !listed.contains(method));
    classes.push(Class::new("", another.unwrap_or("ANOTHER")));
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<_> = patterns.iter().map(|text| HostPattern::parse(text).unwrap()).collect();
        let patterns: Vec<_> = patterns.iter().collect();
        hosts(&patterns).into_iter().map(|class| class.sample).collect()
    }

    #[test]
    fn each_kind_of_host_has_a_sample() {
        assert_eq!(samples(&[]), ["localhost"]);
        assert_eq!(samples(&["a.example", "localhost"]), ["a.example", "localhost", "other1.example"]);
        assert_eq!(
            samples(&["*.a.example", "{t}.a.example"]),
            ["other.a.example", "other.other.a.example", "a.example", "localhost"]
        );
        assert_eq!(samples(&["other.a.example", "*.a.example"])[1], "otherx.a.example");
    }

    #[test]
    fn names_are_listed_or_excluded() {
        let all = methods(&["GET", "POST"]);
        let of = |samples: &[&str]| {
            let some: Vec<&Class> =
                all.iter().filter(|class| samples.contains(&class.sample.as_str())).collect();
            Names::of(&some, &all)
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(of(&["GET", "POST", "HEAD", "PUT"]), Names::Any);
        assert_eq!(of(&["POST"]), Names::Only(texts(&["POST"])));
        assert_eq!(of(&["PUT", "POST"]), Names::Except(texts(&["GET", "HEAD"])));
        for (one, other, covers) in [
            (of(&["POST"]), of(&["POST"]), true),
            (of(&["POST", "PUT"]), of(&["PUT"]), true),
            (of(&["PUT"]), of(&["POST", "PUT"]), false),
            (of(&["POST", "PUT"]), of(&["POST"]), true),
            (of(&["POST", "PUT"]), of(&["GET"]), false),
            (of(&["GET", "POST"]), of(&["GET"]), true),
            (of(&["GET"]), of(&["PUT"]), false),
            (Names::Any, of(&["PUT"]), true),
            (of(&["PUT"]), Names::Any, false),
        ] {
            assert_eq!(one.cover(&other), covers, "{one:?} and {other:?}");
        }
    }

    #[test]
    fn each_kind_of_method_has_a_sample() {
        let samples = |listed: &[&str]| -> Vec<String> {
            methods(listed).into_iter().map(|class| class.sample).collect()
        };
        assert_eq!(samples(&[]), ["GET"]);
        assert_eq!(samples(&["DELETE"]), ["DELETE", "GET"]);
        assert_eq!(samples(&["GET"]), ["GET", "HEAD", "POST"]);
        assert_eq!(samples(&["HEAD", "GET"]), ["HEAD", "GET", "POST"]);
    }
}
