//! The examples of the guide to the language: each document compiles, and its cases come out as they say.

use std::fs;
use std::path::Path;

use sandmill_author::cases::Suite;
use sandmill_core::definition::EveryPlugin;

/// The YAML blocks of a page, in order.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_example_of_the_guide_does_what_it_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/language.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = blocks(&page);
    let (pairs, rest) = blocks.as_chunks::<2>();
    assert!(rest.is_empty() && pairs.len() >= 10, "each example is a document and its cases");
    let mut wrong = Vec::new();
    for [document, cases] in pairs {
        let load = |_: &str| Ok(document.as_bytes().to_vec());
        let text = format!("workflow: example.yaml\n{cases}");
        let suite =
            Suite::read(text.as_bytes(), &load, &EveryPlugin).unwrap_or_else(|error| panic!("{document}\n{error}"));
        for case in suite.run("") {
            wrong.extend(case.failures.iter().map(|failure| format!("{}: {failure}", case.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
