//! Counts the lines of one source file.
//!
//! Config: where in the workflow the file stands, so that its text is read from the shared context and never copied
//! into a config. The file is `{ "path": .., "text": .. }`, or `{ "path": .., "base64": .. }` where it may be binary.
//!
//! # How it counts
//!
//! - A **line** is what `\n` separates; an empty piece after the last `\n` is no line. A `\r` belongs to its line.
//! - A line is **blank** when it holds nothing but spaces, tabs, carriage returns and form feeds.
//! - A line is a **comment** when, without these at its start, it begins with a comment mark of its language: see
//!   [`language`]. Inner lines of block comments are code.
//! - Every other line is **code**: `lines = blank_lines + comment_lines + code_lines`.
//! - `bytes` counts the text in UTF-8, `longest_line_characters` the Unicode code points of the longest line.
//! - `markers` counts the lines with the word `TODO`, `FIXME`, `HACK` or `XXX`: in capitals, with no ASCII letter,
//!   digit or underscore on either side.
//!
//! A file that is no text ends the task with a problem of the type `https://sandmill.dev/problems/binary-file` and the
//! status 415, which a workflow can catch: text with a NUL character, or base64 of bytes that are no UTF-8.

mod count;
mod file;
mod language;

use sandmill_sdk::prelude::*;

use count::Counts;
use file::File;

/// Which file to count.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The path of the file in the workflow's context, as in `context.files[3]`. Without it: the item of the loop.
    #[serde(default = "item")]
    file: String,
}

fn item() -> String {
    "item".to_owned()
}

/// What a file consists of.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct SourceStats {
    /// The path that the file was given with.
    path: String,
    /// The language, known by the file's name.
    language: &'static str,
    #[serde(flatten)]
    counts: Counts,
}

/// Counts the lines, comments and bytes of one source file of the workflow's context, and refuses what is no text.
#[task]
fn source_stats(config: Config, context: &Context) -> Result<SourceStats, Problem> {
    let Some(file) = context.get::<File>(&config.file)? else {
        return Err(file::invalid("nothing stands there").with("at", config.file));
    };
    let text = file.text()?;
    let language = language::of(&file.path);
    let counts = count::count(&text, language);
    log::debug!(path = file.path, lines = counts.lines; "counted {}", file.path);
    Ok(SourceStats { path: file.path, language: language.name, counts })
}

#[cfg(test)]
mod tests {
    use sandmill_sdk::testing::Harness;

    use super::*;

    #[test]
    fn a_file_of_the_context_is_counted() {
        let files = json!({ "files": [{}, { "path": "src/main.rs", "text": "// Starts.\n\nfn main() {}\n" }] });
        let harness = Harness::new().config(json!({ "file": "context.files[1]" })).context(files);
        let expected = json!({
            "path": "src/main.rs", "language": "Rust", "bytes": 25, "lines": 3, "blank_lines": 1, "comment_lines": 1,
            "code_lines": 1, "longest_line_characters": 12, "markers": 0,
        });
        assert_eq!(harness.run_to_json(source_stats).unwrap(), expected);
        assert_eq!(harness.log()[0].fields[0], ("path".to_owned(), "src/main.rs".to_owned()));
    }

    #[test]
    fn the_item_of_the_loop_is_counted_by_default() {
        let harness = Harness::new().item(json!({ "path": "a.py", "base64": "eCA9IDEK" })).index(0);
        let stats = harness.run(source_stats).unwrap();
        assert_eq!((stats.language, stats.counts.code_lines, stats.counts.bytes), ("Python", 1, 6));
    }

    #[track_caller]
    fn check_refused(file: Value, kind: &str, status: u16) {
        let problem = Harness::new().item(file).run(source_stats).unwrap_err();
        assert_eq!((problem.kind.as_str(), problem.status, problem.retryable), (kind, status, false));
    }

    #[test]
    fn what_is_no_text_is_refused_as_binary() {
        let kind = "https://sandmill.dev/problems/binary-file";
        check_refused(json!({ "path": "a", "text": "a\0b" }), kind, 415);
        check_refused(json!({ "path": "a.png", "base64": "iVBORw0K" }), kind, 415);
        check_refused(json!({ "path": "a", "base64": "YQBi" }), kind, 415);
    }

    #[test]
    fn what_is_no_file_is_refused_as_invalid() {
        let kind = "https://sandmill.dev/problems/file-invalid";
        check_refused(json!({ "path": "a" }), kind, 422);
        check_refused(json!({ "path": "a", "text": "", "base64": "" }), kind, 422);
        check_refused(json!({ "path": "a", "base64": "not base64!" }), kind, 422);
        check_refused(json!("a"), "https://sandmill.dev/problems/context-mismatch", 422);
        let problem = Harness::new().run(source_stats).unwrap_err();
        assert_eq!((problem.kind.as_str(), &problem.data["at"]), (kind, &json!("item")));
    }
}
