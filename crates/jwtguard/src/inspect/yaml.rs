//! Parses YAML as Envoy and Kubernetes do: unquoted `yes` and `on` are booleans, names are strings, aliases are replaced by
//! their anchors, and duplicate names are refused. Envoy and Kubernetes read different scalars as numbers.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::tree::{Tree, TreeValue};

/// Parses the documents of a YAML text, without empty documents.
///
/// # Errors
/// A sentence that says what is wrong, with the line.
pub fn documents(text: &str) -> Result<Vec<Tree>, String> {
    let as_envoy = read(text, Dialect::Envoy)?;
    if as_envoy.iter().all(is_for_envoy) {
        return Ok(as_envoy);
    }
    let others = read(text, Dialect::Kubernetes)?;
    let read = as_envoy.into_iter().zip(others);
    Ok(read.map(|(as_envoy, other)| if is_for_envoy(&as_envoy) { as_envoy } else { other }).collect())
}

/// The program that reads a document, which decides the types of unquoted scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Kubernetes, and other programs that convert YAML to JSON.
    Kubernetes,
    /// Envoy (`parseYamlNode` in its `yaml_utility.cc`), which supports only integers of 32 bits.
    Envoy,
}

/// Whether Envoy reads the document: it has a `@type`, and no `kind`, which Kubernetes objects have.
fn is_for_envoy(tree: &Tree) -> bool {
    let mut typed = false;
    tree.walk(&mut |tree, _, _| typed |= tree.text_of("@type").is_some());
    typed && tree.get("kind").is_none()
}

fn read(text: &str, dialect: Dialect) -> Result<Vec<Tree>, String> {
    let mut builder = Builder::new(dialect);
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| format!("line {}: invalid YAML: {}", error.marker().line(), error.info()))?;
        let line = span.start.line();
        builder.take(event, line).map_err(|problem| format!("line {line}: {problem}"))?;
    }
    Ok(builder.documents)
}

/// The maximum number of values, counting each use of an alias: nested aliases can expand to more than fits into memory.
const MAX_VALUES: usize = 1_000_000;

/// The maximum nesting depth.
const MAX_DEPTH: usize = 200;

struct Builder {
    dialect: Dialect,
    documents: Vec<Tree>,
    open: Vec<OpenCollection>,
    anchors: HashMap<usize, (Tree, usize)>,
    values: usize,
}

/// A list or an object whose end has not been parsed yet.
struct OpenCollection {
    line: usize,
    anchor: usize,
    values_before: usize,
    collection: Collection,
}

enum Collection {
    List(Vec<Tree>),
    Object { members: Vec<(String, Tree)>, names: HashSet<String>, name: Option<String> },
}

impl Builder {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, documents: Vec::new(), open: Vec::new(), anchors: HashMap::new(), values: 0 }
    }

    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1)?;
                let value = match self.dialect {
                    Dialect::Envoy if self.awaits_name() => TreeValue::Text(text.into_owned()),
                    Dialect::Envoy => envoy_scalar(&text, style, tag.as_deref())?,
                    Dialect::Kubernetes => scalar(&text, style, tag.as_deref())?,
                };
                let tree = Tree { line, source: None, value };
                self.remember(anchor, &tree, 1);
                self.add(tree)
            }
            Event::SequenceStart(anchor, _) => self.start(line, anchor, Collection::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                let collection =
                    Collection::Object { members: Vec::new(), names: HashSet::new(), name: None };
                self.start(line, anchor, collection)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let anchored = self.anchors.get(&anchor);
                let size = anchored
                    .map(|(_, size)| *size)
                    .ok_or("found an alias inside its own anchor; remove the alias")?;
                self.count(size)?;
                let value = self.anchors.get(&anchor).map_or(TreeValue::Null, |(tree, _)| tree.value.clone());
                self.add(Tree { line, source: None, value })
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    /// Whether the next value is the name of a member. Envoy does not convert names to booleans or numbers.
    fn awaits_name(&self) -> bool {
        matches!(
            self.open.last(),
            Some(OpenCollection { collection: Collection::Object { name: None, .. }, .. })
        )
    }

    fn count(&mut self, values: usize) -> Result<(), String> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            return Err(format!("found more than {MAX_VALUES} values; split the file, or use fewer aliases"));
        }
        Ok(())
    }

    fn start(&mut self, line: usize, anchor: usize, collection: Collection) -> Result<(), String> {
        let values_before = self.values;
        self.count(1)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(format!(
                "found values that are nested deeper than {MAX_DEPTH}; expected at most that depth"
            ));
        }
        self.open.push(OpenCollection { line, anchor, values_before, collection });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.collection {
            Collection::List(items) => TreeValue::List(items),
            Collection::Object { members, .. } => TreeValue::Object(members),
        };
        let tree = Tree { line: open.line, source: None, value };
        self.remember(open.anchor, &tree, self.values - open.values_before);
        self.add(tree)
    }

    /// Remembers the value of an anchor. The parser numbers anchors from 1; 0 means no anchor.
    fn remember(&mut self, anchor: usize, tree: &Tree, size: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (tree.clone(), size));
        }
    }

    fn add(&mut self, tree: Tree) -> Result<(), String> {
        match self.open.last_mut().map(|open| &mut open.collection) {
            None => {
                if tree.value != TreeValue::Null {
                    self.documents.push(tree);
                }
            }
            Some(Collection::List(items)) => items.push(tree),
            Some(Collection::Object { members, names, name }) => match name.take() {
                None => *name = Some(name_of(tree)?),
                Some(taken) if taken == "<<" => merge(members, names, tree)?,
                Some(taken) => {
                    if !names.insert(taken.clone()) {
                        return Err(format!("duplicate name {taken} in an object; write each name once"));
                    }
                    // A member of the object overrides a merged one.
                    members.retain(|(member, _)| *member != taken);
                    members.push((taken, tree));
                }
            },
        }
        Ok(())
    }
}

