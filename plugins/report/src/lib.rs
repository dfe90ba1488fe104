//! Makes a table out of the counts of many source files, as the plugin `source-stats` gives them.
//!
//! Config: which report, and where in the workflow the list of counts stands; the list is read from there and never
//! copied into a config. An entry without a language, such as that of a file that was skipped, is left out.
//!
//! - `by-language`: one row for each language with the sums over its files; most code lines first, then by name.
//! - `largest-files`: the longest files; most lines first, then by path.
//!
//! The rows are for programs. The same stands in `table` as a Markdown table, for people.

mod rows;
mod table;

use sandmill_sdk::prelude::*;

use rows::Rows;

/// The most rows that a report may be asked for: a table for people.
const ROWS_MAX: usize = 1000;

/// Which report to make.
#[derive(Deserialize, JsonSchema)]
struct Config {
    kind: Kind,
    /// The path of the list of counts in the workflow's context. Without it: the task's input.
    #[serde(default = "input")]
    files: String,
    /// How many rows to keep.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 1000))]
    rows: usize,
}

fn input() -> String {
    "input".to_owned()
}

fn ten() -> usize {
    10
}

/// The reports that exist.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// Sums for each language.
    ByLanguage,
    /// The longest files.
    LargestFiles,
}

/// The counts of one file. What the list holds beside is ignored.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    path: String,
    language: Option<String>,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    lines: u64,
    #[serde(default)]
    blank_lines: u64,
    #[serde(default)]
    comment_lines: u64,
    #[serde(default)]
    code_lines: u64,
}

/// A report.
#[derive(Debug, Serialize, JsonSchema)]
struct Report {
    kind: Kind,
    /// What it shows.
    title: &'static str,
    rows: Rows,
    /// The rows as a Markdown table.
    table: String,
}

/// Makes a table out of the counts of many source files: the sums by language, or the largest files.
#[task]
fn report(config: Config, context: &Context) -> Result<Report, Problem> {
    if !(1..=ROWS_MAX).contains(&config.rows) {
        return Err(refusal(400, format!("`rows` is {}, and 1 to {ROWS_MAX} are allowed", config.rows)));
    }
    let Some(entries) = context.get::<Vec<Entry>>(&config.files)? else {
        return Err(refusal(422, format!("there is no list at `{}`", config.files)));
    };
    let (title, rows) = match config.kind {
        Kind::ByLanguage => ("Lines by language", rows::by_language(&entries, config.rows)),
        Kind::LargestFiles => ("Largest files", rows::largest_files(entries, config.rows)),
    };
    Ok(Report { kind: config.kind, title, table: table::markdown(&rows), rows })
}

fn refusal(status: u16, detail: String) -> Problem {
    Problem::new(status, "The report cannot be made").kind("https://sandmill.dev/problems/report").detail(detail)
}

#[cfg(test)]
mod tests {
    use sandmill_sdk::testing::Harness;

    use super::*;

    fn files() -> Value {
        let file = |path: &str, language: &str, lines: u64, code_lines: u64| {
            json!({
                "path": path, "language": language, "bytes": lines * 10, "lines": lines, "code_lines": code_lines,
                "comment_lines": lines - code_lines, "blank_lines": 0, "longest_line_characters": 80, "markers": 0,
            })
        };
        json!([
            file("b.rs", "Rust", 20, 15),
            file("a.py", "Python", 5, 5),
            { "path": "logo.png", "skipped": true },
            file("a.rs", "Rust", 20, 10),
            { "index": 4, "error": { "status": 500 } },
        ])
    }

    fn run(config: Value) -> Result<Value, Problem> {
        Harness::new().config(config).input(files()).run_to_json(report)
    }

    #[test]
    fn files_are_summed_by_language() {
        let report = run(json!({ "kind": "by-language" })).unwrap();
        let row = |language: &str, files: u64, lines: u64, code_lines: u64| {
            json!({
                "language": language, "files": files, "lines": lines, "code_lines": code_lines,
                "comment_lines": lines - code_lines, "blank_lines": 0, "bytes": lines * 10,
            })
        };
        assert_eq!(report["rows"], json!([row("Rust", 2, 40, 25), row("Python", 1, 5, 5)]));
        assert_eq!(report["kind"], "by-language");
    }

    #[test]
    fn the_largest_files_come_first() {
        let report = run(json!({ "kind": "largest-files", "rows": 2 })).unwrap();
        let paths: Vec<_> = report["rows"].as_array().unwrap().iter().map(|row| &row["path"]).collect();
        assert_eq!(paths, ["a.rs", "b.rs"]);
        let expected = "\
| path | language | lines | code | bytes |
|:-----|:---------|------:|-----:|------:|
| a.rs | Rust     |    20 |   10 |   200 |
| b.rs | Rust     |    20 |   15 |   200 |
";
        assert_eq!(report["table"], expected);
    }

    #[test]
    fn the_number_of_rows_has_limits() {
        for rows in [1, ROWS_MAX] {
            run(json!({ "kind": "by-language", "rows": rows })).unwrap();
        }
        for rows in [0, ROWS_MAX + 1] {
            let problem = run(json!({ "kind": "by-language", "rows": rows })).unwrap_err();
            assert_eq!(problem.status, 400);
            assert_eq!(problem.detail, Some(format!("`rows` is {rows}, and 1 to 1000 are allowed")));
        }
    }

    #[test]
    fn the_list_may_stand_elsewhere_and_must_stand_somewhere() {
        let harness = Harness::new().config(json!({ "kind": "by-language", "files": "context.stats" }));
        let problem = harness.run(report).unwrap_err();
        assert_eq!(problem.detail.as_deref(), Some("there is no list at `context.stats`"));
        let harness = harness.context(json!({ "stats": [] }));
        assert_eq!(harness.run_to_json(report).unwrap()["rows"], json!([]));
    }
}
