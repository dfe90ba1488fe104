//! The rules of each kind of task, each with a document that keeps it and one that breaks it.

use super::kit::{check, check_suggestion, found, rule, task};

#[test]
fn set_sets_something() {
    check(&task("{ set: '${ .x }' }"), &[]);
    rule("{ set: text }", "{ set: {} }", "2:15 /do/0/a/set invalid: `set` sets nothing");
    check(
        &task("{ set: 5 }"),
        &["2:15 /do/0/a/set invalid: `set` must be an object or an expression, and is a number"],
    );
}

#[test]
fn a_switch_has_cases_and_one_default() {
    rule(
        "{ switch: [ { x: { when: .x, then: end } }, { y: { then: end } } ] }",
        "{ switch: [ { x: { then: end } }, { y: { then: end } } ] }",
        "2:44 /do/0/a/switch/1/y invalid: a `switch` has one case without `when`, and `x` is one already",
    );
    check(&task("{ switch: [] }"), &["2:18 /do/0/a/switch invalid: `switch` needs a case"]);
    check(&task("{ switch: [ { x: { when: .x } } ] }"), &["2:22 /do/0/a/switch/0/x invalid: a case needs `then`"]);
}

#[test]
fn a_loop_has_a_collection_and_variables() {
    check(
        &task("{ for: { each: x, at: i, in: '${ .x }' }, while: '$x > $i', do: [ { b: { set: { c: '${ $x }' } } } ] }"),
        &[],
    );
    rule(
        "{ for: { in: [ { x: 1 } ] }, do: [] }",
        "{ for: { in: [ 1 ] }, do: [] }",
        "2:23 /do/0/a/for/in/0 invalid: an element of an array in `in` must be an object",
    );
    check(&task("{ for: { in: .x } }"), &["2:5 /do/0/a invalid: a `for` task needs `do`"]);
    check(&task("{ for: {}, do: [] }"), &["2:10 /do/0/a/for invalid: `for` needs `in`"]);
    check(
        &task("{ for: { in: 5 }, do: [] }"),
        &["2:21 /do/0/a/for/in invalid: `in` must be an expression or an array of objects, and is a number"],
    );
    check(
        &task("{ for: { each: input, in: .x }, do: [] }"),
        &["2:23 /do/0/a/for/each not deployable: `$input` is an argument of every expression already"],
    );
    check(
        &task("{ for: { each: my-item, in: .x }, do: [] }"),
        &["2:23 /do/0/a/for/each not deployable: no expression can use a variable of the name `my-item`"],
    );
    check(
        &task("{ for: { each: index, in: .x }, do: [] }"),
        &["2:17 /do/0/a/for/each not deployable: the item and its index are both named `index`"],
    );
}

/// A parallel map with these options and this list.
fn map(options: &str, rest: &str) -> String {
    format!("do:\n  - a:\n      metadata: {{ for: {options} }}\n      for: {{ in: .x }}\n{rest}")
}

const MAP_LINT: &str =
    "3:19 /do/0/a/metadata/for lint: a runtime that does not know `metadata.for` runs this loop sequentially";

#[test]
fn a_parallel_map_says_how_it_runs() {
    for good in ["{ mode: map }", "{ mode: map, concurrency: 1, batch: 100, strategy: 'atLeast:3', ordered: false }"] {
        check(&map(good, "      do: []\n"), &[MAP_LINT]);
    }
    for (bad, findings) in [
        ("{}", &["3:19 /do/0/a/metadata/for not deployable: `metadata.for` needs a `mode`"][..]),
        (
            "{ mode: reduce }",
            &["3:32 /do/0/a/metadata/for/mode not deployable: `mode` must be `map`, and is \"reduce\""],
        ),
        (
            "{ mode: map, concurrency: 0 }",
            &[
                MAP_LINT,
                "3:50 /do/0/a/metadata/for/concurrency not deployable: `concurrency` must be a whole number from 1 to 1000000, and is 0",
            ],
        ),
        (
            "{ mode: map, batch: x }",
            &[
                MAP_LINT,
                "3:44 /do/0/a/metadata/for/batch not deployable: `batch` must be a whole number from 1 to 1000000, and is \"x\"",
            ],
        ),
        (
            "{ mode: map, strategy: fast }",
            &[MAP_LINT, "3:47 /do/0/a/metadata/for/strategy not deployable: \"fast\" is no strategy"],
        ),
        (
            "{ mode: map, ordered: 1 }",
            &[MAP_LINT, "3:46 /do/0/a/metadata/for/ordered not deployable: `ordered` must be a boolean"],
        ),
        (
            "{ mode: map, concurency: 1 }",
            &[
                MAP_LINT,
                "3:37 /do/0/a/metadata/for/concurency not deployable: `concurency` is no property of `metadata.for`",
            ],
        ),
    ] {
        check(&map(bad, "      do: []\n"), findings);
    }
    check(
        &map("{ mode: map }", "      while: .x\n      do: []\n"),
        &[
            MAP_LINT,
            "5:7 /do/0/a/while not deployable: a parallel map has no `while`: there is no iteration before another",
        ],
    );
    check(
        &map("{ mode: map }", "      do: [ { b: { do: [ { c: { set: { d: 1 }, export: { as: . } } } ] } } ]\n"),
        &[
            MAP_LINT,
            "5:48 /do/0/a/do/0/b/do/0/c/export not deployable: a task of a parallel map cannot export: the items run at the same time, over one context",
        ],
    );
}