/// Merges `<<: *anchor`, which Kubernetes supports. Members of the object override merged ones.
fn merge(members: &mut Vec<(String, Tree)>, names: &HashSet<String>, tree: Tree) -> Result<(), String> {
    let sources = match tree.value {
        TreeValue::List(items) => items,
        _ => vec![tree],
    };
    for source in sources {
        let TreeValue::Object(merged) = source.value else {
            return Err(
                "found << with a value that is not an object; expected an object or a list of objects"
                    .to_owned(),
            );
        };
        for (name, value) in merged {
            if !names.contains(&name) && !members.iter().any(|(member, _)| *member == name) {
                members.push((name, value));
            }
        }
    }
    Ok(())
}

fn name_of(tree: Tree) -> Result<String, String> {
    match tree.value {
        TreeValue::Text(text) | TreeValue::Number(text) | TreeValue::NumericText(text) => Ok(text),
        TreeValue::Bool(value) => Ok(value.to_string()),
        TreeValue::Null => Ok("null".to_owned()),
        TreeValue::List(_) | TreeValue::Object(_) => {
            Err("found a list or an object as a name; expected a string".to_owned())
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<TreeValue, String> {
    let tag = tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str()));
    match tag {
        Some((true, "str")) => return Ok(TreeValue::Text(text.to_owned())),
        Some((true, "int" | "float")) => {
            return number(text)
                .ok_or_else(|| format!("found {text} with the tag !!int or !!float; expected a number"));
        }
        Some((true, "bool")) => {
            return boolean(text)
                .ok_or_else(|| format!("found {text} with the tag !!bool; expected true or false"));
        }
        Some((_, tag)) => return Err(format!("found the unsupported tag {tag}; remove the tag")),
        None => {}
    }
    if style != ScalarStyle::Plain {
        return Ok(TreeValue::Text(text.to_owned()));
    }
    if is_null(text) {
        return Ok(TreeValue::Null);
    }
    Ok(boolean(text).or_else(|| number(text)).unwrap_or_else(|| TreeValue::Text(text.to_owned())))
}

/// Converts a scalar as Envoy does. Envoy ignores standard YAML tags, and ignores the quotes of a tagged scalar.
fn envoy_scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<TreeValue, String> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => {
            return Err(format!("found the unsupported tag {}; remove the tag", tag.suffix));
        }
        None if style != ScalarStyle::Plain => return Ok(TreeValue::Text(text.to_owned())),
        None if is_null(text) => return Ok(TreeValue::Null),
        _ => {}
    }
    if let Some(value) = boolean(text) {
        return Ok(value);
    }
    Ok(match integer(text) {
        Some(number) if i32::try_from(number).is_ok() => TreeValue::Number(number.to_string()),
        Some(number) => TreeValue::NumericText(number.to_string()),
        None if number(text).is_some() => TreeValue::NumericText(text.to_owned()),
        None => TreeValue::Text(text.to_owned()),
    })
}

/// Parses an integer as C++ streams do: `0x1f` is hexadecimal and `010` is octal.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = match hexadecimal {
        Some(digits) => (digits, 16),
        None if digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    // `from_str_radix` would accept a second sign.
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().filter(|_| plain)
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Parses the booleans of YAML 1.1, which Envoy and Kubernetes support: a role named `on` needs quotes.
fn boolean(text: &str) -> Option<TreeValue> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            Some(TreeValue::Bool(true))
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            Some(TreeValue::Bool(false))
        }
        _ => None,
    }
}

