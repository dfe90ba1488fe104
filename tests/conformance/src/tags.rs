//! Tag expressions: which scenarios are wanted.

use std::str::FromStr;

use gherkin::tagexpr::TagOperation;

/// A condition on tags, such as `@slow and not (@network or @events)`.
#[derive(Debug, Clone)]
pub(crate) struct Tags(TagOperation);

impl FromStr for Tags {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| format!("`{text}` is no tag expression: {error}"))
    }
}

impl Tags {
    /// True for a scenario with these tags, which stand without their `@`.
    pub(crate) fn match_all(&self, tags: &[String]) -> bool {
        holds(&self.0, tags)
    }
}

fn holds(operation: &TagOperation, tags: &[String]) -> bool {
    match operation {
        TagOperation::And(one, other) => holds(one, tags) && holds(other, tags),
        TagOperation::Or(one, other) => holds(one, tags) || holds(other, tags),
        TagOperation::Not(inner) => !holds(inner, tags),
        TagOperation::Tag(tag) => tags.iter().any(|there| there.trim_start_matches('@') == tag.trim_start_matches('@')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_combine_tags() {
        let tags = ["slow".to_owned(), "events".to_owned()];
        for (text, holds) in [
            ("@slow", true),
            ("@network", false),
            ("not @network", true),
            ("@slow and not (@network or @events)", false),
            ("@network or @slow and @events", true),
        ] {
            assert_eq!(text.parse::<Tags>().unwrap().match_all(&tags), holds, "{text}");
        }
        assert!("@a @b".parse::<Tags>().is_err());
    }
}
