//! Walks over the tasks of a definition and draws each: nodes and subgraphs as it goes, edges at the end.

use sandmill_core::definition::{Case, Definition, For, Fork, Kind, Node, NodeId, Strategy, TaskList, Then, Try};

use super::label;

/// Where a workflow begins, ends, and ends with an error.
const START: &str = "start";
const FINISH: &str = "finish";
const FAULT: &str = "fault";

/// Draws a definition.
pub(super) fn draw(definition: &Definition) -> String {
    let mut drawing = Drawing { definition, lines: Vec::new(), depth: 1, edges: Vec::new(), has_fault: false };
    drawing.vertex(START, ("([", "])"), &["start".into()]);
    let first = definition.body.first().map_or_else(|| FINISH.into(), |first| drawing.entry(*first));
    drawing.edge(&Loose::from(START), &first);
    for loose in drawing.list(&definition.body, FAULT) {
        drawing.edge(&loose, FINISH);
    }
    drawing.vertex(FINISH, ("([", "])"), &["end".into()]);
    if drawing.has_fault {
        drawing.vertex(FAULT, ("([", "])"), &["fault".into()]);
    }
    let Drawing { lines, edges, .. } = drawing;
    let head = format!("---\ntitle: '{}'\n---\nflowchart TD\n", definition.name);
    head + &lines.join("\n") + "\n" + &edges.join("\n") + "\n"
}

struct Drawing<'d> {
    definition: &'d Definition,
    lines: Vec<String>,
    /// How far lines are indented.
    depth: usize,
    edges: Vec<String>,
    /// True once an edge leads to the end with an error.
    has_fault: bool,
}

/// An edge that has left a task, and has not arrived yet.
struct Loose {
    from: String,
    arrow: &'static str,
    label: Option<String>,
}

impl Loose {
    fn from(from: &str) -> Self {
        Self { from: from.into(), arrow: "-->", label: None }
    }

    fn labelled(from: &str, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..Self::from(from) }
    }

    fn dotted(from: &str, label: impl Into<String>) -> Self {
        Self { arrow: "-.->", ..Self::labelled(from, label) }
    }
}

/// The ids of what is drawn for one task, by a letter.
fn id(letter: char, task: NodeId) -> String {
    format!("{letter}{}", task.0)
}

impl<'d> Drawing<'d> {
    fn vertex(&mut self, id: &str, (open, close): (&str, &str), lines: &[String]) {
        self.line(format!("{id}{open}{}{close}", label::quoted(lines)));
    }

    fn line(&mut self, text: String) {
        self.lines.push(format!("{}{text}", "    ".repeat(self.depth)));
    }

    fn open(&mut self, id: &str, lines: &[String]) {
        self.line(format!("subgraph {id}[{}]", label::quoted(lines)));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("end".into());
    }

    fn edge(&mut self, loose: &Loose, to: &str) {
        self.has_fault |= to == FAULT;
        let Loose { from, arrow, label } = loose;
        let label = label.as_ref().map(|label| format!("|{}|", label::quoted(std::slice::from_ref(label))));
        self.edges.push(format!("    {from} {arrow}{} {to}", label.unwrap_or_default()));
    }

