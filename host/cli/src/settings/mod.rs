//! Settings: what was typed, set and written, and what that means.
//!
//! Flags win over the environment, that over `sandmill.toml`, that over the defaults of [`table::SETTINGS`]. Nothing else of the program reads
//! flags, files or the environment: the composition root takes the values from here.

mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use table::{Kind, SETTINGS, Setting};

use crate::failure::{Failure, Outcome};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Environment(name) => write!(formatter, "${name}"),
            Self::Flag => formatter.write_str("flag"),
        }
    }
}

/// All settings, each with its value and where that came from.
#[derive(Debug)]
pub(crate) struct Settings(BTreeMap<&'static str, (String, Origin)>);

/// What the command line says of settings.
#[derive(Debug, Default, Clone)]
pub(crate) struct Typed {
    /// The file that was named.
    pub(crate) file: Option<PathBuf>,
    /// Values of flags, by name.
    pub(crate) flags: Vec<(String, String)>,
}

/// The file that is read where none is named and it exists.
const FILE: &str = "sandmill.toml";

impl Settings {
    /// Puts all sources together. A name that nobody knows and a value that cannot be read are errors that say where they stand.
    pub(crate) fn load(
        typed: &Typed,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Failure> {
        let mut settings =
            Self(SETTINGS.iter().map(|setting| (setting.name, (setting.default.into(), Origin::Default))).collect());
        settings.add_file(typed.file.as_deref())?;
        for (name, value) in environment {
            if let Some(setting) = SETTINGS.iter().find(|setting| variable(setting.name) == name) {
                settings.set(setting.name, value, Origin::Environment(name))?;
            }
        }
        for (name, value) in &typed.flags {
            settings.set(name, value.clone(), Origin::Flag)?;
        }
        Ok(settings)
    }

    fn add_file(&mut self, named: Option<&Path>) -> Result<(), Failure> {
        let path = named.unwrap_or(Path::new(FILE));
        if named.is_none() && !path.exists() {
            return Ok(());
        }
        let refused = |reason: String| Failure::new(Outcome::Refused, format!("{}: {reason}", path.display()));
        let text =
            std::fs::read_to_string(path).map_err(|error| refused(format!("the file cannot be read: {error}")))?;
        let table: toml::Table = toml::from_str(&text).map_err(|error| refused(error.to_string()))?;
        let mut values = Vec::new();
        flatten("", &table, &mut values);
        for (name, value) in values {
            self.set(&name, value, Origin::File(path.into()))?;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: String, origin: Origin) -> Result<(), Failure> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            let reason = format!("{origin}: there is no setting `{name}`{}", nearest(name));
            return Err(Failure::new(Outcome::Refused, reason));
        };
        check(setting, &value).map_err(|expected| {
            Failure::new(Outcome::Refused, format!("{origin}: `{name}` is `{value}`, and {expected} is wanted"))
        })?;
        self.0.insert(setting.name, (value, origin));
        Ok(())
    }

    /// Each setting with its value and where that came from.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static Setting, &str, &Origin)> {
        SETTINGS.iter().filter_map(|setting| {
            let (value, origin) = self.0.get(setting.name)?;
            Some((setting, value.as_str(), origin))
        })
    }

    /// The text of a setting.
    pub(crate) fn text(&self, name: &'static str) -> &str {
        self.0.get(name).map(|(value, _)| value.as_str()).expect("the names in this program stand in the table")
    }

    /// A number. What does not fit is as much as does.
    pub(crate) fn count<N: TryFrom<u64>>(&self, name: &'static str) -> N {
        let value = self.text(name).parse::<u64>().expect("values are checked when they are set");
        narrow(value)
    }

    /// A size in bytes.
    pub(crate) fn bytes<N: TryFrom<u64>>(&self, name: &'static str) -> N {
        let size = self.text(name).parse::<bytesize::ByteSize>().expect("values are checked when they are set");
        narrow(size.as_u64())
    }

    /// A length of time.
    pub(crate) fn time(&self, name: &'static str) -> Duration {
        humantime::parse_duration(self.text(name)).expect("values are checked when they are set")
    }
}

fn narrow<N: TryFrom<u64>>(value: u64) -> N {
    let bits = u32::try_from(size_of::<N>() * 8).unwrap_or(64);
    let largest = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
    N::try_from(value.min(largest)).unwrap_or_else(|_| unreachable!("the largest value of the type fits"))
}

fn check(setting: &Setting, value: &str) -> Result<(), String> {
    match setting.kind {
        Kind::Text | Kind::Secret if value.is_empty() => Err("some text".into()),
        Kind::Text | Kind::Secret => Ok(()),
        Kind::Word(words) if words.contains(&value) => Ok(()),
        Kind::Word(words) => Err(words.join(" or ")),
        Kind::Count => value.parse::<u64>().map(drop).map_err(|_| "a whole number".into()),
        Kind::Bytes => value.parse::<bytesize::ByteSize>().map(drop).map_err(|_| "a size such as `10 MiB`".into()),
        Kind::Time => humantime::parse_duration(value).map(drop).map_err(|_| "a length of time such as `30s`".into()),
    }
}

/// The name of a setting in the environment.
pub(crate) fn variable(name: &str) -> String {
    format!("SANDMILL_{}", name.to_uppercase().replace(['.', '-'], "_"))
}

fn nearest(name: &str) -> String {
    let close = SETTINGS.iter().map(|setting| (strsim::damerau_levenshtein(setting.name, name), setting.name)).min();
    close
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, name)| format!(": did you mean `{name}`?"))
        .unwrap_or_default()
}

fn flatten(prefix: &str, table: &toml::Table, values: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let text = match value {
            toml::Value::Table(inner) => {
                flatten(&name, inner, values);
                continue;
            }
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(is_true) => is_true.to_string(),
            toml::Value::Datetime(moment) => moment.to_string(),
            // No setting is a list, so whichever is meant says what it wants instead.
            toml::Value::Array(_) => "[..]".into(),
        };
        values.push((name, text));
    }
}

#[cfg(test)]
mod tests;
