//! What expressions do, and that every one of them ends.

use super::*;

struct Names;

impl Scope for Names {
    fn variable(&self, name: &str) -> Option<Value> {
        match name {
            "context" => Some(value(r#"{"a":{"b":[1,2,3]}}"#)),
            "n" => Some(Value::from(7_i64)),
            _ => None,
        }
    }
}

fn value(json: &str) -> Value {
    Value::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn environment() -> Environment {
    Environment { now: Timestamp(1_700_000_000_500), budget: Budget::default() }
}

fn compile(text: &str) -> Filter {
    Filter::compile(text, &["context", "n"]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn check(text: &str, input: &str, output: &str) {
    let result = compile(text).evaluate(&value(input), &Names, &environment());
    assert_eq!(result.unwrap_or_else(|error| panic!("{text}: {error}")), value(output), "{text}");
}

/// On a stack of 1 MiB, as a thread of the host has at least.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(test).unwrap();
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

/// The expression is refused, or ends with an error or a value, and the value is small enough to be written.
fn ends(text: &str, input: &Value) {
    let Ok(filter) = Filter::compile(text, &["context", "n"]) else { return };
    if let Ok(value) = filter.evaluate(input, &Names, &environment()) {
        assert!(value.json_len() < 40_000_000, "{text}");
    }
}

#[test]
fn ordinary_jq_works() {
    check(".a.b[1]", r#"{"a":{"b":[1,2]}}"#, "2");
    check(".x // \"none\"", "{}", r#""none""#);
    check("\"Hello, \\(.name)!\"", r#"{"name":"Ada"}"#, r#""Hello, Ada!""#);
    check(". + {b: 2} * {c: {d: 1}}", r#"{"a":1}"#, r#"{"a":1,"b":2,"c":{"d":1}}"#);
    check("map(select(. > 1)) | add", "[1,2,3]", "5");
    check("to_entries | map(.key)", r#"{"x":1,"y":2}"#, r#"["x","y"]"#);
    check("with_entries(.value += 1)", r#"{"x":1}"#, r#"{"x":2}"#);
    check("[.[] | ascii_upcase] | join(\"-\")", r#"["a","b"]"#, r#""A-B""#);
    check("group_by(.k) | map(length)", r#"[{"k":1},{"k":2},{"k":1}]"#, "[2,1]");
    check("sort_by(.n) | map(.n)", r#"[{"n":3},{"n":1}]"#, "[1,3]");
    check("unique_by(.k) | length", r#"[{"k":1},{"k":1}]"#, "1");
    check("[limit(2; range(10))] + [first(range(5; 9))]", "0", "[0,1,5]");
}

#[test]
fn more_of_jq_works() {
    check("reduce .[] as $x (0; . + $x)", "[1,2,3]", "6");
    check("[foreach .[] as $x (0; . + $x)]", "[1,2,3]", "[1,3,6]");
    check("try error(\"x\") catch .", "0", r#""x""#);
    check("[.[]?]", "1", "[]");
    check("any(.[]; . > 2) and (all(.[]; . > 2) | not)", "[3,1]", "true");
    check("[range(0; 10; 3)]", "0", "[0,3,6,9]");
    check("[test(\"^a\"), (capture(\"(?<y>[0-9]+)\") | .y)]", r#""a12""#, r#"[true,"12"]"#);
    check("gsub(\"o\"; \"0\")", r#""foo""#, r#""f00""#);
    check("[paths]", r#"{"a":[1]}"#, r#"[["a"],["a",0]]"#);
    check("walk(if type == \"number\" then . + 1 else . end)", "[1,[2]]", "[2,[3]]");
    check("del(.a) | .b |= . * 2", r#"{"a":1,"b":4}"#, r#"{"b":8}"#);
    check("fromjson | tojson", r#""[1, 2]""#, r#""[1,2]""#);
    check("todate", "1700000000", r#""2023-11-14T22:13:20Z""#);
    check("[.[] as [$a, $b] | $a * $b]", "[[2,3],[4,5]]", "[6,20]");
    check("def double: . * 2; map(double)", "[1,2]", "[2,4]");
    check("until(. > 100; . * 2)", "1", "128");
    check("[splits(\", *\")]", r#""a, b,c""#, r#"["a","b","c"]"#);
    check("@base64 \"\\(.)\" | @base64d", r#""hi""#, r#""hi""#);
}

#[test]
fn a_number_is_the_same_before_and_after_it_was_stored() {
    for text in [
        "1.5",
        "1.50",
        "01.5",
        "00",
        "1e5",
        "1E5",
        "1e-7",
        "1e300",
        "1e999",
        "1e555555",
        "0.1234567890123456789",
        "-0.0",
        "-1e16",
    ] {
        for text in [text.to_string(), format!("{text} | tostring"), format!("[{text}] | tojson")] {
            let made = compile(&text).evaluate(&value("0"), &Names, &environment()).unwrap();
            let stored = made.to_json();
            let read = Value::from_json(&stored).unwrap_or_else(|error| panic!("{text} makes {made}: {error}"));
            assert_eq!(read.to_json(), stored, "{text}");
            let shown = |value: &Value| compile("tostring").evaluate(value, &Names, &environment()).unwrap();
            assert_eq!(shown(&read), shown(&made), "{text}");
        }
    }
}

#[test]
fn variables_and_the_moment_come_from_outside() {
    check("$context.a.b | length + $n", "null", "10");
    check("now | floor", "null", "1700000000");
    assert_eq!(compile(". + 1").variables_used(), &[] as &[String]);
    assert_eq!(compile("$n + $n").variables_used(), ["n"]);
}

#[test]
fn one_value_is_wanted() {
    check("empty", "1", "null");
    let error = compile(".[]").evaluate(&value("[1,2]"), &Names, &environment()).unwrap_err();
    assert!(error.to_string().contains("[ .[] ]"), "{error}");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let error = |text: &str| Filter::compile(text, &["context"]).unwrap_err();
    assert_eq!(error(". + $nope").at, Some(4));
    assert!(error(". + $nope").reason.contains("there are $context"));
    assert!(error("frobnicate(1)").reason.contains("no function `frobnicate` with 1 arguments"));
    assert!(error(". +").reason.contains("expected"));
    assert!(error("(").at.is_some());
    assert!(error("  ").reason.contains("empty"));
}

#[test]
fn nothing_outside_can_be_reached() {
    for text in [
        "env",
        "$ENV",
        "input",
        "inputs",
        "debug",
        "stderr",
        "halt",
        "halt_error",
        "localtime",
        "input_filename",
        "import \"a\" as a; 1",
    ] {
        assert!(Filter::compile(text, &[]).is_err(), "{text}");
    }
}

#[test]
fn texts_are_bounded() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let long = |bytes: usize| format!("1{}", " ".repeat(bytes - 1));
    assert!(Filter::compile(&nested(64), &[]).is_ok());
    assert!(Filter::compile(&nested(65), &[]).is_err());
    assert!(Filter::compile(&long(SOURCE_BYTES_MAX), &[]).is_ok());
    assert!(Filter::compile(&long(SOURCE_BYTES_MAX + 1), &[]).is_err());
    let sum = |terms: usize| format!("1{}", "+1".repeat(terms - 1));
    assert!(Filter::compile(&sum(100), &[]).is_ok());
    assert!(Filter::compile(&sum(101), &[]).is_err());
    let object = |members: usize| format!("{{{}}}", vec!["a: 1"; members].join(","));
    assert!(Filter::compile(&object(196), &[]).is_ok());
    assert!(Filter::compile(&object(197), &[]).is_err());
    assert!(Filter::compile("def f: f; f", &[]).unwrap_err().reason.contains("calls itself"));
    assert!(Filter::compile("def f: 1 + f; f", &[]).is_err());
    on_small_stack(|| {
        for part in [
            "1+",
            "1|",
            "-",
            "try ",
            ".a as $x|",
            "def f: 1; ",
            "if 1 then ",
            "1 as [$a]|",
            "reduce ",
            "\"\\(",
            "1,",
            "..|",
            "label $x|",
            "1//",
            "1?//",
        ] {
            for times in [20, 60, 100, 150, 300, 600] {
                ends(&format!("{}1", part.repeat(times)), &Value::null());
            }
        }
    });
}

/// Expressions that would hang, overflow the stack or eat the memory.
const BOMBS: &[&str] = &[
    "last(repeat(1))",
    "last(range(1e12))",
    "last(range(0; 1; 0))",
    "last(.[] as $a | .[] as $b | .[] as $c | .[] as $d | .[] as $e | .[] as $f | .[] as $g | 1)",
    "\"x\" * 1e9",
    "1e9 * \"x\"",
    ".[1e9] = 1",
    ".[100000000] |= 1",
    "null | .[100000000] = 1",
    "reduce range(40) as $i (\"x\"; . + .)",
    "reduce range(40) as $i (\"x\"; . * 2)",
    "reduce range(40) as $i (10; . * .)",
    "reduce range(100) as $i (1; [., .])",
    "reduce range(100) as $i (1; {a: ., b: .})",
    "reduce range(1e5) as $i (1; [.])",
    "reduce range(1e5) as $i (1; {a: .})",
    "[limit(1e9; repeat(1))]",
    "[range(1e7)] | add",
    "[range(3e6)]",
    "until(false; .)",
    "last(while(true; .))",
    "last(recurse(.))",
    "last(recurse(. + 1; . >= 0))",
    "[recurse(if . < 1e6 then . + 1 else empty end)] | length",
    "[..] | [..] | [..] | [..] | [..]",
    "[combinations(9)]",
    "[.,.,.,.,.,.,.,.,.] | [combinations]",
    "last(try repeat(1) catch 1)",
    "last(repeat(try error(1) catch 2))",
    "[.[] | tojson] | reduce range(30) as $i (.; . + .) | join(\"\")",
    "\"9\" * 100000 | fromjson",
    "\"[\" * 100000 | fromjson",
    "reduce range(1e6) as $i (\"\"; . + \"xxxxxxxxxx\")",
    "reduce range(1e6) as $i ([]; . + [$i])",
    "reduce range(40) as $i ([1]; . + .) | sort | unique | group_by(.)",
    "\"a\" * 1e6 | gsub(\"a\"; \"bb\")",
    "\"a\" * 1e6 | [splits(\"a\")] | length",
    "\"a{1000}{1000}{1000}\" as $r | test($r)",
    "[range(1000)] | [.[] as $x | index($x)] | length",
    "getpath([range(1000) | \"a\"])",
    "setpath([range(1000) | \"a\"]; 1)",
    "reduce range(1000) as $i (null; setpath([range($i) | \"a\"]; 1))",
    "\"\\(reduce range(60) as $i (1; [., .]))\"",
    "first(repeat(empty))",
    "isempty(repeat(empty))",
    "[limit(3; repeat(empty))]",
    "label $f | repeat(1 | if false then break $f else empty end)",
    "pow(2; 1e9)",
    "exp10 | tostring",
    "1e1000 | tojson",
    "[range(1e5)] | map([range(1e5)])",
    "input_line_number",
    "ltrimstr(\"x\" * 1e6)",
    "[range(1e5)] | tojson | fromjson | tojson",
    "paths(..)",
    "flatten(1e9)",
    "[[[[[[[[.]]]]]]]] | flatten",
    "transpose",
    "[range(2000)] | combinations(2)",
    "ascii(1)",
    "@json * 100",
    "@text * 1000000",
    "[range(1e5) | tostring] | join(\",\")",
    "[range(1e4)] | map(. as $x | [range(1e4)] | contains([$x]))",
    "bsearch(1)",
    "tojson | explode | implode",
    "[splits(\"\")]",
    "def f(g): g | g; f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(.)))))))))))))))))))))))))",
    "def a: .,.; def b: a|a|a|a; def c: b|b|b|b; def d: c|c|c|c; last(d|d|d|d)",
];

#[test]
fn every_known_bomb_ends() {
    on_small_stack(|| {
        let input = value("[0,1,2,3,4,5,6,7,8,9]");
        let large = Value::array((0..100_000_i64).map(Value::from));
        for text in BOMBS {
            ends(text, &input);
            ends(text, &large);
        }
    });
}

#[test]
fn what_is_over_its_budget_says_so_even_inside_a_try() {
    for text in ["last(repeat(1))", "last(range(1e12))", "[limit(5; repeat(1))] | try last(repeat(1)) catch 7"] {
        let error = compile(text).evaluate(&Value::null(), &Names, &environment()).unwrap_err();
        assert!(matches!(error, EvaluationError::OverBudget { .. }), "{text}: {error}");
    }
}

#[test]
fn a_budget_is_used_up_at_its_limit_and_not_before() {
    let with = |elements, text: &str| {
        let budget = Budget { elements, ..Budget::default() };
        compile(text).evaluate(&Value::null(), &Names, &Environment { budget, ..environment() })
    };
    assert!(with(100, "last(range(100))").is_ok());
    assert!(with(99, "last(range(100))").is_err());
}

#[test]
fn templates_share_what_is_constant_and_look_at_data_once() {
    let template = |json: &str| Template::compile(&value(json), &["n"], Mode::Strict).unwrap();
    let constant = template(r#"{"a":[1,"$ {x}"]}"#);
    assert!(constant.is_constant());
    let mixed = template(r#"{"a":"${ .x }","b":["${ $n }","n"]}"#);
    let output = mixed.evaluate(&value(r#"{"x":"${ 1 + 1 }"}"#), &Names, &environment()).unwrap();
    assert_eq!(output, value(r#"{"a":"${ 1 + 1 }","b":[7,"n"]}"#));
    let (place, _) = Template::compile(&value(r#"{"a":["${ $nope }"]}"#), &["n"], Mode::Strict).unwrap_err();
    assert_eq!(place.as_str(), "/a/0");
    let loose = Template::compile(&value(r#"".x""#), &[], Mode::Loose).unwrap();
    assert_eq!(loose.evaluate(&value(r#"{"x":1}"#), &Names, &environment()).unwrap(), value("1"));
}
