//! Typed access to the values of a document: what is of another type, unknown or missing is reported, and the walk goes on.

use std::borrow::Cow;

use super::compiler::Compiler;
use super::findings::Spot;
use super::nearest::nearest;
use super::report::{MISSING_PROPERTY, UNKNOWN_OPTION, UNKNOWN_PROPERTY, WRONG_OPTION, WRONG_TYPE, WRONG_VALUE};
use super::tree::Place;

/// The words for a type, with their article.
fn kind_of(place: Place<'_>) -> &'static str {
    match place.value().kind() {
        "null" => "nothing",
        "boolean" => "a boolean",
        "number" => "a number",
        "string" => "text",
        "array" => "an array",
        _ => "an object",
    }
}

/// `a`, `b` or `c`.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>, last: &str) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
        Some((end, _)) => end.clone(),
        None => "nothing".into(),
    }
}

impl<'t> Compiler<'t, '_> {
    /// Reports a value of another type.
    pub(super) fn wrong_type(&mut self, place: Place<'t>, what: &str, wanted: &str) {
        let message = format!("{what} must be {wanted}, and is {}", kind_of(place));
        let suggestion = match (wanted, place.value().kind()) {
            ("text", "number" | "boolean") => Some(format!("write it in quotes: '{}'", place.value())),
            _ => None,
        };
        self.findings.add(Spot::Value(place), WRONG_TYPE, message, suggestion);
    }

    /// Reports a value that is not one of those that are allowed.
    pub(super) fn wrong_value(&mut self, place: Place<'t>, message: String, suggestion: &str) {
        self.refuse_for(Spot::Value(place), WRONG_VALUE, message, suggestion.into());
    }

    /// Reports an option of ours with a value that it cannot have.
    pub(super) fn wrong_option(&mut self, place: Place<'t>, message: String, suggestion: &str) {
        self.refuse_for(Spot::Value(place), WRONG_OPTION, message, suggestion.into());
    }

    /// True for an object. Anything else is reported.
    pub(super) fn is_object(&mut self, place: Place<'t>, what: &str) -> bool {
        if !place.is_object() {
            self.wrong_type(place, what, "an object");
        }
        place.is_object()
    }

    /// True for an object. Members that it may not have are reported.
    pub(super) fn closed(&mut self, place: Place<'t>, what: &str, known: &[&str]) -> bool {
        if !self.is_object(place, what) {
            return false;
        }
        self.members_known(place, what, known, true);
        true
    }

    /// Like [`Self::closed`] where the specification allows any member: those that this host does not know would have no effect.
    pub(super) fn open(&mut self, place: Place<'t>, what: &str, known: &[&str]) -> bool {
        if !self.is_object(place, what) {
            return false;
        }
        self.members_known(place, what, known, false);
        true
    }

    pub(super) fn members_known(&mut self, place: Place<'t>, what: &str, known: &[&str], is_closed: bool) {
        for member in place.children() {
            let name = member.name().unwrap_or_default();
            if known.contains(&name) {
                continue;
            }
            let suggestion = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("{what} has {}", listed(known.iter().copied(), "and")),
            };
            let code = if is_closed { UNKNOWN_PROPERTY } else { UNKNOWN_OPTION };
            self.refuse_for(Spot::Name(member), code, format!("`{name}` is no property of {what}"), suggestion);
        }
    }

    /// The member that must be there.
    pub(super) fn required(&mut self, place: Place<'t>, what: &str, name: &str) -> Option<Place<'t>> {
        let member = place.get(name);
        if member.is_none() {
            self.refuse(Spot::Name(place), MISSING_PROPERTY, format!("{what} needs `{name}`"));
        }
        member
    }

    /// The text that a value must be.
    pub(super) fn text(&mut self, place: Place<'t>, what: &str) -> Option<Cow<'t, str>> {
        let text = place.text();
        if text.is_none() {
            self.wrong_type(place, what, "text");
        }
        text
    }

    /// The text of a member that may be missing.
    pub(super) fn text_of(&mut self, place: Place<'t>, name: &str) -> Option<Cow<'t, str>> {
        let member = place.get(name)?;
        self.text(member, &format!("`{name}`"))
    }

    /// The boolean of a member that may be missing.
    pub(super) fn boolean_of(&mut self, place: Place<'t>, name: &str) -> Option<bool> {
        let member = place.get(name)?;
        let boolean = member.value().as_bool();
        if boolean.is_none() {
            self.wrong_type(member, &format!("`{name}`"), "a boolean");
        }
        boolean
    }

    /// The whole number that a value must be, however it is written.
    pub(super) fn integer(&mut self, place: Place<'t>, what: &str) -> Option<i64> {
        let value = place.value();
        let is_whole = value.kind() == "number" && value.as_f64().is_some_and(|number| number.fract() == 0.0);
        if !is_whole {
            self.wrong_type(place, what, "a whole number");
            return None;
        }
        value.as_i64().or_else(|| value.as_f64().map(|number| number as i64))
    }

    /// One of some words.
    pub(super) fn word(&mut self, place: Place<'t>, what: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(place, what)?;
        let word = words.iter().copied().find(|word| *word == text);
        if word.is_none() {
            let message = format!("{what} must be {}, and is `{text}`", listed(words.iter().copied(), "or"));
            match nearest(&text, words.iter().copied()) {
                Some(meant) => self.wrong_value(place, message, &format!("did you mean `{meant}`?")),
                None => self.refuse(Spot::Value(place), WRONG_VALUE, message),
            }
        }
        word
    }

    /// The elements of an array that must be there.
    pub(super) fn elements(&mut self, place: Place<'t>, what: &str) -> Vec<Place<'t>> {
        if !place.is_array() {
            self.wrong_type(place, what, "an array");
            return Vec::new();
        }
        place.children().collect()
    }

    /// Checks a member that must be an array of texts, where it is there.
    pub(super) fn texts_of(&mut self, place: Place<'t>, name: &str) {
        let Some(member) = place.get(name) else { return };
        for element in self.elements(member, &format!("`{name}`")) {
            self.text(element, &format!("an element of `{name}`"));
        }
    }

    /// Checks members that must be texts, where they are there.
    pub(super) fn texts(&mut self, place: Place<'t>, names: &[&str]) {
        for name in names {
            self.text_of(place, name);
        }
    }

    /// Checks a member that must be an object, where it is there.
    pub(super) fn object_of(&mut self, place: Place<'t>, name: &str) -> Option<Place<'t>> {
        let member = place.get(name)?;
        self.is_object(member, &format!("`{name}`")).then_some(member)
    }

    /// The one member that an object must have of several.
    pub(super) fn one_of(
        &mut self,
        place: Place<'t>,
        what: &str,
        names: &[&'static str],
    ) -> Option<(&'static str, Place<'t>)> {
        let mut found = names.iter().filter_map(|name| Some((*name, place.get(name)?)));
        let first = found.next();
        if let (Some((name, _)), Some((other, second))) = (first, found.next()) {
            let message = format!("{what} has either `{name}` or `{other}`, and not both");
            self.refuse(Spot::Name(second), UNKNOWN_PROPERTY, message);
        }
        if first.is_none() {
            let message = format!("{what} needs {}", listed(names.iter().copied(), "or"));
            self.refuse(Spot::Name(place), MISSING_PROPERTY, message);
        }
        first
    }
}
