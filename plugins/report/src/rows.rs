//! The rows of each report, in their order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sandmill_sdk::prelude::*;

use crate::Entry;

/// The rows of one report.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Rows {
    /// Of `by-language`.
    Languages(Vec<LanguageRow>),
    /// Of `largest-files`.
    Files(Vec<FileRow>),
}

/// The sums over all files of one language.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct LanguageRow {
    pub(crate) language: String,
    pub(crate) files: u64,
    pub(crate) lines: u64,
    pub(crate) code_lines: u64,
    pub(crate) comment_lines: u64,
    pub(crate) blank_lines: u64,
    pub(crate) bytes: u64,
}

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FileRow {
    pub(crate) path: String,
    pub(crate) language: String,
    pub(crate) lines: u64,
    pub(crate) code_lines: u64,
    pub(crate) bytes: u64,
}

/// Most code lines first, then by name.
pub(crate) fn by_language(entries: &[Entry], rows_max: usize) -> Rows {
    let mut sums = BTreeMap::<&str, LanguageRow>::new();
    for entry in entries {
        if let Some(language) = &entry.language {
            sums.entry(language).or_default().add(entry);
        }
    }
    let mut rows: Vec<_> =
        sums.into_iter().map(|(name, sum)| LanguageRow { language: name.to_owned(), ..sum }).collect();
    rows.sort_by_key(|row| Reverse(row.code_lines));
    rows.truncate(rows_max);
    Rows::Languages(rows)
}

impl LanguageRow {
    fn add(&mut self, entry: &Entry) {
        self.files += 1;
        self.lines += entry.lines;
        self.code_lines += entry.code_lines;
        self.comment_lines += entry.comment_lines;
        self.blank_lines += entry.blank_lines;
        self.bytes += entry.bytes;
    }
}

/// Most lines first, then by path.
pub(crate) fn largest_files(entries: Vec<Entry>, rows_max: usize) -> Rows {
    let row = |entry: Entry| {
        let Entry { path, language, lines, code_lines, bytes, .. } = entry;
        Some(FileRow { path, language: language?, lines, code_lines, bytes })
    };
    let mut rows: Vec<_> = entries.into_iter().filter_map(row).collect();
    rows.sort_by(|one, other| other.lines.cmp(&one.lines).then_with(|| one.path.cmp(&other.path)));
    rows.truncate(rows_max);
    Rows::Files(rows)
}
