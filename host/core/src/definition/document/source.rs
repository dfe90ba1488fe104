//! The text of a document: its lines, and how places in it are counted.
//!
//! A place is a byte offset inside, and a line and a column of characters outside. Both ways are fast in a file of one long line too, for
//! that is what generated JSON looks like.

use super::report::Excerpt;

/// Every so many characters the byte offset is noted down, so that no count is longer than that.
const STRIDE: usize = 256;

/// Characters of a line that are shown around a place.
const EXCERPT_CHARACTERS: usize = 120;

/// A place as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// The line, from 1.
    pub(super) line: usize,
    /// The column in characters, from 1.
    pub(super) column: usize,
}

/// The text of a document.
#[derive(Debug)]
pub(super) struct Source<'t> {
    pub(super) text: &'t str,
    line_starts: Vec<usize>,
    /// The byte offset of each [`STRIDE`]th character.
    strides: Vec<usize>,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let ends_line = |at: usize| match bytes[at] {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let line_starts = std::iter::once(0).chain((0..bytes.len()).filter(|at| ends_line(*at)).map(|at| at + 1));
        let strides = text.char_indices().step_by(STRIDE).map(|(at, _)| at);
        Self { text, line_starts: line_starts.collect(), strides: strides.collect() }
    }

    /// The byte offset of a character, by its number.
    pub(super) fn byte_of(&self, character: usize) -> usize {
        let stride = character / STRIDE;
        let Some(start) = self.strides.get(stride) else { return self.text.len() };
        // As many bytes as characters up to the next stride: there is nothing to count.
        if self.strides.get(stride + 1) == Some(&(start + STRIDE)) {
            return start + character % STRIDE;
        }
        let rest = &self.text[*start..];
        rest.char_indices().nth(character % STRIDE).map_or(self.text.len(), |(at, _)| start + at)
    }

    /// The number of the character at a byte offset.
    fn character_at(&self, byte: usize) -> usize {
        let stride = self.strides.partition_point(|start| *start <= byte).saturating_sub(1);
        let start = self.strides.get(stride).copied().unwrap_or(0);
        stride * STRIDE + self.text[start..self.floor(byte)].chars().count()
    }

    /// The nearest border of a character at or before a byte offset.
    fn floor(&self, byte: usize) -> usize {
        self.text.floor_char_boundary(byte.min(self.text.len()))
    }

    /// Where a byte stands.
    pub(super) fn position_of(&self, byte: usize) -> Position {
        let byte = self.floor(byte);
        let line = self.line_of(byte);
        Position { line: line + 1, column: self.character_at(byte) - self.character_at(self.line_starts[line]) + 1 }
    }

    fn line_of(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// The line of a byte, without its end; from 0 where there is none.
    pub(super) fn line_at(&self, byte: usize) -> &'t str {
        let line = self.line_of(byte);
        let end = self.line_starts.get(line + 1).copied().unwrap_or(self.text.len());
        self.text[self.line_starts[line]..end].trim_end_matches(['\n', '\r'])
    }

    /// The line around a byte, or the part of it that can be shown.
    pub(super) fn excerpt(&self, byte: usize) -> Excerpt {
        let byte = self.floor(byte);
        let Position { column, .. } = self.position_of(byte);
        let before = column - 1;
        let first = if before < EXCERPT_CHARACTERS * 2 / 3 { 0 } else { before - EXCERPT_CHARACTERS / 2 };
        let start = self.byte_of(self.character_at(self.line_starts[self.line_of(byte)]) + first);
        let line_end = self.line_starts[self.line_of(byte)] + self.line_at(byte).len();
        let line = &self.text[start.min(line_end)..line_end];
        let shown = |character: char| if character.is_control() { ' ' } else { character };
        Excerpt { text: line.chars().take(EXCERPT_CHARACTERS).map(shown).collect(), caret: before - first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, byte: usize, line: usize, column: usize) {
        let source = Source::new(text);
        assert_eq!(source.position_of(byte), Position { line, column }, "{text:?} at {byte}");
    }

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        check("", 0, 1, 1);
        check("ab\ncd", 3, 2, 1);
        check("ab\r\ncd\re", 5, 2, 2);
        check("ab\r\ncd\re", 7, 3, 1);
        check("äöü\nß", 4, 1, 3);
        check("äöü\nß", 99, 2, 2);
    }

    #[test]
    fn characters_and_bytes_are_found_from_each_other_in_long_lines_too() {
        let text = "é".repeat(3 * STRIDE + 7);
        let source = Source::new(&text);
        for character in [0, 1, STRIDE - 1, STRIDE, 3 * STRIDE, 3 * STRIDE + 6] {
            assert_eq!(source.byte_of(character), character * 2);
            assert_eq!(source.character_at(character * 2), character);
        }
        assert_eq!(source.byte_of(100_000), text.len());
    }

    #[test]
    fn an_excerpt_shows_the_place_within_its_line() {
        let source = Source::new("one\n\ttwo three\nfour");
        assert_eq!(source.excerpt(9), Excerpt { text: " two three".into(), caret: 5 });
        let long = format!("{}here{}", "x".repeat(5_000), "y".repeat(5_000));
        let excerpt = Source::new(&long).excerpt(5_000);
        assert_eq!(excerpt.text.chars().count(), EXCERPT_CHARACTERS);
        assert!(excerpt.text[excerpt.caret..].starts_with("here"));
    }
}