#[test]
fn a_fork_has_branches() {
    check(&task("{ fork: { compete: true, branches: [ { b: { do: [] } } ] } }"), &[]);
    check(
        &task("{ fork: { compete: 1, branches: [] } }"),
        &["2:27 /do/0/a/fork/compete invalid: `compete` must be a boolean, and is a number"],
    );
    check(&task("{ fork: {} }"), &["2:10 /do/0/a/fork invalid: `fork` needs `branches`"]);
}

const FORK_LINT: &str = "2:65 /do/0/a/metadata/fork lint: a runtime that does not know `metadata.fork` runs all branches at once, and the first fault ends them";

/// A fork of two branches with a policy.
fn fork(compete: &str, policy: &str) -> String {
    task(&format!("{{ fork: {{ branches: [ {{ b: {{ do: [] }} }} ]{compete} }}, metadata: {{ fork: {policy} }} }}"))
}

#[test]
fn a_fork_has_a_policy() {
    for good in ["{}", "{ strategy: waitAll, maxConcurrency: 1 }", "{ critical: [b] }", "{ strategy: 'atLeast:1' }"] {
        check(&fork("", good), &[FORK_LINT]);
    }
    for (bad, at, finding) in [
        ("{ strategy: race }", "83 /do/0/a/metadata/fork/strategy", "\"race\" is no strategy"),
        ("{ strategy: 'atLeast:2' }", "83 /do/0/a/metadata/fork/strategy", "2 of 1 branches can never succeed"),
        ("{ critical: [c] }", "84 /do/0/a/metadata/fork/critical/0", "the fork has no branch \"c\""),
        (
            "{ critical: b }",
            "83 /do/0/a/metadata/fork/critical",
            "`critical` must be an array of the names of branches",
        ),
        (
            "{ maxConcurrency: 0 }",
            "89 /do/0/a/metadata/fork/maxConcurrency",
            "`maxConcurrency` must be a whole number from 1 to 1000000, and is 0",
        ),
        ("{ window: 1 }", "73 /do/0/a/metadata/fork/window", "`window` is no property of `metadata.fork`"),
    ] {
        check(&fork("", bad), &[FORK_LINT, &format!("2:{at} not deployable: {finding}")]);
    }
    let both = fork(", compete: true", "{ strategy: waitAll }");
    assert!(!found(&both).is_deployable(), "a race has no strategy");
    let both = fork("", "{ strategy: waitAll, critical: [b] }");
    assert!(!found(&both).is_deployable(), "critical branches make the others best effort");
    check(
        &task("{ do: [], metadata: { fork: {} } }"),
        &["2:30 /do/0/a/metadata/fork lint: `metadata.fork` has an effect on `fork` tasks only"],
    );
}

