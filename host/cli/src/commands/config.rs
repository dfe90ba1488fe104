//! `sandmill config show`: every setting, its value, and where that came from.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::arguments::SettingArguments;
use crate::failure::Failure;
use crate::output::{Output, table};
use crate::settings::{Kind, Setting, Settings, Typed};

/// The settings that a command's flags, the environment and the file make together.
pub(crate) fn load(arguments: &SettingArguments, flags: Vec<(String, String)>) -> Result<Settings, Failure> {
    let catalogs =
        (!arguments.catalogs.catalog.is_empty()).then(|| ("catalogs".into(), arguments.catalogs.catalog.join(",")));
    let flags = arguments.set.iter().cloned().chain(catalogs).chain(flags).collect();
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Settings::load(&Typed { file: arguments.config.clone(), flags }, environment)
}

/// A value without what is secret in it: all of some settings, and the password of a URL.
fn shown(setting: &Setting, value: &str) -> String {
    if setting.kind == Kind::Secret && value != setting.default {
        return "(hidden)".into();
    }
    match value.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (credentials, host))) => {
            let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
            format!("{scheme}://{user}@{host}")
        }
        None => value.into(),
    }
}

/// Prints all settings.
pub(crate) fn show(arguments: &SettingArguments, output: Output) -> Result<ExitCode, Failure> {
    let settings = load(arguments, Vec::new())?;
    let rows: Vec<Value> = settings
        .all()
        .map(|(setting, value, origin)| {
            json!({ "name": setting.name, "value": shown(setting, value), "source": origin.to_string(), "default": setting.default,
                "what": setting.what, "error": setting.code })
        })
        .collect();
    let columns = [("SETTING", "name"), ("VALUE", "value"), ("SOURCE", "source"), ("WHAT", "what")];
    output.value(&Value::Array(rows), |rows| table(&columns, rows));
    Ok(ExitCode::SUCCESS)
}
