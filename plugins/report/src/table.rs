//! Rows as a Markdown table with columns of even width: words to the left, numbers to the right.

use crate::rows::Rows;

/// A column: its heading, and whether it holds numbers.
type Column = (&'static str, bool);

/// Writes the table, each line ended.
pub(crate) fn markdown(rows: &Rows) -> String {
    let (columns, cells) = cells(rows);
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            let width = |line: &Vec<String>| line[column].chars().count();
            cells.iter().map(width).chain([columns[column].0.len()]).max().unwrap_or_default()
        })
        .collect();
    let headings: Vec<String> = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    let rules = columns.iter().zip(&widths).map(|(column, width)| rule(*column, *width)).collect::<String>();
    let lines: String = cells.iter().map(|cells| line(cells, columns, &widths)).collect();
    format!("{}|{rules}\n{lines}", line(&headings, columns, &widths))
}

fn cells(rows: &Rows) -> (&'static [Column], Vec<Vec<String>>) {
    match rows {
        Rows::Languages(rows) => (
            &[
                ("language", false),
                ("files", true),
                ("lines", true),
                ("code", true),
                ("comment", true),
                ("blank", true),
            ],
            rows.iter()
                .map(|row| {
                    let numbers = [row.files, row.lines, row.code_lines, row.comment_lines, row.blank_lines];
                    [escape(&row.language)].into_iter().chain(numbers.map(|number| number.to_string())).collect()
                })
                .collect(),
        ),
        Rows::Files(rows) => (
            &[("path", false), ("language", false), ("lines", true), ("code", true), ("bytes", true)],
            rows.iter()
                .map(|row| {
                    let numbers = [row.lines, row.code_lines, row.bytes].map(|number| number.to_string());
                    [escape(&row.path), escape(&row.language)].into_iter().chain(numbers).collect()
                })
                .collect(),
        ),
    }
}

/// Keeps a text inside of its cell.
fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn rule((_, is_number): Column, width: usize) -> String {
    let dashes = "-".repeat(width + 1);
    if is_number { format!("{dashes}:|") } else { format!(":{dashes}|") }
}

fn line(cells: &[String], columns: &[Column], widths: &[usize]) -> String {
    let cell = |((cell, (_, is_number)), width): ((&String, &Column), &usize)| {
        if *is_number { format!(" {cell:>width$} |") } else { format!(" {cell:<width$} |") }
    };
    let cells: String = cells.iter().zip(columns).zip(widths).map(cell).collect();
    format!("|{cells}\n")
}