#[test]
fn a_try_catches() {
    check(
        &task(
            "{ try: [], catch: { errors: { with: { type: 'x:y', status: 500, title: t, detail: d, instance: /do } }, as: e, when: '$e.status > 1', exceptWhen: .x, do: [ { b: { set: { c: '${ $e }' } } } ], then: end } }",
        ),
        &[],
    );
    check(&task("{ try: [] }"), &["2:5 /do/0/a invalid: a `try` task needs `catch`"]);
    check(
        &task("{ try: [], catch: { errors: { with: {} } } }"),
        &["2:44 /do/0/a/catch/errors/with invalid: an error filter needs a member"],
    );
    check(
        &task("{ try: [], catch: { errors: { with: { status: '5' } } } }"),
        &["2:54 /do/0/a/catch/errors/with/status invalid: `status` must be a whole number, and is text"],
    );
    check(
        &task("{ try: [], catch: { errors: { with: { code: 5 } } } }"),
        &["2:46 /do/0/a/catch/errors/with/code not deployable: `code` is no property of an error filter"],
    );
    check(
        &task("{ try: [], catch: { then: b } }"),
        &["2:34 /do/0/a/catch/then invalid: there is no task `b` in this list"],
    );
}

#[test]
fn a_retry_policy_is_inline_or_named() {
    let retry = |policy: &str| task(&format!("{{ try: [], catch: {{ retry: {policy} }} }}"));
    for good in [
        "{}",
        "{ when: '$error.status > 1', exceptWhen: .x, delay: PT1S, backoff: { constant: {} }, jitter: { from: PT0S, to: PT1S } }",
        "{ backoff: { exponential: { multiplier: 1.5, maxDelay: PT1M } }, limit: { attempt: { count: 3, duration: PT1S }, duration: PT1M } }",
        "{ backoff: { linear: { increment: PT1S } } }",
    ] {
        check(&retry(good), &[]);
    }
    for (bad, finding) in [
        ("nope", "2:35 /do/0/a/catch/retry invalid: `use.retries` does not define `nope`"),
        (
            "{ backoff: {} }",
            "2:37 /do/0/a/catch/retry/backoff invalid: `backoff` needs `constant`, `exponential` or `linear`",
        ),
        (
            "{ backoff: { linear: {}, constant: {} } }",
            "2:48 /do/0/a/catch/retry/backoff/linear invalid: `backoff` has either `constant` or `linear`, and not both",
        ),
        (
            "{ backoff: { exponential: { multiplier: 0 } } }",
            "2:75 /do/0/a/catch/retry/backoff/exponential/multiplier not deployable: `multiplier` must be a number from 1 to 1000, and is 0",
        ),
        (
            "{ backoff: { exponential: { factor: 2 } } }",
            "2:63 /do/0/a/catch/retry/backoff/exponential/factor not deployable: `factor` is no property of `exponential`",
        ),
        (
            "{ limit: { attempt: { count: -1 } } }",
            "2:64 /do/0/a/catch/retry/limit/attempt/count invalid: `count` must not be negative, and is -1",
        ),
        (
            "{ jitter: { from: PT2S, to: PT1S } }",
            "2:45 /do/0/a/catch/retry/jitter invalid: `from` of a jitter must not be longer than `to`",
        ),
        ("{ jitter: { from: PT2S } }", "2:37 /do/0/a/catch/retry/jitter invalid: `jitter` needs `to`"),
        ("{ limits: {} }", "2:37 /do/0/a/catch/retry/limits invalid: `limits` is no property of a retry policy"),
    ] {
        check(&retry(bad), &[finding]);
    }
    let named = |variable: &str| {
        format!(
            "use: {{ retries: {{ r: {{ when: '$error.status > 1' }} }} }}\n{}",
            task(&format!("{{ try: [], catch: {{ as: {variable}, retry: r }} }}"))
        )
    };
    check(&named("error"), &[]);
    check(
        &named("e"),
        &[
            "1:31 /use/retries/r/when invalid: the expression does not compile: there is no variable `$error` here; there are $context, $input, $task, $workflow, $runtime, $e",
        ],
    );
}

#[test]
fn an_error_is_raised_inline_or_by_name() {
    let error = "use: { errors: { e: { type: 'x:y', status: 500 } } }\n";
    check(&format!("{error}do: [ {{ a: {{ raise: {{ error: e }} }} }} ]\n"), &[]);
    check(
        &task("{ raise: { error: { type: '${ .x }', status: 500, title: t, detail: '${ .x }', instance: /a } } }"),
        &[],
    );
    for (bad, finding) in [
        ("e", "2:26 /do/0/a/raise/error invalid: `use.errors` does not define `e`"),
        ("{ type: 'x:y' }", "2:19 /do/0/a/raise/error invalid: an error needs `status`"),
        (
            "{ type: 'x:y', status: '5' }",
            "2:49 /do/0/a/raise/error/status invalid: `status` must be a whole number, and is text",
        ),
        (
            "{ type: 'x y', status: 5 }",
            "2:34 /do/0/a/raise/error/type invalid: `type` must be a URI or an expression, and is `x y`",
        ),
        (
            "{ type: 'x:y', status: 5, instance: a }",
            "2:62 /do/0/a/raise/error/instance invalid: `instance` must be a JSON Pointer, and is `a`",
        ),
    ] {
        check(&task(&format!("{{ raise: {{ error: {bad} }} }}")), &[finding]);
    }
}

