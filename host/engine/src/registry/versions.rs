//! Names and versions: what they look like, and which version is meant.

use sandmill_core::ids::is_dns_label;
use semver::Version;

use crate::registry::RegisterError;

/// The longest version. Semantic versions have no limit of their own, and nobody reads a longer one.
const VERSION_BYTES_MAX: usize = 128;

pub(super) fn check_name(name: &str) -> Result<(), RegisterError> {
    if is_dns_label(name) { Ok(()) } else { Err(RegisterError::InvalidName { name: name.into() }) }
}

pub(super) fn check_version(version: &str) -> Result<(), RegisterError> {
    let invalid = |reason| RegisterError::InvalidVersion { version: version.into(), reason };
    if version.len() > VERSION_BYTES_MAX {
        return Err(invalid(format!("it has {} bytes, and {VERSION_BYTES_MAX} are allowed", version.len())));
    }
    Version::parse(version).map(drop).map_err(|error| invalid(error.to_string()))
}

/// Which of several versions is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick<'a> {
    /// The newest.
    Newest,
    /// Exactly this one.
    Exact(&'a str),
    /// This one, or where only `1` or `1.2` is written, the newest that begins like that.
    Call(&'a str),
}

impl<'a> Pick<'a> {
    /// What is meant where a request names a version or none.
    pub(super) fn exact_or_newest(version: Option<&'a str>) -> Self {
        version.map_or(Self::Newest, Self::Exact)
    }

    /// What is meant where a document calls a plugin.
    pub(super) fn of_call(version: Option<&'a str>) -> Self {
        version.map_or(Self::Newest, Self::Call)
    }

    fn allows(self, version: &str) -> bool {
        match self {
            Self::Newest => true,
            Self::Exact(wanted) => version == wanted,
            Self::Call(wanted) => version == wanted || (!is_whole(wanted) && begins_with(version, wanted)),
        }
    }
}

/// The place of the version that is meant.
///
/// A pre-release is the newest only where nothing else is allowed: nobody gets one without asking for it.
pub(super) fn pick<'v>(versions: impl Iterator<Item = &'v str>, which: Pick<'_>) -> Option<usize> {
    let allowed = versions.enumerate().filter(|(_, version)| which.allows(version));
    let parsed = allowed.map(|(place, version)| (Version::parse(version).ok(), place));
    let newest = parsed.max_by_key(|(version, _)| {
        let is_release = version.as_ref().is_some_and(|version| version.pre.is_empty());
        (is_release, version.clone())
    });
    newest.map(|(_, place)| place)
}

fn is_whole(version: &str) -> bool {
    Version::parse(version).is_ok()
}

fn begins_with(version: &str, beginning: &str) -> bool {
    version.strip_prefix(beginning).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(which: Pick<'_>, expected: Option<&str>) {
        let versions = ["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "10.0.0-rc.1", "1.2.3", "0.9.0"];
        let picked = pick(versions.into_iter(), which).map(|place| versions[place]);
        assert_eq!(picked, expected, "{which:?}");
    }

    #[test]
    fn the_newest_is_the_last_release_by_number() {
        check(Pick::Newest, Some("1.10.0"));
        assert_eq!(pick(["1.0.0-a", "1.0.0-b"].into_iter(), Pick::Newest), Some(1));
        assert_eq!(pick([].into_iter(), Pick::Newest), None);
    }

    #[test]
    fn a_call_may_name_the_beginning_of_a_version_and_a_request_may_not() {
        check(Pick::of_call(Some("1")), Some("1.10.0"));
        check(Pick::of_call(Some("1.2")), Some("1.2.3"));
        check(Pick::of_call(Some("1.2.0")), Some("1.2.0"));
        check(Pick::of_call(Some("10")), Some("10.0.0-rc.1"));
        check(Pick::of_call(Some("3")), None);
        check(Pick::of_call(Some("1.")), None);
        check(Pick::exact_or_newest(Some("1")), None);
        check(Pick::exact_or_newest(Some("2.0.0-rc.1")), Some("2.0.0-rc.1"));
    }

    #[test]
    fn names_and_versions_are_checked_up_to_their_limits() {
        for name in ["a", "source-stats", &"a".repeat(63)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "A", "a/b", "-a", &"a".repeat(64)] {
            assert!(check_name(name).is_err(), "{name}");
        }
        let long = format!("1.0.0-{}", "a".repeat(VERSION_BYTES_MAX - 6));
        for version in ["0.0.0", "1.2.3-rc.1+build.5", &long] {
            assert!(check_version(version).is_ok(), "{version}");
        }
        for version in ["", "1", "1.2", "v1.2.3", "1.2.3 ", "01.2.3", &format!("{long}a")] {
            assert!(check_version(version).is_err(), "{version}");
        }
    }
}
