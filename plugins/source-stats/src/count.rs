//! The counting itself, by the rules at the top of this crate.

use sandmill_sdk::prelude::*;

use crate::language::Language;

/// What to look for: words that people leave where work remains.
const MARKERS: [&str; 4] = ["TODO", "FIXME", "HACK", "XXX"];

/// What a text consists of.
#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Counts {
    /// The size of the text in UTF-8.
    pub(crate) bytes: usize,
    /// All lines.
    pub(crate) lines: usize,
    /// Lines with nothing on them.
    pub(crate) blank_lines: usize,
    /// Lines that begin with a comment mark.
    pub(crate) comment_lines: usize,
    /// All other lines.
    pub(crate) code_lines: usize,
    /// The length of the longest line in Unicode code points.
    pub(crate) longest_line_characters: usize,
    /// Lines with a word such as `FIXME`.
    pub(crate) markers: usize,
}

/// Counts a text in one pass over its lines.
pub(crate) fn count(text: &str, language: Language) -> Counts {
    let mut counts = Counts { bytes: text.len(), ..Counts::default() };
    for line in text.split_terminator('\n') {
        counts.add(line, language);
    }
    counts
}

impl Counts {
    fn add(&mut self, line: &str, language: Language) {
        self.lines += 1;
        let content = line.trim_ascii_start();
        *self.kind_of(content, language) += 1;
        self.longest_line_characters = self.longest_line_characters.max(line.chars().count());
        self.markers += usize::from(MARKERS.iter().any(|marker| has_word(line, marker)));
    }

    fn kind_of(&mut self, content: &str, language: Language) -> &mut usize {
        if content.is_empty() {
            &mut self.blank_lines
        } else if language.comment_marks.iter().any(|mark| content.starts_with(mark)) {
            &mut self.comment_lines
        } else {
            &mut self.code_lines
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.as_bytes()[..start].last();
        let after = line.as_bytes().get(start + word.len());
        !before.is_some_and(is_part_of_word) && !after.is_some_and(is_part_of_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language;

    /// Lines, blank lines, comment lines, code lines.
    #[track_caller]
    fn check(path: &str, text: &str, expected: [usize; 4]) {
        let counts = count(text, language::of(path));
        assert_eq!([counts.lines, counts.blank_lines, counts.comment_lines, counts.code_lines], expected);
    }

    #[test]
    fn lines_are_what_newlines_separate() {
        check("a.rs", "", [0, 0, 0, 0]);
        check("a.rs", "\n", [1, 1, 0, 0]);
        check("a.rs", "a", [1, 0, 0, 1]);
        check("a.rs", "a\n", [1, 0, 0, 1]);
        check("a.rs", "a\n\nb", [3, 1, 0, 2]);
    }

    #[test]
    fn blanks_make_a_blank_line() {
        check("a.rs", " \t\r\x0c\n\u{a0}\n", [2, 1, 0, 1]);
    }

    #[test]
    fn comments_are_known_by_the_language() {
        check("a.rs", "// a\n  //! b\n/* c */\nd // e\n# f\n", [5, 0, 3, 2]);
        check("a.py", "# a\nb # c\n// d\n", [3, 0, 1, 2]);
        check("a.sql", "-- a\n# b\n", [2, 0, 1, 1]);
        check("a.json", "// a\n", [1, 0, 0, 1]);
        check("LICENSE", "# a\n", [1, 0, 0, 1]);
    }

    #[test]
    fn the_longest_line_is_measured_in_characters() {
        assert_eq!(count("ab\näöüß\nabc\r\n", language::of("a.rs")).longest_line_characters, 4);
        assert_eq!(count("", language::of("a.rs")).longest_line_characters, 0);
    }

    #[test]
    fn markers_are_whole_words_and_count_once_a_line() {
        let text = "TODO and FIXME\n(HACK)\nXXX\nTODOS\nMY_TODO\ntodo\nTODOTODO TODO\näTODOä\n";
        assert_eq!(count(text, language::of("a.rs")).markers, 5);
    }
}
