//! The output of `diff`.

use jwtguard::diff::{
    Change, Comparison, Coverage, Differences, KeyDifference, Names, Paths, Reason, RegionDifference, Token,
    Witness,
};
use jwtguard::inspect::describe::one_line;
use serde_json::{Map, Value, json};

use crate::commands::output::print_line;

/// The changes in the order of the output.
const CHANGES: [Change; 3] = [Change::Weaker, Change::Stricter, Change::Other];

/// The number of paths that the text output lists for one region.
const SHOWN_PATHS: usize = 12;

/// Prints the differences as text.
pub fn print(differences: &Differences) {
    for name in &differences.only_old {
        print_line!(
            "weaker: the configuration {name} is only in the old file: nothing checks its requests any more"
        );
    }
    for name in &differences.only_new {
        print_line!("other: the configuration {name} is only in the new file");
    }
    for place in &differences.metadata {
        print_line!(
            "weaker: the requirement in the route metadata differs, which this command does not decide: {place}"
        );
    }
    for comparison in &differences.comparisons {
        let has_several = differences.comparisons.len() > 1;
        if has_several && CHANGES.iter().any(|change| comparison.count(*change) > 0) {
            print_line!("{}", comparison.name);
        }
        self::comparison(comparison);
    }
    let counts = CHANGES.map(|change| format!("{} {}", differences.count(change), change.as_str()));
    print_line!("{}", counts.join(", "));
}

fn comparison(comparison: &Comparison) {
    if comparison.coverage == Coverage::TooMany {
        print_line!(
            "weaker: the policies have more regions than this command compares, so equality cannot be proven"
        );
    }
    for change in CHANGES {
        for key in comparison.keys.iter().filter(|key| key.change.change == change) {
            self::key(key);
        }
        for region in comparison.regions.iter().filter(|region| region.change == change) {
            self::region(region);
        }
    }
}

fn key(KeyDifference { change, witness }: &KeyDifference) {
    print_line!(
        "{}: {}: {} -> {}",
        change.change.as_str(),
        change.key,
        value(&change.old),
        value(&change.new)
    );
    self::witness(witness.as_ref());
}

fn value(value: &Option<Value>) -> String {
    value.as_ref().map_or("none".to_owned(), |value| shortened(&value.to_string()))
}

fn region(region: &RegionDifference) {
    let methods = match &region.methods {
        Names::Any => "every method".to_owned(),
        Names::Only(names) => names.join(", "),
        Names::Except(names) => format!("every method except {}", names.join(", ")),
    };
    let hosts = match &region.hosts {
        Names::Any => String::new(),
        Names::Only(names) => format!(" on {}", names.join(", ")),
        Names::Except(names) => format!(" on every host except {}", names.join(", ")),
    };
    let paths: Vec<String> = region.paths.iter().take(SHOWN_PATHS).map(path).collect();
    let more = match region.paths.len().saturating_sub(SHOWN_PATHS) {
        0 => String::new(),
        more => format!(", and {more} more paths"),
    };
    print_line!("{}: {methods} {}{more}{hosts}", region.change.as_str(), paths.join(", "));
    print_line!("  old: {}", shortened(&region.old));
    print_line!("  new: {}", shortened(&region.new));
    if region.reason != Reason::Implication {
        print_line!("  {}", region.reason.sentence());
    }
    self::witness(region.witness.as_ref());
}

fn path(paths: &Paths) -> String {
    match paths.except.as_slice() {
        [] => paths.template.clone(),
        [one] => format!("{} (except {one})", paths.template),
        [one, others @ ..] => format!("{} (except {one} and {} more)", paths.template, others.len()),
    }
}

fn witness(witness: Option<&Witness>) {
    let Some(witness) = witness else { return };
    let claims = match &witness.token {
        Token::None => "no token".to_owned(),
        Token::Claims(claims) => format!("claims {}", Value::Object(claims.clone())),
    };
    let headers = witness.headers.iter().map(|(name, value)| format!(", header {name}: {value}"));
    let second = witness.second_tokens.iter();
    let second =
        second.map(|(name, claims)| format!(", second token {name} {}", Value::Object(claims.clone())));
    let more: String = headers.chain(second).collect();
    print_line!("  request: {} {} on {}, {claims}{more}", witness.method, witness.path, witness.host);
    print_line!("    old: {}, new: {}", witness.old, witness.new);
}

fn shortened(text: &str) -> String {
    const MAX_CHARACTERS: usize = 240;
    one_line(text, MAX_CHARACTERS)
}

/// The differences as a JSON object. The help of `diff` lists its members.
pub fn as_json(differences: &Differences) -> Value {
    let mut object: Map<String, Value> = CHANGES
        .iter()
        .map(|change| (change.as_str().to_owned(), differences.count(*change).into()))
        .collect();
    let comparisons: Vec<Value> = differences.comparisons.iter().map(comparison_as_json).collect();
    object.insert("configurations".to_owned(), comparisons.into());
    object.insert("only_old".to_owned(), differences.only_old.clone().into());
    object.insert("only_new".to_owned(), differences.only_new.clone().into());
    object.insert("route_metadata".to_owned(), differences.metadata.clone().into());
    object.into()
}

fn comparison_as_json(comparison: &Comparison) -> Value {
    let keys = comparison.keys.iter().map(|KeyDifference { change, witness }| {
        json!({
            "change": change.change.as_str(),
            "key": change.key,
            "old": change.old,
            "new": change.new,
            "witness": witness.as_ref().map(witness_as_json),
        })
    });
    let regions = comparison.regions.iter().map(|region| {
        let paths = region.paths.iter();
        let paths: Vec<_> =
            paths.map(|paths| json!({"path": paths.template, "except": paths.except})).collect();
        json!({
            "change": region.change.as_str(),
            "reason": region.reason.word(),
            "paths": paths,
            "hosts": names(&region.hosts),
            "methods": names(&region.methods),
            "old": region.old,
            "new": region.new,
            "witness": region.witness.as_ref().map(witness_as_json),
        })
    });
    json!({
        "configuration": comparison.name,
        "complete": comparison.coverage == Coverage::Complete,
        "keys": keys.collect::<Vec<_>>(),
        "regions": regions.collect::<Vec<_>>(),
    })
}

fn names(names: &Names) -> Value {
    match names {
        Names::Any => Value::Null,
        Names::Only(names) => json!({"only": names}),
        Names::Except(names) => json!({"except": names}),
    }
}

fn witness_as_json(witness: &Witness) -> Value {
    let claims = match &witness.token {
        Token::None => Value::Null,
        Token::Claims(claims) => claims.clone().into(),
    };
    let second = witness.second_tokens.iter().map(|(name, claims)| (name.clone(), claims.clone().into()));
    json!({
        "method": witness.method,
        "path": witness.path,
        "host": witness.host,
        "headers": witness.headers.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
        "claims": claims,
        "second_tokens": second.collect::<Map<String, Value>>(),
        "now": witness.now,
        "old": witness.old,
        "new": witness.new,
    })
}
