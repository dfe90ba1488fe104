//! Definitions for stories, made straight from JSON: the machine's tests need no parser, and no message about mistakes.

use std::sync::Arc;

use crate::definition::{
    Backoff, Call, Case, Catch, Defaults, Definition, DefinitionName, ErrorFilter, Export, For, Fork, Input, Kind, Map,
    MapStrategy, Node, NodeId, Output, PinnedPlugin, Raise, RetryPolicy, Span, TaskList, Then, Try, parse_duration,
};
use crate::expression::{Filter, Mode, Template, parse_expression};
use crate::ids::{Digest, JsonPointer};
use crate::time::Millis;
use crate::value::Value;

/// A definition with this list of tasks, whose calls are all to plugins of the name that they give.
pub(super) fn define(tasks: &str) -> Arc<Definition> {
    let document = Value::from_json(tasks.as_bytes()).unwrap_or_else(|error| panic!("{tasks}: {error}"));
    let mut builder = Builder::default();
    let body = builder.list(&document, &JsonPointer::root().child("do"), &[]);
    Arc::new(Definition {
        digest: Digest::of(tasks.as_bytes()),
        name: DefinitionName { namespace: "test".into(), name: "test".into(), version: "1.0.0".into() },
        document,
        input: Input::default(),
        output: Output::default(),
        timeout: None,
        defaults: Defaults::default(),
        retention: None,
        nodes: builder.nodes.into_iter().map(|node| node.expect("every task was built")).collect(),
        body,
        plugins: builder.plugins,
    })
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Option<Node>>,
    plugins: Vec<PinnedPlugin>,
}

/// A task as it stands in the document, with what is known where it stands.
struct Place<'a> {
    task: &'a Value,
    pointer: &'a JsonPointer,
    /// The names of the tasks of its list.
    siblings: &'a [String],
    /// Loop and catch variables.
    variables: &'a [String],
}

impl Builder {
    fn list(&mut self, list: &Value, pointer: &JsonPointer, variables: &[String]) -> TaskList {
        let tasks: Vec<(String, Value)> = list.iter_array().unwrap().map(|entry| named(&entry)).collect();
        let siblings: Vec<String> = tasks.iter().map(|(name, _)| name.clone()).collect();
        let build = |(index, (name, task)): (usize, &(String, Value))| {
            let pointer = pointer.index(index).child(name);
            self.task(name, &Place { task, pointer: &pointer, siblings: &siblings, variables })
        };
        tasks.iter().enumerate().map(build).collect()
    }

    fn task(&mut self, name: &str, place: &Place<'_>) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap());
        self.nodes.push(None);
        let at = |pointer: &str| place.task.pointer(pointer);
        let node = Node {
            name: name.into(),
            pointer: place.pointer.clone(),
            definition: place.task.clone(),
            condition: at("/if").map(|text| place.filter(&text)),
            input: Input { schema: None, from: at("/input/from").map(|from| place.template(&from)) },
            output: Output { template: at("/output/as").map(|output| place.template(&output)), schema: None },
            export: at("/export/as").map(|export| Export { template: place.template(&export), schema: None }),
            timeout: at("/timeout/after").map(|after| span(&after)),
            then: place.then(at("/then")),
            kind: self.kind(place),
        };
        self.nodes[id.0 as usize] = Some(node);
        id
    }

    fn kind(&mut self, place: &Place<'_>) -> Kind {
        let at = |pointer: &str| place.task.pointer(pointer);
        if let Some(name) = at("/call") {
            return Kind::Call(self.call(&name, place));
        }
        if let Some(items) = at("/for/in") {
            return Kind::For(Box::new(self.repeat(&items, place)));
        }
        if let Some(body) = at("/try") {
            return Kind::Try(Box::new(self.attempt(&body, place)));
        }
        if let Some(list) = at("/do") {
            return Kind::Do(self.list(&list, &place.pointer.child("do"), place.variables));
        }
        if let Some(branches) = at("/fork/branches") {
            let compete = at("/fork/compete").and_then(|compete| compete.as_bool()).unwrap_or(false);
            let pointer = place.pointer.child("fork").child("branches");
            return Kind::Fork(Fork { branches: self.list(&branches, &pointer, place.variables), compete });
        }
        simple_kind(place)
    }

    fn call(&mut self, name: &Value, place: &Place<'_>) -> Call {
        let name = text(name);
        self.plugins.push(PinnedPlugin { digest: Digest::of(name.as_bytes()), name, version: "1.0.0".into() });
        let with = place.task.get("with").unwrap_or_default();
        Call { plugin: u32::try_from(self.plugins.len() - 1).unwrap(), with: place.template(&with), retry: None }
    }

    fn repeat(&mut self, items: &Value, place: &Place<'_>) -> For {
        let name =
            |pointer: &str, default: &str| place.task.pointer(pointer).map_or(default.into(), |name| text(&name));
        let (each, at) = (name("/for/each", "item"), name("/for/at", "index"));
        let inner = [place.variables, &[each.to_string(), at.to_string()]].concat();
        let inside = Place { variables: &inner, ..*place };
        For {
            items: place.template(items),
            condition: place.task.get("while").map(|text| inside.filter(&text)),
            body: self.list(&place.task.get("do").unwrap(), &place.pointer.child("do"), &inner),
            map: place.task.pointer("/metadata/for").map(|options| map(&options)),
            each,
            at,
        }
    }