    fn node(&self, task: NodeId) -> &'d Node {
        self.definition.node(task)
    }

    /// Where edges to a task arrive.
    fn entry(&self, task: NodeId) -> String {
        if self.node(task).condition.is_some() { id('i', task) } else { self.inner_entry(task) }
    }

    /// The same, once its condition is true.
    fn inner_entry(&self, task: NodeId) -> String {
        let inner = match &self.node(task).kind {
            Kind::Do(list) => list.first(),
            Kind::Try(task) => task.body.first(),
            Kind::Call(_)
            | Kind::Function(_)
            | Kind::Subflow(_)
            | Kind::Set(_)
            | Kind::Switch(_)
            | Kind::For(_)
            | Kind::Fork(_)
            | Kind::Raise(_)
            | Kind::Wait(_) => None,
        };
        inner.map_or_else(|| id('t', task), |inner| self.entry(*inner))
    }

    /// Draws a list whose errors go to `fault`, and gives the edges that leave it.
    fn list(&mut self, list: &TaskList, fault: &str) -> Vec<Loose> {
        let mut leaving = Vec::new();
        for (place, task) in list.iter().enumerate() {
            for (loose, then) in self.task(*task, fault) {
                let next = match then {
                    Then::Continue => list.get(place + 1),
                    Then::Goto(place) => list.get(place as usize),
                    Then::Exit => None,
                    Then::End => {
                        self.edge(&loose, FINISH);
                        continue;
                    }
                };
                match next {
                    Some(next) => self.edge(&loose, &self.entry(*next)),
                    None => leaving.push(loose),
                }
            }
        }
        leaving
    }

    /// Draws a task, and gives the edges that leave it with where they lead.
    fn task(&mut self, task: NodeId, fault: &str) -> Vec<(Loose, Then)> {
        let node = self.node(task);
        let mut leaving = Vec::new();
        if node.condition.is_some() {
            let decision = id('i', task);
            self.vertex(&decision, ("{", "}"), &[label::condition(node)]);
            self.edge(&Loose::labelled(&decision, "yes"), &self.inner_entry(task));
            leaving.push((Loose::dotted(&decision, "no, skipped"), node.then));
        }
        leaving.extend(self.kind(task, node, fault));
        leaving
    }

    fn kind(&mut self, task: NodeId, node: &'d Node, fault: &str) -> Vec<(Loose, Then)> {
        let own = id('t', task);
        let shape = match &node.kind {
            Kind::Do(list) => return follow(self.group(task, list, fault), node.then),
            Kind::For(plan) => return follow(self.repeat(task, plan, fault), node.then),
            Kind::Fork(plan) => return follow(self.fork(task, plan, fault), node.then),
            Kind::Try(plan) => return self.attempt(task, plan, fault),
            Kind::Switch(cases) => return self.switch(task, cases),
            Kind::Raise(_) => {
                self.vertex(&own, (">", "]"), &label::task(node));
                self.edge(&Loose::dotted(&own, "error"), fault);
                return Vec::new();
            }
            Kind::Call(_) | Kind::Function(_) | Kind::Subflow(_) => ("[[", "]]"),
            Kind::Set(_) => ("[", "]"),
            Kind::Wait(_) => ("(", ")"),
        };
        self.vertex(&own, shape, &label::task(node));
        follow(vec![Loose::from(&own)], node.then)
    }

    /// A `do`.
    fn group(&mut self, task: NodeId, list: &TaskList, fault: &str) -> Vec<Loose> {
        self.open(&id('c', task), &label::task(self.node(task)));
        let leaving = self.list_or_nothing(&id('t', task), list, fault);
        self.close();
        leaving
    }

    /// An empty list is a node of its own: a subgraph without one could not be drawn.
    fn list_or_nothing(&mut self, own: &str, list: &TaskList, fault: &str) -> Vec<Loose> {
        if list.is_empty() {
            self.vertex(own, ("[", "]"), &["no tasks".into()]);
            return vec![Loose::from(own)];
        }
        self.list(list, fault)
    }

    /// A `for`: a head that each iteration comes back to, or items that meet at the end.
    fn repeat(&mut self, task: NodeId, plan: &For, fault: &str) -> Vec<Loose> {
        let (own, join) = (id('t', task), id('j', task));
        self.open(&id('c', task), &[self.node(task).name.to_string()]);
        self.vertex(&own, ("{{", "}}"), &label::task(self.node(task)));
        let keeps_errors = plan.map.as_ref().is_some_and(|map| map.strategy != Strategy::FailFast);
        let leaving = self.list(&plan.body, if keeps_errors { &join } else { fault });
        let begin = if plan.map.is_some() { Loose { arrow: "==>", ..Loose::from(&own) } } else { Loose::from(&own) };
        match plan.body.first() {
            Some(first) => self.edge(&begin, &self.entry(*first)),
            None if plan.map.is_some() => self.edge(&begin, &join),
            None => {}
        }
        let target = if plan.map.is_some() { &join } else { &own };
        for loose in leaving {
            let label = loose.label.clone().or_else(|| plan.map.is_none().then(|| "next".into()));
            self.edge(&Loose { label, ..loose }, target);
        }
        if plan.map.is_some() {
            self.vertex(&join, ("{{", "}}"), &["all items".into()]);
        }
        self.close();
        let from = if plan.map.is_some() { Loose::from(&join) } else { Loose::labelled(&own, label::loop_end(plan)) };
        vec![from]
    }

    /// A `fork`: branches between two bars.
    fn fork(&mut self, task: NodeId, plan: &Fork, fault: &str) -> Vec<Loose> {
        let (own, join) = (id('t', task), id('j', task));
        let node = self.node(task);
        self.open(&id('c', task), &[node.name.to_string()]);
        self.vertex(&own, ("[/", "\\]"), &label::task(node));
        for branch in plan.branches.iter() {
            self.edge(&Loose::from(&own), &self.entry(*branch));
            let list = TaskList::from([*branch]);
            for loose in self.list(&list, if plan.compete { &join } else { fault }) {
                self.edge(&loose, &join);
            }
        }
        if plan.branches.is_empty() {
            self.edge(&Loose::from(&own), &join);
        }
        let end = if plan.compete { "the first success" } else { "all branches" };
        self.vertex(&join, ("[\\", "/]"), &[end.into()]);
        self.close();
        vec![Loose::from(&join)]
    }

    /// A `try`: what is tried, what catches its errors, and what is done about them.
    fn attempt(&mut self, task: NodeId, plan: &Try, fault: &str) -> Vec<(Loose, Then)> {
        let (own, body, catch) = (id('t', task), id('b', task), id('k', task));
        let node = self.node(task);
        self.open(&id('c', task), &label::task(node));
        self.open(&body, &["tried".into()]);
        let mut leaving = follow(self.list_or_nothing(&own, &plan.body, &catch), node.then);
        self.close();
        self.vertex(&catch, ("{{", "}}"), &label::catch(node, &plan.catch));
        self.edge(&Loose::dotted(&body, "error"), &catch);
        if let Some(retry) = &plan.catch.retry {
            self.edge(&Loose::dotted(&catch, label::retry(node, retry)), &self.inner_entry(task));
        }
        let has_filter = plan.catch.errors != sandmill_core::definition::ErrorFilter::default()
            || plan.catch.when.is_some()
            || plan.catch.except_when.is_some();
        if has_filter {
            self.edge(&Loose::dotted(&catch, "not caught"), fault);
        }
        let then = plan.catch.then.unwrap_or(node.then);
        match plan.catch.body.as_ref().filter(|list| !list.is_empty()) {
            Some(list) => {
                self.open(&id('h', task), &["caught".into()]);
                self.edge(&Loose::from(&catch), &self.entry(list[0]));
                leaving.extend(follow(self.list(list, fault), then));
                self.close();
            }
            None => leaving.push((Loose::labelled(&catch, "caught"), then)),
        }
        self.close();
        leaving
    }

    /// A `switch`: an edge for each case, and one for no case.
    fn switch(&mut self, task: NodeId, cases: &[Case]) -> Vec<(Loose, Then)> {
        let (own, node) = (id('t', task), self.node(task));
        self.vertex(&own, ("{", "}"), &label::task(node));
        let mut leaving: Vec<(Loose, Then)> = Vec::new();
        for (place, case) in cases.iter().enumerate() {
            leaving.push((Loose::labelled(&own, label::case(node, place, case)), case.then));
        }
        if cases.iter().all(|case| case.when.is_some()) {
            leaving.push((Loose::dotted(&own, "no case"), node.then));
        }
        leaving
    }
}

fn follow(leaving: Vec<Loose>, then: Then) -> Vec<(Loose, Then)> {
    leaving.into_iter().map(|loose| (loose, then)).collect()
}
