//! The specification's own documents: each example is accepted by all and reads the same by two readers, and each invalid one is refused by
//! all.

use sandmill_core::definition::{EveryPlugin, Report, compile, read_document, validate};
use serde_json::Value;

use crate::documents::{Document, Specification};
use crate::judges::{Accepted, Judges, findings};

/// Checks all of them, and says how many are as they should be.
pub(crate) fn check(specification: &Specification, judges: &Judges) -> bool {
    let examples = specification.examples.iter().chain(&specification.own);
    let mut wrong: Vec<String> = examples.filter_map(|example| fault_of_example(example, judges).err()).collect();
    let are_examples = |document: &&Document| fault_of_example(document, judges).is_ok();
    let good = specification.examples.iter().filter(are_examples).count();
    wrong.extend(specification.invalid.iter().filter_map(|document| fault_of_invalid(document, judges)));
    for fault in &wrong {
        println!("{fault}");
    }
    let refused = specification.invalid.iter().filter(|document| fault_of_invalid(document, judges).is_none()).count();
    println!("{refused} of {} invalid documents are refused by all three", specification.invalid.len());
    println!("{} documents of our own are as good as the examples", specification.own.len());
    println!("RESULT schema_examples={good}/{}", specification.examples.len());
    wrong.is_empty()
}

fn fault_of_example(document: &Document, judges: &Judges) -> Result<(), String> {
    let name = &document.name;
    for (schema, who) in [(&judges.official, "the specification's schema"), (&judges.ours, "the published schema")] {
        if schema.accepts(&document.value) != (Accepted { checks_formats: true, notes_formats: true }) {
            return Err(format!("{name} is refused by {who}: {:#?}", schema.errors(&document.value)));
        }
    }
    let report = validate(&document.bytes);
    if !report.is_valid() {
        return Err(format!("{name} is refused by the compiler: {:#?}", findings(&report)));
    }
    round_trip(document, &report).map_err(|what| format!("{name}: {what}"))
}

/// What is read is what another reader reads, and is the same once it was written and read again.
fn round_trip(document: &Document, report: &Report) -> Result<(), String> {
    let value = read(&document.bytes)?;
    if value != document.value {
        return Err(format!("two readers of YAML read it differently:\n{value}\n{}", document.value));
    }
    let written = value.to_string().into_bytes();
    if read(&written)? != value {
        return Err("written as JSON and read again it is another document".into());
    }
    let again = validate(&written);
    if (again.is_valid(), again.is_deployable()) != (report.is_valid(), report.is_deployable()) {
        return Err("written as JSON and read again it has another verdict".into());
    }
    for bytes in [&document.bytes, &written] {
        match compile(bytes, &EveryPlugin) {
            Ok(definition) if definition.document.to_serde() != value => {
                return Err("the definition holds another document than the file".into());
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

fn read(bytes: &[u8]) -> Result<Value, String> {
    read_document(bytes).map(|value| value.to_serde()).map_err(|report| report.to_string())
}

/// A file that all three should refuse, and one does not.
fn fault_of_invalid(document: &Document, judges: &Judges) -> Option<String> {
    let name = &document.name;
    let verdicts = [
        (judges.official.accepts(&document.value).checks_formats, "the specification's schema"),
        (judges.ours.accepts(&document.value).checks_formats, "the published schema"),
        (validate(&document.bytes).is_valid(), "the compiler"),
    ];
    verdicts.iter().find(|(accepted, _)| *accepted).map(|(_, who)| format!("{name} is accepted by {who}"))
}