/// Parses a JSON number, or a hexadecimal number.
fn number(text: &str) -> Option<TreeValue> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(|number| TreeValue::Number(number.to_string()));
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let is_json = serde_json::from_str::<serde_json::Number>(unsigned).is_ok();
    is_json.then(|| TreeValue::Number(unsigned.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_guard::config::Path;

    fn json(text: &str) -> String {
        let documents: Vec<_> = documents(text).unwrap().iter().map(Tree::to_json).collect();
        documents.join(" ")
    }

    #[test]
    fn yaml_becomes_json() {
        for (yaml, expected) in [
            ("a: 1\nb: [x, 'y', \"z\"]\n", r#"{"a":1,"b":["x","y","z"]}"#),
            ("a: yes\nb: 'yes'\nc: off\nd: y", r#"{"a":true,"b":"yes","c":false,"d":true}"#),
            (
                "a: 3.0\nb: 1e3\nc: 010\nd: 0x1f\ne: 1.2.3",
                r#"{"a":3.0,"b":1e3,"c":"010","d":31,"e":"1.2.3"}"#,
            ),
            ("a: ~\nb:\nc: null", r#"{"a":null,"b":null,"c":null}"#),
            ("a: &x {k: 1}\nb: *x", r#"{"a":{"k":1},"b":{"k":1}}"#),
            ("x: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3", r#"{"x":{"k":1,"l":2},"b":{"l":2,"k":3}}"#),
            ("a: |\n  one\n  two\n", r#"{"a":"one\ntwo\n"}"#),
            ("--- \na: 1\n---\n---\nb: 2\n", r#"{"a":1} {"b":2}"#),
            ("1: !!str 2", r#"{"1":"2"}"#),
            (r#"{"a":"\u00e9\"","b":[]}"#, "{\"a\":\"é\\\"\",\"b\":[]}"),
        ] {
            assert_eq!(json(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn envoy_documents_have_only_integers_of_32_bits() {
        let of_envoy = |yaml: &str| json(&format!("{yaml}\n\"@type\": t"));
        for (yaml, expected) in [
            ("a: 2147483647\nb: 2147483648", r#"{"a":2147483647,"b":"2147483648","@type":"t"}"#),
            ("a: 1.5\nb: 1e3\nc: 010\nd: 08", r#"{"a":"1.5","b":"1e3","c":8,"d":"08","@type":"t"}"#),
            ("a: !!str 2\nb: '2'\nc: +-2", r#"{"a":2,"b":"2","c":"+-2","@type":"t"}"#),
            ("y: 010\n010: y", r#"{"y":8,"010":true,"@type":"t"}"#),
            ("kind: WasmPlugin\na: 1.5", r#"{"kind":"WasmPlugin","a":1.5,"@type":"t"}"#),
        ] {
            assert_eq!(of_envoy(yaml), expected, "{yaml}");
        }
        assert_eq!(json("a: 1.5\n---\n\"@type\": t\na: 1.5"), r#"{"a":1.5} {"@type":"t","a":"1.5"}"#);
    }

    #[test]
    fn what_parsers_read_differently_is_refused() {
        for (yaml, expected) in [
            ("a: 1\na: 2", "line 2: duplicate name a in an object; write each name once"),
            ("a: !include x", "line 1: found the unsupported tag include; remove the tag"),
            ("a: [1", "invalid YAML"),
            ("a: &a [*a]", "line 1: found an alias inside its own anchor; remove the alias"),
            ("? [a]\n: 1", "line 1: found a list or an object as a name; expected a string"),
        ] {
            let error = documents(yaml).unwrap_err();
            assert!(error.contains(expected), "{yaml}: {error}");
        }
    }

    #[test]
    fn nested_aliases_do_not_exhaust_memory() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            let items = vec![before; 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(documents(&text).unwrap_err().contains("found more than 1000000 values"));
    }

    #[test]
    fn a_path_leads_to_its_line() {
        let tree = documents("routes:\n- path: /a\n- path: /b\n  requires_role: x\n").unwrap().remove(0);
        let root = Path::root();
        let routes = root.key("routes");
        for (path, line) in [
            (root.clone(), 1),
            (routes.index(0).key("path"), 2),
            (routes.index(1).key("requires_role"), 4),
            (routes.index(1).key("requires_role").index(0), 4),
            (routes.index(1).key("an unknown"), 3),
            (root.key("nothing").key("there"), 1),
        ] {
            assert_eq!(tree.nearest_to(&path).line, line, "{path}");
        }
    }
}
