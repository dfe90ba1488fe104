//! JSON text to a tree.
//!
//! Nearly all JSON is YAML, but not all of it: surrogate pairs, long names and tabs mean trouble to readers of YAML. So a text that is JSON
//! is read as JSON. Whether it is was asked of a strict reader before, so nothing here can go wrong but a lone surrogate.

use serde::de::IgnoredAny;

use super::source::Source;
use super::tree::{Builder, Extent, Stop};
use crate::value::Value;

/// True for a JSON object, whole and correct. Anything else is left to the reader of YAML, which has the better errors.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Reads JSON that [`is_json`].
pub(super) fn read(source: &Source<'_>, builder: &mut Builder<'_, '_>) -> Result<(), Stop> {
    Reader { text: source.text, at: 0, builder }.value()
}

struct Reader<'s, 'b, 't, 'f> {
    text: &'s str,
    at: usize,
    builder: &'b mut Builder<'t, 'f>,
}

impl<'s> Reader<'s, '_, '_, '_> {
    fn value(&mut self) -> Result<(), Stop> {
        match self.peek() {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => {
                let (text, extent) = self.string();
                self.builder.scalar(Value::from(text), extent)
            }
            _ => {
                let (text, extent) = self.part(|byte| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace());
                self.builder.scalar(Value::from_json(text.as_bytes()).unwrap_or_default(), extent)
            }
        }
    }

    fn object(&mut self) -> Result<(), Stop> {
        self.builder.begin(true, Extent { start: self.at, end: self.at + 1 })?;
        self.at += 1;
        loop {
            match self.peek() {
                b'}' => break,
                b',' => self.at += 1,
                _ => {
                    let (name, extent) = self.string();
                    self.builder.name(&name, extent);
                    self.peek();
                    self.at += 1;
                    self.value()?;
                }
            }
        }
        self.at += 1;
        self.builder.end();
        Ok(())
    }

    fn array(&mut self) -> Result<(), Stop> {
        self.builder.begin(false, Extent { start: self.at, end: self.at + 1 })?;
        self.at += 1;
        loop {
            match self.peek() {
                b']' => break,
                b',' => self.at += 1,
                _ => self.value()?,
            }
        }
        self.at += 1;
        self.builder.end();
        Ok(())
    }

    /// The next byte that is no white space. Within an object or array there always is one.
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(b'}')
    }

    fn string(&mut self) -> (String, Extent) {
        self.peek();
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += 1;
        while let Some(byte) = bytes.get(self.at).filter(|byte| **byte != b'"') {
            self.at += if *byte == b'\\' { 2 } else { 1 };
        }
        self.at = (self.at + 1).min(bytes.len());
        let extent = Extent { start, end: self.at };
        let text = serde_json::from_str(self.text.get(start..self.at).unwrap_or_default()).unwrap_or_else(|_| {
            self.builder.refuse(
                start,
                "the text has half of a surrogate pair in it",
                Some("write both halves, or the character itself"),
            );
            String::new()
        });
        (text, extent)
    }

    fn part(&mut self, is_end: fn(u8) -> bool) -> (&'s str, Extent) {
        let bytes = self.text.as_bytes();
        let start = self.at;
        while bytes.get(self.at).is_some_and(|byte| !is_end(*byte)) {
            self.at += 1;
        }
        (&self.text[start..self.at], Extent { start, end: self.at })
    }
}
