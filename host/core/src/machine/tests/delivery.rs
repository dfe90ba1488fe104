//! How tasks come to workers: their queue, and what they may be cancelled with.

use super::kit::{World, obedient, value};
use crate::ids::GroupId;
use crate::machine::{Delivery, Event, Settings};
use crate::time::{Millis, Timestamp};

const WORK: &str = r#"{"call":"work","with":{"hold":1}}"#;

/// The delivery of the only task that was dispatched.
#[track_caller]
fn delivery(world: &World) -> &Delivery {
    let [(dispatch, _)] = &world.dispatched[..] else { panic!("{:?} were dispatched", world.calls()) };
    &dispatch.delivery
}

/// Compares the numbers of the groups of what is dispatched, in order.
#[track_caller]
fn check_groups(world: &World, groups: &[Option<u32>]) {
    let found: Vec<_> = world.dispatched.iter().map(|(dispatch, _)| dispatch.delivery.group).collect();
    let id = world.id();
    let groups: Vec<_> = groups.iter().map(|group| group.map(|number| GroupId { workflow: id, number })).collect();
    assert_eq!(found, groups);
}

/// A fork with a policy, with one branch that is a call.
fn fork(policy: &str, branch: &str) -> String {
    format!(
        r#"{{"fork":{{"branches":[{{"branch":{branch}}},{{"other":{{"wait":{{"hours":1}}}}}}]}},"metadata":{{"fork":{policy}}}}}"#
    )
}

/// A parallel map with a strategy over one item.
fn map(strategy: &str, task: &str) -> String {
    format!(
        r#"{{"for":{{"in":"${{ [1] }}"}},"metadata":{{"for":{{"mode":"map","strategy":"{strategy}"}}}},"do":[{{"item":{task}}}]}}"#
    )
}

