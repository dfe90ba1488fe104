//! The name that somebody may have meant.

/// Longer names are not compared: nobody misspells them by a letter.
const CHARACTERS_MAX: usize = 64;

/// The candidate that is nearest to a name, where one is near enough to be meant: a third of its letters may differ.
#[must_use]
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name: Vec<char> = name.to_lowercase().chars().take(CHARACTERS_MAX + 1).collect();
    if name.len() > CHARACTERS_MAX {
        return None;
    }
    let near_enough = |candidate: &str| 1.max(name.len().max(candidate.chars().count()) / 3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= CHARACTERS_MAX / 3)
        .map(|candidate| (distance(&name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= near_enough(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, left out, replaced or swapped with their neighbour (optimal string alignment).
fn distance(name: &[char], candidate: &str) -> usize {
    let candidate: Vec<char> = candidate.to_lowercase().chars().collect();
    let width = candidate.len() + 1;
    let mut before = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (row, letter) in name.iter().enumerate() {
        let mut current = vec![row + 1; width];
        for column in 1..width {
            let other = candidate[column - 1];
            let replaced = last[column - 1] + usize::from(*letter != other);
            current[column] = replaced.min(last[column] + 1).min(current[column - 1] + 1);
            let is_swap = row > 0 && column > 1 && *letter == candidate[column - 2] && name[row - 1] == other;
            if is_swap {
                current[column] = current[column].min(before[column - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, current);
    }
    last[width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelt_is_found_and_what_is_something_else_is_not() {
        let names = ["then", "with", "when", "exceptWhen", "timeout"];
        for (name, meant) in [
            ("thne", Some("then")),
            ("the", Some("then")),
            ("Timeout", Some("timeout")),
            ("exceptwhen", Some("exceptWhen")),
            ("timeuot", Some("timeout")),
            ("foo", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, names), meant, "{name}");
        }
        assert_eq!(nearest(&"then".repeat(100), names), None);
    }
}
