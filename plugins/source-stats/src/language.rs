//! The table of languages: name, endings of file names, comment marks.

/// A language as far as counting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Language {
    /// What people call it.
    pub(crate) name: &'static str,
    /// What a file's name ends with after its last dot, in small letters; without a dot, the whole name.
    endings: &'static [&'static str],
    /// What a comment line begins with.
    pub(crate) comment_marks: &'static [&'static str],
}

const fn language(
    name: &'static str,
    endings: &'static [&'static str],
    comment_marks: &'static [&'static str],
) -> Language {
    Language { name, endings, comment_marks }
}

/// Whatever the table does not know.
const OTHER: Language = language("Other", &[], &[]);

const LANGUAGES: &[Language] = &[
    language("C", &["c", "h"], &["//", "/*"]),
    language("C++", &["cc", "cpp", "cxx", "hpp"], &["//", "/*"]),
    language("CSS", &["css"], &["/*"]),
    language("Dockerfile", &["dockerfile"], &["#"]),
    language("Go", &["go"], &["//", "/*"]),
    language("HTML", &["html", "htm"], &["<!--"]),
    language("Java", &["java"], &["//", "/*"]),
    language("JavaScript", &["js", "mjs", "cjs", "jsx"], &["//", "/*"]),
    language("JSON", &["json"], &[]),
    language("Lock file", &["lock"], &["#"]),
    language("Lua", &["lua"], &["--"]),
    language("Makefile", &["makefile", "mk"], &["#"]),
    language("Markdown", &["md"], &["<!--"]),
    language("Python", &["py", "pyi"], &["#"]),
    language("Ruby", &["rb"], &["#"]),
    language("Rust", &["rs"], &["//", "/*"]),
    language("Shell", &["sh", "bash"], &["#"]),
    language("SQL", &["sql"], &["--"]),
    language("Text", &["txt"], &[]),
    language("TOML", &["toml"], &["#"]),
    language("TypeScript", &["ts", "tsx", "mts"], &["//", "/*"]),
    language("WIT", &["wit"], &["//"]),
    language("YAML", &["yaml", "yml"], &["#"]),
    language("Zig", &["zig"], &["//"]),
];

/// The language of the file at this path.
pub(crate) fn of(path: &str) -> Language {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    LANGUAGES.iter().find(|language| language.endings.contains(&ending.as_str())).copied().unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_the_name_of_the_file() {
        assert_eq!(of("src/main.rs").name, "Rust");
        assert_eq!(of("A.YML").name, "YAML");
        assert_eq!(of("docker/Dockerfile").name, "Dockerfile");
        assert_eq!(of("archive.tar.py").name, "Python");
    }

    #[test]
    fn what_the_table_does_not_know_is_other() {
        for path in ["LICENSE", ".gitignore", "folder.rs/file", "", "a."] {
            assert_eq!(of(path), OTHER, "{path}");
        }
    }

    #[test]
    fn no_ending_belongs_to_two_languages() {
        let mut endings: Vec<_> = LANGUAGES.iter().flat_map(|language| language.endings).collect();
        let count = endings.len();
        endings.sort_unstable();
        endings.dedup();
        assert_eq!(endings.len(), count);
    }
}