#[test]
fn a_call_finds_its_plugin_in_the_catalog() {
    for good in [
        "{ call: 'greet:1.0.0@default' }",
        "{ call: greet, with: { x: 1 } }",
        "{ call: 'report@default' }",
        "{ call: wasm, with: { plugin: greet, version: 1.0.0, input: [1] } }",
    ] {
        check(&task(good), &[]);
    }
    check_suggestion(
        &task("{ call: 'greet:2.0.0@default' }"),
        "2:16 /do/0/a/call not deployable: the plugin `greet` has no version `2.0.0`",
        "the newest version is 1.1.0",
    );
    check_suggestion(
        &task("{ call: great }"),
        "2:16 /do/0/a/call not deployable: the catalog has no plugin `great`",
        "did you mean `greet`?",
    );
    check_suggestion(
        &task("{ call: 'greet:1.0.0' }"),
        "2:16 /do/0/a/call not deployable: `greet:1.0.0` is no name of a plugin: lower-case letters, digits and inner hyphens",
        "write `greet:1.0.0@default`",
    );
    for (bad, finding) in [
        ("{ call: 'greet:1.0.0@other' }", "2:16 /do/0/a/call invalid: `use.catalogs` does not define `other`"),
        ("{ call: greet, with: 5 }", "2:29 /do/0/a/with invalid: `with` must be an object, and is a number"),
        (
            "{ call: 'https://example.com/f.yaml' }",
            "2:16 /do/0/a/call not deployable: this host takes functions from catalogs only, and this is no address of one in a catalog",
        ),
        ("{ call: wasm }", "2:5 /do/0/a not deployable: `call: wasm` needs `with` to name the plugin"),
        (
            "{ call: wasm, with: { input: {} } }",
            "2:22 /do/0/a/with not deployable: `with` of `call: wasm` needs `plugin`",
        ),
        (
            "{ call: wasm, with: { plugin: greet, inputs: {} } }",
            "2:45 /do/0/a/with/inputs not deployable: `inputs` is no property of `with` of `call: wasm`",
        ),
    ] {
        check(&task(bad), &[finding]);
    }
}

#[test]
fn attempts_and_defaults_stand_in_metadata() {
    check(
        &task(
            "{ call: greet, metadata: { mine: 1, task: { retry: { attempts: 5, delay: PT2S, factor: 3, maxDelay: PT1M } } } }",
        ),
        &[],
    );
    check(
        &task("{ call: greet, metadata: { task: { limits: {}, retry: { attempts: 0 }, retries: 1 } } }"),
        &[
            "2:43 /do/0/a/metadata/task/limits not deployable: this host does not support `metadata.task.limits` yet",
            "2:74 /do/0/a/metadata/task/retry/attempts not deployable: `attempts` must be a whole number from 1 to 1000, and is 0",
            "2:79 /do/0/a/metadata/task/retries not deployable: `retries` is no property of `metadata.task`",
        ],
    );
    check(
        &task("{ set: { b: 1 }, metadata: { for: { mode: map } } }"),
        &["2:37 /do/0/a/metadata/for lint: `metadata.for` has an effect on `for` tasks only"],
    );
    let document = |metadata: &str| {
        let head = super::kit::HEAD;
        crate::definition::validate(format!("{head}  metadata: {metadata}\ndo: []\n").as_bytes())
    };
    assert!(
        document("{ defaults: { timeout: PT1M, retry: { attempts: 2 } }, retention: { days: 3 }, mine: 1 }")
            .is_deployable()
    );
    for refused in ["{ schedule: {} }", "{ cancellation: {} }", "{ defaults: { x: 1 } }", "{ retention: 5 }"] {
        assert!(!document(refused).is_deployable(), "{refused}");
    }
}

