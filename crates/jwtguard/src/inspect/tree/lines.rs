//! The line of each value of a JSON text. serde tells no positions, so the text is gone through a second time.

use super::{Tree, TreeValue};

impl Tree {
    /// As [`Tree::from_json`], of a text that is a file as a whole: every value has its line.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_json_file(text: &str) -> Result<Self, String> {
        let mut tree = Self::from_json(text)?;
        Scanner { rest: text.as_bytes(), line: 1 }.value(&mut tree);
        Ok(tree)
    }
}

/// What remains of a text that is known to be valid JSON, and the line that it starts on.
struct Scanner<'t> {
    rest: &'t [u8],
    line: usize,
}

impl Scanner<'_> {
    fn value(&mut self, tree: &mut Tree) {
        self.pass_separators();
        tree.line = self.line;
        match &mut tree.value {
            TreeValue::Object(members) => {
                self.pass(1);
                for (_, value) in members {
                    self.pass_separators();
                    self.pass_string();
                    self.value(value);
                }
                self.pass_separators();
                self.pass(1);
            }
            TreeValue::List(items) => {
                self.pass(1);
                items.iter_mut().for_each(|item| self.value(item));
                self.pass_separators();
                self.pass(1);
            }
            TreeValue::Text(_) | TreeValue::NumericText(_) => self.pass_string(),
            TreeValue::Null | TreeValue::Bool(_) | TreeValue::Number(_) => {
                let ends = |byte: &u8| b",]} \t\r\n".contains(byte);
                self.pass(self.rest.iter().position(ends).unwrap_or(self.rest.len()));
            }
        }
    }

    fn pass(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// White space, and what stands between values: in valid JSON neither hides the other.
    fn pass_separators(&mut self) {
        while let [b' ' | b'\t' | b'\r' | b'\n' | b',' | b':', rest @ ..] = self.rest {
            self.line += usize::from(self.rest.first() == Some(&b'\n'));
            self.rest = rest;
        }
    }

    /// A string with its quotes. No line break can stand in it.
    fn pass_string(&mut self) {
        self.pass(1);
        loop {
            match self.rest {
                [b'\\', _, rest @ ..] => self.rest = rest,
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return;
                }
                [_, rest @ ..] => self.rest = rest,
                [] => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_guard::config::Path;

    #[test]
    fn every_value_has_its_line() {
        let text = "\n{\"a\": [\n  1, -2.5e3,\r\n  {\"b\\\"}\": \"x\\\\\"\n, \"c\" :\n null}\n], \"d\": true,\n\"e\":{},\"f\":[],\n\"g\":\"\"}\n";
        let tree = Tree::from_json_file(text).unwrap();
        let root = Path::root();
        let (a, g) = (root.key("a"), root.key("g"));
        for (path, line) in [
            (root.clone(), 2),
            (a.clone(), 2),
            (a.index(0), 3),
            (a.index(1), 3),
            (a.index(2), 4),
            (a.index(2).key("b\"}"), 4),
            (a.index(2).key("c"), 6),
            (root.key("d"), 7),
            (root.key("e"), 8),
            (root.key("f"), 8),
            (g.clone(), 9),
        ] {
            assert_eq!(tree.nearest_to(&path).line, line, "{path}");
        }
        assert_eq!(Tree::from_json(text).unwrap().nearest_to(&g).line, 0);
        assert_eq!(Tree::from_json_file("  7 ").unwrap().line, 1);
    }
}
