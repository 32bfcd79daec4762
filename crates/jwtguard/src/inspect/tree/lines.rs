//! Finds the line of each value in a JSON text. serde reports no positions, so the text is scanned a second time.

use super::{Tree, TreeValue};

impl Tree {
    /// Parses a whole JSON file like [`Tree::from_json`], and sets the line of every value.
    ///
    /// # Errors
    /// A sentence that says what is wrong, with the position.
    pub fn from_json_file(text: &str) -> Result<Self, String> {
        let mut tree = Self::from_json(text)?;
        Scanner { rest: text.as_bytes(), line: 1 }.value(&mut tree);
        Ok(tree)
    }
}

/// The rest of a valid JSON text, and the line on which the rest starts.
struct Scanner<'t> {
    rest: &'t [u8],
    line: usize,
}

impl Scanner<'_> {
    fn value(&mut self, tree: &mut Tree) {
        self.skip_separators();
        tree.line = self.line;
        match &mut tree.value {
            TreeValue::Object(members) => {
                self.skip(1);
                for (_, value) in members {
                    self.skip_separators();
                    self.skip_string();
                    self.value(value);
                }
                self.skip_separators();
                self.skip(1);
            }
            TreeValue::List(items) => {
                self.skip(1);
                items.iter_mut().for_each(|item| self.value(item));
                self.skip_separators();
                self.skip(1);
            }
            TreeValue::Text(_) | TreeValue::NumericText(_) => self.skip_string(),
            TreeValue::Null | TreeValue::Bool(_) | TreeValue::Number(_) => {
                let ends = |byte: &u8| b",]} \t\r\n".contains(byte);
                self.skip(self.rest.iter().position(ends).unwrap_or(self.rest.len()));
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Skips white space, commas and colons. In valid JSON, each of them only separates values.
    fn skip_separators(&mut self) {
        while let [b' ' | b'\t' | b'\r' | b'\n' | b',' | b':', rest @ ..] = self.rest {
            self.line += usize::from(self.rest.first() == Some(&b'\n'));
            self.rest = rest;
        }
    }

    /// Skips a string with its quotes. A JSON string contains no line break.
    fn skip_string(&mut self) {
        self.skip(1);
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
