//! Durations and timeouts of a document.

use super::compiler::Compiler;
use super::expressions::Sight;
use super::report::{WRONG_OPTION, WRONG_VALUE};
use super::tree::Place;
use crate::definition::{Span, parse_duration};
use crate::expression::parse_expression;
use crate::time::Millis;

/// The units of an inline duration.
const UNITS: [&str; 5] = ["days", "hours", "minutes", "seconds", "milliseconds"];

impl<'t> Compiler<'t, '_> {
    /// A duration: an object of units, ISO 8601 text, or an expression that gives one of them.
    pub(super) fn span(&mut self, place: Place<'t>, what: &str, sight: Sight<'_>) -> Option<Span> {
        if place.text().as_deref().and_then(parse_expression).is_some() {
            return self.expression(place, what, sight).map(Span::Expression);
        }
        self.duration(place, what).map(Span::Fixed)
    }

    pub(super) fn span_of(&mut self, place: Place<'t>, name: &str, sight: Sight<'_>) -> Option<Span> {
        let member = place.get(name)?;
        self.span(member, &format!("`{name}`"), sight)
    }

    /// A duration that is known when the definition is deployed.
    pub(super) fn duration(&mut self, place: Place<'t>, what: &str) -> Option<Millis> {
        match place.value().kind() {
            "string" => {}
            "object" => {
                if !self.closed(place, "a duration", &UNITS) || !self.has_units(place) {
                    return None;
                }
            }
            _ => {
                let suggestion = "write `PT30S`, or `{ seconds: 30 }`";
                self.refuse_for(
                    super::findings::Spot::Value(place),
                    super::report::WRONG_TYPE,
                    format!("{what} must be a duration"),
                    suggestion.into(),
                );
                return None;
            }
        }
        match parse_duration(place.value()) {
            Ok(millis) => Some(millis),
            Err(error) => {
                self.refuse(super::findings::Spot::Value(place), WRONG_VALUE, error.to_string());
                None
            }
        }
    }

    fn has_units(&mut self, place: Place<'t>) -> bool {
        if place.children().len() == 0 {
            self.wrong_value(place, "a duration needs a unit".into(), "write for example `{ seconds: 30 }`");
        }
        let all_known = place.children().all(|unit| UNITS.contains(&unit.name().unwrap_or_default()));
        let whole = place.children().filter(|unit| self.integer(*unit, "a unit of a duration").is_some()).count();
        all_known && whole > 0 && whole == place.children().len()
    }

    /// A duration among options of this host, which the specification leaves open.
    pub(super) fn duration_of(&mut self, place: Place<'t>, name: &str) -> Option<Millis> {
        let member = place.get(name)?;
        match parse_duration(member.value()) {
            Ok(millis) => Some(millis),
            Err(error) => {
                self.refuse(super::findings::Spot::Value(member), WRONG_OPTION, error.to_string());
                None
            }
        }
    }

    /// `timeout`: inline, or the name of one in `use.timeouts`.
    pub(super) fn timeout(&mut self, place: Place<'t>, sight: Sight<'_>) -> Option<Span> {
        let described = match place.text() {
            Some(name) => self.reused(place, &name, "timeouts")?,
            None => place,
        };
        if !self.closed(described, "a timeout", &["after"]) {
            return None;
        }
        let after = self.required(described, "a timeout", "after")?;
        self.span(after, "`after`", sight)
    }
}
