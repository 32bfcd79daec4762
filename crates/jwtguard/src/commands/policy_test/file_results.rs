//! What came of a file of tests.

use std::collections::BTreeSet;

/// A file whose tests were run.
pub struct FileResults {
    pub file: String,
    pub config: String,
    pub configuration: usize,
    /// How each route of the configuration is called.
    pub routes: Vec<String>,
    /// The indices of those that some test fell under.
    pub touched: BTreeSet<usize>,
    pub results: Vec<TestResult>,
}

/// What came of one test.
pub struct TestResult {
    pub name: String,
    pub line: usize,
    pub request: String,
    pub differences: Vec<String>,
    pub why: Vec<String>,
}

impl FileResults {
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|result| !result.passed()).count()
    }
}

impl TestResult {
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}
