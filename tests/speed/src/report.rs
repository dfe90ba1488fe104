//! How results are printed: what was run where, a table, and a line for each figure that a script can read.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use sandmill_core::time::Timestamp;

use crate::machine::Machine;

/// What a figure must reach.
#[derive(Clone, Copy)]
pub enum Target {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Nothing: it stands beside the others, to compare them with.
    Baseline,
}

/// What one bench found out.
pub struct Report {
    rows: Vec<[String; 4]>,
    results: Vec<String>,
}

impl Report {
    /// Prints what is run where.
    pub fn begin(bench: &str) -> Result<Self> {
        let machine = Machine::look()?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        println!("bench        {bench}");
        println!("date         {}", Timestamp(i64::try_from(now_ms)?));
        println!("machine      {}, {} cores, Linux {}", machine.cpu, machine.cores, machine.kernel);
        println!("file system  {} at {}", machine.file_system, machine.folder.display());
        Ok(Self { rows: Vec::new(), results: Vec::new() })
    }

    /// Adds a figure that has a name.
    pub fn result(&mut self, name: &str, figure: f64, target: Target) {
        self.row(name, figure, target);
        self.results.push(format!("RESULT {name}={}", shown(figure)));
    }

    /// Adds a line to the table alone.
    pub fn row(&mut self, what: &str, figure: f64, target: Target) {
        let (target, verdict) = match target {
            Target::AtMost(bound) => (format!("<= {}", shown(bound)), verdict(figure <= bound)),
            Target::AtLeast(bound) => (format!(">= {}", shown(bound)), verdict(figure >= bound)),
            Target::Baseline => (String::new(), String::new()),
        };
        self.rows.push([what.to_owned(), shown(figure), target, verdict]);
    }

    /// Prints the table and the results.
    pub fn print(self) {
        let head = ["figure", "measured", "target", ""].map(str::to_owned);
        let rows: Vec<[String; 4]> = std::iter::once(head).chain(self.rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second, third) = (width(0), width(1), width(2));
        println!();
        for [what, figure, target, verdict] in &rows {
            println!("{}", format!("{what:first$}  {figure:>second$}  {target:>third$}  {verdict}").trim_end());
        }
        println!();
        self.results.iter().for_each(|line| println!("{line}"));
    }
}

fn verdict(is_reached: bool) -> String {
    if is_reached { "reached" } else { "MISSED" }.into()
}

/// Three digits are what a run can be trusted with; counts are shown whole.
fn shown(figure: f64) -> String {
    let digits = match figure.abs() {
        _ if figure.fract() == 0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 4,
    };
    format!("{figure:.digits$}")
}
