//! What an expression costs over a shared context, what metering adds to it, and how long the worst ones take until they are stopped.

use std::hint::black_box;

use anyhow::{Result, anyhow, ensure};
use jaq_json::Val;
use sandmill_core::expression::{Budget, Environment, Filter, Scope};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_speed::figures::{median, millis, thread_cpu, time_us};
use sandmill_speed::report::{Report, Target};

use crate::plain::{PlainFilter, plain_value};
use crate::workflow::data_of;

/// Context sizes, the second of which the figures are of.
const CONTEXT_BYTES: [usize; 3] = [100_000, 1_060_000, 10_000_000];

/// Rounds, in which ours and plain ones take turns.
const ROUNDS: usize = 41;

/// A name, an expression, how often it is evaluated in a round, and whether it looks at no more than a path of the context.
const EXPRESSIONS: [(&str, &str, u32, bool); 4] = [
    ("path", "$context.order.customer.name", 10_000, true),
    (
        "interpolation",
        "\"Dear \\($context.order.customer.name), item \\(.n) of \\($context.order.total)\"",
        4_000,
        true,
    ),
    ("filter", "[$context.files[] | select(.size > 10000) | .path]", 20, false),
    ("merge", "$context + {extra: .}", 2_000, false),
];

/// Rule 19: what would hang, overflow the stack or eat the memory.
const BOMBS: &[&str] = &[
    "last(repeat(1))",
    "last(range(1e12))",
    "last(.[] as $a | .[] as $b | .[] as $c | 1)",
    "def f: f; f",
    "def f: 1 + f; f",
    "\"x\" * 1e9",
    ".[1e9] = 1",
    "reduce range(40) as $i (\"x\"; . + .)",
    "reduce range(40) as $i (10; . * .)",
];

/// More of the kind, from the tests of expressions.
const MORE_BOMBS: &[&str] = &[
    "last(.[] as $a | .[] as $b | .[] as $c | .[] as $d | .[] as $e | .[] as $f | .[] as $g | 1)",
    "last(recurse(. + 1; . >= 0))",
    "[limit(1e9; repeat(1))]",
    "[range(3e6)]",
    "until(false; .)",
    "reduce range(100) as $i (1; [., .])",
    "reduce range(1e6) as $i ([]; . + [$i])",
    "reduce range(1e6) as $i (\"\"; . + \"xxxxxxxxxx\")",
    "[.,.,.,.,.,.,.,.,.] | [combinations]",
    "def a: .,.; def b: a|a|a|a; def c: b|b|b|b; def d: c|c|c|c; last(d|d|d|d)",
    "\"a\" * 1e6 | gsub(\"a\"; \"bb\")",
    "[range(1e4)] | map(. as $x | [range(1e4)] | contains([$x]))",
];

struct Context(Value);

impl Scope for Context {
    fn variable(&self, name: &str) -> Option<Value> {
        (name == "context").then(|| self.0.clone())
    }
}

/// Runs the bench.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let mut metered_most: f64 = f64::NEG_INFINITY;
    for (name, text, times, is_path) in EXPRESSIONS {
        let filter = Filter::compile(text, &["context"]).map_err(|error| anyhow!("{text}: {error}"))?;
        let plain = PlainFilter::compile(text)?;
        let mut by_size = Vec::new();
        for bytes in CONTEXT_BYTES {
            let side = Side { filter: &filter, plain: &plain, is_path };
            let times = if is_path { times } else { (times / u32::try_from(bytes / 100_000)?).max(1) };
            by_size.push(side.measure(bytes, times)?);
        }
        for (bytes, (ours, plain, _)) in CONTEXT_BYTES.iter().zip(&by_size) {
            report.row(&format!("{name}, {bytes} bytes, us"), *ours, Target::Baseline);
            report.row(&format!("{name}, {bytes} bytes, not metered, us"), *plain, Target::Baseline);
        }
        let (ours, _, metering) = by_size[1];
        let target = if name == "path" { Target::AtMost(2.0) } else { Target::Baseline };
        report.result(&format!("expr_{name}_us"), ours, target);
        report.row(&format!("{name}, metering, %"), metering, Target::Baseline);
        if is_path {
            metered_most = metered_most.max(metering);
            report.result(&format!("expr_{name}_growth"), by_size[2].0 / by_size[0].0, Target::AtMost(1.1));
        }
    }
    report.result("expr_metering_pct", metered_most, Target::AtMost(5.0));
    let worst_known = worst(report, BOMBS)?;
    let worst_of_more = worst(report, MORE_BOMBS)?;
    report.result("expr_worst_ms", worst_known, Target::AtMost(100.0));
    report.result("expr_worst_of_more_ms", worst_of_more, Target::Baseline);
    Ok(())
}

