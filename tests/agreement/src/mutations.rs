//! The documents that are made: what each judge says of them, and where the verdicts differ.

use std::collections::{BTreeMap, BTreeSet};
use std::{env, fs};

use anyhow::Result;
use rayon::prelude::*;
use sandmill_core::definition::Report;
use serde_json::Value;

use crate::documents::Document;
use crate::judges::{Accepted, Judges, against, compiler, findings};
use crate::listed::{BEYOND, COMPILER, Listed, SCHEMAS};
use crate::mutant::{Mutant, Parts};

/// Differences that are shown in full.
const SHOWN_MAX: usize = 10;

/// Documents that are made from some others.
pub(crate) struct Mutations<'m> {
    pub(crate) judges: &'m Judges,
    pub(crate) parts: &'m Parts,
    pub(crate) documents: &'m [Document],
    pub(crate) seed: u64,
    pub(crate) count: u64,
}

/// What came of them.
pub(crate) struct Outcome {
    /// How often the two schemas differ.
    pub(crate) differences: usize,
    /// How many of these are listed.
    pub(crate) listed: usize,
    /// True where every difference is listed, those of the compiler included.
    pub(crate) is_good: bool,
}

/// What was said of one document.
struct Judged {
    mutant: Mutant,
    official: Accepted,
    ours: Accepted,
    schemas: Difference,
    compiler: Difference,
    /// What the compiler refuses that no schema can tell.
    beyond: BTreeSet<&'static str>,
}

/// How two verdicts compare.
enum Difference {
    None,
    /// What is listed, and explains it.
    Listed(Vec<&'static Listed>),
    Unlisted,
}

impl Mutations<'_> {
    /// Makes them, compares what is said of them, and prints what there is to say.
    pub(crate) fn check(&self) -> Result<Outcome> {
        let one = |number| self.judge(self.parts.mutant(self.documents, self.seed, number));
        let judged: Vec<Judged> = (0..self.count).into_par_iter().map(one).collect();
        let accepted = judged.iter().filter(|judged| judged.official.checks_formats).count();
        println!("{} documents, of which the specification's schema accepts {accepted}", judged.len());
        let schemas = Tally::of(&judged, |judged| &judged.schemas);
        schemas.print("the published schema");
        let compiler = Tally::of(&judged, |judged| &judged.compiler);
        compiler.print("the compiler");
        println!("of the documents that the schema accepts, the compiler refuses for what no schema can tell:");
        for (code, reason) in BEYOND {
            let count = judged.iter().filter(|judged| judged.beyond.contains(code)).count();
            println!("  {count:>6}  {code}: {reason}");
        }
        let unlisted = schemas.unlisted.iter().take(SHOWN_MAX).chain(compiler.unlisted.iter().take(SHOWN_MAX));
        for judged in unlisted {
            self.show(judged)?;
        }
        let is_good = schemas.unlisted.is_empty() && compiler.unlisted.is_empty();
        Ok(Outcome { differences: schemas.listed + schemas.unlisted.len(), listed: schemas.listed, is_good })
    }

    fn judge(&self, mutant: Mutant) -> Judged {
        let document = &mutant.document;
        let (official, ours) = (self.judges.official.accepts(document), self.judges.ours.accepts(document));
        let report = compiler(document);
        let schemas = match official == ours {
            true => Difference::None,
            false => explain(document, SCHEMAS, |document| {
                self.judges.official.accepts(document) == self.judges.ours.accepts(document)
            }),
        };
        let difference = match agrees(official.checks_formats, &report) {
            true => Difference::None,
            false => explain(document, COMPILER, |document| {
                agrees(self.judges.official.accepts(document).checks_formats, &compiler(document))
            }),
        };
        let codes = against(&report).map(|finding| finding.code);
        let beyond = codes.filter(|code| official.checks_formats && is_beyond(code)).collect();
        Judged { official, ours, schemas, compiler: difference, beyond, mutant }
    }

    /// Everything that helps to find out what is behind a difference.
    fn show(&self, judged: &Judged) -> Result<()> {
        let Mutant { number, source, document, changes } = &judged.mutant;
        let folder = env::temp_dir().join("schema-agreement");
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{number}-{source}.json"));
        fs::write(&file, format!("{document:#}\n"))?;
        println!("\nan unlisted difference: {}", file.display());
        for change in changes {
            println!("  {} at {}", change.what, change.pointer);
        }
        println!("  the specification's schema: {:?} {:#?}", judged.official, self.judges.official.errors(document));
        println!("  the published schema: {:?} {:#?}", judged.ours, self.judges.ours.errors(document));
        println!("  the compiler: {:#?}", findings(&compiler(document)));
        Ok(())
    }
}

/// True where the compiler refuses what the schema refuses, and nothing else but what no schema can tell.
fn agrees(is_accepted: bool, report: &Report) -> bool {
    match is_accepted {
        true => against(report).all(|finding| is_beyond(finding.code)),
        false => !report.is_valid(),
    }
}

fn is_beyond(code: &str) -> bool {
    BEYOND.iter().any(|(beyond, _)| *beyond == code)
}

/// Takes out what is listed, each alone and then all together, until the two agree.
fn explain(document: &Value, table: &'static [Listed], agree: impl Fn(&Value) -> bool) -> Difference {
    let mut without_all = document.clone();
    for listed in table {
        let mut without = document.clone();
        (listed.remove)(&mut without);
        (listed.remove)(&mut without_all);
        if agree(&without) {
            return Difference::Listed(vec![listed]);
        }
    }
    match agree(&without_all) {
        true => Difference::Listed(table.iter().filter(|listed| changes(listed, document)).collect()),
        false => Difference::Unlisted,
    }
}

fn changes(listed: &Listed, document: &Value) -> bool {
    let mut without = document.clone();
    (listed.remove)(&mut without);
    without != *document
}

/// The differences between two judges.
struct Tally<'j> {
    listed: usize,
    reasons: BTreeMap<&'static str, (&'static str, usize)>,
    unlisted: Vec<&'j Judged>,
}

impl<'j> Tally<'j> {
    fn of(judged: &'j [Judged], difference: fn(&Judged) -> &Difference) -> Self {
        let mut tally = Self { listed: 0, reasons: BTreeMap::new(), unlisted: Vec::new() };
        for judged in judged {
            match difference(judged) {
                Difference::None => {}
                Difference::Listed(entries) => {
                    tally.listed += 1;
                    for entry in entries {
                        tally.reasons.entry(entry.name).or_insert((entry.reason, 0)).1 += 1;
                    }
                }
                Difference::Unlisted => tally.unlisted.push(judged),
            }
        }
        tally
    }

    fn print(&self, who: &str) {
        let count = self.listed + self.unlisted.len();
        println!("{who} differs from it in {count}, of which {} are listed", self.listed);
        for (name, (reason, count)) in &self.reasons {
            println!("  {count:>6}  {name}: {reason}");
        }
    }
}
