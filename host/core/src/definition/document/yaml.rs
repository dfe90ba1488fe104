//! YAML text to a tree.
//!
//! Of YAML 1.2 a document may use what JSON has too. Anchors, aliases, tags and merge keys are refused: a definition is read by people and by
//! other runtimes, its tasks are named by where they stand, and an alias is how a small file becomes a large one.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::scalar;
use super::source::Source;
use super::tree::{Builder, Extent, Stop};
use crate::value::Value;

/// Reads the text into the builder. What is wrong is reported to it; after an error of syntax nothing more is read.
pub(super) fn read(source: &Source<'_>, builder: &mut Builder<'_, '_>) -> Result<(), Stop> {
    let mut parser = Parser::new_from_str(source.text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => Reader { source, builder }.take(event, span)?,
            Err(error) => {
                let byte = source.byte_of(error.marker().index());
                builder.refuse(byte, format!("this is no YAML: {}", error.info()), hint(source.line_at(byte)));
                return Err(Stop);
            }
        }
    }
    Ok(())
}

struct Reader<'s, 't, 'b, 'u, 'f> {
    source: &'s Source<'t>,
    builder: &'b mut Builder<'u, 'f>,
}

impl Reader<'_, '_, '_, '_, '_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let extent =
            Extent { start: self.source.byte_of(span.start.index()), end: self.source.byte_of(span.end.index()) };
        if !matches!(event, Event::StreamStart | Event::DocumentEnd | Event::Nothing) && self.builder.is_complete() {
            self.builder.refuse(extent.start, "a second document begins here", Some("keep one document in a file"));
            return Err(Stop);
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(extent, anchor > 0, tag.is_some());
                if self.builder.wants_name() {
                    self.name(&text, style, extent);
                    return Ok(());
                }
                let value = self.scalar(&text, style, extent);
                self.builder.scalar(value, extent)
            }
            Event::SequenceStart(anchor, tag) => self.begin(false, extent, (anchor > 0, tag.is_some())),
            Event::MappingStart(anchor, tag) => self.begin(true, extent, (anchor > 0, tag.is_some())),
            Event::SequenceEnd | Event::MappingEnd => {
                self.builder.end();
                Ok(())
            }
            Event::Alias(_) => self.alias(extent),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn begin(&mut self, is_object: bool, extent: Extent, (anchor, tag): (bool, bool)) -> Result<(), Stop> {
        self.plain_only(extent, anchor, tag);
        if self.builder.wants_name() {
            self.builder.refuse(extent.start, "the name of a member must be text", Some("write the name as text"));
            return Err(Stop);
        }
        self.builder.begin(is_object, extent)
    }

    fn plain_only(&mut self, extent: Extent, anchor: bool, tag: bool) {
        if anchor {
            let suggestion = "write the value out where it is needed, or define it once under `use`";
            self.builder.refuse(extent.start, "anchors (`&name`) are not read", Some(suggestion));
        }
        if tag {
            let suggestion = "leave the tag out; for a number as text write it in quotes";
            self.builder.refuse(extent.start, "tags (`!name`) are not read", Some(suggestion));
        }
    }

    fn alias(&mut self, extent: Extent) -> Result<(), Stop> {
        let suggestion = "write the value out where it is needed, or define it once under `use`";
        self.builder.refuse(extent.start, "aliases (`*name`) are not read", Some(suggestion));
        if self.builder.wants_name() {
            self.builder.name_left_out("*", extent);
            return Ok(());
        }
        self.builder.scalar(Value::null(), extent)
    }

    /// A name is text as it is written: `1` and `true` are names like any other.
    fn name(&mut self, text: &str, style: ScalarStyle, extent: Extent) {
        let is_plain = style == ScalarStyle::Plain;
        if is_plain && text == "<<" {
            self.builder.refuse(extent.start, "merge keys (`<<`) are not read", Some("write the members out"));
            return self.builder.name_left_out(text, extent);
        }
        if is_plain && text.is_empty() {
            self.builder.refuse(extent.start, "a member has no name", Some("write a name before the colon"));
            return self.builder.name_left_out(text, extent);
        }
        self.builder.name(text, extent);
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, extent: Extent) -> Value {
        if style != ScalarStyle::Plain {
            return Value::from(text);
        }
        scalar::resolve(text).unwrap_or_else(|reason| {
            self.builder.refuse(extent.start, format!("{reason}: `{text}`"), Some("write it in quotes, as text"));
            Value::from(text)
        })
    }
}

/// What mostly is behind an error of syntax in a line that looks like this.
fn hint(line: &str) -> Option<&'static str> {
    let content = line.trim_start();
    let value = content.split_once(": ").map_or("", |(_, value)| value).trim_start();
    if line[..line.len() - content.len()].contains('\t') {
        Some("lines are indented with spaces, not with tabs")
    } else if value.starts_with("${") && (value.contains(": ") || value.contains(" #")) {
        Some("put the expression in quotes: '${ ... }'")
    } else if value.contains(": ") {
        Some("a text with a colon and a space in it needs quotes")
    } else if value.starts_with(['@', '`', '%', '*', '&', '!', '|', '>']) {
        Some("a text that begins with this character needs quotes")
    } else if value.starts_with(['"', '\'']) {
        Some("look for the quote that ends the text")
    } else if content.contains(['{', '[', '}', ']']) {
        Some("look for a bracket that is missing or one too many")
    } else {
        Some("look at the indentation of this line and of the one before")
    }
}