#[track_caller]
fn check_group(task: &str, group: Option<u32>) {
    check_groups(&World::start(&format!(r#"[{{"first":{task}}}]"#), "{}"), &[group]);
}

#[test]
fn a_task_waits_where_its_definition_says() {
    let world = World::start(&format!("[{{\"a\":{WORK}}}]"), "{}");
    let plain = delivery(&world);
    assert_eq!((plain.queue.as_str(), plain.priority.as_str(), plain.group), ("default", "normal", None));
    let head = r#"{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0","metadata":{"defaults":{"queue":"slow"},"config":{"ttl":"P1D"}}}"#;
    let call = r#"{"call":"work","with":{"hold":1},"metadata":{"task":{"priority":"low"}}}"#;
    let document = format!(r#"{{"document":{head},"do":[{{"a":{call}}}]}}"#);
    let world = World::start_document(&document, obedient, "{}");
    let own = delivery(&world);
    assert_eq!((own.queue.as_str(), own.priority.as_str()), ("slow", "low"));
    assert_eq!((own.config_ttl, plain.config_ttl), (Some(Millis(86_400_000)), None));
}

#[test]
fn where_tasks_wait_has_no_part_in_what_is_written_down() {
    let journal = |metadata: &str, own: &str| {
        let head =
            format!(r#"{{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0","metadata":{metadata}}}"#);
        let call = format!(r#"{{"call":"work","with":{{"n":1}},"metadata":{own}}}"#);
        let document = format!(r#"{{"document":{head},"do":[{{"a":{}}}]}}"#, fork("{}", &call));
        World::start_document(&document, obedient, "{}").journal_text()
    };
    let queues = r#"{"defaults":{"queue":"slow"},"config":{"ttl":"P1D"}}"#;
    assert_eq!(journal("{}", "{}"), journal(queues, r#"{"task":{"queue":"gpu","priority":"high"}}"#));
}

#[test]
fn only_what_may_cancel_its_tasks_makes_a_group() {
    check_group(WORK, None);
    for policy in ["{}", r#"{"strategy":"failFast"}"#, r#"{"strategy":"atLeast:1"}"#, r#"{"critical":["other"]}"#] {
        check_group(&fork(policy, WORK), Some(0));
    }
    for policy in [r#"{"strategy":"waitAll"}"#, r#"{"strategy":"bestEffort"}"#] {
        check_group(&fork(policy, WORK), None);
    }
    let race = format!(r#"{{"fork":{{"compete":true,"branches":[{{"branch":{WORK}}}]}}}}"#);
    check_group(&race, Some(0));
    for (strategy, group) in [("failFast", Some(0)), ("atLeast:1", Some(0)), ("waitAll", None), ("bestEffort", None)] {
        check_group(&map(strategy, WORK), group);
    }
    check_group(&format!(r#"{{"for":{{"in":"${{ [1] }}"}},"do":[{{"item":{WORK}}}]}}"#), None);
}

#[test]
fn the_innermost_group_counts_however_deep_a_task_stands_in_it() {
    let deep = format!(r#"{{"do":[{{"a":{{"try":[{{"b":{WORK}}}],"catch":{{}}}}}}]}}"#);
    check_group(&map("failFast", &deep), Some(0));
    check_group(&map("failFast", &map("waitAll", &deep)), Some(0));
    check_group(&map("waitAll", &map("failFast", &deep)), Some(1));
    check_group(&map("failFast", &fork("{}", &deep)), Some(1));
    check_group(&format!(r#"{{"do":[{{"a":{}}}]}}"#, map("failFast", WORK)), Some(1));
}

#[test]
fn each_visit_of_a_map_is_a_group_of_its_own() {
    let inner =
        format!(r#"{{"for":{{"in":"${{ [1,2] }}"}},"metadata":{{"for":{{"mode":"map"}}}},"do":[{{"item":{WORK}}}]}}"#);
    let tasks = format!(r#"[{{"loop":{{"for":{{"in":"${{ [1,2] }}"}},"do":[{{"map":{inner}}}]}}}}]"#);
    let mut world = World::start(&tasks, "{}");
    for task in [2, 3] {
        world.open.remove(&task);
        world.tell(Event::TaskCompleted { task, attempt: 1, output: value("1") });
    }
    check_groups(&world, &[Some(1), Some(1), Some(4), Some(4)]);
    world.check_replay();
}

#[test]
fn a_function_is_in_the_group_of_its_call_and_an_extension_of_a_map_is_not_in_it() {
    let tasks = format!(r#"[{{"first":{}}}]"#, fork("{}", r#"{"call":"f"}"#));
    check_groups(&World::start_using(&format!(r#"{{"functions":{{"f":{WORK}}}}}"#), &tasks, "{}"), &[Some(0)]);
    let before = r#"{"extensions":[{"e":{"extend":"for","before":[{"b":{"call":"before"}}]}}]}"#;
    let tasks = format!(r#"[{{"first":{}}}]"#, map("failFast", WORK));
    let world = World::start_using(before, &tasks, "{}");
    assert_eq!(world.calls(), ["b", "item"]);
    check_groups(&world, &[None, Some(0)]);
}

#[test]
fn a_task_knows_how_long_its_workflow_may_take() {
    let timeout = |world: &World| delivery(world).workflow_timeout;
    let tasks = format!("[{{\"a\":{WORK}}}]");
    assert_eq!(timeout(&World::start(&tasks, "{}")), Some(Millis(1_800_000)));
    let settings = Settings { active_ms_max: Millis(5_000), ..Settings::default() };
    assert_eq!(timeout(&World::start_with(&tasks, "{}", settings)), Some(Millis(5_000)));
    for (after, input, millis) in
        [(r#""PT1H""#, "{}", 3_600_000), (r#""${ .after }""#, r#"{"after":"PT2H"}"#, 7_200_000)]
    {
        let head = r#"{"dsl":"1.0.3","namespace":"test","name":"test","version":"1.0.0"}"#;
        let document = format!(r#"{{"document":{head},"timeout":{{"after":{after}}},"do":{tasks}}}"#);
        let mut world = World::start_document(&document, obedient, input);
        assert_eq!(timeout(&world), Some(Millis(millis)), "{after}");
        // A later dispatch says the same.
        world.now = world.now.after(Millis(60_000));
        let from: Timestamp = world.now;
        world.tell(Event::Returned { from });
        let timeouts: Vec<_> =
            world.dispatched.iter().map(|(dispatch, _)| dispatch.delivery.workflow_timeout).collect();
        assert_eq!(timeouts, [Some(Millis(millis)); 2], "{after}");
    }
}

#[test]
fn members_of_the_context_are_told_apart_from_a_context_that_has_none() {
    let members = |input: &str| {
        let world = World::start(&format!("[{{\"a\":{WORK}}}]"), input);
        world.dispatched[0].0.context.members()
    };
    let named = |name: &str, json: &str| (name.to_owned(), value(json));
    assert_eq!(members(r#"{"b":[1],"a":2}"#), Some(vec![named("b", "[1]"), named("a", "2")]));
    assert_eq!(members("{}"), Some(Vec::new()));
    assert_eq!(members("[1]"), None);
    assert_eq!(members("null"), None);
}

#[test]
fn a_group_is_cancelled_once_and_only_where_something_of_it_still_ran() {
    let branches = format!(r#"{{"a":{WORK}}},{{"b":{WORK}}}"#);
    let race = format!(r#"[{{"race":{{"fork":{{"compete":true,"branches":[{branches}]}}}}}}]"#);
    let mut world = World::start(&race, "{}");
    let group = world.dispatched[0].0.delivery.group.expect("a race is a group");
    assert_eq!(world.cancelled_groups, []);
    let (task, attempt) = (world.dispatched[0].0.id.number, 1);
    world.open.remove(&task);
    world.tell(Event::TaskCompleted { task, attempt, output: value("1") });
    assert_eq!(world.cancelled_groups, [group]);

    let quick = r#"{"call":"work","with":{}}"#;
    let over = format!(r#"[{{"both":{{"fork":{{"branches":[{{"a":{quick}}},{{"b":{quick}}}]}}}}}}]"#);
    assert_eq!(World::start(&over, "{}").cancelled_groups, []);
}