#[test]
fn what_is_valid_and_not_supported_says_so() {
    for (part, finding) in [
        (
            "{ call: http, with: { method: get, endpoint: 'https://example.com' } }",
            "2:16 /do/0/a/call not deployable: this host does not support `call: http` yet",
        ),
        (
            "{ emit: { event: { with: { type: t } } } }",
            "2:10 /do/0/a/emit not deployable: this host does not support `emit` yet",
        ),
        (
            "{ listen: { to: { one: { with: { type: t } } } } }",
            "2:10 /do/0/a/listen not deployable: this host does not support `listen` yet",
        ),
        (
            "{ run: { shell: { command: ls } } }",
            "2:17 /do/0/a/run/shell not deployable: this host does not support `run.shell` yet",
        ),
    ] {
        check(&task(part), &[finding]);
    }
    for (part, finding) in [
        (
            "schedule: { cron: '0 0 * * *' }\n",
            "1:1 /schedule not deployable: this host does not support `schedule` yet",
        ),
        ("use: { secrets: [ s ] }\n", "1:8 /use/secrets not deployable: this host does not support `use.secrets` yet"),
        (
            "evaluate: { language: js }\n",
            "1:23 /evaluate/language not deployable: this host evaluates expressions in `jq`, and not in `js`",
        ),
    ] {
        check(&format!("{part}do: []\n"), &[finding]);
    }
}

#[test]
fn what_is_not_supported_is_checked_all_the_same() {
    for (part, message) in [
        ("{ call: http, with: { method: get } }", "`with` of `call: http` needs `endpoint`"),
        (
            "{ call: http, with: { method: get, endpoint: 'a b' } }",
            "an endpoint must be a URI or an expression, and is `a b`",
        ),
        (
            "{ call: http, with: { method: get, endpoint: { uri: 'x:y', authentication: { use: u } } } }",
            "`use.authentications` does not define `u`",
        ),
        (
            "{ call: http, with: { method: get, endpoint: 'x:y', output: all } }",
            "`output` must be `raw`, `content` or `response`, and is `all`",
        ),
        (
            "{ call: grpc, with: { proto: { endpoint: 'x:y' }, method: m, service: { name: s } } }",
            "`service` needs `host`",
        ),
        ("{ call: openapi, with: { document: { endpoint: 'x:y' } } }", "`with` of `call: openapi` needs `operationId`"),
        (
            "{ call: asyncapi, with: { document: { endpoint: 'x:y' }, operation: o } }",
            "`with` of `call: asyncapi` needs `message` or `subscription`",
        ),
        (
            "{ call: a2a, with: { method: m } }",
            "`method` must be `message/send`, `message/stream`, `tasks/get`, `tasks/list`, `tasks/cancel`, `tasks/resubscribe`, `tasks/pushNotificationConfig/set`, `tasks/pushNotificationConfig/get`, `tasks/pushNotificationConfig/list`, `tasks/pushNotificationConfig/delete` or `agent/getAuthenticatedExtendedCard`, and is `m`",
        ),
        ("{ call: mcp, with: { method: tools/list, transport: {} } }", "`transport` needs `http` or `stdio`"),
        ("{ emit: { event: { with: { source: s } } } }", "an event needs `type`"),
        ("{ listen: { to: { all: [], until: .x } } }", "`until` belongs to `any`, and this is `all`"),
        (
            "{ listen: { to: { any: [], until: { any: [], until: .x } } } }",
            "the events of an `until` have no `until` of their own",
        ),
        (
            "{ run: { container: { image: i, lifetime: { cleanup: eventually } } } }",
            "`cleanup: eventually` needs `after`",
        ),
        ("{ run: { script: { language: js } } }", "`script` needs `code` or `source`"),
        ("{ run: { workflow: { namespace: n, name: n } } }", "`workflow` needs `version`"),
        ("{ run: {} }", "`run` needs `container`, `script`, `shell` or `workflow`"),
    ] {
        let report = found(&task(part));
        assert!(report.findings.iter().any(|finding| finding.message == message), "{part}\n{report}");
        assert!(!report.is_valid());
    }
    check(
        "schedule: { every: PT1M, read: data }\ndo: []\n",
        &[
            "1:1 /schedule not deployable: this host does not support `schedule` yet",
            "1:26 /schedule/read invalid: `read` says how the events of `on` are read, and there is no `on`",
        ],
    );
}