/// One expression, ours and plain.
struct Side<'a> {
    filter: &'a Filter,
    plain: &'a PlainFilter,
    is_path: bool,
}

impl Side<'_> {
    /// Microseconds of ours, of a plain one, and what ours has more, in per cent: the median over rounds of both, one after the other.
    fn measure(&self, bytes: usize, times: u32) -> Result<(f64, f64, f64)> {
        let data = data_of(bytes);
        let context = plain_value(&data.to_json())?;
        let scope = Context(data);
        let (input, plain_input) = (Value::object([("n", Value::from(7_i64))]), plain_value(b"{\"n\":7}")?);
        self.check(&scope, &input, &context, &plain_input)?;
        let environment = environment();
        let (mut ours, mut plain, mut more) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let metered = || {
                time_us(times, || {
                    let value = self.filter.evaluate(black_box(&input), &scope, &environment);
                    drop(black_box(value));
                })
            };
            let unmetered =
                || time_us(times, || drop(black_box(self.plain.evaluate(black_box(&plain_input), &context))));
            // Who comes first changes, for the second finds warmer caches.
            let (first, second) = if round % 2 == 0 {
                let first = metered();
                (first, unmetered())
            } else {
                let second = unmetered();
                (metered(), second)
            };
            ours.push(first);
            plain.push(second);
            more.push((first / second - 1.0) * 100.0);
        }
        Ok((median(&ours), median(&plain), median(&more)))
    }

    fn check(&self, scope: &Context, input: &Value, context: &Val, plain_input: &Val) -> Result<()> {
        let ours = self.filter.evaluate(input, scope, &environment()).map_err(|error| anyhow!("{error}"))?;
        let plain =
            self.plain.evaluate(plain_input, context).ok_or_else(|| anyhow!("the plain filter gave nothing"))?;
        ensure!(
            !self.is_path || ours.to_json() == plain.to_string().into_bytes(),
            "the two do not agree: {ours}, {plain}"
        );
        Ok(())
    }
}

fn environment() -> Environment {
    Environment { now: Timestamp(0), budget: Budget::default() }
}

/// The longest time, in milliseconds, that one of the bombs takes to be stopped, over a small input and over a large one.
fn worst(report: &mut Report, bombs: &[&'static str]) -> Result<f64> {
    let small = Value::array((0..10_i64).map(Value::from));
    let large = Value::array((0..100_000_i64).map(Value::from));
    let scope = Context(Value::null());
    let mut times: Vec<(f64, &str)> = Vec::new();
    for text in bombs {
        // One that is refused when it is compiled is stopped as well.
        let longest = [&small, &large].map(|input| {
            let begin = thread_cpu();
            if let Ok(filter) = Filter::compile(text, &["context"]) {
                drop(black_box(filter.evaluate(input, &scope, &environment())));
            }
            millis(thread_cpu().saturating_sub(begin))
        });
        times.push((longest[0].max(longest[1]), text));
    }
    times.sort_by(|left, right| right.0.total_cmp(&left.0));
    for (time, text) in times.iter().take(3) {
        report.row(&format!("stopped, ms: {text}"), *time, Target::Baseline);
    }
    times.first().map(|(time, _)| *time).ok_or_else(|| anyhow!("there are no bombs"))
}
