//! The results of a test file.

use std::collections::BTreeSet;

/// The results of one test file.
pub struct FileResults {
    pub file: String,
    pub config: String,
    pub configuration: usize,
    /// The names of the routes of the configuration.
    pub routes: Vec<String>,
    /// The indices of the routes that a test covers.
    pub touched: BTreeSet<usize>,
    pub results: Vec<TestResult>,
}

/// The result of one test.
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
