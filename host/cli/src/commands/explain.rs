//! `sandmill explain CODE`: the page of an error code, from the documentation that this program was built with.

use std::process::ExitCode;

use include_dir::{Dir, include_dir};
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::output::Output;

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/errors");

/// Prints one page, or the codes that have one.
pub(crate) fn run(code: Option<&str>, output: Output) -> Result<ExitCode, Failure> {
    match code {
        Some(code) => output.value(&json!({ "code": code, "page": page(code)? }), |shown| {
            shown["page"].as_str().unwrap_or_default().trim_end().to_owned()
        }),
        None => output.value(&json!(codes()), |_| codes().join("\n")),
    }
    Ok(ExitCode::SUCCESS)
}

fn page(code: &str) -> Result<&'static str, Failure> {
    let page = PAGES.get_file(format!("{code}.md")).and_then(|file| file.contents_utf8());
    page.ok_or_else(|| {
        let near = codes().into_iter().min_by_key(|known| strsim::damerau_levenshtein(known, code));
        let near = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        Failure::new(Outcome::Refused, format!("there is no error code `{code}`{near}"))
    })
}

/// The codes that have a page, in the order of their names.
pub(super) fn codes() -> Vec<String> {
    let names = PAGES.files().filter_map(|file| file.path().file_stem()?.to_str());
    let mut codes: Vec<String> = names.filter(|name| *name != "README").map(Into::into).collect();
    codes.sort();
    codes
}
