//! Random workflows over every kind of task, made from a seed.
//!
//! Each comes to one outcome, whatever order things happen in: a plugin's answer follows from its config, no timeout is short enough to matter, and
//! nothing races. `racing` workflows leave that out, and are held to everything but their outcome.

use std::sync::Arc;

use sandmill_core::definition::Definition;
use sandmill_testkit::{Random, define};

/// How deep tasks are nested.
const DEPTH_MAX: u32 = 3;

pub(super) struct Maker<'a> {
    random: &'a Random,
    names: u32,
    is_racing: bool,
}

/// A workflow from the numbers of a source.
pub(super) fn make(random: &Random, is_racing: bool) -> Arc<Definition> {
    let mut maker = Maker { random, names: 0, is_racing };
    define(&maker.list(0, "[1,2,3]"))
}

impl Maker<'_> {
    fn list(&mut self, depth: u32, items: &str) -> String {
        let count = 1 + self.random.below(if depth == 0 { 5 } else { 2 });
        let tasks: Vec<String> = (0..count).map(|_| self.task(depth, items)).collect();
        format!("[{}]", tasks.join(","))
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("t{}", self.names)
    }

    fn task(&mut self, depth: u32, items: &str) -> String {
        let name = self.name();
        format!(r#"{{"{name}":{}}}"#, self.body(depth, items))
    }

    fn body(&mut self, depth: u32, items: &str) -> String {
        let is_leaf = depth >= DEPTH_MAX || self.random.per_mille(500);
        if is_leaf { self.leaf() } else { self.branch(depth + 1, items) }
    }

    fn leaf(&mut self) -> String {
        let number = self.random.below(1_000);
        match self.random.below(10) {
            0..=3 => format!(r#"{{"call":"work","with":{{"n":{number},"of":"${{ . | tostring | length }}"}}}}"#),
            4 => format!(
                r#"{{"call":"work","with":{{"large":"${{ [range(120)] }}","n":{number}}},"export":{{"as":"${{ {{kept: ., n: {number}}} }}"}}}}"#
            ),
            5 => r#"{"set":{"size":"${ $context | tostring | length }"}}"#.into(),
            6 => format!(r#"{{"wait":{{"milliseconds":{}}}}}"#, number * 5),
            7 => format!(r#"{{"wait":{{"seconds":{}}}}}"#, 10 + number),
            8 => {
                r#"{"if":"${ ($context | tostring | length) % 2 == 0 }","call":"work","with":{"skipped":false}}"#.into()
            }
            _ => format!(
                r#"{{"set":{{"n":{number}}},"export":{{"as":"${{ {{n: .n, before: ($context | tostring | length)}} }}"}}}}"#
            ),
        }
    }

    fn branch(&mut self, depth: u32, items: &str) -> String {
        match self.random.below(7) {
            0 => format!(r#"{{"do":{}}}"#, self.list(depth, items)),
            1 => format!(r#"{{"for":{{"in":"${{ {items} }}"}},"do":{}}}"#, self.list(depth, items)),
            2 => {
                let strategy = if self.is_racing { "failFast" } else { self.random.choose(&["bestEffort", "waitAll"]) };
                let concurrency = 1 + self.random.below(4);
                let list = self.pure_list(depth);
                format!(
                    r#"{{"for":{{"in":"${{ [range(5)] }}"}},"do":{list},
                         "metadata":{{"for":{{"mode":"map","concurrency":{concurrency},"strategy":"{strategy}"}}}}}}"#
                )
            }
            3 => {
                let branches: Vec<String> = (0..=self.random.below(3)).map(|_| self.task(depth, items)).collect();
                let competes = self.is_racing && self.random.per_mille(500);
                format!(r#"{{"fork":{{"compete":{competes},"branches":[{}]}}}}"#, branches.join(","))
            }
            4 | 5 => self.attempt(depth, items),
            _ => {
                let timeout = if self.is_racing { 5 } else { 1_000_000_000 };
                format!(r#"{{"timeout":{{"after":{{"seconds":{timeout}}}}},"do":{}}}"#, self.list(depth, items))
            }
        }
    }

    /// Tasks of a parallel map: a call, that fails for some items.
    fn pure_list(&mut self, depth: u32) -> String {
        let fails = self.random.choose(&["false", "$item == 3", "$item == 1"]);
        let fail = format!(r#""${{ if {fails} then \"for good\" else null end }}""#);
        let call = format!(r#"{{"c":{{"call":"work","with":{{"n":"${{ $item }}","fail":{fail}}}}}}}"#);
        if depth >= DEPTH_MAX {
            format!("[{call}]")
        } else {
            format!(r#"[{{"w":{{"wait":{{"milliseconds":50}}}}}},{call}]"#)
        }
    }

    fn attempt(&mut self, depth: u32, items: &str) -> String {
        let (fail, name) = (self.random.choose(&["retryable", "for good"]), self.name());
        let failing = match self.random.below(3) {
            0 => format!(r#"{{"{name}":{{"call":"work","with":{{"fail":"{fail}"}}}}}}"#),
            1 => format!(r#"{{"{name}":{{"raise":{{"error":{{"type":"urn:wanted","status":418}}}}}}}}"#),
            _ => self.task(depth, items),
        };
        let (before, retries) = (self.task(depth, items), self.random.below(3));
        let retry = format!(
            r#""retry":{{"delay":{{"milliseconds":{}}},"limit":{{"attempt":{{"count":{retries}}}}}}},"#,
            self.random.below(20_000)
        );
        let retry = if self.random.per_mille(600) { retry } else { String::new() };
        format!(r#"{{"try":[{before},{failing}],"catch":{{{retry}"do":{}}}}}"#, self.list(depth, items))
    }
}
