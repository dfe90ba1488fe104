//! `emit`, `listen` and the events that they are about: checked, and not supported.

use super::compiler::{Compiler, Scope};
use super::expressions::{Moment, Sight};
use super::findings::Spot;
use super::formats::is_moment;
use super::report::{UNKNOWN_PROPERTY, WRONG_TYPE, WRONG_VALUE};
use super::task::Task;
use super::tree::Place;
use crate::definition::Kind;
use crate::expression::parse_expression;

/// Attributes of an event that are a URI or an expression.
const URIS: [&str; 2] = ["source", "dataschema"];

impl<'t> Compiler<'t, '_> {
    pub(super) fn emit(&mut self, task: Task<'t, '_>) -> Option<Kind> {
        let place = task.place.get("emit")?;
        if self.closed(place, "`emit`", &["event"])
            && let Some(event) = self.required(place, "`emit`", "event")
            && self.is_object(event, "`event`")
            && let Some(with) = event.get("with")
        {
            self.event(with, "an event", task.sight());
            if with.is_object() {
                self.required(with, "an event", "type");
            }
        }
        self.unsupported(place, "`emit`");
        None
    }

    /// Attributes of an event: others than the known ones are extensions of it.
    fn event(&mut self, place: Place<'t>, what: &str, sight: Sight<'_>) {
        if !self.is_object(place, what) {
            return;
        }
        self.texts(place, &["id", "type", "subject", "datacontenttype"]);
        self.moment_of(place, "time");
        for name in URIS {
            if let Some(member) = place.get(name) {
                self.uri(member, &format!("`{name}`"));
            }
        }
        self.template(place, sight);
    }

    /// A moment, or an expression that gives one.
    fn moment_of(&mut self, place: Place<'t>, name: &str) {
        let Some(text) = self.text_of(place, name) else { return };
        let is_wrong = !is_moment(&text) && parse_expression(&text).is_none();
        if let Some(member) = place.get(name).filter(|_| is_wrong) {
            let message = format!("`{name}` must be a moment or an expression, and is `{text}`");
            self.wrong_value(member, message, "write for example '2026-01-31T12:00:00Z'");
        }
    }

    pub(super) fn listen(&mut self, task: Task<'t, '_>) -> Option<Kind> {
        let place = task.place.get("listen")?;
        if self.closed(place, "`listen`", &["to", "read"]) {
            if let Some(to) = self.required(place, "`listen`", "to") {
                self.consumption(to, task.sight(), true);
            }
            if let Some(read) = place.get("read") {
                self.word(read, "`read`", &["data", "envelope", "raw"]);
            }
        }
        if let Some(iterator) = task.place.get("foreach") {
            self.iterator(iterator, task);
        }
        self.unsupported(place, "`listen`");
        None
    }

    /// Which events are consumed: `all`, `any` or `one`. What ends an `any` has no end of its own.
    pub(super) fn consumption(&mut self, place: Place<'t>, sight: Sight<'_>, may_have_until: bool) {
        let what = "a choice of events";
        if !self.closed(place, what, &["all", "any", "one", "until"]) {
            return;
        }
        let Some((kind, events)) = self.one_of(place, what, &["all", "any", "one"]) else { return };
        if kind == "one" {
            self.event_filter(events, sight);
        } else {
            for filter in self.elements(events, &format!("`{kind}`")) {
                self.event_filter(filter, sight);
            }
        }
        let Some(until) = place.get("until") else { return };
        if kind != "any" || !may_have_until {
            let message = match may_have_until {
                true => format!("`until` belongs to `any`, and this is `{kind}`"),
                false => "the events of an `until` have no `until` of their own".into(),
            };
            self.refuse_for(Spot::Name(until), UNKNOWN_PROPERTY, message, "leave `until` out".into());
        } else if until.is_object() {
            self.consumption(until, sight, false);
        } else {
            self.expression(until, "`until`", sight);
        }
    }

    fn event_filter(&mut self, place: Place<'t>, sight: Sight<'_>) {
        if !self.closed(place, "an event filter", &["with", "correlate"]) {
            return;
        }
        if let Some(with) = self.required(place, "an event filter", "with") {
            self.event(with, "`with`", sight);
            if with.is_object() && with.children().len() == 0 {
                self.refuse(Spot::Value(with), WRONG_VALUE, "`with` needs an attribute of the event");
            }
        }
        let Some(correlate) = self.object_of(place, "correlate") else { return };
        for correlation in correlate.children() {
            if !self.is_object(correlation, "a correlation") {
                continue;
            }
            if let Some(from) = self.required(correlation, "a correlation", "from") {
                self.expression(from, "`from`", sight);
            }
            if let Some(expect) = correlation.get("expect").filter(|expect| self.text(*expect, "`expect`").is_some()) {
                self.template(expect, sight);
            }
        }
    }

    /// `foreach`: what is done with each event or message.
    pub(super) fn iterator(&mut self, place: Place<'t>, task: Task<'t, '_>) {
        if !self.closed(place, "`foreach`", &["item", "at", "do", "output", "export"]) {
            return;
        }
        let item = self.variable(place, "item", "item");
        let at = self.variable(place, "at", "index");
        let scope: Scope = task.scope.inside().with(item).with(at);
        if let Some(list) = place.get("do") {
            self.list(list, "`do`", &scope);
        }
        self.output(place, Sight::of(Moment::Task, &scope));
        match place.get("export") {
            Some(export) if export.is_object() => drop(self.export_at(export, Sight::of(Moment::Export, &scope))),
            Some(export) => self.refuse(Spot::Value(export), WRONG_TYPE, "`export` must be an object"),
            None => {}
        }
    }
}
