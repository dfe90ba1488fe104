//! Reads what an author wrote for a tool: each member checked, and what is wrong told with its place and what to write instead.

use sandmill_core::definition::{Data, Finding, Report, nearest, parse_duration};
use sandmill_core::expression::{Filter, Mode, Template, parse_expression};
use sandmill_core::ids::JsonPointer;
use sandmill_core::time::Millis;
use sandmill_core::value::Value;

/// Data that is being read, and what was found wrong with it.
pub(crate) struct Reader<'d> {
    data: &'d Data,
    code: &'static str,
    findings: Vec<Finding>,
}

impl<'d> Reader<'d> {
    /// Findings get that code.
    pub(crate) const fn new(data: &'d Data, code: &'static str) -> Self {
        Self { data, code, findings: Vec::new() }
    }

    /// What was read, where nothing is wrong with it.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, Report> {
        if self.findings.is_empty() { Ok(read) } else { Err(Report { findings: self.findings }) }
    }

    pub(crate) fn refuse(&mut self, at: &JsonPointer, message: impl Into<String>, suggestion: impl Into<String>) {
        let finding = self.data.finding(at, self.code, message.into());
        self.findings.push(Finding { suggestion: Some(suggestion.into()), ..finding });
    }

    /// What stands at a place; `null` where there is nothing.
    pub(crate) fn value(&self, at: &JsonPointer) -> Value {
        self.data.value().pointer(at.as_str()).unwrap_or_default()
    }

    /// The place of a member that is there.
    pub(crate) fn member(&self, at: &JsonPointer, name: &str) -> Option<JsonPointer> {
        self.value(at).get(name).map(|_| at.child(name))
    }

    pub(crate) fn line(&self, at: &JsonPointer) -> u32 {
        self.data.line(at)
    }

    /// True for an object. One that has other members than those known is told about each of them.
    pub(crate) fn is_object(&mut self, at: &JsonPointer, what: &str, known: &[&str]) -> bool {
        let Some(names) = self.value(at).keys() else {
            let (kind, names) = (self.value(at).kind(), known.join("`, `"));
            self.refuse(at, format!("{what} must be an object, and is {kind}"), format!("it has `{names}`"));
            return false;
        };
        for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
            let suggestion = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("{what} has `{}`", known.join("`, `")),
            };
            self.refuse(&at.child(name), format!("`{name}` is no member of {what}"), suggestion);
        }
        true
    }

    /// The places of the members of an object, with their names.
    pub(crate) fn members(&mut self, at: &JsonPointer, what: &str) -> Vec<(String, JsonPointer)> {
        let value = self.value(at);
        let Some(names) = value.keys() else {
            self.refuse(at, format!("{what} must be an object, and is {}", value.kind()), "write `name: …` below it");
            return Vec::new();
        };
        names.into_iter().map(|name| (name.clone(), at.child(&name))).collect()
    }

    /// The places of the elements of an array.
    pub(crate) fn elements(&mut self, at: &JsonPointer, what: &str) -> Vec<JsonPointer> {
        let value = self.value(at);
        let Some(items) = value.iter_array() else {
            self.refuse(
                at,
                format!("{what} must be an array, and is {}", value.kind()),
                "begin each element with `- `",
            );
            return Vec::new();
        };
        (0..items.len()).map(|index| at.index(index)).collect()
    }

    pub(crate) fn text(&mut self, at: &JsonPointer, what: &str) -> Option<String> {
        let value = self.value(at);
        let text = value.as_str().map(|text| text.into_owned());
        if text.is_none() {
            self.refuse(at, format!("{what} must be text, and is {}", value.kind()), "write it in quotes");
        }
        text
    }

    pub(crate) fn text_of(&mut self, at: &JsonPointer, name: &str) -> Option<String> {
        let member = self.member(at, name)?;
        self.text(&member, &format!("`{name}`"))
    }

    pub(crate) fn duration_of(&mut self, at: &JsonPointer, name: &str) -> Option<Millis> {
        let member = self.member(at, name)?;
        match parse_duration(&self.value(&member)) {
            Ok(millis) => Some(millis),
            Err(error) => {
                self.refuse(&member, error.to_string(), "write `PT1M30S`, or `{ minutes: 1, seconds: 30 }`");
                None
            }
        }
    }

    /// An expression, with `${ }` around it or without.
    pub(crate) fn filter(&mut self, at: &JsonPointer, variables: &[&str]) -> Option<Filter> {
        let text = self.text(at, "an expression")?;
        match Filter::compile(parse_expression(&text).unwrap_or(&text), variables) {
            Ok(filter) => Some(filter),
            Err(error) => {
                self.no_expression(at, &error.to_string(), variables);
                None
            }
        }
    }

    /// A value with expressions in it.
    pub(crate) fn template(&mut self, at: &JsonPointer, variables: &[&str]) -> Option<Template> {
        match Template::compile(&self.value(at), variables, Mode::Strict) {
            Ok(template) => Some(template),
            Err((inside, error)) => {
                let place = JsonPointer::from(format!("{at}{inside}").as_str());
                self.no_expression(&place, &error.to_string(), variables);
                None
            }
        }
    }

    fn no_expression(&mut self, at: &JsonPointer, reason: &str, variables: &[&str]) {
        let suggestion = format!("it is evaluated on the config of the call, with `${}`", variables.join("`, `$"));
        self.refuse(at, format!("the expression does not compile: {reason}"), suggestion);
    }
}
