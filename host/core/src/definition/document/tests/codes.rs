//! The pages of `docs/errors/` about documents: each code has one, and what it shows is what is found.

use std::fs;
use std::path::Path;

use super::kit::Catalog;
use crate::definition::{CODES, Code, Report, Rigour, Verdict, compile, validate_with};

/// Codes whose pages show no document: it would be too long.
const WITHOUT_EXAMPLE: [&str; 2] = ["document-too-large", "tasks-too-deep"];

fn page(code: &Code) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors").join(format!("{}.md", code.name));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents of a page, in their order.
fn examples(page: &str) -> Vec<&str> {
    page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn found(document: &str) -> Report {
    compile(document.as_bytes(), &Catalog).err().unwrap_or_else(|| validate_with(document.as_bytes(), Rigour::Strict))
}

#[test]
fn every_code_has_a_page_that_shows_it_and_what_to_write_instead() {
    for code in CODES {
        let page = page(code);
        assert!(page.starts_with(&format!("# {}\n", code.name)), "{}", code.name);
        assert!(page.contains("## What to do"), "{}", code.name);
        let is_found = |document: &str| found(document).findings.iter().any(|finding| finding.code == code.name);
        match examples(&page)[..] {
            [wrong, right] => {
                assert!(is_found(wrong), "{}: {}", code.name, found(wrong));
                assert!(found(right).is_deployable(), "{}: {}", code.name, found(right));
                assert!(!is_found(right), "{}", code.name);
            }
            ref other => assert!(other.is_empty() && WITHOUT_EXAMPLE.contains(&code.name), "{}", code.name),
        }
    }
}

#[test]
fn codes_are_all_different_and_the_verdict_of_a_page_is_that_of_its_code() {
    for (position, code) in CODES.iter().enumerate() {
        assert!(CODES[..position].iter().all(|other| other.name != code.name), "{}", code.name);
        let verdict = match code.verdict {
            Verdict::Invalid => "the document is invalid",
            Verdict::NotDeployable => "this host cannot run it",
            Verdict::Lint => "a hint",
        };
        assert!(page(code).contains(verdict), "{}", code.name);
        assert!(code.meaning.ends_with('.'), "{}", code.name);
    }
}
