//! The results as JUnit XML, which is what build servers read.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{CaseResult, FileResult};

/// One test suite for each file. The same results give the same text: it holds no clock.
pub fn junit(results: &[FileResult]) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("sandmill");
    report.add_test_suites(results.iter().map(suite));
    report.to_string()
}

fn suite(result: &FileResult) -> TestSuite {
    let mut suite = TestSuite::new(result.file.as_str());
    match &result.cases {
        Ok(cases) => {
            suite.add_test_cases(cases.iter().map(|case| test_case(result, case)));
        }
        Err(error) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message("the file cannot be used").set_description(error.to_string());
            suite.add_test_case(TestCase::new(result.file.as_str(), status));
        }
    }
    suite
}

fn test_case(result: &FileResult, case: &CaseResult) -> TestCase {
    let status = match case.failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first.lines().next().unwrap_or_default());
            status.set_description(format!("{}:{}\n{}", result.file, case.line, case.failures.join("\n\n")));
            status
        }
    };
    let mut test_case = TestCase::new(case.name.as_str(), status);
    test_case.set_classname(result.file.as_str());
    test_case
}