    fn attempt(&mut self, body: &Value, place: &Place<'_>) -> Try {
        let catch = place.task.get("catch").unwrap();
        let variable = catch.get("as").map_or("error".into(), |name| text(&name));
        let inner = [place.variables, &[variable.to_string()]].concat();
        let inside = Place { variables: &inner, ..*place };
        let errors = |name: &str| catch.pointer("/errors/with").and_then(|with| with.get(name));
        let errors = ErrorFilter {
            kind: errors("type").map(|kind| text(&kind)),
            status: errors("status").map(|status| u16::try_from(status.as_u64().unwrap()).unwrap()),
            ..ErrorFilter::default()
        };
        let catch = Catch {
            errors,
            variable,
            when: catch.get("when").map(|text| inside.filter(&text)),
            except_when: catch.get("exceptWhen").map(|text| inside.filter(&text)),
            retry: catch.get("retry").map(|policy| retry(&policy)),
            body: catch.get("do").map(|list| self.list(&list, &place.pointer.child("catch").child("do"), &inner)),
            then: catch.get("then").map(|then| place.then(Some(then))),
        };
        Try { body: self.list(body, &place.pointer.child("try"), place.variables), catch }
    }
}

impl Place<'_> {
    fn known(&self) -> Vec<&str> {
        let always = ["context", "input", "output", "task", "workflow", "runtime"];
        always.into_iter().chain(self.variables.iter().map(String::as_str)).collect()
    }

    fn template(&self, value: &Value) -> Template {
        Template::compile(value, &self.known(), Mode::Strict).unwrap_or_else(|(_, error)| panic!("{value}: {error}"))
    }

    fn filter(&self, value: &Value) -> Filter {
        let text = text(value);
        let source = parse_expression(&text).unwrap_or(&text);
        Filter::compile(source, &self.known()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn then(&self, then: Option<Value>) -> Then {
        match then.as_ref().map(text).as_deref() {
            None | Some("continue") => Then::Continue,
            Some("exit") => Then::Exit,
            Some("end") => Then::End,
            Some(name) => {
                let sibling = self.siblings.iter().position(|sibling| sibling == name).unwrap();
                Then::Goto(u32::try_from(sibling).unwrap())
            }
        }
    }
}

fn simple_kind(place: &Place<'_>) -> Kind {
    if let Some(template) = place.task.get("set") {
        return Kind::Set(place.template(&template));
    }
    if let Some(cases) = place.task.get("switch") {
        let case = |entry: Value| {
            let (name, case) = named(&entry);
            let when = case.get("when").map(|text| place.filter(&text));
            Case { name: name.into(), when, then: place.then(case.get("then")) }
        };
        return Kind::Switch(cases.iter_array().unwrap().map(case).collect());
    }
    if let Some(error) = place.task.pointer("/raise/error") {
        return Kind::Raise(Raise { error: place.template(&error) });
    }
    match place.task.get("wait") {
        Some(wait) => Kind::Wait(span(&wait)),
        None => panic!("no task: {}", place.task),
    }
}

fn map(options: &Value) -> Map {
    let number = |name: &str| options.get(name).map(|number| u32::try_from(number.as_u64().unwrap()).unwrap());
    let strategy = options.get("strategy").map(|strategy| text(&strategy));
    Map {
        concurrency: number("concurrency").unwrap_or(10),
        batch: number("batch"),
        strategy: match strategy.as_deref() {
            None | Some("failFast") => MapStrategy::FailFast,
            Some("waitAll") => MapStrategy::WaitAll,
            Some("bestEffort") => MapStrategy::BestEffort,
            Some(other) => MapStrategy::AtLeast(other.strip_prefix("atLeast:").unwrap().parse().unwrap()),
        },
        ordered: options.get("ordered").and_then(|ordered| ordered.as_bool()).unwrap_or(true),
    }
}

fn retry(policy: &Value) -> RetryPolicy {
    let at = |pointer: &str| policy.pointer(pointer);
    let fixed = |value: Value| parse_duration(&value).unwrap();
    let backoff = if let Some(exponential) = at("/backoff/exponential") {
        let multiplier = exponential.get("multiplier").and_then(|multiplier| multiplier.as_f64()).unwrap_or(2.0);
        Backoff::Exponential { multiplier, delay_max: exponential.get("maxDelay").map(fixed) }
    } else if let Some(linear) = at("/backoff/linear") {
        Backoff::Linear { increment: linear.get("increment").map(fixed) }
    } else {
        Backoff::Constant
    };
    RetryPolicy {
        when: None,
        except_when: None,
        delay: at("/delay").map_or(Span::Fixed(Millis(0)), |delay| span(&delay)),
        backoff,
        retries_max: at("/limit/attempt/count").map(|count| u32::try_from(count.as_u64().unwrap()).unwrap()),
        round_timeout: at("/limit/attempt/duration").map(|duration| span(&duration)),
        duration_max: at("/limit/duration").map(|duration| span(&duration)),
        jitter: at("/jitter").map(|jitter| (span(&jitter.get("from").unwrap()), span(&jitter.get("to").unwrap()))),
    }
}

fn span(value: &Value) -> Span {
    Span::Fixed(parse_duration(value).unwrap())
}

fn text(value: &Value) -> Arc<str> {
    Arc::from(&*value.as_str().unwrap())
}

/// The one member of an object.
fn named(entry: &Value) -> (String, Value) {
    entry.entries().unwrap().map(|(name, value)| (name.into_owned(), value)).next().unwrap()
}
