//! YAML, read as Envoy and Kubernetes read it: plain `yes`, `on` and the like are booleans, names are strings,
//! aliases stand for their anchors, and a name that stands twice is refused. They differ in what is a number.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::tree::{Tree, TreeValue};

/// The documents of one YAML text; empty ones are left out.
///
/// # Errors
/// What is wrong, and on which line.
pub fn documents(text: &str) -> Result<Vec<Tree>, String> {
    let as_envoy = read(text, Dialect::Envoy)?;
    if as_envoy.iter().all(is_for_envoy) {
        return Ok(as_envoy);
    }
    let others = read(text, Dialect::Kubernetes)?;
    let read = as_envoy.into_iter().zip(others);
    Ok(read.map(|(as_envoy, other)| if is_for_envoy(&as_envoy) { as_envoy } else { other }).collect())
}

/// Who reads a document, and so decides what its plain scalars are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Kubernetes, and whoever else turns YAML into JSON.
    Kubernetes,
    /// Envoy (`parseYamlNode` of its `yaml_utility.cc`), which knows whole numbers of 32 bits only.
    Envoy,
}

/// Whether Envoy itself reads the document: no object of Kubernetes, and typed as only Envoy's configuration is.
fn is_for_envoy(tree: &Tree) -> bool {
    let mut typed = false;
    tree.walk(&mut |tree, _, _| typed |= tree.text_of("@type").is_some());
    typed && tree.get("kind").is_none()
}

fn read(text: &str, dialect: Dialect) -> Result<Vec<Tree>, String> {
    let mut builder = Builder::new(dialect);
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| format!("line {}: this is not YAML: {}", error.marker().line(), error.info()))?;
        let line = span.start.line();
        builder.take(event, line).map_err(|problem| format!("line {line}: {problem}"))?;
    }
    Ok(builder.documents)
}

/// Values that one text may have, aliases counted as often as they are used: a few lines of them can ask for more
/// memory than there is.
const MAX_VALUES: usize = 1_000_000;

/// How deep values may be nested.
const MAX_DEPTH: usize = 200;

struct Builder {
    dialect: Dialect,
    documents: Vec<Tree>,
    open: Vec<OpenCollection>,
    anchors: HashMap<usize, (Tree, usize)>,
    values: usize,
}

/// A list or an object that has not ended.
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
                    Dialect::Envoy => envoys_scalar(&text, style, tag.as_deref())?,
                    Dialect::Kubernetes => scalar(&text, style, tag.as_deref())?,
                };
                let tree = Tree { line, source: None, value };
                self.note(anchor, &tree, 1);
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
                let size = anchored.map(|(_, size)| *size).ok_or("an alias stands inside its own anchor")?;
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

    /// Whether the next value is the name of a member. Envoy takes one as it is written, whatever it would be
    /// elsewhere.
    fn awaits_name(&self) -> bool {
        matches!(
            self.open.last(),
            Some(OpenCollection { collection: Collection::Object { name: None, .. }, .. })
        )
    }

    fn count(&mut self, values: usize) -> Result<(), String> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            return Err(format!("more than {MAX_VALUES} values"));
        }
        Ok(())
    }

    fn start(&mut self, line: usize, anchor: usize, collection: Collection) -> Result<(), String> {
        let values_before = self.values;
        self.count(1)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("values are nested more than {MAX_DEPTH} deep"));
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
        self.note(open.anchor, &tree, self.values - open.values_before);
        self.add(tree)
    }

    /// Anchors are numbered from 1; 0 is none.
    fn note(&mut self, anchor: usize, tree: &Tree, size: usize) {
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
                        return Err(format!("the name {taken} stands twice in one object"));
                    }
                    // A name that a merge brought yields to one that stands here.
                    members.retain(|(member, _)| *member != taken);
                    members.push((taken, tree));
                }
            },
        }
        Ok(())
    }
}

/// `<<: *anchor`, of which Kubernetes' readers know: names that stand here already win.
fn merge(members: &mut Vec<(String, Tree)>, names: &HashSet<String>, tree: Tree) -> Result<(), String> {
    let sources = match tree.value {
        TreeValue::List(items) => items,
        _ => vec![tree],
    };
    for source in sources {
        let TreeValue::Object(merged) = source.value else {
            return Err("<< merges objects only".to_owned());
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
        TreeValue::List(_) | TreeValue::Object(_) => Err("a name is a list or an object".to_owned()),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<TreeValue, String> {
    let tag = tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str()));
    match tag {
        Some((true, "str")) => return Ok(TreeValue::Text(text.to_owned())),
        Some((true, "int" | "float")) => {
            return number(text).ok_or_else(|| format!("{text} is not a number"));
        }
        Some((true, "bool")) => return boolean(text).ok_or_else(|| format!("{text} is not a boolean")),
        Some((_, tag)) => return Err(format!("the tag {tag} means nothing here")),
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

/// What Envoy makes of a scalar. A tag of YAML's own means nothing to it, but that quotes no longer do either.
fn envoys_scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<TreeValue, String> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => {
            return Err(format!("the tag {} means nothing here", tag.suffix));
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

/// A whole number as C++ streams read one: `0x1f` is hexadecimal and `010` octal.
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
    // A second sign would be read as one.
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().filter(|_| plain)
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// YAML 1.1's words, which Envoy's reader takes and Kubernetes' do: a role named `on` needs quotes.
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

/// A number in JSON's own form, hexadecimal ones rewritten.
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
    fn a_document_of_envoys_has_whole_numbers_of_32_bits_only() {
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
    fn what_readers_would_take_differently_is_refused() {
        for (yaml, expected) in [
            ("a: 1\na: 2", "line 2: the name a stands twice in one object"),
            ("a: !include x", "line 1: the tag include means nothing here"),
            ("a: [1", "this is not YAML"),
            ("a: &a [*a]", "line 1: an alias stands inside its own anchor"),
            ("? [a]\n: 1", "line 1: a name is a list or an object"),
        ] {
            let error = documents(yaml).unwrap_err();
            assert!(error.contains(expected), "{yaml}: {error}");
        }
    }

    #[test]
    fn a_bomb_of_aliases_does_not_go_off() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let before = format!("*a{}", level - 1);
            let items = vec![before; 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(documents(&text).unwrap_err().contains("more than"));
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
